"""Critics by name: what is unknown or cannot work is refused before anything heavy starts."""

import subprocess
import sys
from collections.abc import Sequence

import pytest

from socratic.config import FeedbackSection
from socratic.critics.names import (
    Undecided,
    check_feedback,
    judge_in_process,
    judge_of_observer,
    judge_without_model,
    make_scorer,
    openings_of,
    plugins_of,
)
from socratic.critics.scripted import LiteralCritic
from socratic.errors import BrokenPlugin, ConfigError, GameError, ModelMissing, UnknownGame
from socratic.records import Episode, Json, Judgement
from socratic.seeds import Seed

ME = __name__
JUDGEMENT = Judgement(question="?", evidence="", options=("a", "b", "c", "d"))


class First:
    """A plugin's critic, of both kinds."""

    name = "first"
    reads_text = False

    def __init__(self, seed: Seed) -> None:
        self.seed = seed

    def judge_calls(self, judgements: Sequence[Judgement]) -> list[tuple[float, ...]]:
        return [(1.0, *(0.0 for _ in judgement.options[1:])) for judgement in judgements]

    def score(self, episodes: Sequence[Episode]) -> list[tuple[float, ...]]:
        return [(1.0,) * len(episode.scores) for episode in episodes]


def nobody(seed: Seed) -> None:
    del seed


def feedback(**values: Json) -> FeedbackSection:
    return FeedbackSection.model_validate(values)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (feedback(critic="outcom"), "feedback.critic has 'outcom', which is no critic there; did you mean 'outcome'"),
        (feedback(judge="litteral"), "feedback.judge has 'litteral', which is no critic there; did you mean 'literal'"),
        (feedback(critic="literal"), "known: outcome, random, format, judge"),
        (feedback(judge="outcome"), "known: none, literal, model, reward_model, panel"),
        (feedback(critic="my_judge.py:judge"), "and package.module:attr"),
        (feedback(critic="panel"), "feedback.panel.members are none"),
        (feedback(critic="panel", panel={"members": ["outcome", "panel"]}), "feedback.panel.members has 'panel'"),
        (feedback(judge="panel", panel={"members": ["literal", "outcome"]}), "feedback.panel.members has 'outcome'"),
        (feedback(judge="panel", panel={"members": ["literal"], "weights": [1, 2]}), "expected as many numbers"),
        (feedback(judge="model", model={"source": "scratch"}), "the run's policy as it began is 't0'"),
        (feedback(critic="judge", model={"source": "http://localhost:1/v1"}), "does not say which model"),
    ],
)
def test_what_cannot_work_is_refused_in_a_line(section: FeedbackSection, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_feedback(section)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_or_a_plugin_that_is_not_there_is_said() -> None:
    with pytest.raises(ModelMissing, match=r"feedback\.model\.source"):
        check_feedback(feedback(judge="model", model={"source": "./no/such/folder"}))
    with pytest.raises(UnknownGame, match="no module 'nobody'"):
        check_feedback(feedback(critic="nobody:judge"))


@pytest.mark.parametrize(
    "section",
    [
        feedback(),
        feedback(critic="judge"),
        feedback(judge="model", model={"source": "past"}),
        feedback(critic="panel", judge="panel", panel={"members": ["model", "reward_model"]}),
        feedback(critic=f"{ME}:First", judge=f"{ME}:First"),
        feedback(model={"source": "./no/such/folder"}),  # nobody judges by it
    ],
)
def test_what_works_is_let_through(section: FeedbackSection) -> None:
    check_feedback(section)


def test_a_plugin_serves_as_both() -> None:
    section = feedback(critic=f"{ME}:First", judge=f"{ME}:First")
    assert plugins_of(section) == (f"{ME}:First",)
    judge = judge_in_process(section, Seed(1))
    assert judge is not None
    assert judge.judge_calls([JUDGEMENT]) == [(1.0, 0.0, 0.0, 0.0)]
    assert make_scorer(f"{ME}:First", Seed(1)).name == "first"


def test_a_plugin_that_makes_no_critic_is_refused() -> None:
    with pytest.raises(BrokenPlugin, match="has no name; it cannot be feedback.critic"):
        make_scorer(f"{ME}:nobody", Seed(1))
    with pytest.raises(BrokenPlugin, match=r"has no judge_calls\(judgements\)"):
        judge_in_process(feedback(judge=f"{ME}:nobody"), Seed(1))
    with pytest.raises(BrokenPlugin, match=r"expected a callable make\(seed\)"):
        make_scorer(f"{ME}:JUDGEMENT", Seed(1))


def test_before_there_is_a_model_nobody_leans_anywhere() -> None:
    for name in ("model", "reward_model", "panel"):
        assert isinstance(judge_without_model(feedback(judge=name), Seed(0)), Undecided)
        assert judge_in_process(feedback(judge=name), Seed(0)) is None
    assert Undecided().judge_calls([JUDGEMENT]) == [(0.25,) * 4]
    assert judge_without_model(feedback(), Seed(0)) is None


def test_what_a_model_that_is_elsewhere_would_say_is_no_truth() -> None:
    for name in ("model", "reward_model", "panel"):
        judge = judge_of_observer(feedback(judge=name), Seed(0))
        assert judge is not None
        assert judge.judge_calls([]) == []
        with pytest.raises(GameError, match=r"asks a critic '\?'.*give the game a parameter judged"):
            judge.judge_calls([JUDGEMENT])
    assert isinstance(judge_of_observer(feedback(judge="literal"), Seed(0)), LiteralCritic)
    assert judge_of_observer(feedback(), Seed(0)) is None


def test_an_endpoint_opens_the_system_and_nothing_else_does() -> None:
    endpoint: Json = {"source": "https://judge.example/v1", "name": "judge-1"}
    assert openings_of(feedback(judge="model", model=endpoint)) == ("the judge is judge-1 at https://judge.example/v1",)
    assert openings_of(feedback(critic="judge", model=endpoint))
    assert not openings_of(feedback(model=endpoint))
    assert not openings_of(feedback(critic="judge", model={"source": "smollm2"}))


def test_checking_names_loads_nothing_heavy() -> None:
    code = "import sys, socratic.critics.names; print(*({'torch', 'transformers', 'ray'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == ""
