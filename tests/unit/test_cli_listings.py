"""What the listings print: with --json one JSON value and nothing else; help and versions where they are asked for."""

import json
from pathlib import Path

import pytest
import typer

from socratic import __version__
from socratic.cli.app import app
from socratic.cli.output import print_json
from socratic.config import load_config, make_config
from socratic.store.run_directory import RunDirectory
from tests.unit.in_process import invoke


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two runs, of which one is damaged."""
    for name in ("whole", "damaged"):
        with RunDirectory.create(tmp_path / "runs", name, make_config({"games": {"kuhn_poker": {}}})) as run:
            run.append("metrics", {"generation": 0, "loss": float("nan")})
            run.append("events", {"generation": 0, "kind": "note", "message": "é\n"})
    (tmp_path / "runs" / "damaged" / "manifest.json").write_text("{")
    return tmp_path / "runs"


def strict(text: str) -> object:
    """Parse JSON as its standard has it: NaN is none."""

    def refuse(constant: str) -> object:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize(
    "words",
    [
        ("games", "list"),
        ("games", "show", "kuhn_poker"),
        ("games", "check", "signal", "-p", "objects=2"),
        ("models", "list"),
        ("doctor",),
        ("runs", "list"),
        ("runs", "show", "whole"),
    ],
)
def test_a_listing_as_json_is_one_json_value(words: tuple[str, ...], runs: Path) -> None:
    place = ("--runs-dir", runs) if words[0] in {"runs", "doctor"} else ()
    ended = invoke(*words, "--json", *place)
    assert ended.code == 0, ended
    assert strict(ended.out)
    assert ended.err == ""


def test_a_number_that_is_missing_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [float("nan"), 1.5, (float("inf"), True)]})
    assert strict(capsys.readouterr().out) == {"a": [None, 1.5, [None, True]]}


def test_a_damaged_run_hides_no_other(runs: Path) -> None:
    listed = strict(invoke("runs", "list", "--json", "--runs-dir", runs).out)
    assert isinstance(listed, list)
    assert [(row["name"], row["state"]) for row in listed] == [("damaged", "damaged"), ("whole", "killed")]
    plain = invoke("runs", "list", "--runs-dir", runs)
    assert [line.split()[:2] for line in plain.out.splitlines()] == [["damaged", "damaged"], ["whole", "killed"]]
    shown = invoke("runs", "show", "damaged", "--runs-dir", runs)
    assert (shown.code, len(shown.err.splitlines())) == (1, 1)
    assert "run damaged is damaged" in shown.err


def test_a_dry_run_prints_a_configuration_and_runs_nothing(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    ended = invoke("run", "--dry-run", "-o", "seed=7", "-o", 'title=a "b" #c', "--runs-dir", runs)
    assert ended.code == 0
    assert not runs.exists()
    (tmp_path / "plan.toml").write_text(ended.out)
    config = load_config([tmp_path / "plan.toml"])
    assert (config.seed, config.title) == (7, 'a "b" #c')
    assert "nothing was run" in ended.out


def test_the_version_is_printed() -> None:
    assert invoke("--version").out == f"socratic {__version__}\n"


def test_without_a_command_there_is_help() -> None:
    for words in ((), ("runs",), ("games",), ("models",)):
        ended = invoke(*words)
        assert "Usage: " in ended.out + ended.err
        assert "Traceback" not in ended.err


def test_a_command_that_is_none_names_the_nearest() -> None:
    ended = invoke("rnu")
    assert ended.code == 2
    assert ended.out == ""
    assert "No such command 'rnu'" in ended.err


def test_every_command_and_option_says_what_it_is() -> None:
    top = typer.main.get_command(app)
    assert isinstance(top, typer.core.TyperGroup)
    groups = [group for group in top.commands.values() if isinstance(group, typer.core.TyperGroup)]
    said = {f"{group.name}": group.help for group in (top, *groups)}
    for group in (top, *groups):
        for name, command in group.commands.items():
            said[f"{group.name} {name}"] = command.help
            said.update({f"{group.name} {name} {each.name}": getattr(each, "help", None) for each in command.params})
    assert len(said) > 40
    for what, text in said.items():
        assert text, what
        assert text[0].isupper() or "=" in text, f"{what}: {text}"
