"""A judge that lives elsewhere and is lost: blocks are played again whole, with another one, and not for ever."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from socratic.cluster import LocalExecutor
from socratic.errors import DoorLost, PlayError
from socratic.play.rollout import BlockRollout
from socratic.policy.weights import make_weights
from socratic.protocols import Judge
from socratic.records import Judgement, Played
from tests.unit.judged_play import matches, random_play


@dataclass
class Frail:
    """A judge whose worker is lost at some of its calls, counted over all its lives."""

    lost_at: tuple[int, ...]
    calls: int = 0
    lives: int = 0
    mended: list[DoorLost] = field(default_factory=list)

    def present(self) -> Judge:
        self.lives += 1
        return self

    def mend(self, lost: DoorLost) -> None:
        self.mended.append(lost)

    def judge_calls(self, judgements: Sequence[Judgement]) -> list[tuple[float, ...]]:
        self.calls += 1
        if self.calls in self.lost_at:
            raise DoorLost("its process died", "judge", 0, self.lives)
        return [(0.75, 0.25) for _ in judgements]


def rollout(judge: Frail | None, lag: int = 0) -> BlockRollout:
    made = BlockRollout(LocalExecutor().spawn("play", random_play), 2, judge, lag=lag)
    made.sync({"agent": make_weights(0, {})})
    return made


def played(made: BlockRollout, count: int) -> Played:
    made.start(0, matches(count))
    return made.finish(0)


@pytest.mark.parametrize("lag", [0, 1])
def test_what_is_played_after_a_loss_is_what_is_played_without(lag: int) -> None:
    whole, frail = Frail(()), Frail((1, 4))
    expected = played(rollout(whole), 6)
    assert played(rollout(frail, lag), 6) == expected
    assert [episode.scores for episode in expected.episodes] == [(0.5, -0.5)] * 6
    # Three blocks, the first lost at once; then the first again, lost at the fourth call; then it alone.
    assert (whole.calls, frail.calls, frail.lives) == (3, 5, 3)
    assert [lost.number for lost in frail.mended] == [1, 2]


def test_a_judge_that_is_lost_again_and_again_ends_the_run_with_a_line() -> None:
    frail = Frail(tuple(range(1, 100)))
    with pytest.raises(PlayError, match="a judge was lost 3 times: judge: its process died; resume the run"):
        played(rollout(frail), 2)
    assert frail.lives == 3


def test_without_a_judge_a_game_that_asks_one_says_what_to_set() -> None:
    with pytest.raises(PlayError, match='set feedback.judge, e.g. to "literal" or "model"'):
        played(rollout(None), 1)
