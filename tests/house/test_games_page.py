"""What docs/games.md and the README say of the games is so: every built-in stands there, with its lines counted."""

import ast
import re
from pathlib import Path

import pytest

from socratic.registry import list_games, load_game

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "games.md").read_text(encoding="utf-8")
BUILT_IN = {plugin.name: plugin.value for plugin in list_games() if plugin.value.startswith("socratic_games.")}
FILES = sorted(path.stem for path in (ROOT / "games").glob("*.py") if path.stem != "__init__")
THE_SIXTEEN = {
    *("signal", "secret", "taboo", "twenty_questions", "sticks", "kuhn_poker", "liars_dice", "deal"),
    *("undercover", "elenchus", "debate", "triplet", "proof", "relay", "story", "maker"),
}


def lines_of_code(source: str) -> int:
    """Return the lines that are neither blank nor comment nor docstring."""
    documents: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(node) is not None:
            text = node.body[0]
            documents.update(range(text.lineno, (text.end_lineno or text.lineno) + 1))
    return sum(
        1
        for number, line in enumerate(source.splitlines(), start=1)
        if line.strip() and not line.strip().startswith("#") and number not in documents
    )


def row(name: str) -> list[str]:
    """Return the cells of the first table's row that begins with a name."""
    found = re.search(rf"^\| `{name}`(?P<rest>.*)$", PAGE, re.MULTILINE)
    assert found, f"docs/games.md has no row for {name}"
    return [cell.strip() for cell in found["rest"].strip(" |").split("|")]


@pytest.mark.parametrize("name", FILES)
def test_the_page_counts_the_lines_of_every_game(name: str) -> None:
    counted = lines_of_code((ROOT / "games" / f"{name}.py").read_text(encoding="utf-8"))
    assert row(name)[-1] == str(counted), f"{name} has {counted} lines: write it into docs/games.md"


@pytest.mark.parametrize("name", FILES)
def test_the_page_says_for_how_many_seats_a_game_is(name: str) -> None:
    sizes = sorted({len(load_game(entry).seats) for entry, value in BUILT_IN.items() if value.startswith(f"socratic_games.{name}:")})
    assert row(name)[0] == ", ".join(map(str, sizes))


def test_the_sixteen_are_there_and_every_kind_of_game_among_them() -> None:
    assert BUILT_IN.keys() >= THE_SIXTEEN
    games = [load_game(name) for name in BUILT_IN]
    assert {len(game.seats) for game in games} == {1, 2, 3, 4, 5, 6}
    assert {True, False} == {game.zero_sum for game in games}


@pytest.mark.parametrize("name", FILES)
def test_every_built_in_has_a_ladder_and_its_source(name: str) -> None:
    game = load_game(name)
    assert len(game.levels) >= 3
    assert re.search(r"\b(1[5-9]|20)\d\d\b", game.rules) or name in {"add"}, f"{name} names no source with its year"


def test_a_comment_and_a_docstring_are_no_code() -> None:
    assert lines_of_code('"""Page.\n\nMore."""\n\n# why\nx = 1\n\n\ndef f():\n    """Say."""\n    return x  # this\n') == 3


def test_what_was_measured_stands_on_the_page_and_in_the_readme() -> None:
    measured = PAGE.partition("<!-- measured -->")[2].partition("<!-- end of measured -->")[0]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for library, unit in (("OpenSpiel", "games"), ("TextArena", "families"), ("reasoning-gym", "tasks")):
        found = re.search(rf"{library}: (\d+) of (\d+) {unit}", measured)
        assert found, f"run make bench-games: {library} is not counted"
        assert f"{found[1]} of {library}'s {found[2]} {unit}" in readme
    for pattern in (r"one core: ([\d,]+) turns a second", r"one process: ([\d,]+) bytes each"):
        figure = re.search(pattern, measured)
        assert figure, "run make bench-games"
        assert figure[1] in readme, f"the README says another figure than {figure[0]}"
    assert "site-packages" not in PAGE


def test_the_readme_says_how_many_of_the_sixteen_were_learned() -> None:
    results = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    learned = re.search(r"Learned: (\d+) of 16", results)
    assert learned, "run python -m tests.bench sixteen"
    assert f"learns {learned[1]} of 16" in (ROOT / "README.md").read_text(encoding="utf-8")
