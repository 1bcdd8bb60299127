"""The curriculum that climbs by what the critic paid."""

from collections import Counter
from dataclasses import replace
from math import nan

import pytest

from socratic.errors import CheckpointError, PlayError
from socratic.metagame.curriculum import Course
from socratic.metagame.ladder import Ladder, LadderCurriculum
from socratic.records import Breakage, Episode, Feedback, Match, Verdict
from socratic.seeds import Seed

LADDER = Ladder(parameter="digits", lowest=1, first=5, last=7, share=0.5, enough=0.75)
COURSE = Course(game="sums", params={"width": 9}, lineups=(("agent",),), episodes=40, group=4)
HEALTHY = Verdict(is_healthy=True, metrics={})


def _curriculum(ladder: Ladder = LADDER, climbs: tuple[int, ...] | None = None) -> LadderCurriculum:
    return LadderCurriculum(COURSE, ladder, Seed(3), climbs)


def _revise(curriculum: LadderCurriculum, matches: list[Match], paid: float, *, score: float = 0.0) -> dict[str, float]:
    """Pay that share of the highest rung's matches, nothing for the others of it, and say nothing of the rest."""
    high = [match for match in matches if match.params["digits"] == curriculum.rung]
    rich = {match.episode_id for match in high[: round(paid * len(high))]}
    poor = {match.episode_id for match in high if match.episode_id not in rich and match is not high[-1]}
    episodes = [Episode(match=match, scores=(score,), turns=(), views=((),), ending="finished") for match in matches]
    feedback = [
        Feedback(
            episode_id=match.episode_id,
            rewards=(1.0 if match.episode_id in rich else 0.0 if match.episode_id in poor else nan,),
            critic="self_consistency",
        )
        for match in matches
    ]
    return dict(curriculum.revise(episodes, feedback, HEALTHY))


def test_half_of_the_deals_are_on_the_highest_rung_and_the_others_on_lower_ones() -> None:
    matches = _curriculum().choose(0, 0)
    rungs = Counter(match.params["digits"] for match in matches)
    assert len(matches) == 40
    assert rungs[5] == 20
    assert set(rungs) <= {1, 2, 3, 4, 5}
    assert len(set(rungs)) > 2


def test_matches_of_one_group_are_the_same_problem_with_other_draws() -> None:
    for first in range(0, 40, 4):
        group = _curriculum().choose(0, 0)[first : first + 4]
        assert len({(match.seed, match.group, match.params["digits"]) for match in group}) == 1
        assert len({match.draw_seed for match in group}) == 4


def test_it_climbs_where_enough_of_the_highest_rung_is_paid_whatever_the_score() -> None:
    curriculum = _curriculum()
    assert _revise(curriculum, curriculum.choose(0, 0), 0.7, score=1.0) == {"curriculum/sums/rung": 5.0, "curriculum/sums/paid_frac": 0.7}
    assert curriculum.rung == 5
    assert _revise(curriculum, curriculum.choose(1, 1), 0.75, score=0.0)["curriculum/sums/rung"] == 5.0
    assert curriculum.rung == 6
    assert {match.params["digits"] for match in curriculum.choose(2, 2)[:20]} == {6}


def test_it_never_climbs_past_the_last_rung() -> None:
    curriculum = _curriculum()
    for index in range(5):
        _revise(curriculum, curriculum.choose(index, index), 1.0)
    assert curriculum.rung == 7


def test_patience_ends_on_every_rung_anew() -> None:
    curriculum = _curriculum(replace(LADDER, patience=2))
    rungs = []
    for index in range(4):
        _revise(curriculum, curriculum.choose(index, index), 0.0)
        rungs.append(curriculum.rung)
    assert rungs == [5, 6, 6, 7]


def test_it_climbs_when_another_run_did() -> None:
    curriculum = _curriculum(climbs=(1, 2))
    rungs = []
    for index in range(4):
        _revise(curriculum, curriculum.choose(index, index), 1.0)
        rungs.append(curriculum.rung)
    assert rungs == [5, 6, 7, 7]


def test_it_goes_on_from_its_state() -> None:
    ladder = replace(LADDER, patience=2)
    curriculum, again = _curriculum(ladder, (3,)), _curriculum(ladder, (3,))
    for index in range(3):
        _revise(curriculum, curriculum.choose(index, index), 1.0)
    again.restore(curriculum.state())
    for each in (curriculum, again):
        _revise(each, each.choose(3, 3), 0.0)
    assert again.choose(4, 4) == curriculum.choose(4, 4)
    assert again.rung == curriculum.rung == 6
    with pytest.raises(CheckpointError, match="expected a rung"):
        again.restore({"rung": 5})


def test_without_its_game_it_does_not_go_on() -> None:
    curriculum = _curriculum()
    assert curriculum.drop(()) == ()
    with pytest.raises(PlayError, match="it froze"):
        curriculum.drop((Breakage(game="sums", episode_id="0", message="it froze"),))
