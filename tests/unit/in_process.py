"""The command line in this process: what it prints, and how it ends."""

import contextlib
import io
import sys
from dataclasses import dataclass
from pathlib import Path

from socratic.cli import main


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str


def invoke(*words: str | Path) -> Ended:
    """Run `socratic` with these words; an exception that it does not turn into an exit code rises, as a traceback would."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["socratic", *map(str, words)]
    code: object = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as left:
        code = left.code or 0
    finally:
        sys.argv = before
    assert isinstance(code, int)
    return Ended(code=code, out=out.getvalue(), err=err.getvalue())


def refusal(*words: str | Path) -> str:
    """Return the one line with which a command ends that did nothing."""
    ended = invoke(*words)
    lines = [line for line in ended.err.splitlines() if "as trusted code" not in line]
    assert ended.code in {1, 2}, ended
    assert len(lines) == 1, ended.err
    assert lines[0].startswith("socratic: ")
    return lines[0].removeprefix("socratic: ")
