"""What several commands print: strict JSON, and commands to type next."""

import json
import math
import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from socratic.cli.options import runs_folder

PROGRAM = "socratic"


def print_json(value: object) -> None:
    """Print one JSON value and nothing else; a number that is not finite is missing, and so null."""
    print(json.dumps(_finite(value), indent=1, allow_nan=False, default=str))


def typed(words: str, runs_dir: Path | None = None) -> str:
    """Return a command as one types it here, saying where its runs are unless they are where they are looked for."""
    is_usual = runs_dir is None or runs_dir.resolve() == runs_folder(None).resolve()
    place = "" if is_usual else f" --runs-dir {shlex.quote(str(runs_dir))}"
    return f"{_program()} {words}{place}"


def _program() -> str:
    """Return how one starts this program: by its name where the shell finds it, else as this process was started."""
    started = sys.argv[0]
    if shutil.which(PROGRAM) or started == PROGRAM:
        return PROGRAM
    if Path(started).name == "__main__.py":
        return f"{_from_here(sys.executable)} -m {PROGRAM}"
    return _from_here(started)


def _from_here(file: str) -> str:
    """Return a path as short as a shell takes it for one."""
    # Not resolve(): the interpreter of a virtual environment is a link to one outside it.
    path, here = Path(os.path.abspath(file)), Path.cwd()
    if not path.is_relative_to(here):
        return shlex.quote(str(path))
    near = str(path.relative_to(here))
    return shlex.quote(near if "/" in near else f"./{near}")


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list | tuple) else value
