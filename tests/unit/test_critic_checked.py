"""A plugin's critic is held to its promise: whatever else it answers is one line that names it."""

import math
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import pytest

from socratic.critics.checked import CheckedJudge, CheckedScorer
from socratic.critics.names import make_judge, make_scorer
from socratic.errors import BrokenPlugin, PlayError
from socratic.records import Episode, Judgement
from socratic.seeds import Seed
from tests.unit.critic_cases import played

EPISODES = [played(0, (1.0, -1.0)), played(1, (-1.0, 1.0))]
ASKED = [Judgement(question="Who?", evidence="", options=("a", "b")), Judgement(question="What?", evidence="", options=("a", "b"))]


class Plugin:
    """Answers with what it is told, as a scorer and as a judge."""

    name = "mine"
    reads_text = True

    def __init__(self, answer: Callable[[], object]) -> None:
        self._answer = answer

    def score(self, episodes: Sequence[Episode]) -> list[tuple[float, ...]]:
        return cast(list[tuple[float, ...]], self._answer())

    def judge_calls(self, judgements: Sequence[Judgement]) -> list[tuple[float, ...]]:
        return cast(list[tuple[float, ...]], self._answer())


def score(answer: Callable[[], object]) -> list[tuple[float, ...]]:
    return CheckedScorer(Plugin(answer), "pack:mine").score(EPISODES)


def judge(answer: Callable[[], object]) -> list[tuple[float, ...]]:
    return CheckedJudge(Plugin(answer), "pack:mine").judge_calls(ASKED)


def boom() -> object:
    raise ValueError("boom\nand more")


NEITHER: list[object] = [
    None,
    3,
    [],
    [(1.0, 0.0)],
    [(1.0, 0.0)] * 3,
    [(1.0,), (0.0,)],
    [(1.0, 0.0), (0.5, 0.25, 0.25)],
    [(1.0, 0.0), None],
    [(1.0, None), (1.0, 0.0)],
    [("1", "0"), (1.0, 0.0)],
    [(1.0, 0.0), (math.inf, 0.0)],
    [(1.0, 0.0), (0.0, -math.inf)],
]


@pytest.mark.parametrize("ask", [score, judge])
@pytest.mark.parametrize("answer", NEITHER)
def test_what_is_no_row_of_numbers_each_is_refused(ask: Callable[[Callable[[], object]], object], answer: object) -> None:
    with pytest.raises(BrokenPlugin, match="the critic pack:mine .*expected") as caught:
        ask(lambda: answer)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("row", [(0.7, 0.7), (1.5, -0.5), (math.nan, 1.0), (0.0, 0.0)])
def test_shares_that_are_none_are_refused(row: tuple[float, float]) -> None:
    with pytest.raises(BrokenPlugin, match="answers 'What\\?' with .* in all 1"):
        judge(lambda: [(0.5, 0.5), row])


def test_shares_that_are_all_missing_say_that_it_cannot_say() -> None:
    assert all(map(math.isnan, judge(lambda: [(math.nan, math.nan), (0.0, 1.0)])[0]))


@pytest.mark.parametrize("ask", [score, judge])
def test_what_a_plugin_raises_is_named_and_what_is_ours_passes(ask: Callable[[Callable[[], object]], object]) -> None:
    def ours() -> object:
        raise PlayError("not reached")

    with pytest.raises(BrokenPlugin, match=r"^the critic pack:mine failed in (score|judge_calls): ValueError: boom$"):
        ask(boom)
    with pytest.raises(PlayError, match="not reached"):
        ask(ours)


@pytest.mark.parametrize("ask", [score, judge])
@pytest.mark.parametrize(
    "answer", [np.array([[1.0, 0.0], [0.25, 0.75]]), [[1, 0], np.array([0.25, 0.75], dtype=np.float32)], ([1.0, 0], (0.25, 0.75))]
)
def test_arrays_and_whole_numbers_become_plain_floats(
    ask: Callable[[Callable[[], object]], list[tuple[float, ...]]], answer: object
) -> None:
    found = ask(lambda: answer)
    assert found == [(1.0, 0.0), (0.25, 0.75)]
    assert {type(each) for row in found for each in row} == {float}


def test_a_scorer_may_be_unable_to_say() -> None:
    assert all(map(math.isnan, score(lambda: [(math.nan, math.nan), (0.0, 1.0)])[0]))


def broken(seed: Seed) -> Plugin:
    del seed
    return Plugin(boom)


def raising(seed: Seed) -> Plugin:
    raise RuntimeError(f"no luck with {type(seed).__name__}")


def test_plugins_by_name_are_checked() -> None:
    with pytest.raises(BrokenPlugin, match=r"test_critic_checked:broken failed in score: ValueError: boom"):
        make_scorer(f"{__name__}:broken", Seed(0)).score(EPISODES)
    with pytest.raises(BrokenPlugin, match=r"test_critic_checked:broken failed in judge_calls: ValueError: boom"):
        make_judge(f"{__name__}:broken", Seed(0)).judge_calls(ASKED)
    with pytest.raises(BrokenPlugin, match=r"test_critic_checked:raising failed in make: RuntimeError: no luck with Seed"):
        make_judge(f"{__name__}:raising", Seed(0))
