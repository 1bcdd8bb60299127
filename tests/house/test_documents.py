"""The code in the documents is code: what is fenced as Python compiles, what is fenced as TOML or JSON parses."""

import ast
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(?P<language>\w+)[^\n]*\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


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
