"""The only door to pydantic-monty: sessions in worker processes, and what may go wrong there.

A worker starts with no environment of ours. Beneath the interpreter's own limits lie those of the system: address space, and
no new file or socket at all. The clock stands still, sleep returns at once, and `random` starts from one seed.
"""

import os
import re
import resource
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from socratic.errors import ConfigError
from socratic.sandbox.limits import Limits
from socratic.sandbox.plain import one_line

if TYPE_CHECKING:
    from pydantic_monty import ExcType, ExternalResult, Monty, MontyError, MontySession, OSPolicy, SyncSnapshot

# The name under which a source calls what is outside.
OUTSIDE = "_ask_outside"
NOON = datetime(2020, 1, 1, 12, tzinfo=UTC)
# The interpreter itself: 116 MB are mapped at the start, and what it frees is not given back at once.
MAPPED_AT_START = 256 << 20
# No game plays as long.
MAX_CALLS = 1 << 30
# How long the pool waits for an interpreter that does not look at its own clock, before it kills the worker.
GRACE_S = 1.0
# The library's threads do not outlive a fork: a pool in the child would wait for ever.
_started_in = 0
# What a fork copied belongs to the parent: to end it here would end the parent's workers.
_left_to_the_parent: list[object] = []


class ProgramFailed(Exception):
    """Raised where the source failed, as which exception, with which message."""

    def __init__(self, kind: str, message: str) -> None:
        """Keep both; the text is one line."""
        self.kind = one_line(kind)
        self.message = one_line(message) or "no message"
        super().__init__(f"{self.kind}: {self.message}")


class WorkerDied(Exception):
    """Raised where the worker is gone, through no fault that is known to be the program's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Called:
    """A source waits for what it called outside."""

    args: tuple[object, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """An answer that is no value: the call raises inside."""

    kind: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A source came to its end."""

    value: object


class Session:
    """One interpreter, fresh; what it runs may stop at a call, be written down, and go on in another."""

    def __init__(self, session: "MontySession", limits: Limits) -> None:
        """Enter the session and hold its worker down."""
        self._session = session
        self._limits = limits
        self._pid = os.getpid()
        self._snapshot: SyncSnapshot | None = None
        session.__enter__()
        self.worker = session.worker_pid
        _hold_down(self.worker, limits)

    def run(self, code: str, inputs: Mapping[str, object] | None = None) -> object:
        """Return the value of the last expression.

        Raises:
            ProgramFailed: the code failed.
            WorkerDied: so did its worker.
        """
        from pydantic_monty import CollectString, MontyError

        try:
            printed = CollectString(self._limits.output)
            return self._session.feed_run(code, inputs=dict(inputs or {}), external_lookup={}, print_callback=printed)
        except MontyError as error:
            raise _failure(error, self._limits) from None

    def start(self, code: str, inputs: Mapping[str, object]) -> Called | Ended:
        """Run the code up to its first call of what is outside.

        Raises:
            ProgramFailed: the code failed.
            WorkerDied: so did its worker.
        """
        from pydantic_monty import CollectString, MontyError

        try:
            printed = CollectString(self._limits.output)
            found = self._session.feed_start(code, inputs=dict(inputs), external_lookup={OUTSIDE: _is_outside}, print_callback=printed)
            return self._up_to_a_call(found)
        except MontyError as error:
            raise _failure(error, self._limits) from None

    def resume(self, answer: object) -> Called | Ended:
        """Answer the call and run on to the next.

        Raises:
            ProgramFailed: the code failed.
            WorkerDied: so did its worker.
        """
        from pydantic_monty import FunctionSnapshot, MontyError

        if not isinstance(self._snapshot, FunctionSnapshot):
            raise WorkerDied("nothing was called")
        result: ExternalResult = {"return_value": answer}
        if isinstance(answer, Refused):
            result = {"exc_type": cast("ExcType", answer.kind), "message": answer.message}
        try:
            return self._up_to_a_call(self._snapshot.resume(result))
        except MontyError as error:
            raise _failure(error, self._limits) from None

    def written_down(self) -> bytes:
        """Return all that is needed to wait on in another session.

        Raises:
            WorkerDied: the worker is gone.
        """
        from pydantic_monty import MontyError

        try:
            return self._session.dump()
        except MontyError as error:
            raise WorkerDied(str(error)) from None

    def wake(self, written_down: bytes) -> None:
        """Wait where another session waited.

        Raises:
            WorkerDied: the worker is gone.
        """
        from pydantic_monty import CollectString, MontyError

        try:
            printed = CollectString(self._limits.output)
            self._snapshot = self._session.load_snapshot(written_down, external_lookup={OUTSIDE: _is_outside}, print_callback=printed)
        except MontyError as error:
            raise WorkerDied(str(error)) from None

    def close(self) -> None:
        """Give the worker back."""
        self._snapshot = None
        if self._pid == os.getpid():
            self._session.__exit__(None, None, None)
        else:
            _left_to_the_parent.append(self._session)

    @property
    def is_ours(self) -> bool:
        """Whether this process opened it."""
        return self._pid == os.getpid()

    def _up_to_a_call(self, found: "SyncSnapshot") -> Called | Ended:
        """Refuse what the code asks of the system, up to its next call of what is outside, or its end."""
        from pydantic_monty import FunctionSnapshot, FutureSnapshot, MontyComplete

        for _ in range(self._limits.suspensions):
            if isinstance(found, MontyComplete):
                self._snapshot = None
                return Ended(value=found.output)
            if isinstance(found, FutureSnapshot):
                raise ProgramFailed("RuntimeError", "it awaited something other than its table")
            if isinstance(found, FunctionSnapshot) and not found.is_os_function and found.function_name == OUTSIDE:
                self._snapshot = found
                return Called(args=found.args)
            found = found.resume_auto()
        raise ProgramFailed("RuntimeError", f"it asked the system for something {self._limits.suspensions} times")


class Door:
    """A pool of workers, started when it is first needed."""

    def __init__(self, limits: Limits, workers: int, *, is_for_games: bool) -> None:
        """Remember what to start; nothing runs yet.

        A program has its time and its suspensions in all; a game has its time up to each call of its table, and calls it as often as
        it likes: who answers keeps count.
        """
        self._limits = limits
        self._workers = workers
        self._whole_s = None if is_for_games else limits.time_s
        self._suspensions = MAX_CALLS if is_for_games else limits.suspensions
        self._pool: Monty | None = None
        self._pid = 0
        self._ends: weakref.finalize[..., Door] | None = None

    def open(self) -> Session:
        """Return a fresh session.

        Raises:
            ConfigError: pydantic-monty is not installed, or only in part, or was started before this process was forked.
            WorkerDied: no worker could be started.
        """
        pool = self._started()
        from pydantic_monty import MontyError

        policy: OSPolicy = {"datetime": NOON, "timezone": "utc", "sleep": "zero", "random_start": {"seed": 0}}
        limits = self._limits
        try:
            checkout = pool.checkout(
                limits={
                    "max_feed_duration_secs": self._whole_s,
                    "max_turn_duration_secs": limits.time_s,
                    "max_memory": limits.memory,
                    "max_recursion_depth": limits.depth,
                    "max_suspensions": self._suspensions,
                },
                os_policy=policy,
            )
            return Session(checkout, limits)
        except MontyError as error:
            raise WorkerDied(str(error)) from None
        except (OSError, RuntimeError) as error:
            raise _not_installed(f"its worker did not start ({one_line(str(error))})") from None

    def close(self) -> None:
        """End the workers; the next session starts others."""
        if self._ends is not None:
            self._ends()
        self._pool = self._ends = None

    def _started(self) -> "Monty":
        global _started_in
        if self._pool is not None and self._pid == os.getpid():
            return self._pool
        try:
            from pydantic_monty import Monty
        except ModuleNotFoundError:
            raise _not_installed("it is not") from None
        if _started_in not in (0, os.getpid()):
            raise ConfigError(
                "the sandbox was started before this process was forked, and cannot be used here; "
                "start processes by spawn, or use the sandbox only in those that were forked"
            )
        try:
            pool = Monty(
                min_processes=0,
                max_processes=self._workers,
                request_timeout=self._limits.time_s + 2 * GRACE_S,
                turn_duration_limit_grace=GRACE_S,
                feed_duration_limit_grace=GRACE_S,
            )
            pool.__enter__()
        except OSError:
            raise _not_installed("its worker, the program `monty`, is not") from None
        _started_in = os.getpid()
        self._pool, self._pid = pool, os.getpid()
        self._ends = weakref.finalize(self, _end, pool, self._pid)
        return pool


def _not_installed(found: str) -> ConfigError:
    return ConfigError(f"the sandbox needs pydantic-monty to be installed, and {found}: pip install 'socratic-loop[sandbox]'")


def _end(pool: "Monty", pid: int) -> None:
    if pid == os.getpid():
        pool.__exit__(None, None, None)
    else:
        _left_to_the_parent.append(pool)


def _is_outside(*args: object) -> None:
    """Stand for what is outside: the name is known, and each call of it stops the code instead."""
    del args


def _hold_down(worker: int | None, limits: Limits) -> None:
    """Set the system's limits beneath the interpreter's; only Linux can do so to another process."""
    if worker is None or not hasattr(resource, "prlimit"):
        return
    held = {
        resource.RLIMIT_AS: MAPPED_AT_START + 2 * limits.memory,
        resource.RLIMIT_NOFILE: 0,  # pipes that are open stay so
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for what, most in held.items():
        try:
            resource.prlimit(worker, what, (most, most))
        except ProcessLookupError:
            return  # the first use of the session says so


def _failure(error: "MontyError", limits: Limits) -> ProgramFailed | WorkerDied:
    """Return what happened, in words that are the same each time: no address and no time."""
    from pydantic_monty import MontyCrashedError, MontyRuntimeError, MontySyntaxError

    if isinstance(error, MontyCrashedError):
        return _out_of_time(limits) if error.timed_out else WorkerDied(str(error))
    if not isinstance(error, (MontyRuntimeError, MontySyntaxError)):
        return ProgramFailed("TypeError", str(error))
    kind, _, message = error.display("type-msg").partition(":")
    if kind == "TimeoutError" and "time limit exceeded" in message:
        return _out_of_time(limits)
    if kind == "MemoryError" and re.search(r"memory limit|limit exceeded", message):
        return ProgramFailed(kind, f"more than {limits.memory >> 20} MiB, or more than {limits.output} characters printed")
    return ProgramFailed(kind.strip(), message)


def _out_of_time(limits: Limits) -> ProgramFailed:
    return ProgramFailed("TimeoutError", f"not over within {limits.time_s:g} s")
