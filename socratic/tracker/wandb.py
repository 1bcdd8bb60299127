"""The W&B mirror of a run: the only file that opens the door to wandb.

A mirror shows what the record shows and nothing else: no host, no packages, no program text, no console, no secrets. It
starts with the first thing it is given, and starts by copying what the record already holds. So:

- offline, a resumed run gets one whole new copy, equal to the record line by line, and the copy that the killed process left
  (which ends up to a second early, and may hold generations that the resume took back) is removed. Upload with
  `wandb sync runs/NAME/wandb/offline-run-*`. A copy that was uploaded stays, and the new one has an id of its own;
- online, a resumed run goes on under its id after the last generation that reached the server. Generations that the resume
  took back are not sent twice: played again they are the same, but for the seconds they took.

W&B's own step starts at 0 again in a resumed run; `generation` is the step of everything here.
"""

import contextlib
import logging
import math
import netrc
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from socratic.records import Assessment, Generation, Json
from socratic.store.redaction import redact, redact_values
from socratic.store.run_directory import RunDirectory
from socratic.tracker.jsonl import assessment_row, generation_row

if TYPE_CHECKING:
    import wandb

logger = logging.getLogger(__name__)

Mode: TypeAlias = Literal["online", "offline"]
HOST = "api.wandb.ai"
# Events that somebody should look at become alerts; the rest is in events.jsonl.
ALERTS = {"alarm", "quarantine", "rollback", "opened"}
# How long a server that does not answer may hold up the first generation.
INIT_TIMEOUT_S = 20.0
# The default of 15 s lost up to 15 s of a killed run.
FLUSH_S = 1.0


class WandbMirror:
    """Mirrors one run into one W&B run. It may raise: a Fanout contains that and drops it."""

    def __init__(self, run: RunDirectory, *, project: str = "socratic", mode: Mode = "offline") -> None:
        """Mirror a run that this process writes; nothing of wandb is loaded before the first record."""
        self._directory = run
        self._project = project
        self._mode = mode
        self._run: wandb.Run | None = None
        self._mirrored = -1  # the last generation that the mirror has
        self._assessed = -2  # the last that it has an assessment of; t0's is -1

    def record_generation(self, generation: Generation) -> None:
        """Mirror one line of metrics.jsonl."""
        self._started()
        self._log_generation(generation_row(generation))

    def record_assessment(self, assessment: Assessment) -> None:
        """Mirror one line of assessments.jsonl."""
        self._started()
        self._log_assessment(assessment_row(assessment))

    def record_event(self, generation: int, kind: str, message: str) -> None:
        """Turn what somebody should look at into an alert; the record has it already, as it has all that a mirror is given."""
        if kind in ALERTS:
            is_in_the_copy = self._run is None
            self._started()
            if not is_in_the_copy:
                self._alert(generation, kind, message)

    def close(self) -> None:
        """Finish the W&B run; one that nothing was given to was never started."""
        if self._run is None:
            return
        run, self._run = self._run, None
        with _service():
            run.finish()

    def _started(self) -> "wandb.Run":
        if self._run is None:
            self._run = self._start()
            self._run.define_metric("generation", hidden=True)
            self._run.define_metric("*", step_metric="generation")
            self._copy_record()
        return self._run

    def _copy_record(self) -> None:
        reached = self._mirrored
        for row in self._directory.read("metrics"):
            self._log_generation(row)
        for row in self._directory.read("assessments"):
            self._log_assessment(row)
        for row in self._directory.read("events"):
            generation, kind = row["generation"], str(row["kind"])
            if kind in ALERTS and isinstance(generation, int) and generation > reached:
                self._alert(generation, kind, str(row["message"]))

    def _start(self) -> "wandb.Run":
        import wandb

        if self._mode == "online":
            try:
                run = self._init("online", self._id())
            except (wandb.errors.Error, OSError) as error:
                reason = redact(str(error)).partition("\n")[0]
                logger.warning("W&B cannot be reached, the mirror is offline; `wandb sync` uploads it later: %s", reason)
                # The service still holds the run that could not start.
                _give_up()
            else:
                self._mirrored = _last_on_server(run)
                return run
        return self._init("offline", _replace_copies(self._directory.folder / "wandb", self._id()))

    def _init(self, mode: Mode, run_id: str) -> "wandb.Run":
        import wandb

        settings = wandb.Settings(
            console="off",
            disable_git=True,
            disable_job_creation=True,
            host="-",
            init_timeout=INIT_TIMEOUT_S,
            quiet=True,
            save_code=False,
            silent=True,
            x_disable_machine_info=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_save_requirements=False,
            x_transaction_log_flush_interval=FLUSH_S,
        )
        manifest = self._directory.manifest()
        config: dict[str, Json] = {**self._directory.config().model_dump(mode="json"), "opened": manifest["opened"]}
        return wandb.init(
            project=self._project,
            id=run_id,
            name=self._directory.name,
            dir=str(self._directory.folder),
            mode=mode,
            resume="allow" if mode == "online" else None,
            # A user's own W&B run in this process is left alone.
            reinit="create_new",
            config=redact_values(config),
            settings=settings,
        )

    def _id(self) -> str:
        return str(self._directory.manifest()["id"])

    def _log_generation(self, row: Mapping[str, Json]) -> None:
        index = row["generation"]
        if isinstance(index, int) and index > self._mirrored:
            self._log(row)
            self._mirrored = index

    def _log_assessment(self, row: Mapping[str, Json]) -> None:
        index = row["generation"]
        if isinstance(index, int) and index > self._assessed:
            self._log(row)
            self._assessed = index

    def _alert(self, generation: int, kind: str, message: str) -> None:
        assert self._run is not None
        with _service():
            self._run.alert(title=f"{kind} in {self._directory.name}", text=redact(f"generation {generation}: {message}"))

    def _log(self, row: Mapping[str, Json]) -> None:
        assert self._run is not None
        # What is missing is absent: W&B would draw null as a gap and NaN as a text.
        known = {name: value for name, value in row.items() if isinstance(value, (int, float)) and math.isfinite(value)}
        with _service():
            self._run.log(known)


def choose_mode(setting: Literal["auto", "online", "offline", "off"]) -> Mode | Literal["off"]:
    """Return the setting itself, or for auto: what WANDB_MODE says, else online where there is a key, else offline."""
    if setting != "auto":
        return setting
    asked = os.environ.get("WANDB_MODE", "").lower()
    if asked in ("offline", "dryrun"):
        return "offline"
    if asked == "disabled":
        return "off"
    return "online" if asked == "online" or has_key() else "offline"


def has_key() -> bool:
    """Say whether a W&B key is in the process's variables or in the user's netrc."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    path = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
    try:
        return netrc.netrc(path).authenticators(HOST) is not None
    except (OSError, netrc.NetrcParseError):
        return False


def _last_on_server(run: "wandb.Run") -> int:
    """Return the last generation that a resumed run has on the server, -1 for a new one."""
    try:
        last = run.summary["generation"] if run.resumed else -1
    except KeyError:
        return -1
    return last if isinstance(last, int) else -1


def _replace_copies(folder: Path, run_id: str) -> str:
    """Remove the copies that earlier processes of this run left, since a whole one follows; return the id for it."""
    uploaded = 0
    for copy in sorted(folder.glob("offline-run-*")):
        if any(copy.glob("*.synced")):
            uploaded += 1
        else:
            shutil.rmtree(copy)
    return f"{run_id}-{uploaded}" if uploaded else run_id


@contextlib.contextmanager
def _service() -> Iterator[None]:
    """Ask something of W&B's own process; where that has died, say so now and not in a traceback when ours ends."""
    try:
        yield
    except OSError:
        _give_up()
        raise


def _give_up() -> None:
    """End W&B's service process, or what is left of it."""
    import wandb

    try:
        wandb.teardown()
    except OSError as error:
        logger.debug("W&B's service was gone already: %s", error)
