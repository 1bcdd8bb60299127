"""Options that several commands share."""

import os
from pathlib import Path
from typing import Annotated

import typer

RunsDir = Annotated[Path | None, typer.Option("--runs-dir", help="Where runs are kept; SOCRATIC_RUNS_DIR, else ./runs.")]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="A run's name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def runs_folder(given: Path | None) -> Path:
    """Return the folder of the runs: the one given, the variable's, or ./runs."""
    return given or Path(os.environ.get("SOCRATIC_RUNS_DIR", "runs"))
