"""`socratic run`, `stop`, `resume` and `eval`."""

import re
import statistics
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from socratic.cli.options import AsJson, RunName, RunsDir, runs_folder
from socratic.cli.output import print_json, typed
from socratic.cli.preflight import QUICKSTART, game_facts, openings, read_config
from socratic.cli.summary import Row, table_lines, truth_rows
from socratic.cli.trust import check_games, check_policy, refuse_planted, trusted_config
from socratic.config import Config
from socratic.errors import RunError, RunExists
from socratic.store.checkpoint import checkpoint_paths, newest_checkpoint
from socratic.store.run_directory import RunDirectory, check_name, run_names
from socratic.tracker.jsonl import RecordTracker
from socratic.tracker.sanitise import sanitise


def run(
    configs: Annotated[
        list[str] | None,
        typer.Argument(metavar="CONFIG", help="TOML files or built-in names, composed left to right.", show_default="the quickstart"),
    ] = None,
    name: Annotated[str | None, typer.Option(help="The run's name; the first free one if not given.")] = None,
    runs_dir: RunsDir = None,
    override: Annotated[list[str] | None, typer.Option("--override", "-o", help="key=value, e.g. learner.lr=1e-4")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Run this many seeds one after another.")] = 1,
    allow_idle: Annotated[
        bool, typer.Option("--allow-idle", help="Take keys that nothing reads: of a file that several runs share.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the resolved configuration and leave.")] = False,
) -> None:
    """Start a run; without a configuration, the quickstart."""
    checked = read_config(configs or [], override or [], may_be_idle=allow_idle)
    config = checked.config
    for message in checked.left_out.values():
        print(f"socratic: {sanitise(message)}; the run goes on without it", file=sys.stderr)
    if dry_run:
        _print_plan(config)
        return
    stem, folder = _stem(configs[-1]) if configs else QUICKSTART, runs_folder(runs_dir)
    seeded = [config.model_copy(update={"seed": config.seed + offset}) for offset in range(seeds)]
    names = [name if seeds == 1 or name is None else f"{name}-seed{each.seed}" for each in seeded]
    _require_free(names, folder)
    refuse_planted(config, folder)  # it could not be resumed
    finished = [
        _run_one(each, folder, own_name, stem, checked.left_out, is_alone=seeds == 1) for each, own_name in zip(seeded, names, strict=True)
    ]
    if seeds > 1:
        _print_over_seeds(finished)


def stop(run_name: RunName, runs_dir: RunsDir = None) -> None:
    """Ask a running run to checkpoint and leave."""
    found = RunDirectory.open(runs_folder(runs_dir), run_name)
    if not found.is_locked():
        raise RunError(f"run {run_name} is not running; `{typed(f'runs show {run_name}', runs_folder(runs_dir))}` says how it stands")
    found.request_stop()
    print(f"socratic: asked {run_name} to leave; it finishes its generation and checkpoints first")


def resume(run_name: RunName, runs_dir: RunsDir = None) -> None:
    """Go on with a run from its newest checkpoint that verifies."""
    folder = runs_folder(runs_dir)
    with RunDirectory.open(folder, run_name) as found:
        manifest = found.manifest()
        if manifest.get("state") == "finished":
            show = typed(f"runs show {run_name}", folder)
            raise RunError(f"run {run_name} is finished; `{show}` shows it, `{typed('run')}` starts another")
        found.lock()
        config = trusted_config(found)
        check_games(found, config)
        # A run that ended before its first checkpoint has played nothing: it begins anew, in its own folder.
        is_begun = bool(checkpoint_paths(found.checkpoints)) or found.generations_done() > 0
        if is_begun:
            newest_checkpoint(found.checkpoints)
            check_policy(found)
        found.clear_stop()
        found.set_state("running")
        from socratic.cli.session import Session

        Session(found, config, is_resumed=is_begun).run()
    _print_end(folder, run_name)


def evaluate(
    run_name: RunName,
    runs_dir: RunsDir = None,
    as_json: AsJson = False,
) -> None:
    """Probe a copy of a run's newest checkpoint, as its observer would."""
    found = RunDirectory.open(runs_folder(runs_dir), run_name)
    config = trusted_config(found)
    newest_checkpoint(found.checkpoints)  # what is missing or damaged is said before torch is loaded
    check_policy(found)
    check_games(found, config)
    from socratic.cli.evaluation import assess_run

    assessment = assess_run(found, config)
    if as_json:
        print_json({"generation": assessment.generation, "version": assessment.version, **dict(sorted(assessment.metrics.items()))})
        return
    print(f"run {run_name} after generation {assessment.generation + 1}:")
    for metric in sorted(assessment.metrics):
        print(f"  {sanitise(metric.removeprefix('observer/')):<45} {assessment.metrics[metric]:.4f}")


def _stem(config: str) -> str:
    """Return what runs of a configuration are called before their number: its file's name, as far as a run's may be."""
    return re.sub(r"[^a-z0-9._-]+", "-", Path(config).stem.lower()).strip("-._")[:50] or "run"


def _require_free(names: list[str | None], runs_dir: Path) -> None:
    """Refuse a name that is taken or is none, before the first of several runs begins."""
    for name in names:
        if name is not None:
            check_name(name)
            if name in run_names(runs_dir):
                resume = typed(f"resume {name}", runs_dir)
                raise RunExists(f"run {name} exists in {runs_dir}; `{resume}` goes on with it, --name starts another")


def _run_one(config: Config, runs_dir: Path, name: str | None, stem: str, left_out: Mapping[str, str], *, is_alone: bool) -> list[Row]:
    created = RunDirectory.create(runs_dir, name, config, games=game_facts(config), stem=stem)
    for message in left_out.values():
        RecordTracker(created).record_event(0, "game-broken", f"{message}; the run goes on without it")
    for opening in openings(config):
        created.note_opening(0, opening)
    from socratic.cli.session import Session

    Session(created, config, is_resumed=False).run()
    return _print_end(runs_dir, created.name, is_alone=is_alone)


def _print_end(runs_dir: Path, name: str, *, is_alone: bool = True) -> list[Row]:
    finished = RunDirectory.open(runs_dir, name)
    assessments, games = finished.read("assessments"), finished.manifest().get("games")
    rows = truth_rows(games, assessments[0], assessments[-1]) if assessments else []
    print()
    for line in table_lines(rows) if rows else ["no assessment: the observer is off"]:
        print(line)
    if finished.manifest().get("opened"):
        print("this run was opened: outside knowledge came in after t0; see manifest.json")
    if is_alone:
        print(f"\neverything is in {finished.folder}: metrics.jsonl, assessments.jsonl, episodes/, checkpoints/")
        print("next:")
        print(f"  {typed(f'runs show {name}', runs_dir)}")
        print(f"  {typed(f'eval {name}', runs_dir)}")
        is_kuhn = isinstance(games, dict) and "kuhn_poker" in games
        print(f"  {typed('games show kuhn_poker' if is_kuhn else 'games list')}")
    return rows


def _print_over_seeds(finished: list[list[Row]]) -> None:
    print(f"\nover {len(finished)} seeds: mean and 95 % interval of the last policy")
    by_truth: dict[tuple[str, str], list[float]] = {}
    for row in (row for rows in finished for row in rows):
        by_truth.setdefault((row.game, row.measure), []).append(row.now)
    for (game, measure), values in by_truth.items():
        if len(values) < len(finished):
            print(f"  {game} {measure}: measured in {len(values)} of the runs only")
            continue
        mean = statistics.fmean(values)
        half = _student(len(values)) * statistics.stdev(values) / len(values) ** 0.5
        spread = " ".join(f"{value:.3f}" for value in values)
        print(f"  {game} {measure}: {mean:.3f} [{mean - half:.3f}, {mean + half:.3f}]  ({spread})")


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
