"""`socratic games new`: what it writes keeps the contract, passes its own tests, and overwrites nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from socratic.errors import ConfigError
from socratic.game import Game
from socratic.game.check import check_game
from socratic.registry import load_game
from tests.unit.in_process import invoke, refusal


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def scaffold(here: Path) -> Game:
    assert invoke("games", "new", "high_card").code == 0
    return load_game(str(here / "high_card.py"))


# What the files of a game say for themselves.
OWN_WORDS = ("match", "seed", "done", "talker", "report", "check_game", "chooser", "load_game", "params", "held", "cards", "t")


def passes_its_tests(folder: Path, *words: str) -> bool:
    """Run the tests of a folder as its owner would."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=100)
    assert "passed" in done.stdout, done.stdout + done.stderr
    return done.returncode == 0


def test_a_new_game_says_what_to_do_next(here: Path) -> None:
    ended = invoke("games", "new", "high_card")
    assert (ended.code, ended.err) == (0, "")
    assert sorted(path.name for path in here.iterdir()) == ["high_card.py", "high_card.toml", "test_high_card.py"]
    steps = [line.strip() for line in ended.out.partition("next:\n")[2].splitlines()]
    assert [step.partition("socratic ")[2] or step for step in steps] == [
        "games check high_card.py --level all",
        "play high_card.py",
        "python -m pytest test_high_card.py",
        "run high_card.toml",
    ]


def test_a_new_game_keeps_the_contract_at_every_level(scaffold: Game) -> None:
    assert len(scaffold.levels) >= 3
    for params in scaffold.levels:
        report = check_game(scaffold, params)
        assert report.passed, report
        details = {finding.rule: finding.detail for finding in report.findings}
        assert details["declared truths agree"] == "optimum agrees with the tree"


def test_its_level_0_is_its_default(scaffold: Game) -> None:
    assert scaffold.level(0) == scaffold.complete()


def test_its_optimum_is_worked_out_by_hand(scaffold: Game) -> None:
    # With 1 the chooser swaps and wins always, with 3 it keeps and wins always, with 2 it wins half: 5/6, so 1 - 10/6.
    assert scaffold.best_score({"cards": 3}) == pytest.approx(-2 / 3)


@pytest.mark.parametrize("cards", [1, 21])
def test_it_refuses_what_cannot_be_played(scaffold: Game, cards: int) -> None:
    with pytest.raises(ConfigError, match=f"high_card: cards is {cards}, expected 2 to 20"):
        scaffold.best_score({"cards": cards})


def test_its_configuration_can_be_run(scaffold: Game) -> None:
    ended = invoke("run", f"{scaffold.name}.toml", "--dry-run")
    assert ended.code == 0, ended
    assert '[games."high_card.py"]' in ended.out


def test_its_tests_pass(scaffold: Game, here: Path) -> None:
    assert scaffold.name == "high_card"
    assert passes_its_tests(here)


def test_another_folder_is_made_and_entered(here: Path) -> None:
    ended = invoke("games", "new", "high_card", "--dir", "my games")
    assert (here / "my games" / "high_card.py").is_file()
    assert "  cd 'my games'\n" in ended.out


def test_a_new_distribution_has_all_that_it_needs(here: Path) -> None:
    ended = invoke("games", "new", "high_card", "--plugin")
    assert ended.code == 0, ended
    written = sorted(path.relative_to(here).as_posix() for path in here.rglob("*") if path.is_file())
    assert written == [
        "high_card/README.md",
        "high_card/pyproject.toml",
        "high_card/socratic_high_card.py",
        "high_card/tests/test_high_card.py",
    ]
    assert "  cd high_card\n  pip install --editable .\n" in ended.out
    assert passes_its_tests(here / "high_card")


def test_no_template_word_is_left(here: Path) -> None:
    for words in (("one",), ("other_one", "--plugin")):
        assert invoke("games", "new", *words).code == 0
    for path in here.rglob("*"):
        if path.is_file():
            assert "@NAME@" not in path.read_text(), path
            assert "@DASHED@" not in path.read_text(), path
    assert 'name = "socratic-other-one"' in (here / "other_one" / "pyproject.toml").read_text()


def test_a_name_that_the_files_use_for_something_else_hides_nothing(here: Path) -> None:
    for name in OWN_WORDS:
        assert invoke("games", "new", name).code == 0, name
    # The contract takes other processes a while, and has nothing to do with names.
    assert passes_its_tests(here, "-k", "not contract")


def test_neither_does_it_in_a_distribution(here: Path) -> None:
    for name in OWN_WORDS:
        assert invoke("games", "new", name, "--plugin").code == 0, name
    where = f"pythonpath={' '.join(OWN_WORDS)}"
    assert passes_its_tests(here, "-k", "not contract", "--import-mode=importlib", "--rootdir", ".", "-o", where)


@pytest.mark.parametrize(("words", "module"), [(("numpy",), "numpy"), (("games", "--plugin"), "socratic_games")])
def test_a_name_that_would_hide_a_module_is_refused(here: Path, words: tuple[str, ...], module: str) -> None:
    assert refusal("games", "new", *words) == f"{words[0]!r} would hide the module {module!r} that is installed here; choose another name"
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("there", ["high_card.py", "test_high_card.py", "high_card.toml"])
def test_nothing_is_overwritten(here: Path, there: str) -> None:
    (here / there).write_text("mine")
    assert refusal("games", "new", "high_card").startswith(f"{there} is there already, and nothing was written")
    assert [(path.name, path.read_text()) for path in here.iterdir()] == [(there, "mine")]


@pytest.mark.parametrize("name", ["2cards", "High", "None", "high-card", "high card", "../up", "", "é"])
def test_a_name_that_is_none_is_refused(here: Path, name: str) -> None:
    assert refusal("games", "new", "--", name).startswith(f"{name!r} is no name for a game; expected lower-case letters")
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("name", ["class", "random", "print", "game", "check", "best", "pytest", "conftest", "socratic"])
def test_a_name_that_means_something_else_is_refused(here: Path, name: str) -> None:
    assert refusal("games", "new", name).startswith(f"{name!r} already means something")
    assert list(here.iterdir()) == []


def test_the_name_of_an_installed_game_is_refused(here: Path) -> None:
    assert refusal("games", "new", "sticks") == "a game 'sticks' is installed already, by socratic-loop; choose another name"
    assert list(here.iterdir()) == []


def test_a_folder_that_is_a_file_is_one_line(here: Path) -> None:
    (here / "taken").write_text("mine")
    assert "taken cannot be written" in refusal("games", "new", "high_card", "--dir", "taken")
