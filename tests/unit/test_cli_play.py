"""`socratic play`: what a person is shown, what is made of the replies, and how a match ends."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.test_light import HEAVY
from tests.unit.in_process import Ended, invoke, refusal

HEAD = "from socratic.game import Scores, Table, game\n\n\n"
FREE = """
@game(seats=("a", "b"))
async def free(t: Table) -> Scores:
    return t.share(float(await t.ask(1, "Say:") == await t.ask(0, "Say:")))
"""
BOTS = """
def always(said):
    return lambda params: lambda request, seed: said


@game(seats=("a", "b"), bots={"optimal": always("best"), "random": always("any")})
async def bots(t: Table) -> Scores:
    t.tell(0, f"They said {await t.ask(1, 'Say:')}")
    return t.share(float(len(await t.ask(0, "Say:")) == 1))
"""
LOUD = """
@game(seats=("a",))
async def loud(t: Table) -> Scores:
    t.tell(0, "red \\x1b[31m\\nboard")
    await t.ask(0, "Go \\x07", ["x"])
    return t.share(1.0)
"""
JUDGED = """
@game(seats=("a",), bounds=(0.0, 1.0))
async def judged(t: Table) -> Scores:
    said = await t.ask(0, "Say:")
    return t.share((await t.judge("Is it so?", said))["yes"])
"""
PENNIES = """
@game(seats=("row", "column"), zero_sum=True)
async def pennies(t: Table) -> Scores:
    said = await t.ask_all({seat: ("Show", ["head", "tail"]) for seat in (0, 1)})
    t.tell(None, f"Shown {said[0]} {said[1]}")
    return t.win(0 if said[0] == said[1] else 1)
"""
DRAWN = """
@game(seats=("a", "b"), zero_sum=True)
async def even(t: Table) -> Scores:
    await t.ask(0, "Go", ["x"])
    return t.draw()
"""


class Keys(io.StringIO):
    """What is typed at a terminal."""

    def isatty(self) -> bool:
        return True


class BrokenInput:
    """An input that raises what it was made with."""

    def __init__(self, error: BaseException) -> None:
        self._error = error
        self.encoding = "utf-8"

    def readline(self) -> str:
        raise self._error


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> "Play":
    return Play(monkeypatch)


class Play:
    """Plays a game with replies from a script."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, *words: str | Path, say: str = "", keys: object = None) -> Ended:
        """Play with these words, `say` or `keys` being the input."""
        self._monkeypatch.setattr("sys.stdin", keys or io.StringIO(say))
        return invoke("play", *words)


@pytest.fixture
def game_file(tmp_path: Path) -> Path:
    return tmp_path / "own.py"


def lines_after(ended: Ended, line: str) -> list[str]:
    lines = ended.out.splitlines()
    return lines[lines.index(line) + 1 :]


def test_a_person_sees_the_questions_the_options_and_the_scores(play: Play) -> None:
    # The first takes 1 of 4 and leaves a number that a perfect second player clears.
    ended = play("sticks", "-p", "heap=4", "--vs", "optimal", say="1\n")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("sticks, seed 0. Seats: first (you), second (optimal).")
    assert lines_after(ended, "4 left. You take: [1, 2, 3]")[:5] == ["> 1", "They took 3.", "", "first (you) lost -1", "second won +1"]


def test_the_scores_of_a_cooperative_game_are_told_with_their_bounds(play: Play) -> None:
    ended = play("signal", "--seat", "all", say="ka\ncup\n")
    assert "sender (you) scored 1 (0 to 1)" in ended.out
    assert "It was so: target cup" in ended.out


@pytest.mark.parametrize("seed", range(4))
def test_the_optimal_partner_keeps_to_one_language(play: Play, seed: int) -> None:
    # Each symbol means the same object in every match, and no two the same.
    words = ("signal", "--vs", "optimal", "--seat", "1", "--seed", str(seed))
    told = json.loads(play(*words, "--json", say="cup\n").out)["replies"][0]
    meant = {object_: play(*words, say=f"{object_}\n").out for object_ in ("cup", "key", "sun", "fish")}
    right = [object_ for object_, out in meant.items() if "receiver (you) scored 1" in out]
    assert len(right) == 1
    heard = play("signal", "--vs", "optimal", "--seed", str(seed), say=f"{told}\n").out
    assert "sender (you) scored 1" in heard


def test_all_the_rules_are_shown_as_wide_as_the_terminal(play: Play, game_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = "Say what\n    you like.\n\n    | a board | of\n    | its own |\n\n    Nobody answers."
    game_file.write_text(HEAD + FREE.replace("-> Scores:\n", f'-> Scores:\n    """{rules}"""\n'))
    monkeypatch.setenv("COLUMNS", "12")
    ended = play(game_file, "--seat", "all", say="hm\nhm\n")
    shown = lines_after(ended, "")
    assert shown[: shown.index("--- b ---")] == [
        "Say what you",
        "like.",
        "",
        "| a board |",
        "of",
        "| its own |",
        "",
        "Nobody",
        "answers.",
        "",
    ]


@pytest.mark.parametrize("keys", [Keys, io.StringIO])
def test_free_text_may_have_several_lines(play: Play, game_file: Path, keys: type[io.StringIO]) -> None:
    game_file.write_text(HEAD + FREE)
    ended = play(game_file, "--seat", "all", "--json", keys=keys("<<<\ndef f(x):\n    return x\n\n>>> f\n>>>\nhm\n"))
    assert json.loads(ended.out)["replies"] == ["def f(x):\n    return x\n\n>>> f", "hm"]
    assert ended.err.count("(A reply of several lines: <<< alone in a line, the reply, >>> alone in a line.)") == 1
    assert (">     return x" in ended.err) == (keys is io.StringIO)


def test_several_lines_of_nothing_are_no_reply(play: Play, game_file: Path) -> None:
    game_file.write_text(HEAD + FREE)
    ended = play(game_file, "--seat", "all", "--json", say="<<<\n\n>>>\nhm\nho\n")
    assert json.loads(ended.out)["replies"] == ["hm", "ho"]


def test_several_lines_without_an_end_are_one_line_of_error(play: Play, game_file: Path) -> None:
    game_file.write_text(HEAD + FREE)
    ended = play(game_file, "--seat", "all", say="<<<\na\nb\n")
    assert ended.code == 1
    assert "the input ended at question 1, while seat 'b' was asked 'Say:'" in ended.err
    assert "and >>> after one of several lines" in ended.err


def test_where_options_are_listed_there_are_no_several_lines(play: Play) -> None:
    ended = play("signal", "--seat", "all", say="<<<\nka\ncup\n")
    assert "Illegal. Choose: ka, mo, ti, zu." in ended.out
    assert "several lines" not in ended.out


def test_a_draw_is_called_one(play: Play, game_file: Path) -> None:
    game_file.write_text(HEAD + DRAWN)
    assert "a (you) drew 0\nb drew 0" in play(game_file, say="x\n").out


def test_only_the_own_view_is_shown(play: Play) -> None:
    ended = play("kuhn_poker", "--seat", "second", say="pass\npass\n")
    (card,) = [line for line in ended.out.splitlines() if line.startswith("Your card")]
    shared = play("kuhn_poker", "--seat", "all", say="pass\npass\n")
    cards = [line for line in shared.out.splitlines() if line.startswith("Your card")]
    assert cards[1] == card != cards[0]


def test_a_seat_is_a_name_or_a_number(play: Play) -> None:
    by_name = play("kuhn_poker", "--seat", "second", "--json", say="pass\npass\n")
    assert play("kuhn_poker", "--seat", "1", "--json", say="pass\npass\n") == by_name
    assert json.loads(by_name.out)["players"] == {"first": "random", "second": "human"}


def test_people_who_share_a_terminal_are_told_whose_turn_it_is(play: Play, game_file: Path) -> None:
    game_file.write_text(HEAD + PENNIES)
    ended = play(game_file, "--seat", "all", say="head\ntail\n")
    assert lines_after(ended, "--- row ---")[:5] == ["Show [head, tail]", "> head", "--- column ---", "Show [head, tail]", "> tail"]
    assert ended.out.count("Shown head tail") == 2
    assert "row (you) lost -1\ncolumn (you) won +1" in ended.out


def test_a_reply_that_is_no_option_is_asked_for_again(play: Play) -> None:
    ended = play("signal", "--seat", "all", say="loud\n\nKA\n cup \n")
    assert lines_after(ended, "> loud")[:2] == ["Illegal. Choose: ka, mo, ti, zu.", "Symbol for cup [ka, mo, ti, zu]"]
    assert "Object for ka [cup, key, sun, fish]" in ended.out
    assert "sender (you) scored 1" in ended.out


def test_many_options_are_shown_by_their_ends(play: Play) -> None:
    ended = play("guess_number", "-p", "high=99", "-p", "guesses=1", say="50\n")
    assert "Guess: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ... 88, 89," in ended.out
    assert "98, 99: 100 options]" in ended.out


@pytest.mark.parametrize("keys", [io.StringIO, Keys])
def test_input_that_ends_early_is_one_line(play: Play, keys: type[io.StringIO]) -> None:
    ended = play("signal", "--seat", "all", keys=keys("ka\n"))
    assert ended.code == 1
    assert len(ended.err.splitlines()) == 1
    assert "the input ended at question 2, while seat 'receiver' was asked 'Object for ka'; give it a line for each reply" in ended.err


def test_a_terminal_echoes_itself(play: Play) -> None:
    assert "> ka" not in play("signal", "--seat", "all", keys=Keys("ka\ncup\n")).out


def test_an_interrupt_leaves_cleanly(play: Play) -> None:
    ended = play("signal", keys=BrokenInput(KeyboardInterrupt()))
    assert (ended.code, ended.err.splitlines()) == (130, ["socratic: left at once"])


def test_input_that_is_no_text_is_one_line(play: Play) -> None:
    ended = play("signal", keys=BrokenInput(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")))
    assert (ended.code, len(ended.err.splitlines())) == (1, 1)
    assert "the input is no text" in ended.err


def test_a_match_as_json_is_one_value_and_the_talk_goes_elsewhere(play: Play) -> None:
    ended = play("add", "--json", "--level", "1", "-p", "largest=1", say="9\n2\n")
    facts = json.loads(ended.out)
    assert (facts["game"], facts["params"], facts["ending"], facts["replies"]) == ("add", {"largest": 1}, "finished", ["9", "2"])
    assert facts["scores"] == {"solver": float("1 + 1 =" in ended.err)}
    assert "Illegal." in ended.err


def test_the_seed_decides_the_match(play: Play) -> None:
    talks = [play("add", "-p", "largest=1000", "--seed", str(seed), "--json", say="1\n").err for seed in (0, 0, 1)]
    sums = [next(line for line in talk.splitlines() if line.endswith("=")) for talk in talks]
    assert sums[0] == sums[1] != sums[2]


def test_the_seed_decides_what_the_others_say(play: Play) -> None:
    words = ("sticks", "-p", "heap=4", "-p", "take=2", "--json")
    said = {tuple(json.loads(play(*words, "--seed", str(seed), say="1\n1\n").out)["replies"][:2]) for seed in range(8)}
    assert said == {("1", "1"), ("1", "2")}


def test_the_next_command_plays_another_match(play: Play) -> None:
    ended = play("add", "-p", "largest=3", "--seed", "4", say="1\n")
    assert ended.out.splitlines()[-1].endswith("socratic play add -p largest=3 --seed 5")


@pytest.mark.parametrize(("vs", "said"), [("optimal", "best"), ("random", "any")])
def test_a_games_own_player_is_preferred(play: Play, game_file: Path, vs: str, said: str) -> None:
    game_file.write_text(HEAD + BOTS)
    assert f"They said {said}" in play(game_file, "--vs", vs, say="x\n").out


def test_a_games_own_player_that_fails_is_one_line(play: Play, game_file: Path) -> None:
    game_file.write_text(HEAD + BOTS.replace("lambda request, seed: said", "lambda request, seed: seed"))
    ended = play(game_file, "--seed", "3")
    assert ended.code == 1
    assert "bots's bot('random') failed in seat 'b': it replied Seed(" in ended.err
    assert "expected a text; played with {}, seed 3, turn 0" in ended.err


def test_a_game_that_asks_a_critic_is_played_with_the_literal_one(play: Play, game_file: Path) -> None:
    game_file.write_text(HEAD + JUDGED)
    # One mention of two words: (1 + 1) / (1 + 2).
    assert "a (you) scored 0.666667 (0 to 1)" in play(game_file, say="yes\n").out


def test_nothing_that_a_game_says_moves_the_cursor(play: Play, game_file: Path) -> None:
    game_file.write_text(HEAD + LOUD)
    ended = play(game_file, say="x\x1b[2J\nx\n")
    assert ended.code == 0
    assert not any(mark in ended.out + ended.err for mark in "\x1b\x07")
    assert "red [31m\nboard\nGo  [x]" in ended.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("kuhn_poker", "--seat", "third"), "kuhn_poker has no seat 'third'; its seats: 0 first, 1 second; or all"),
        (("kuhn_poker", "--seat", "2"), "kuhn_poker has no seat '2'"),
        (("kuhn_poker", "--vs", "me"), "--vs is 'me', expected random or optimal"),
        (("kuhn_poker", "--level", "3"), "kuhn_poker has no level 3, expected 0 to 2"),
        (("deal", "--vs", "optimal"), "deal has no scripted:optimal player: deal has 2 seats with different aims, so that"),
        (("deal", "--vs", "optimal"), "play it with --vs random, or every seat yourself with --seat all"),
        (("signal", "--level", "3", "--vs", "optimal"), "signal has the optimum 1, and the best joint plan that was found is worth 0."),
        (("signal", "-p", "objects"), "parameter 'objects' has no '='"),
        (("kuhn_pokr",), "no game 'kuhn_pokr'; did you mean kuhn_poker?"),
    ],
)
def test_what_cannot_be_played_is_refused(words: tuple[str, ...], said: str) -> None:
    assert said in refusal("play", *words)


def test_free_text_that_nobody_can_say_is_refused(play: Play, game_file: Path) -> None:
    game_file.write_text(HEAD + FREE)
    ended = play(game_file)
    assert ended.code == 2
    assert "free asks seat 'b' for free text, and has no bot('random') that answers; play every seat yourself with --seat all" in ended.err
    assert "a (you) scored 1" in play(game_file, "--seat", "all", say="hm\nhm\n").out


def test_playing_loads_nothing_heavy() -> None:
    code = f"""
import sys
from socratic.cli import main
sys.argv = ["socratic", "play", "kuhn_poker", "--seat", "all"]
try:
    main()
except SystemExit as left:
    assert not left.code, left.code
print("heavy:", *(name for name in {(*HEAVY, "numpy")} if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], input="pass\npass\n", capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "heavy:"
