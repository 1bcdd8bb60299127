"""What several commands print: strict JSON, and commands to type next."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

from socratic.cli.options import runs_folder


def print_json(value: object) -> None:
    """Print one JSON value and nothing else; a number that is not finite is missing, and so null."""
    print(json.dumps(_finite(value), indent=1, allow_nan=False, default=str))


def typed(words: str, runs_dir: Path) -> str:
    """Return a command about a run as one types it, saying where its runs are unless they are where they are looked for."""
    place = "" if runs_dir.resolve() == runs_folder(None).resolve() else f" --runs-dir {runs_dir}"
    return f"socratic {words}{place}"


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list | tuple) else value
