"""`socratic runs list` and `show`."""

from dataclasses import asdict

import typer

from socratic.cli.options import AsJson, RunName, RunsDir, runs_folder
from socratic.cli.output import print_json, typed
from socratic.cli.summary import table_lines, truth_rows
from socratic.errors import CheckpointError
from socratic.store.checkpoint import newest_checkpoint
from socratic.store.listing import list_runs, summarize
from socratic.store.run_directory import RunDirectory
from socratic.tracker.sanitise import sanitise

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_(runs_dir: RunsDir = None, as_json: AsJson = False) -> None:
    """List the runs."""
    folder = runs_folder(runs_dir)
    summaries = list_runs(folder)
    if as_json:
        print_json([asdict(summary) for summary in summaries])
        return
    if not summaries:
        print(f"no runs in {folder}; `{typed('run')}` starts one")
    for summary in summaries:
        done = f"{summary.generations_done}/{summary.generations}"
        opened = "  opened" if summary.is_opened else ""
        state, games = sanitise(summary.state, 20), sanitise(", ".join(summary.games))
        print(f"{sanitise(summary.name, 80):<24} {state:<9} {done:>11}  seed {summary.seed}  {games}{opened}")


@app.command("show")
def show(run_name: RunName, runs_dir: RunsDir = None, as_json: AsJson = False) -> None:
    """Show how a run stands: state, truth, last metrics, checkpoint."""
    run = RunDirectory.open(runs_folder(runs_dir), run_name)
    summary, manifest = summarize(run), run.manifest()
    metrics, assessments, events = run.read("metrics"), run.read("assessments"), run.read("events")
    if as_json:
        shown = {
            **asdict(summary),
            "folder": str(run.folder),
            "metrics": metrics[-1] if metrics else None,
            "assessment": assessments[-1] if assessments else None,
            "events": events,
            "openings": manifest.get("openings"),
        }
        print_json(shown)
        return
    state, created = sanitise(summary.state, 20), sanitise(summary.created, 40)
    print(f"run {summary.name}: {state}, {summary.generations_done} of {summary.generations} generations, seed {summary.seed}")
    print(f"in {run.folder}, created {created}, {'opened: see manifest.json' if summary.is_opened else 'closed since t0'}")
    try:
        print(f"newest checkpoint: after generation {newest_checkpoint(run.checkpoints).index}")
    except CheckpointError as error:
        print(f"no checkpoint to go on from: {error}")
    if assessments:
        print()
        for line in table_lines(truth_rows(manifest.get("games"), assessments[0], assessments[-1])):
            print(line)
    if metrics:
        print("\nlast generation:")
        for name, value in sorted(metrics[-1].items()):
            print(f"  {sanitise(name, 80):<42} {f'{value:.5g}' if isinstance(value, float) else sanitise(str(value))}")
    for event in events[-10:]:
        generation, kind, message = (sanitise(str(event.get(key))) for key in ("generation", "kind", "message"))
        print(f"event, generation {generation}: {kind}: {message}")
    if summary.state in {"stopped", "killed", "failed"}:
        print(f"\n`{typed(f'resume {summary.name}', runs_folder(runs_dir))}` goes on with it")
