"""Critics from a configuration: who lives where, who knows which weights, and what a checkpoint holds."""

from collections.abc import Callable

import pytest

from socratic.build.critics import Critics, make_critics
from socratic.cluster import LocalExecutor
from socratic.config import Config, make_config
from socratic.critics.judge import LabelJudge
from socratic.critics.reward_model import LEAN
from socratic.errors import DoorLost
from socratic.policy.judging import CausalReader
from socratic.policy.recipe import PolicyRecipe
from socratic.protocols import Weights
from socratic.records import Json
from socratic.seeds import Seed
from tests.unit.judges import JUDGEMENT, LONGER
from tests.unit.tiny import LEXICON, tiny_policy

ASKED = [JUDGEMENT, LONGER]
SEED = Seed(1)


def config(**feedback: Json) -> Config:
    policy: Json = {"hidden": 16, "layers": 1, "heads": 2, "init_std": 0.3}
    return make_config({"games": {"debate": {"params": {"judged": True}}}, "policy": policy, "feedback": feedback})


def tiny_weights(version: str) -> Weights:
    return tiny_policy({"t0": 1, "past": 2}[version]).weights(0)


def critics(made: Config, own: Callable[[str], Weights] = tiny_weights) -> Critics:
    recipe = PolicyRecipe(section=made.policy, uses_lora=False, seed=Seed(0), lexicon=LEXICON)
    return make_critics(made, recipe, LocalExecutor(), SEED, own)


def test_without_a_judge_nothing_is_held_and_there_is_no_door() -> None:
    plain = critics(config())
    assert (plain.door, plain.workers, plain.opened) == (None, (), ())
    assert list(plain.parts) == ["critic"]
    assert critics(config(judge="literal")).door is None


@pytest.mark.parametrize(("source", "seed"), [("t0", 1), ("past", 2)])
def test_a_version_of_the_policy_judges_with_its_own_weights(source: str, seed: int) -> None:
    asked_for: list[str] = []

    def own(version: str) -> Weights:
        asked_for.append(version)
        return tiny_weights(version)

    made = critics(config(judge="model", model={"source": source}), own)
    assert not asked_for  # there is no t0 yet when critics are made
    assert made.door is not None
    expected = LabelJudge(CausalReader(tiny_policy(seed), 16), SEED.child("judge"), both_orders=True).judge_calls(ASKED)
    assert made.door.present().judge_calls(ASKED) == expected
    assert set(asked_for) == {source}


def test_a_model_that_scores_and_answers_is_held_once() -> None:
    assert len(critics(config(critic="judge", judge="model")).workers) == 1
    assert len(critics(config(critic="reward_model", judge="reward_model")).workers) == 1
    assert len(critics(config(critic="judge", judge="reward_model")).workers) == 2


def test_a_reward_model_that_has_not_learned_leans_nowhere_and_is_kept_in_checkpoints() -> None:
    made = critics(config(judge="reward_model"))
    assert list(made.parts) == ["critic", "reward_model"]
    assert made.door is not None
    assert [sum(shares) for shares in made.door.present().judge_calls(ASKED)] == pytest.approx([1.0, 1.0])
    assert [share for shares in made.door.present().judge_calls(ASKED) for share in shares] == pytest.approx(
        [1 / 2] * 2 + [1 / 3] * 3, abs=LEAN
    )


def test_a_panel_is_reached_through_the_doors_of_its_members() -> None:
    members: list[Json] = ["judge", "reward_model", "literal"]
    made = critics(config(judge="panel", panel={"members": members, "max_disagreement": 1.0}))
    assert made.door is not None
    (shares, _) = made.door.present().judge_calls(ASKED)
    alone = critics(config(judge="model"))
    assert alone.door is not None
    (model, _) = alone.door.present().judge_calls(ASKED)
    # "for" is said once and "against" never: the literal critic's shares are 2/3 and 1/3, the reward model's all but equal.
    assert shares == pytest.approx([(model[0] + 1 / 2 + 2 / 3) / 3, (model[1] + 1 / 2 + 1 / 3) / 3], abs=LEAN)
    made.door.mend(DoorLost("its process died", "judge", 0, 1))


def test_an_endpoint_is_noted_as_an_opening() -> None:
    made = critics(config(judge="model", model={"source": "http://localhost:1/v1", "name": "judge-1"}))
    assert made.opened == ("the judge is judge-1 at http://localhost:1/v1",)
