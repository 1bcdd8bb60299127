"""All commands, by name."""

from typing import Annotated

import typer

from socratic import __version__
from socratic.cli import bench, doctor, games, models, play, run, runs, study

app = typer.Typer(
    help="Transformers that improve themselves by playing language games in a closed loop.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a bug keeps its plain traceback
    add_completion=False,
)
app.command("run")(run.run)
app.command("stop")(run.stop)
app.command("resume")(run.resume)
app.command("eval")(run.evaluate)
app.add_typer(runs.app, name="runs", help="What has been run.")
app.add_typer(games.app, name="games", help="What can be played.")
app.command("play")(play.play)
app.add_typer(models.app, name="models", help="What can play.")
app.command("study")(study.study)
app.command("bench")(bench.bench)
app.command("doctor")(doctor.doctor)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        print(f"socratic {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Transformers that improve themselves by playing language games in a closed loop."""
