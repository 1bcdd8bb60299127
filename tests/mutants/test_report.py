"""What counts as caught, and what is played to tell a bug from a change that makes none."""

import pytest

from socratic.game import Game, Scores, Table, game
from tests.mutants import trial
from tests.mutants.catchers import off_level
from tests.mutants.operators import Mutant
from tests.mutants.planted import ROOT, Died, Found, in_child
from tests.mutants.report import caught_share, is_met
from tests.mutants.trial import PATIENCE, Outcome, Tried


def tried(*, check: Found = None, golden: Found = None, tests: Found = None) -> Tried:
    mutant = Mutant(family="payoff", operator="x", line=1, before="a", after="b", source="")
    return Tried(mutant=mutant, check=check, golden=golden, tests=tests, is_equivalent=False)


def test_what_only_a_golden_transcript_tells_has_slipped_through() -> None:
    outcome = Outcome(game="x", tried=[tried(golden="it goes otherwise")] * 5)
    assert caught_share([outcome]) == 0.0
    assert not is_met([outcome])
    assert is_met([Outcome(game="x", tried=[tried(check="a"), *[tried(tests="b")] * 4])])


@pytest.mark.parametrize(
    ("answers", "said", "patiences"),
    [
        ([None], None, [1]),
        (["a test fails"], "a test fails", [1]),
        (["rule: no question and no end within 2 s"], None, [1, PATIENCE]),
        (["a test was not over within 20 s", "a test fails"], "a test fails", [1, PATIENCE]),
        ([TimeoutError("not over within 60 s")], None, [1, PATIENCE]),
        ([Died("it ended without an answer")] * 2, "died: it ended without an answer", [1, PATIENCE]),
    ],
)
def test_what_is_late_or_dead_is_tried_again_alone(
    monkeypatch: pytest.MonkeyPatch, answers: list[Found | Exception], said: Found, patiences: list[int]
) -> None:
    left, seen = [*answers, None], []

    def answered(task: object, folder: object, limit_s: float, *, is_alone: bool) -> Found:
        seen.append(round(limit_s / trial.TASK_LIMIT_S))
        assert is_alone == (len(seen) > 1)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(trial, "in_child", answered)
    assert trial._asked(lambda _: None, ROOT, (1, PATIENCE)) == said
    assert seen == patiences


def test_a_child_runs_alone_and_beside_others() -> None:
    assert in_child(lambda: "found", ROOT, 20.0) == "found"
    assert in_child(lambda: "found", ROOT, 20.0, is_alone=True) == "found"


def test_off_the_levels_each_parameter_is_moved_once() -> None:
    @game(seats=("a", "b"), levels=({"heap": 4}, {"heap": 5}))
    async def heaps(t: Table, *, heap: int = 2, is_open: bool = False, share: float = 0.5, word: str = "x") -> Scores:
        return t.draw()

    assert isinstance(heaps, Game)
    moved = [{name: value for name, value in params.items() if value != heaps.complete({"heap": 4})[name]} for params in off_level(heaps)]
    assert moved[:4] == [{"heap": 3}, {"is_open": True}, {"share": 0.25}, {"share": 1.0}]
    assert {"heap": 1} in moved
    assert {"heap": 5} not in moved
