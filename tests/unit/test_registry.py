"""Plugins by name: entry points, modules and files, and what is said when they are not there."""

import logging
from pathlib import Path

import pytest

from socratic.errors import BrokenPlugin, UnknownGame
from socratic.registry import list_games, list_plugins, load_game, load_plugin

GAME = """
from socratic.game import Scores, Table, game

@game(seats=("a",), bounds=(0.0, 1.0))
async def {name}(t: Table) -> Scores:
    return t.draw()
"""


def test_the_built_in_games_are_plugins_like_any_other() -> None:
    names = {row.name: row for row in list_games()}
    assert {"kuhn_poker", "sticks", "signal", "guess_number"} <= names.keys()
    assert names["sticks"].value == "socratic_games.sticks:sticks"
    assert names["sticks"].distribution == "socratic-loop"
    assert load_game("sticks").name == "sticks"


def test_a_game_is_loaded_once() -> None:
    assert load_game("sticks") is load_game("sticks") is load_game("socratic_games.sticks:sticks")


def test_an_installed_plugin_is_listed_without_being_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(tmp_path, monkeypatch, "explosive", "[socratic.games]\nexplosive_game = explosive_module:explosive\n")
    (tmp_path / "explosive_module.py").write_text("raise ZeroDivisionError('boom')\n")
    assert "explosive_game" in {row.name for row in list_games()}
    with pytest.raises(BrokenPlugin, match="'explosive_game' of explosive cannot be loaded: ZeroDivisionError: boom"):
        load_game("explosive_game")


def test_an_installed_plugin_is_loaded_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(tmp_path, monkeypatch, "kindly", "[socratic.games]\nkindly_game = kindly_module:kindly\n")
    (tmp_path / "kindly_module.py").write_text(GAME.format(name="kindly"))
    assert load_game("kindly_game").name == "kindly"


def test_two_distributions_with_one_name_are_both_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for distribution in ("claimant-one", "claimant-two"):
        _install(tmp_path / distribution, monkeypatch, distribution, "[socratic.games]\nclaimed = claimed_module:claimed\n")
    with pytest.raises(BrokenPlugin, match="'claimed' is claimed by claimant-one and claimant-two"):
        load_game("claimed")


def test_another_group_works_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(tmp_path, monkeypatch, "critical", "[socratic.critics]\nharsh = critical_module:HARSH\n")
    (tmp_path / "critical_module.py").write_text("HARSH = 'harsh'\n")
    assert [(row.name, row.distribution, row.version) for row in list_plugins("socratic.critics") if row.name == "harsh"] == [
        ("harsh", "critical", "1.0")
    ]
    assert load_plugin("socratic.critics", "harsh") == load_plugin("socratic.critics", "critical_module:HARSH") == "harsh"
    with pytest.raises(UnknownGame, match="no critic 'harshh'; did you mean harsh"):
        load_plugin("socratic.critics", "harshh")


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownGame, match="no game 'stiks'; did you mean sticks"):
        load_game("stiks")


@pytest.mark.parametrize("name", ["", "no such game", "missing.py", "missing_package.module:attr", "socratic.missing:attr"])
def test_what_is_not_there_is_unknown(name: str) -> None:
    with pytest.raises(UnknownGame):
        load_game(name)


@pytest.mark.parametrize("name", ["socratic_games.sticks:nothing", "socratic_games.sticks:value", "socratic.seeds:Seed"])
def test_what_is_no_game_is_broken(name: str) -> None:
    with pytest.raises(BrokenPlugin):
        load_game(name)


def test_a_module_that_misses_another_is_broken_not_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "needy_module.py").write_text("import missing_dependency\n")
    with pytest.raises(BrokenPlugin, match="missing_dependency"):
        load_game("needy_module:needy")


def test_a_file_with_one_game_needs_no_attribute(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "lone.py"
    file.write_text(GAME.format(name="lone"))
    with caplog.at_level(logging.WARNING):
        found = load_game(str(file))
    assert found.name == "lone"
    assert "trusted" in caplog.text
    assert load_game(f"{file}:lone").name == "lone"


def test_a_file_with_two_games_names_them(tmp_path: Path) -> None:
    file = tmp_path / "pair.py"
    file.write_text(GAME.format(name="one") + GAME.format(name="two"))
    with pytest.raises(BrokenPlugin, match=r"the games one, two, expected one; name it as .*pair\.py:one$"):
        load_game(str(file))
    assert load_game(f"{file}:two").name == "two"


def test_a_file_with_the_game_it_is_named_after_names_that(tmp_path: Path) -> None:
    file = tmp_path / "two.py"
    file.write_text(GAME.format(name="one") + GAME.format(name="two"))
    with pytest.raises(BrokenPlugin, match=r"name it as .*two\.py:two$"):
        load_game(str(file))


def test_a_game_that_a_file_imports_is_not_its_own(tmp_path: Path) -> None:
    file = tmp_path / "borrower.py"
    file.write_text("from socratic_games.sticks import sticks\n" + GAME.format(name="own"))
    assert load_game(str(file)).name == "own"


@pytest.mark.parametrize("text", ["", "x = 1\n", "def broken(:\n", "1 / 0\n", "from nowhere import x\n"])
def test_a_file_without_a_game_is_broken(tmp_path: Path, text: str) -> None:
    file = tmp_path / "broken.py"
    file.write_text(text)
    with pytest.raises(BrokenPlugin, match=r"broken\.py"):
        load_game(str(file))


def _install(folder: Path, monkeypatch: pytest.MonkeyPatch, distribution: str, points: str) -> None:
    """Put a distribution's metadata on the path, as pip would."""
    metadata = folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(folder)
