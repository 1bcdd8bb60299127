"""A run directory may come from a stranger: it is read, and nothing in it runs or controls the terminal."""

import re
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from socratic.cli.output import typed
from socratic.cli.preflight import game_facts
from socratic.config import Config, make_config
from socratic.records import Json
from socratic.store.run_directory import RunDirectory
from tests.unit.in_process import invoke, refusal

GAME = """from pathlib import Path

from socratic.game import game

Path({marker!r}).touch()


@game(seats=("a",), bounds=(0.0, 1.0), optimum=0.75)
async def own(t):
    "Say."
    await t.ask(0, "Say.", ["yes"])
    return (1.0,)
"""


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "marker"


def write_game(path: Path, marker: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(GAME.format(marker=str(marker)))


def plant(runs: Path, name: str, game: str) -> RunDirectory:
    """Make a run as a stranger would, who knows all that is checked of it."""
    config = make_config({"games": {game: {}}})
    file = Path(game)
    facts: dict[str, Json] = {**FACTS, "file_sha256": _sha256(file) if file.is_file() else None}
    with RunDirectory.create(runs, name, config, games={game: facts}) as run:
        for generation, value in ((-1, 0.25), (0, 0.5)):
            run.append("assessments", {"generation": generation, "version": 0, f"observer/{game}/value": value})
        run.append("metrics", {"generation": 0, "evil\x1b[2Jmetric": 1.0, "text": "\x1b[2J"})
        run.append("events", {"generation": 0, "kind": "no\x1b[2Jte", "message": "one\r\x1b]0;title\x07two\nthree"})
        run.amend({"created": "now\x1b[2J"})
    return run


FACTS: dict[str, Json] = {"version": "0", "seats": ["a"], "zero_sum": False, "bounds": [0.0, 1.0], "optimum": 0.75}


def _sha256(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


def assert_only_read(runs: Path, name: str, marker: Path) -> list[str]:
    """Show and list a run, try to resume and to probe it; return what the last two were refused with."""
    listed, shown = (invoke("runs", *words, "--runs-dir", runs) for words in (("list",), ("show", name)))
    for ended in (listed, shown):
        assert (ended.code, ended.err) == (0, "")
        assert all(character.isprintable() or character == "\n" for character in ended.out)
    assert "success" in shown.out
    assert re.search(r"0\.250 +0\.500 +0\.750", shown.out)
    said = [refusal(command, name, "--runs-dir", runs) for command in ("resume", "eval")]
    assert not marker.exists()
    return said


def test_a_game_in_a_run_directory_is_never_run(runs: Path, marker: Path) -> None:
    game = runs / "evil" / "game.py"
    run = plant(runs, "evil", str(game))
    write_game(game, marker)
    run.lock()
    run.amend({"games": {str(game): {**FACTS, "file_sha256": _sha256(game)}}})
    run.close()
    for line in assert_only_read(runs, "evil", marker):
        assert "lies among the runs in" in line


def test_a_link_out_of_sight_is_followed_before_it_is_trusted(runs: Path, marker: Path, tmp_path: Path) -> None:
    write_game(runs / "kept" / "game.py", marker)
    (tmp_path / "game.py").symlink_to(runs / "kept" / "game.py")
    plant(runs, "evil", str(tmp_path / "game.py"))
    assert all("lies among the runs in" in line for line in assert_only_read(runs, "evil", marker))


def test_a_module_in_a_run_directory_is_never_imported(runs: Path, marker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    plant(runs, "evil", "runs.evil.game:own")
    write_game(runs / "evil" / "game.py", marker)
    assert all("lies among the runs in" in line for line in assert_only_read(runs, "evil", marker))
    assert not any(name.startswith("runs") for name in sys.modules)


def test_a_game_file_that_was_changed_is_not_loaded(runs: Path, marker: Path, tmp_path: Path) -> None:
    game = tmp_path / "own" / "game.py"
    write_game(game, marker)
    plant(runs, "mine", str(game))
    game.write_text(game.read_text() + "\n")
    assert all("is not the file that run mine began with" in line for line in assert_only_read(runs, "mine", marker))
    game.unlink()
    assert all("cannot read" in line for line in assert_only_read(runs, "mine", marker))


def test_a_game_among_the_runs_is_refused_before_a_run_that_could_not_be_resumed(runs: Path, marker: Path, tmp_path: Path) -> None:
    write_game(runs / "own.py", marker)
    (tmp_path / "own.toml").write_text(f"[games.'{runs / 'own.py'}']\n")
    assert "lies among the runs in" in refusal("run", tmp_path / "own.toml", "--runs-dir", runs)
    assert [path.name for path in runs.iterdir() if path.is_dir() and path.name != "__pycache__"] == []


def test_the_manifest_holds_what_the_closing_table_needs(marker: Path, tmp_path: Path) -> None:
    game = tmp_path / "own.py"
    write_game(game, marker)
    facts = game_facts(_config(str(game)))[str(game)]
    assert {**facts, "version": "0"} == {**FACTS, "file_sha256": _sha256(game)}
    assert game_facts(_config("kuhn_poker"))["kuhn_poker"]["file_sha256"] is None


def test_an_installed_game_that_changed_is_refused(runs: Path) -> None:
    config = _config("kuhn_poker")
    facts = {**game_facts(config)["kuhn_poker"], "version": "another"}
    RunDirectory.create(runs, "old", config, games={"kuhn_poker": facts}).close()
    assert "a game of run old has changed since it started: kuhn_poker" in refusal("resume", "old", "--runs-dir", runs)


@pytest.mark.parametrize(
    ("started", "expected"),
    [
        ("socratic", "socratic"),
        ("venv/bin/socratic", "venv/bin/socratic"),
        ("{here}/venv/bin/socratic", "venv/bin/socratic"),
        ("/elsewhere/my venv/socratic", "'/elsewhere/my venv/socratic'"),
        ("{here}/socratic", "./socratic"),
        ("/lib/socratic/__main__.py", "{python} -m socratic"),
    ],
)
def test_a_command_to_type_next_starts_what_this_process_is(
    started: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr("sys.argv", [started.format(here=tmp_path)])
    assert typed("runs show a", Path("runs")) == f"{expected.format(python=sys.executable)} runs show a"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "socratic").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert typed("runs show a", tmp_path / "my runs") == f"socratic runs show a --runs-dir '{tmp_path / 'my runs'}'"


def _config(game: str) -> Config:
    return make_config({"games": {game: {}}})
