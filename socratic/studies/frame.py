"""Many runs, some at a time: each an ordinary run in a process of its own, so that one that fails loses none of the others.

What is finished is not run again, what was broken off is resumed: a study that was killed goes on when it is called again.
"""

import json
import math
import sys
import time
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from types import TracebackType

from socratic.config import Config, load_config
from socratic.errors import ConfigError, Interrupted, RunError
from socratic.store.durable import explained, remove_folder, to_json_bytes, write_atomically
from socratic.store.run_directory import Log, RunDirectory
from socratic.studies.processes import Process, counted_stops
from socratic.studies.progress import StudyProgress
from socratic.tracker.summary import duration

POLL_S = 0.5
PROGRAM = (sys.executable, "-m", "socratic")
# In one process with one thread, so that as many fit on the machine as it has cores; nothing leaves the machine.
ALWAYS = ("play.executor=local", "tracker.wandb=off")


def built_in(name: str) -> Path:
    """Return the file of a built-in configuration, e.g. `studies/kuhn_schemes`.

    Raises:
        ConfigError: there is none of that name.
    """
    path = Path(str(files("socratic_configs"))) / f"{name}.toml"
    if not path.is_file():
        raise ConfigError(f"no built-in configuration is called {name!r}; the installation lacks {path}: install Socratic again")
    return path


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedRun:
    """A run that a study needs."""

    name: str
    config: Path
    overrides: tuple[str, ...] = ()

    def resolved(self) -> Config:
        """Return its configuration, whole.

        Raises:
            ConfigError: it does not fit.
        """
        return load_config([self.config], [*self.overrides, *ALWAYS])


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One number of a run's record."""

    generation: int  # after which it was taken, from 1 on; 0 is t0
    value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class FinishedRun:
    """A run that went to its end."""

    name: str
    config: Config
    directory: RunDirectory
    seconds: float  # from start to end, set-up and warm-up included

    def curve(self, metric: str, log: Log = "assessments") -> tuple[Point, ...]:
        """Return what the record has of a metric, oldest first; none where it has none.

        Raises:
            RunError: the record is damaged.
        """
        found = []
        for record in self.directory.read(log):
            generation, value = record.get("generation"), record.get(metric)
            if isinstance(generation, int) and isinstance(value, int | float):
                found.append(Point(generation=generation + 1, value=float(value)))
        return tuple(found)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """What became of the runs that were planned."""

    finished: Mapping[str, FinishedRun]
    failed: Mapping[str, str]  # why


class Crew:
    """Runs what a study plans in the study's folder, `jobs` at a time."""

    def __init__(self, folder: Path, jobs: int, progress: StudyProgress | None = None, program: Sequence[str] = PROGRAM) -> None:
        """Work in `folder`: runs in runs/, what they printed in logs/.

        Raises:
            RunError: the disk refuses.
        """
        self.folder = folder
        self.progress = progress or StudyProgress()
        self._runs_dir, self._logs = folder / "runs", folder / "logs"
        self._jobs = jobs
        self._program = tuple(program)
        self._seconds_file = folder / "seconds.json"
        self._former = 0  # generations of the plans before this one
        with explained(folder):
            self._runs_dir.mkdir(parents=True, exist_ok=True)
            self._logs.mkdir(exist_ok=True)

    def __enter__(self) -> "Crew":
        """Return the crew."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Give the terminal back."""
        self.progress.close()

    def run(self, planned: Sequence[PlannedRun], *, later: int = 0) -> Ran:
        """Run to the end what is not finished yet, in the order in which it is planned.

        Args:
            planned: the runs; their names are their folders, so none comes twice.
            later: generations that other plans will add to the study, for the time that is left.

        Raises:
            ConfigError: a run does not fit, or the folder has one of that name with another configuration.
            RunError: another process is writing one of them, or the disk refuses.
            Interrupted: the operator asked to leave; the same call goes on.
        """
        configs = {each.name: each.resolved() for each in planned}
        waiting = deque(each for each in planned if not self._is_finished(each.name, configs[each.name]))
        work = _Work(
            former=self._former,
            later=later,
            generations={name: config.generations for name, config in configs.items()},
            ended={each.name for each in planned if each not in waiting},
        )
        self._until_all_ended(waiting, work)
        self._former += sum(work.generations.values())
        finished = {
            name: FinishedRun(
                name=name, config=config, directory=RunDirectory.open(self._runs_dir, name), seconds=self._all_seconds().get(name, math.nan)
            )
            for name, config in configs.items()
            if name not in work.failed
        }
        return Ran(finished=finished, failed=work.failed)

    def _is_finished(self, name: str, config: Config) -> bool:
        """Whether a run needs nothing more; what another process is writing, or is not the same run, is refused."""
        folder = self._runs_dir / name
        if not folder.exists():
            return False
        if not (folder / "manifest.json").is_file():
            remove_folder(folder)  # it was killed while it was made
            return False
        run = RunDirectory.open(self._runs_dir, name)
        if run.is_locked():
            raise RunError(f"run {name} of the study in {self._runs_dir.parent} is being written by another process; wait for it")
        if run.config() != config:
            raise ConfigError(
                f"{folder} was run with another configuration than the study has now; name another --folder, or remove this one"
            )
        return run.manifest().get("state") == "finished"

    def _until_all_ended(self, waiting: "deque[PlannedRun]", work: "_Work") -> None:
        running: dict[str, Process] = {}
        told = 0
        with counted_stops() as stops:
            try:
                while running or (waiting and not stops.count):
                    while waiting and len(running) < self._jobs and not stops.count:
                        planned = waiting.popleft()
                        running[planned.name] = self._start(planned)
                    if stops.count > told:
                        told = stops.count
                        self._pass_on(told, running)
                    over = [name for name, process in running.items() if process.is_over()]
                    for name in over:
                        self._take_end(name, running.pop(name), work, is_leaving=told > 0)
                    self.progress.show(work.done(self._runs_dir, running), work.total, work.words(running))
                    if not over:
                        time.sleep(POLL_S)
            finally:
                for process in running.values():
                    process.end()
        if len(work.ended) + len(work.failed) < len(work.generations):
            raise Interrupted("the study was left and what it was running is checkpointed; the same command goes on with it")

    def _start(self, planned: PlannedRun) -> Process:
        if (self._runs_dir / planned.name).exists():
            words = ["resume", planned.name]
        else:
            # What the runs of a study have in common is not used by each of them.
            words = ["run", str(planned.config), "--name", planned.name, "--allow-idle"]
            words += [word for override in (*planned.overrides, *ALWAYS) for word in ("-o", override)]
        log = self._logs / f"{planned.name}.log"
        with explained(log):
            return Process([*self._program, *words, "--runs-dir", str(self._runs_dir)], log)

    def _pass_on(self, times: int, running: Mapping[str, Process]) -> None:
        if times == 1:
            self.progress.say(f"leaving: {len(running)} run(s) finish their generation and checkpoint; again to leave at once")
        for process in running.values():
            process.tell_to_leave(times)

    def _take_end(self, name: str, process: Process, work: "_Work", *, is_leaving: bool) -> None:
        """Book a process that is over; one that left because it was asked to is neither finished nor failed."""
        spent = {**self._all_seconds(), name: self._all_seconds().get(name, 0.0) + process.seconds}
        write_atomically(self._seconds_file, to_json_bytes(dict(spent)))
        complaint = process.complaint()
        if complaint is None:
            work.ended.add(name)
            left = self.progress.show(work.done(self._runs_dir, ()), work.total, work.words(()))
            self.progress.say(", ".join(part for part in (f"{name} took {duration(spent[name])}", work.words(()), left) if part))
        elif not is_leaving:
            work.failed[name] = complaint
            self.progress.say(f"{name} failed: {complaint}; what it said is in {process.log}; the others go on")

    def _all_seconds(self) -> dict[str, float]:
        try:
            found: dict[str, float] = json.loads(self._seconds_file.read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class _Work:
    """What is planned and how much of it is done, in generations."""

    former: int
    later: int
    generations: Mapping[str, int]
    ended: set[str]
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return self.former + sum(self.generations.values()) + self.later

    def done(self, runs_dir: Path, running: Iterable[str]) -> int:
        begun = sum(RunDirectory(runs_dir / name).generations_done() for name in running)
        return self.former + sum(self.generations[name] for name in (*self.ended, *self.failed)) + begun

    def words(self, running: Collection[str]) -> str:
        words = f"{len(self.ended)} of {len(self.generations)} runs"
        words += f", {len(self.failed)} failed" if self.failed else ""
        return words + (f", at {', '.join(running)}" if running else "")
