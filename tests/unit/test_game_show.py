"""What `socratic games show` says a small game is worth, and how it refuses what cannot be shown."""

import json
from pathlib import Path

import pytest

from tests.unit.in_process import invoke


def facts_of(*words: str | Path) -> dict[str, object]:
    ended = invoke("games", "show", *words, "--json")
    assert ended.code == 0, ended
    facts = json.loads(ended.out)
    assert isinstance(facts, dict)
    return facts


def test_a_common_payoff_game_is_shown_with_its_optimum_and_what_uniform_play_leaves() -> None:
    facts = facts_of("signal")
    assert (facts["optimum"], facts["value"], facts["score_of_uniform_play"]) == (1.0, 1.0, [0.25, 0.25])
    # Against one who babbles, nothing is better than a guess.
    assert facts["exploitability_of_uniform_play"] == pytest.approx(0)


def test_a_game_of_one_seat_is_shown_with_its_best_response() -> None:
    facts = facts_of("guess_number", "-p", "high=4", "-p", "guesses=1")
    assert facts["value"] == pytest.approx(1 / 5)
    # Two guesses at random among three find 1/3 + 2/3 * 1/3 of the numbers, halving all but none: 2**2 - 1 = 3.
    facts = facts_of("guess_number", "-p", "high=2", "-p", "guesses=2")
    assert facts["score_of_uniform_play"] == pytest.approx([5 / 9], abs=1e-6)
    assert (facts["value"], facts["exploitability_of_uniform_play"]) == (1.0, pytest.approx(4 / 9))


def test_a_game_of_two_aims_has_an_exploitability_and_no_value(tmp_path: Path) -> None:
    file = tmp_path / "dilemma.py"
    file.write_text(
        "from socratic.game import Scores, Table, game\n\n\n"
        "@game(seats=('a', 'b'), bounds=(0.0, 5.0), optimum=3.0)\n"
        "async def dilemma(t: Table) -> Scores:\n"
        "    said = await t.ask_all({seat: ('Say:', ['help', 'take']) for seat in (0, 1)})\n"
        "    scores = {'hh': (3, 3), 'ht': (0, 5), 'th': (5, 0), 'tt': (1, 1)}\n"
        "    return scores[said[0][0] + said[1][0]]\n"
    )
    facts = facts_of(file)
    # Against an even mix, taking scores 3 and helping 1.5: the mix scores 2.25.
    assert facts["score_of_uniform_play"] == [2.25, 2.25]
    assert facts["exploitability_of_uniform_play"] == pytest.approx(0.75)
    assert "value" not in facts


def test_the_value_of_kuhn_poker_stays_as_it_was() -> None:
    pytest.importorskip("scipy")
    assert facts_of("kuhn_poker")["value"] == pytest.approx(-1 / 18)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("guess_number", "-p", "guesses=-1"), 2),
        (("guess_number", "-p", "high=-1", "-p", "low=0"), 2),
        (("guess_number", "-p", "high=1000000000"), 2),
        (("sticks", "-p", "take=-1"), 2),
        (("sticks", "-p", "take=1000000000", "-p", "heap=1000000000"), 2),
        (("add", "-p", "largest=-1"), 2),
        (("signal", "-p", "objects=0"), 2),
    ],
)
def test_impossible_parameters_are_refused_in_one_line(words: tuple[str, ...], code: int) -> None:
    ended = invoke("games", "show", *words)
    assert (ended.code, len(ended.err.splitlines())) == (code, 1), ended
    assert words[0] in ended.err
    assert "expected" in ended.err


def test_a_game_that_fails_while_it_is_shown_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "faulty.py"
    file.write_text(
        "from socratic.game import Scores, Table, game\n\n\n"
        "@game(seats=('a',))\n"
        "async def faulty(t: Table) -> Scores:\n"
        "    return {}['ace']\n"
    )
    ended = invoke("games", "show", file)
    assert ended.code == 1
    assert ended.err.splitlines()[-1].endswith(
        "faulty failed before its first question: KeyError: 'ace'; enumerated with {}, on the branch without a choice"
    )
    assert "Traceback" not in ended.err
