"""The README shows what is really printed: a tiny quickstart run and the page have the same shape."""

import re
from pathlib import Path

import pytest

from socratic.cli import main

README = Path(__file__).parents[2] / "README.md"
FIRST_SCREEN = 45  # lines


def _shape(line: str) -> str:
    """Return a printed line with its numbers, names and paths taken out."""
    line = re.sub(r"(\S*/)?quickstart-\d+", "RUN", line)
    line = re.sub(r"^(  )(\S*/)?(socratic|python\S* -m socratic) ", r"\1socratic ", line)  # as the process was started
    line = re.sub(r"[-+]?\d+(\.\d+)*", "N", line)
    return " ".join(line.split())


def _end(text: str) -> list[str]:
    """Return the closing block: from the table's head to the third command."""
    lines = [line for line in text.splitlines() if line.strip()]
    head = next(index for index, line in enumerate(lines) if line.startswith("game ") and "optimum" in line)
    last = next(index for index, line in enumerate(lines) if index > head and line == "next:") + 4
    return [_shape(line) for line in lines[head:last]]


@pytest.mark.timeout(300)
def test_the_quickstart_ends_as_the_readme_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    overrides = ["generations=2", "play.executor=local", "tracker.wandb=off", "policy.warmup.steps=2", "policy.hidden=16"]
    monkeypatch.chdir(tmp_path)
    words = [word for override in overrides for word in ("-o", override)]
    monkeypatch.setattr("sys.argv", ["socratic", "run", *words])
    with pytest.raises(SystemExit) as left:
        main()
    printed = capsys.readouterr().out
    assert left.value.code in {0, None}, printed
    shown = README.read_text(encoding="utf-8")
    assert _end(printed) == _end(shown)
    first = next(line for line in shown.splitlines() if line.startswith("socratic: "))
    assert _shape(printed.splitlines()[0]) == _shape(first)


def test_the_first_screen_has_the_two_commands_and_the_reading_order() -> None:
    screen = "\n".join(README.read_text(encoding="utf-8").splitlines()[:FIRST_SCREEN])
    assert "make demo" in screen
    assert "make test" in screen
    places = [screen.index(word) for word in ("socratic/loop.py", "socratic/records.py", "socratic/game/", "games/kuhn_poker.py")]
    assert places == sorted(places)
