"""`socratic games check`: a report to read, the same as JSON, and an exit code."""

import json
from pathlib import Path

import pytest

from tests.unit.in_process import invoke, refusal

LEAKY = """
from socratic.game import Scores, Table, game


@game(seats=("a", "b"), zero_sum=True, levels=({}, {"words": 2}))
async def leaky(t: Table, *, words: int = 1) -> Scores:
    drawn = t.choose(["x", "y"], hidden_from=1)
    t.tell(None, f"It is {drawn}.")
    await t.ask(0, "Say:", ["x", "y"])
    return t.win(1 if await t.ask(1, "Guess:", ["x", "y"]) == drawn else 0)
"""


CHOOSY = """
from socratic.errors import ConfigError
from socratic.game import Scores, Table, game


@game(seats=("a",), levels=({}, {"words": 9}))
async def choosy(t: Table, *, words: int = 2) -> Scores:
    if words > 3:
        raise ConfigError(f"words is {words}, expected at most 3")
    return t.share(float(await t.ask(0, "Say:", ["x", "y", "z"][:words]) == "x"))
"""


@pytest.fixture
def choosy(tmp_path: Path) -> Path:
    file = tmp_path / "choosy.py"
    file.write_text(CHOOSY)
    return file


@pytest.fixture
def leaky(tmp_path: Path) -> Path:
    file = tmp_path / "leaky.py"
    file.write_text(LEAKY)
    return file


def test_a_game_that_keeps_the_contract_ends_with_0_and_a_summary() -> None:
    ended = invoke("games", "check", "kuhn_poker")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0].startswith("kuhn_poker (version ")
    assert lines[2] == "the defaults: cards=3"
    assert lines[-1].startswith("kuhn_poker keeps the contract: ")
    assert lines[-1].endswith(" 0 broken")
    rules = [line for line in lines[3:-1] if line]
    assert {line[:3].strip() for line in rules} <= {"ok", "-"}
    # Aligned: every detail begins in the same column.
    assert len({line.index("  ", 5) for line in rules if line.startswith("ok   same game under")}) == 1


def test_a_broken_rule_names_the_game_the_seat_and_the_seed(leaky: Path) -> None:
    ended = invoke("games", "check", leaky)
    assert ended.code == 1
    (bad,) = [line for line in ended.out.splitlines() if line.startswith("BAD")]
    assert bad.split("  ")[1].strip() == "hidden draws stay hidden"
    assert "seed 0: seat 'b'" in bad
    last = ended.err.splitlines()[-1]
    assert last.startswith("socratic: leaky breaks 1 of ")
    assert "first: hidden draws stay hidden: seed 0: seat 'b'" in last
    assert ended.out.splitlines()[-1].endswith("1 broken")


def test_the_report_as_json_has_every_finding_of_every_level(leaky: Path) -> None:
    ended = invoke("games", "check", leaky, "--level", "all", "--json")
    assert ended.code == 1
    report = json.loads(ended.out)
    assert (report["game"], report["passed"]) == ("leaky", False)
    assert set(report) == {"game", "version", "passed", "findings"}
    assert {(finding["level"], finding["params"]["words"]) for finding in report["findings"]} == {(0, 1), (1, 2)}
    assert {finding["rule"] for finding in report["findings"] if not finding["passed"]} == {"hidden draws stay hidden"}
    assert set(report["findings"][0]) == {"level", "params", "rule", "passed", "was_tried", "detail"}
    assert "at level 0: hidden draws stay hidden" in ended.err


def test_one_level_is_checked_with_its_parameters() -> None:
    report = json.loads(invoke("games", "check", "add", "--level", "1", "--json").out)
    assert report["passed"]
    assert {(finding["level"], finding["params"]["largest"]) for finding in report["findings"]} == {(1, 9)}


def test_a_parameter_goes_over_that_of_the_level() -> None:
    report = json.loads(invoke("games", "check", "add", "--level", "1", "-p", "largest=2", "--json").out)
    assert {finding["params"]["largest"] for finding in report["findings"]} == {2}


@pytest.mark.parametrize(
    ("level", "said"), [("4", "add has no level 4, expected 0 to 3"), ("-1", "--level is '-1', expected a number or all"), ("x", "'x'")]
)
def test_a_level_that_there_is_not_is_refused(level: str, said: str) -> None:
    assert said in refusal("games", "check", "add", "--level", level)


def test_a_game_is_shown_at_a_level() -> None:
    assert json.loads(invoke("games", "show", "signal", "--level", "1", "--json").out)["params"]["objects"] == 8


def test_the_list_says_how_many_play_and_what_for() -> None:
    rows = {row["name"]: row for row in json.loads(invoke("games", "list", "--json").out)}
    assert (rows["kuhn_poker"]["kind"], rows["kuhn_poker"]["num_seats"]) == ("zero-sum", 2)
    assert (rows["add"]["kind"], rows["signal"]["kind"], rows["signal"]["seats"]) == ("alone", "any sum", ["sender", "receiver"])
    shown = invoke("games", "list").out.splitlines()
    assert len(shown) == len(rows)
    assert next(line for line in shown if line.startswith("add ")).split()[1:3] == ["1", "alone"]


@pytest.mark.parametrize("words", [(), ("--level", "all"), ("--level", "0"), ("--json",)])
def test_parameters_that_the_game_refuses_are_the_callers_mistake(words: tuple[str, ...]) -> None:
    ended = invoke("games", "check", "sticks", "-p", "heap=0", *words)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.splitlines() == ["socratic: sticks: heap is 0 and take is 3, expected 1 to 10000 each"]


def test_a_level_that_the_game_refuses_is_the_games_fault(choosy: Path) -> None:
    ended = invoke("games", "check", choosy, "--level", "1")
    assert ended.code == 1
    assert "BAD  begins  it refuses its own parameters: words is 9, expected at most 3" in ended.out
    assert ended.out.splitlines()[-1] == "choosy breaks the contract: 0 rules kept, 0 not tried, 1 broken"
    assert "choosy breaks 1 of 1 rules, first at level 1: begins" in ended.err


def test_the_levels_before_one_that_is_refused_are_still_checked(choosy: Path) -> None:
    report = json.loads(invoke("games", "check", choosy, "--level", "all", "--json").out)
    assert not report["passed"]
    assert [finding["rule"] for finding in report["findings"] if finding["level"] == 1] == ["begins"]
    assert sum(finding["level"] == 0 for finding in report["findings"]) > 5


def test_the_same_level_with_given_parameters_is_the_callers(choosy: Path) -> None:
    assert refusal("games", "check", choosy, "--level", "0", "-p", "words=4") == "words is 4, expected at most 3"


def test_a_scripted_player_that_fails_is_a_finding(tmp_path: Path) -> None:
    file = tmp_path / "clumsy.py"
    file.write_text(
        "from socratic.game import Scores, Table, game\n\n\n"
        "@game(seats=('a',), bots={'random': lambda params: lambda request, seed: 1 / 0})\n"
        "async def clumsy(t: Table) -> Scores:\n    return t.share(float(await t.ask(0, 'Say:') == 'x'))\n"
    )
    ended = invoke("games", "check", file)
    assert ended.code == 1
    assert "clumsy's bot('random') failed in seat 'a': ZeroDivisionError: division by zero; played with {}, seed 0, turn 0" in ended.err
