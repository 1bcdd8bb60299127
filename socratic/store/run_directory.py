"""The run directory: the record of one run, written by one process and read by anybody.

runs/NAME/  config.toml (resolved)   manifest.json (versions, seeds, hashes, opened or closed)
            metrics.jsonl (inside)   assessments.jsonl (outside)   events.jsonl
            episodes/000012.jsonl    checkpoints/000012/           lock   STOP (asks the run to leave)
"""

import difflib
import fcntl
import json
import logging
import os
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, TypeAlias, get_args

from socratic.config import Config, load_config
from socratic.errors import ConfigError, RunError, RunExists
from socratic.records import Episode, Feedback, Json
from socratic.store import provenance
from socratic.store.checkpoint import clean_up
from socratic.store.durable import explained, remove_folder, to_json_bytes, write_atomically
from socratic.store.episodes import RecordedEpisode, read_episodes, write_episodes
from socratic.store.lines import LineWriter, last_line, read_lines
from socratic.store.redaction import find_secret, redact_values
from socratic.store.toml import to_toml

logger = logging.getLogger(__name__)

SCHEMA = 1
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
Log: TypeAlias = Literal["metrics", "assessments", "events"]
LOGS: tuple[Log, ...] = get_args(Log)
RunState: TypeAlias = Literal["running", "stopped", "finished", "failed"]


class RunDirectory:
    """One run on disk. Reading needs nothing; writing needs the lock, which `create` and `lock` take."""

    def __init__(self, folder: Path) -> None:
        """Stand for a folder that `create` or `open` has checked."""
        self.folder = folder
        self.name = folder.name
        self._lock: int | None = None
        self._writers: dict[Log, LineWriter] = {}

    @classmethod
    def create(
        cls, runs_dir: Path, name: str | None, config: Config, *, games: Mapping[str, Json] | None = None, stem: str = "run"
    ) -> "RunDirectory":
        """Make and lock a new run; without a name it is the first free of `stem`-1, `stem`-2, ...

        `games` has what the manifest holds of each game that the run plays, its version among it.

        Raises:
            ConfigError: the name is no run's name, or the configuration holds what looks like a secret.
            RunExists: there is such a run already.
            RunError: the disk refuses; nothing is left behind.
        """
        check_name(name if name is not None else f"{stem}-1")
        # What stood redacted in its place would be what a resumed run plays.
        secret = find_secret(config.model_dump(mode="json"))
        if secret is not None:
            raise ConfigError(f"{secret} looks like a secret, which no run directory may hold; give it through the environment")
        with explained(runs_dir):
            runs_dir.mkdir(parents=True, exist_ok=True)
            run = cls(_make_folder(runs_dir, name, stem))
        try:
            run.lock()
            run._begin(config, games or {})
        except RunError:
            run.close()
            remove_folder(run.folder)
            raise
        return run

    @classmethod
    def open(cls, runs_dir: Path, name: str) -> "RunDirectory":
        """Return a run that exists, to be read.

        Raises:
            ConfigError: the name is no run's name.
            RunError: there is no such run; the message has the nearest names.
        """
        check_name(name)
        folder = runs_dir / name
        if not (folder / "manifest.json").is_file():
            if folder.exists():
                raise RunError(
                    f"{folder} has no manifest.json: it is no run, or a damaged one; bring the file back, or move the folder away"
                )
            raise RunError(_missing(runs_dir, name))
        return cls(folder)

    def lock(self) -> None:
        """Become the one process that writes this run, until `close` or death; tidy up what a crash left.

        Raises:
            RunError: another process writes it.
        """
        if self._lock is not None:
            return
        path = self.folder / "lock"
        with explained(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        if not _try_lock(descriptor):
            writer = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise RunError(f"run {self.name} is being written by process {writer}; wait for it, or end it first")
        self._lock = descriptor
        with explained(path):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
        clean_up(self.checkpoints)

    def is_locked(self) -> bool:
        """Whether some process, this one or another, is writing the run."""
        if self._lock is not None:
            return True
        try:
            descriptor = os.open(self.folder / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def close(self) -> None:
        """Close the files and give the lock back."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> "RunDirectory":
        """Return the run."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the run."""
        self.close()

    # What it is

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.folder / "checkpoints"

    def config(self) -> Config:
        """Return the resolved configuration.

        Raises:
            ConfigError: config.toml is missing or was changed into something that does not fit.
        """
        path = self.folder / "config.toml"
        try:
            return load_config([path])
        except ConfigError as error:
            raise ConfigError(f"{path} was changed since run {self.name} began: {error}; undo what was changed") from None

    def manifest(self) -> dict[str, Json]:
        """Return the manifest.

        Raises:
            RunError: it cannot be read, or is of another schema.
        """
        path = self.folder / "manifest.json"
        try:
            manifest = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise RunError(f"{path} cannot be read ({error}); run {self.name} is damaged") from error
        if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
            raise RunError(f"{path} is not of schema {SCHEMA}; read run {self.name} with the version of Socratic that wrote it")
        return manifest

    def amend(self, changes: Mapping[str, Json]) -> None:
        """Set fields of the manifest, at once or not at all.

        Raises:
            RunError: the disk refuses.
        """
        self._write_manifest({**self.manifest(), **changes})

    def set_state(self, state: RunState) -> None:
        """Say in the manifest how the run stands, and after how many generations."""
        self.amend({"state": state, "generations_done": self.generations_done()})

    def generations_done(self) -> int:
        """Return how many generations the record holds."""
        last = last_line(self.folder / "metrics.jsonl")
        index = last.get("generation") if last else None
        return index + 1 if isinstance(index, int) else 0

    def note_opening(self, generation: int, what: str) -> None:
        """Mark the run opened: something came into the closed system from outside after t0.

        Raises:
            RunError: the disk refuses.
        """
        openings = self.manifest()["openings"]
        assert isinstance(openings, list)
        opening: Json = {"generation": generation, "what": what, "when": _now()}
        self.amend({"opened": True, "openings": [*openings, opening]})

    # The record

    def append(self, log: Log, record: Mapping[str, Json]) -> None:
        """Add one line to metrics, assessments or events.

        Raises:
            RunError: the disk refuses (no part of the line stays), or this process has not locked the run.
        """
        self._writer(log).append(record)

    def read(self, log: Log) -> list[dict[str, Json]]:
        """Return a log's records, oldest first; a last line that a crash tore is not there yet.

        Raises:
            RunError: a line before the last is damaged.
        """
        return read_lines(self.folder / f"{log}.jsonl")

    def offsets(self) -> dict[str, int]:
        """Return each log's size in bytes, once the disk has it: what a checkpoint remembers.

        Raises:
            RunError: the disk refuses.
        """
        return {log: self._writer(log).offset() for log in LOGS}

    def cut(self, offsets: Mapping[str, int], generation: int) -> None:
        """Drop what was recorded after a checkpoint: lines past `offsets`, episodes of `generation` and later.

        Raises:
            RunError: a log is shorter than the checkpoint says, or an offset is missing.
        """
        missing = [log for log in LOGS if log not in offsets]
        if missing:
            raise RunError(f"the checkpoint has no offset of {missing[0]}.jsonl; it was not written by this version of Socratic")
        for log in LOGS:
            self._writer(log).cut(offsets[log])
        for path in (self.folder / "episodes").glob("*.jsonl"):
            if path.stem.isdecimal() and int(path.stem) >= generation:
                path.unlink(missing_ok=True)

    def record_episodes(self, generation: int, episodes: Sequence[Episode], feedback: Sequence[Feedback] = (), share: float = 1.0) -> int:
        """Keep a share of a generation's episodes, the first of each game in turn; return how many.

        Raises:
            RunError: the disk refuses; none of them is kept.
        """
        return write_episodes(self._episodes_path(generation), episodes, feedback, share)

    def episodes(self, generation: int) -> list[RecordedEpisode]:
        """Return what was kept of a generation's episodes.

        Raises:
            RunError: the file is damaged.
        """
        return read_episodes(self._episodes_path(generation))

    # Asking it to leave

    def request_stop(self) -> None:
        """Ask the process that writes the run to checkpoint and leave; any process may ask.

        Raises:
            RunError: the disk refuses.
        """
        with explained(self.folder / "STOP"):
            (self.folder / "STOP").touch()

    def is_stop_requested(self) -> bool:
        """Whether somebody asked the run to leave."""
        return (self.folder / "STOP").exists()

    def clear_stop(self) -> None:
        """Forget that somebody asked: the run goes on.

        Raises:
            RunError: the disk refuses.
        """
        with explained(self.folder / "STOP"):
            (self.folder / "STOP").unlink(missing_ok=True)

    def _begin(self, config: Config, games: Mapping[str, Json]) -> None:
        with explained(self.folder):
            for folder in ("episodes", "checkpoints"):
                (self.folder / folder).mkdir()
        for log in LOGS:
            self._writer(log)
        write_atomically(self.folder / "config.toml", to_toml(config.model_dump(mode="json")).encode())
        versions: dict[str, Json] = dict(provenance.package_versions())
        self._write_manifest(
            {
                "schema": SCHEMA,
                "name": self.name,
                "id": uuid.uuid4().hex[:12],
                "seed": config.seed,
                "config_sha256": provenance.config_hash(config),
                "generations": config.generations,
                "threads": {"play": config.play.threads, "learner": config.learner.threads},
                "games": dict(games),
                "packages": versions,
                "python": provenance.python_version(),
                "commit": provenance.commit(),
                "machine": provenance.machine_facts(),
                "created": _now(),
                "state": "running",
                "generations_done": 0,
                "opened": False,
                "openings": [],
            }
        )

    def _write_manifest(self, manifest: Mapping[str, Json]) -> None:
        # A game may be called find_key; what is kept of it is no secret.
        written = {**redact_values(manifest), "games": manifest.get("games", {})}
        write_atomically(self.folder / "manifest.json", to_json_bytes(written))

    def _writer(self, log: Log) -> LineWriter:
        if self._lock is None:
            raise RunError(f"run {self.name} is open for reading; lock it before writing")
        if log not in self._writers:
            self._writers[log] = LineWriter(self.folder / f"{log}.jsonl")
        return self._writers[log]

    def _episodes_path(self, generation: int) -> Path:
        return self.folder / "episodes" / f"{generation:06d}.jsonl"


def check_name(name: str) -> None:
    """Refuse what is no run's name.

    Raises:
        ConfigError: it has a path, capitals, spaces or more than 64 characters in it.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is not a run's name: small letters, digits, '.', '_' and '-', at most 64; folders go to --runs-dir")


def run_names(runs_dir: Path) -> list[str]:
    """Return the names of the runs in a folder, in order; a missing folder holds none."""
    try:
        return sorted(entry.name for entry in runs_dir.iterdir() if (entry / "manifest.json").is_file())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"cannot read {runs_dir}: {error.strerror}") from error


def _make_folder(runs_dir: Path, name: str | None, stem: str) -> Path:
    number = 1
    while True:
        folder = runs_dir / (name if name is not None else f"{stem}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            if name is not None:
                raise RunExists(
                    f"run {name} exists in {runs_dir}; `socratic resume {name}` goes on with it, --name starts another"
                ) from None
            number += 1
        else:
            return folder


def _try_lock(descriptor: int) -> bool:
    # Somebody who lists the runs looks at the lock for an instant; that is no writer.
    for _ in range(20):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.005)
        else:
            return True
    return False


def _missing(runs_dir: Path, name: str) -> str:
    names = run_names(runs_dir)
    near = difflib.get_close_matches(name, names, n=3)
    if near:
        return f"no run {name} in {runs_dir}; did you mean {' or '.join(near)}?"
    if names:
        return f"no run {name} in {runs_dir}; it has {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"
    return f"no run {name}: {runs_dir} holds no runs; `socratic run --name {name}` starts one, --runs-dir looks elsewhere"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
