"""`socratic run`, `stop`, `resume` and `eval`."""

import json
import statistics
from pathlib import Path
from typing import Annotated

import typer

from socratic.cli.options import RunName, RunsDir, runs_folder
from socratic.cli.preflight import QUICKSTART, game_versions, openings, read_config
from socratic.cli.summary import Row, table_lines, truth_rows
from socratic.config import Config
from socratic.errors import RunError
from socratic.store.run_directory import RunDirectory


def run(
    configs: Annotated[
        list[str] | None, typer.Argument(help="TOML files or built-in names, composed left to right.", show_default="the quickstart")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The run's name; the first free one if not given.")] = None,
    runs_dir: RunsDir = None,
    override: Annotated[list[str] | None, typer.Option("--override", "-o", help="key=value, e.g. learner.lr=1e-4")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Run this many seeds one after another.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the resolved configuration and leave.")] = False,
) -> None:
    """Start a run; without a configuration, the quickstart."""
    config = read_config(configs or [], override or [])
    if dry_run:
        _print_plan(config)
        return
    stem = Path(configs[-1]).stem.lower() if configs else QUICKSTART
    finished = []
    for offset in range(seeds):
        seeded = config.model_copy(update={"seed": config.seed + offset})
        own_name = name if seeds == 1 or name is None else f"{name}-seed{seeded.seed}"
        finished.append(_run_one(seeded, runs_folder(runs_dir), own_name, stem, is_alone=seeds == 1))
    if seeds > 1:
        _print_over_seeds(finished)


def stop(run_name: RunName, runs_dir: RunsDir = None) -> None:
    """Ask a running run to checkpoint and leave."""
    found = RunDirectory.open(runs_folder(runs_dir), run_name)
    if not found.is_locked():
        raise RunError(f"run {run_name} is not running; `socratic runs show {run_name}` says how it stands")
    found.request_stop()
    print(f"socratic: asked {run_name} to leave; it finishes its generation and checkpoints first")


def resume(run_name: RunName, runs_dir: RunsDir = None) -> None:
    """Go on with a run from its newest checkpoint that verifies."""
    found = RunDirectory.open(runs_folder(runs_dir), run_name)
    manifest = found.manifest()
    if manifest.get("state") == "finished":
        raise RunError(f"run {run_name} is finished; `socratic runs show {run_name}` shows it, `socratic run` starts another")
    found.lock()
    config = found.config()
    if game_versions(config) != manifest.get("games"):
        found.close()
        raise RunError(
            f"a game of run {run_name} has changed since it started: its rules would change half-way; "
            "start a new run, or bring the game's file back"
        )
    found.clear_stop()
    found.set_state("running")
    from socratic.cli.session import Session

    Session(found, config, is_resumed=True).run()
    _print_end(runs_folder(runs_dir), run_name, config)


def evaluate(
    run_name: RunName,
    runs_dir: RunsDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Probe a copy of a run's newest checkpoint, as its observer would."""
    found = RunDirectory.open(runs_folder(runs_dir), run_name)
    from socratic.cli.evaluation import assess_run

    assessment = assess_run(found)
    if as_json:
        row = {"generation": assessment.generation, "version": assessment.version, **assessment.metrics}
        print(json.dumps(row, indent=1, sort_keys=True))
        return
    print(f"run {run_name} after generation {assessment.generation + 1}:")
    for metric in sorted(assessment.metrics):
        print(f"  {metric.removeprefix('observer/'):<45} {assessment.metrics[metric]:.4f}")


def _run_one(config: Config, runs_dir: Path, name: str | None, stem: str, *, is_alone: bool) -> list[Row]:
    created = RunDirectory.create(runs_dir, name, config, games=game_versions(config), stem=stem)
    for opening in openings(config):
        created.note_opening(0, opening)
    from socratic.cli.session import Session

    Session(created, config, is_resumed=False).run()
    return _print_end(runs_dir, created.name, config, is_alone=is_alone)


def _print_end(runs_dir: Path, name: str, config: Config, *, is_alone: bool = True) -> list[Row]:
    finished = RunDirectory.open(runs_dir, name)
    assessments = finished.read("assessments")
    rows = truth_rows(config, assessments[0], assessments[-1]) if assessments else []
    print()
    for line in table_lines(rows) if rows else ["no assessment: the observer is off"]:
        print(line)
    if finished.manifest().get("opened"):
        print("this run was opened: outside knowledge came in after t0; see manifest.json")
    if is_alone:
        print(f"\neverything is in {finished.folder}: metrics.jsonl, assessments.jsonl, episodes/, checkpoints/")
        print("next:")
        print(f"  socratic runs show {name}")
        print(f"  socratic eval {name}")
        print("  socratic games show kuhn_poker" if "kuhn_poker" in config.games else "  socratic games list")
    return rows


def _print_over_seeds(finished: list[list[Row]]) -> None:
    print(f"\nover {len(finished)} seeds: mean and 95 % interval of the last policy")
    for rows in zip(*finished, strict=True):
        values = [row.now for row in rows]
        mean = statistics.fmean(values)
        half = _student(len(values)) * statistics.stdev(values) / len(values) ** 0.5
        spread = " ".join(f"{value:.3f}" for value in values)
        print(f"  {rows[0].game} {rows[0].measure}: {mean:.3f} [{mean - half:.3f}, {mean + half:.3f}]  ({spread})")


def _student(count: int) -> float:
    """Return the 97.5 % point of Student's t with `count` - 1 degrees of freedom; 1.96 past the table."""
    table = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
    return table[count - 2] if count - 2 < len(table) else 1.96


def _print_plan(config: Config) -> None:
    from socratic.store.toml import to_toml

    print(to_toml(config.model_dump(mode="json")).rstrip())
    episodes = config.generations * config.episodes_per_generation
    print(f"\n# {config.generations} generations of {config.episodes_per_generation} episodes: {episodes} episodes in all")
    print("# nothing was run; leave --dry-run out to run it")
