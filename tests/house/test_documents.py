"""The code in the documents is code: what is fenced as Python compiles, what is fenced as TOML or JSON parses.

`docs/adding_a_game.md` is carried out, block by block, in one folder: a block with a file's name is that file, a console block is
what its commands print.
"""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(?P<language>\w+) ?(?P<file>[^\n]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


def parse_python(code: str) -> None:
    """Compile code that may await at its top, as an example does."""
    compile(code, "document", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)


READERS: dict[str, Callable[[str], object]] = {"python": parse_python, "toml": tomllib.loads, "json": json.loads}


def mistakes(text: str) -> Iterator[str]:
    """Yield what is wrong in the fenced blocks of a document."""
    for block in FENCE.finditer(text):
        read = READERS.get(block["language"])
        try:
            if read:
                read(block["code"])
        except (SyntaxError, ValueError) as error:
            yield f"line {text[: block.start()].count(chr(10)) + 1}: {error}"


def test_the_documents_hold_no_broken_code() -> None:
    documents = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
    found = [f"{path.relative_to(ROOT)} {mistake}" for path in documents for mistake in mistakes(path.read_text(encoding="utf-8"))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("language", "kept", "broken"), [("python", "await f()", "def f("), ("toml", "a = 1", "a = "), ("json", "[1]", "[1")]
)
def test_a_broken_block_is_seen(language: str, kept: str, broken: str) -> None:
    assert list(mistakes(f"Text.\n\n```{language}\n{kept}\n```\n")) == []
    (mistake,) = mistakes(f"Text.\n\n```{language}\n{broken}\n```\n")
    assert mistake.startswith("line 3: ")


DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?P<target>[^)#:]+)\)")
COMMAND = re.compile(r"^\$ socratic (?P<words>[a-z]+(?: [a-z]+)?)", re.MULTILINE)


def test_every_link_leads_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {link['target']}"
        for path in DOCUMENTS
        for link in LINK.finditer(path.read_text(encoding="utf-8"))
        if not (path.parent / link["target"]).exists()
    ]
    assert not broken, "\n".join(broken)


def test_python_in_the_documents_runs() -> None:
    for path in DOCUMENTS:
        for block in FENCE.finditer(path.read_text(encoding="utf-8")):
            if block["language"] == "python":
                exec(compile(block["code"], str(path), "exec"), {"__name__": "document"})


def test_every_command_in_the_documents_exists() -> None:
    from typer.main import get_command

    from socratic.cli.app import app

    known = get_command(app).commands  # type: ignore[attr-defined]  # typer's groups have it
    for path in DOCUMENTS:
        for found in COMMAND.finditer(path.read_text(encoding="utf-8")):
            first, *rest = found["words"].split()
            assert first in known, found[0]
            if hasattr(known[first], "commands"):
                assert rest[0] in known[first].commands, found[0]


GUIDE = ROOT / "docs" / "adding_a_game.md"


def as_pattern(shown: str) -> str:
    """Return what matches a shown output: `...` stands for anything in its line, and alone for any lines."""
    lines = [r"(?:.*\n)*?" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*") + r"[ ]*\n" for line in shown.splitlines()]
    return "".join(lines)


def carry_out(text: str, folder: Path, surroundings: dict[str, str]) -> Iterator[str]:
    """Do in a folder what a document says, and yield where something else comes of it."""
    for block in FENCE.finditer(text):
        line, code = text[: block.start()].count("\n") + 1, block["code"]
        if block["file"]:
            path = folder / block["file"]
            if path.exists() and path.read_text() != code:
                yield f"line {line}: {block['file']} is not what was made before"
            path.write_text(code)
        elif block["language"] == "console":
            for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", code, re.MULTILINE):
                done = subprocess.run(
                    ["bash", "-o", "pipefail", "-c", command],
                    cwd=folder,
                    env=surroundings,
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=200,
                )
                if done.returncode or not re.fullmatch(as_pattern(shown), done.stdout):
                    yield f"line {line}: {command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"


@pytest.mark.system
@pytest.mark.timeout(400)
def test_the_guide_to_games_can_be_followed(tmp_path: Path) -> None:
    site = tmp_path / "site"
    # What the reader installs is found, and stays out of this installation; nothing is fetched.
    surroundings = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(site),
        "PIP_TARGET": str(site),
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it the other way round: this switches isolation off
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    home = tmp_path / "home"
    home.mkdir()
    found = list(carry_out(GUIDE.read_text(encoding="utf-8"), home, surroundings))
    assert not found, "\n".join(found)


def test_the_guide_has_every_rule_of_the_check() -> None:
    from socratic.game.check import RULES

    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| [^|]+ \|$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows[rows.index("rule") + 1 :] == [*RULES]


def test_a_document_that_says_otherwise_is_seen(tmp_path: Path) -> None:
    file = "```toml x.toml\na = 1\n```\n"
    kept = f"```console\n$ echo a b; echo c\na ...\n...\n$ echo d\nd\n```\n\n{file}\n```console\n$ cat x.toml\na = 1\n```\n"
    surroundings = dict(os.environ)
    assert list(carry_out(kept, tmp_path, surroundings)) == []
    for broken in ("$ echo a\nb\n", "$ echo a\n", "$ false\n", "$ cat x.toml\na = 1\na = 2\n"):
        (mistake,) = carry_out(f"Text.\n```console\n{broken}```\n", tmp_path, surroundings)
        assert mistake.startswith("line 2: ")
    (mistake,) = carry_out("```toml x.toml\na = 2\n```\n", tmp_path, surroundings)
    assert mistake == "line 1: x.toml is not what was made before"
