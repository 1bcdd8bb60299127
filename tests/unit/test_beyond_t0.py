"""The study beyond t0's data: its game, what is told of a run, and a study small enough to run here."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from socratic.errors import ConfigError
from socratic.game import LiveMatch
from socratic.game.check import check_game
from socratic.records import Episode, Match, Turn
from socratic.registry import load_game
from socratic.seeds import Seed
from socratic.studies import beyond_t0
from socratic.studies.beyond_plan import FILTERED, QUICK, UNFILTERED, cells
from socratic.studies.beyond_report import section
from socratic.studies.beyond_rows import Length, Reading, Row, Seen, onset, read_length
from socratic.studies.beyond_run import GAME, has_length
from socratic.studies.beyond_school import lessons
from socratic.studies.sums import answer_to, length_of, sums

TINY = replace(QUICK, generations=2, deals=4, school_steps=3, school_matches=16, read_matches=2, final_matches=2)


def _episode(reply: str, score: float, *, digits: int = 2, ending: str = "finished") -> Episode:
    match = Match(episode_id="0", game="sums", params={"digits": digits}, seed=0, draw_seed=0, seats=("agent",), version=0)
    turn = Turn(seat=0, reply=reply, is_legal=ending == "finished", player="agent", version=0)
    return Episode(match=match, scores=(score,), turns=(turn,), views=((),), ending=ending)


def _row(arm: str, *exact: float, seed: int = 0) -> Row:
    lengths = [Length(digits=1, exact=each, first_wrong=2.0, cascade=0.5, malformed=0.0) for each in exact]
    plan_lengths = [tuple(replace(length, digits=digits) for digits in QUICK.lengths) for length in lengths]
    seen = Seen(
        generation=1, rung=2, paid_frac=0.5, right_frac=0.9, surprise=0.1, guard={"completion/length_mean": 5.0, "policy/kl_t0": 0.2}
    )
    return Row(
        seed=seed,
        arm=arm,
        member=0,
        num_parameters=100,
        school_loss=0.1,
        seconds=1.0,
        climbs=(3,),
        readings=tuple(Reading(generation=number, lengths=each) for number, each in enumerate(plan_lengths)),
        seen=(seen,),
    )


@pytest.mark.parametrize(("prompt", "answer"), [("Add 57 93 00 =", [2, 3, 1]), ("Add 99 99 99 =", [8, 9, 9]), ("Add 10 00 =", [1, 0])])
def test_columns_are_added_from_the_first_on_and_carry(prompt: str, answer: list[int]) -> None:
    assert answer_to(prompt) == answer


def test_the_teacher_is_right_and_a_wrong_digit_scores_nothing() -> None:
    teacher = sums.bot("optimal", sums.level(1))
    assert teacher is not None
    for key in range(20):
        match = LiveMatch(sums, sums.level(1), Seed(key))
        right = teacher(match.requests()[0], Seed(key))
        match.submit({0: right})
        assert match.scores == (1.0,)
        match = LiveMatch(sums, sums.level(1), Seed(key))
        match.submit({0: right[:-1] + str((int(right[-1]) + 1) % 10)})
        assert match.scores == (0.0,)


@pytest.mark.parametrize("digits", [1, 3, 8])
def test_the_first_number_has_exactly_so_many_digits(digits: int) -> None:
    for key in range(30):
        columns = LiveMatch(sums, {"digits": digits}, Seed(key)).requests()[0].prompt.split()[1:-1]
        assert len(columns) == 10
        assert columns[0] == "00"
        assert columns[digits][0] != "0"
        assert set(columns[digits + 1 :]) <= {"00"}


def test_an_answer_that_does_not_begin_with_0_is_none() -> None:
    match = LiveMatch(sums, {"digits": 1, "width": 2}, Seed(0))
    assert match.submit({0: "1 1 1"}) == {0}


def test_mixed_lengths_are_drawn_alike_up_to_the_longest() -> None:
    asked = [LiveMatch(sums, {"digits": 3, "mixed": True}, Seed(key)).requests()[0].prompt.split()[1:-1] for key in range(300)]
    lengths = [max(place for place, column in enumerate(columns) if column != "00") for columns in asked]
    assert set(lengths) == {1, 2, 3}
    assert min(lengths.count(length) for length in (1, 2, 3)) > 70


@pytest.mark.parametrize("params", [{"digits": 0}, {"digits": 9}, {"digits": 4, "width": 99}])
def test_lengths_that_do_not_fit_are_refused(params: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="expected 1 <= digits < width"):
        LiveMatch(sums, params, Seed(0))


def test_the_game_keeps_the_contract() -> None:
    report = check_game(sums, {"digits": 2, "width": 3})
    assert {finding.rule for finding in report.findings if not finding.passed} <= {"choices matter"}


@pytest.mark.parametrize(("answer", "length"), [("0 2 3 1", 3), ("0 2 3 0", 2), ("0 0 0 0", 0), (" 0 0 4 0 0", 2), ("0 x", 0), ("", 0)])
def test_an_answer_is_as_long_as_its_number(answer: str, length: int) -> None:
    assert length_of(answer) == length


def test_an_answer_fits_with_as_many_digits_as_the_problem_or_one_more() -> None:
    assert [has_length(_episode(answer, 0.0), 0) for answer in ("0 1 0 0 0", "0 1 1 0 0", "0 1 1 1 0", "0 1 1 1 1")] == [
        False,
        True,
        True,
        False,
    ]


def test_the_teachers_lessons_are_right_and_no_longer_than_what_is_taught() -> None:
    episodes = lessons(TINY, GAME, Seed(1))
    assert len(episodes) == TINY.school_matches
    assert {episode.scores for episode in episodes} == {(1.0,)}
    assert all(length_of(episode.turns[0].reply) <= TINY.taught + 1 for episode in episodes)


def test_a_length_is_told_by_where_wrong_answers_begin_and_what_follows() -> None:
    episodes = [_episode("0 1 2 3 0", 1.0), _episode("0 1 9 9 0", 0.0), _episode("0 9 2 3 9", 0.0), _episode("?", 0.0, ending="forfeit")]
    found = read_length(3, episodes, [[0, 1, 2, 3, 0]] * 4)
    # The second goes wrong at place 2, with 1 of the 2 digits behind it wrong; the third at place 1, with 1 of 3.
    assert found == Length(digits=3, exact=0.25, first_wrong=1.5, cascade=2 / 5, malformed=0.25)


def test_what_is_always_right_has_no_first_wrong_place() -> None:
    assert read_length(1, [_episode("0 1 0", 1.0)], [[0, 1, 0]]) == Length(
        digits=1, exact=1.0, first_wrong=None, cascade=None, malformed=0.0
    )


def test_a_loss_begins_where_the_curve_falls_for_good() -> None:
    assert onset([(0, 0.5), (5, 1.0), (10, 0.8), (15, 0.95), (20, 0.7), (25, 0.1)]) == 20
    assert onset([(0, 1.0), (5, 0.2), (10, 0.95)]) is None
    assert onset([(0, 0.0), (5, 0.0)]) is None


def test_the_section_says_whether_the_mark_is_reached_in_every_seed() -> None:
    plan = replace(QUICK, seeds=2)
    control = [_row(UNFILTERED, 0.1, 0.5, 0.2), _row(UNFILTERED, 0.1, 0.1, seed=1)]
    reached = section([_row(FILTERED, 0.1, 0.95), _row(FILTERED, 0.1, 0.91, seed=1), *control], plan)
    assert "is reached" in reached
    assert "Without the filter the loop ends at 15.0% (most 20.0%)" in reached
    # What the control gained before it lost it is said too: the best readings of the two are 0.5 after 1 generation, and 0.1 at t0.
    assert "Its best readings were 30.0% (most 50.0%), after 0.5 generations" in reached
    assert "is missed" in section([_row(FILTERED, 0.1, 0.95), _row(FILTERED, 0.1, 0.89, seed=1), *control], plan)


def test_a_study_goes_on_where_it_was_left_and_refuses_another_plans_runs(tmp_path: Path) -> None:
    rows = beyond_t0.measure(tmp_path, TINY)
    assert [(row.seed, row.arm, row.member) for row in rows] == [(cell.seed, cell.arm, member) for cell in cells(TINY) for member in (0, 1)]
    assert [reading.generation for reading in rows[0].readings] == [0, 2]
    # Both arms start from the same t0 and meet the same lengths.
    assert rows[0].readings[0] == rows[2].readings[0]
    assert [seen.rung for seen in rows[0].seen] == [seen.rung for seen in rows[2].seen]
    # Its members are taught apart.
    assert rows[0].school_loss != rows[1].school_loss
    before = (tmp_path / beyond_t0.ROWS).read_bytes()
    assert beyond_t0.measure(tmp_path, TINY) == rows
    assert (tmp_path / beyond_t0.ROWS).read_bytes() == before
    with pytest.raises(ConfigError, match="another plan"):
        beyond_t0.measure(tmp_path, replace(TINY, lr=1e-3))


def test_the_control_learns_from_every_answer_and_the_filtered_run_from_none_that_nobody_repeats(tmp_path: Path) -> None:
    filtered, _, control, _ = beyond_t0.measure(tmp_path, TINY)
    assert (filtered.arm, control.arm) == (FILTERED, UNFILTERED)
    # After three steps of school no two answers are alike.
    assert {seen.paid_frac for seen in filtered.seen} == {0.0}
    assert {seen.paid_frac for seen in control.seen} == {1.0}
    assert "policy/loss" in control.seen[0].guard


def test_the_study_leaves_a_figure_and_all_numbers(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    report = beyond_t0.run_study(tmp_path, seeds=1, jobs=1, is_quick=True)
    assert not report.is_measurement
    assert (tmp_path / "figure.png").stat().st_size > 0
    assert json.loads(json.dumps(report.results))["rows"]
    assert "| t0 | 0 |" in report.section


def test_the_game_is_found_by_its_name() -> None:
    assert load_game(GAME) is sums
