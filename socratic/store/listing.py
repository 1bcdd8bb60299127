"""The runs of a folder, one row each."""

from dataclasses import dataclass
from pathlib import Path

from socratic.errors import RunError
from socratic.store.run_directory import RunDirectory, run_names


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSummary:
    """One run at a glance."""

    name: str
    state: str  # running, stopped, finished, failed; killed: says running and nobody writes it; damaged: cannot be read
    generations_done: int
    generations: int
    seed: int
    is_opened: bool
    created: str
    games: tuple[str, ...]


def list_runs(runs_dir: Path) -> list[RunSummary]:
    """Return a row for each run, by name.

    Raises:
        RunError: the folder cannot be read.
    """
    return [summarize(RunDirectory(runs_dir / name)) for name in run_names(runs_dir)]


def summarize(run: RunDirectory) -> RunSummary:
    """Return a run's row; what is damaged says so and does not hide the others."""
    try:
        manifest = run.manifest()
        done = run.generations_done()
    except RunError:
        return RunSummary(name=run.name, state="damaged", generations_done=0, generations=0, seed=0, is_opened=False, created="", games=())
    state = str(manifest.get("state"))
    if state == "running" and not run.is_locked():
        state = "killed"
    games = manifest.get("games")
    return RunSummary(
        name=run.name,
        state=state,
        generations_done=done,
        generations=_whole(manifest.get("generations")),
        seed=_whole(manifest.get("seed")),
        is_opened=bool(manifest.get("opened")),
        created=str(manifest.get("created", "")),
        games=tuple(games) if isinstance(games, dict) else (),
    )


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
