"""The executor whose workers live in Ray actors. Loads ray when it is started, not before."""

import os
import pickle  # noqa: TID251  (a factory is pickled to see that it can be; nothing is unpickled here)
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from socratic.cluster.facts import tighten_token
from socratic.cluster.leases import OnEvent, log_event
from socratic.errors import ConfigError, RunError
from socratic.protocols import Workers

if TYPE_CHECKING:
    from socratic.cluster.ray_workers import RayWorkers

PLACEMENT_S = 60.0  # a place is found in one or two seconds, or never
PRIVATE_CPUS = 0.01  # of a CPU for each actor: nobody else reserves any, and five roles on two cores must not wait for each other


class RayExecutor:
    """Workers in Ray actors, on this machine or on a cluster.

    Ray starts in a thread of its own, so that whoever called `start` or `spawn` can load torch meanwhile. The thread stays for
    as long as Ray does, because Ray has the kernel end its processes with the thread that started them (PR_SET_PDEATHSIG).

    Ctrl-C reaches none of Ray's processes: they block SIGINT, and actors have process groups of their own. So a driver that
    only notes the first Ctrl-C gets the results it waits for, and one that lets KeyboardInterrupt rise calls `close`.
    """

    def __init__(
        self, address: str = "", object_store_mb: int = 200, *, placement_s: float = PLACEMENT_S, on_event: OnEvent = log_event
    ) -> None:
        """Remember what to start; nothing is started yet.

        Args:
            address: a running cluster; empty for a private Ray on this machine.
            object_store_mb: shared memory of a private Ray.
            placement_s: how long an actor may wait for its place.
            on_event: told of lost workers and repeated calls, as (kind, message), in the thread that waits for results.
        """
        self._address = address
        self._object_store_mb = object_store_mb
        self._placement_s = placement_s
        self._on_event = on_event
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._settled = threading.Event()  # Ray is up, or will not be
        self._closing = threading.Event()
        self._is_up = False
        self._failure: RunError | None = None
        self._crews: list[RayWorkers] = []

    def start(self) -> None:
        """Begin to start Ray, and return at once."""
        if self._thread is None:
            _prepare_environment(is_private=not self._address)
            self._thread = threading.Thread(target=self._keep, name="ray", daemon=True)
            self._thread.start()

    def spawn(
        self,
        name: str,
        factory: Callable[[], object],
        *,
        count: int = 1,
        threads: int = 1,
        lease_s: float = 600.0,
        gpus: float = 0.0,
    ) -> Workers:
        """Ask for `count` actors that each build a worker; returns before they, or Ray, are there.

        Raises:
            ValueError: `count` is not positive.
            ConfigError: the factory cannot travel to another process.
            RunError: the executor was closed. (That Ray cannot be started is said by the first call.)
        """
        if count < 1:
            raise ValueError(f"{name}: count is {count}, expected at least 1")
        _require_portable(name, factory)
        if self._closing.is_set():
            raise RunError(f"{name} was asked for after the executor was closed")
        self.start()
        from socratic.cluster.ray_workers import Crew, RayWorkers

        crew = Crew(
            name=name,
            factory=factory,
            count=count,
            threads=threads,
            cpus=threads if self._address else PRIVATE_CPUS,
            gpus=gpus,
            lease_s=lease_s,
            placement_s=self._placement_s,
            on_event=self._on_event,
        )
        workers = RayWorkers(crew, self._await_ray)
        with self._lock:
            self._crews.append(workers)
            if self._is_up:
                workers.hire()
        return workers

    def close(self) -> None:
        """Kill the actors, end Ray and wait until its processes are gone; a second call does nothing."""
        if self._thread is None:
            return
        self._settled.wait()
        if self._is_up:
            from socratic.cluster.ray_session import disconnect

            self._is_up = False
            for workers in self._crews:
                workers.close()
            disconnect()
        self._closing.set()
        self._thread.join()

    def _keep(self) -> None:
        """Start Ray and stay until it is closed."""
        try:
            from socratic.cluster.ray_session import connect

            tighten_token()
            connect(self._address, self._object_store_mb)
            tighten_token()  # a token that Ray has just made is readable by everybody
            with self._lock:
                for workers in self._crews:
                    workers.hire()
                self._is_up = True
                self._settled.set()
        except RunError as error:
            self._failure = error
        finally:
            self._settled.set()
        self._closing.wait()

    def _await_ray(self) -> None:
        """Wait until Ray is up.

        Raises:
            RunError: it could not be started, or was closed.
        """
        self._settled.wait()
        if self._failure is not None:
            raise self._failure
        if not self._is_up:
            raise RunError("the executor was closed" if self._closing.is_set() else "Ray did not start; the traceback above says why")


def _prepare_environment(is_private: bool) -> None:
    """Say what Ray reads while it is imported and when it starts its processes."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")  # else `uv run` has every actor build an environment
    # A driver prints what the raylet says of dead workers to stdout, whatever the logging options; `on_event` says it in our words.
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
    if is_private and os.environ.get("RAY_AUTH_MODE") != "token":
        # Ray listens on every interface, and whoever may call it runs code: the token is what keeps strangers out, and Ray's
        # default. It is not set here, because a ray that is loaded already would not notice, and refuse itself.
        os.environ.pop("RAY_AUTH_MODE", None)


def _require_portable(name: str, factory: Callable[[], object]) -> None:
    try:
        pickle.dumps(factory)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ConfigError(
            f"the factory of {name!r} cannot travel to an actor: {error}; make it a module's function or class, "
            "a functools.partial of one, or a frozen dataclass with __call__, and let it open files and devices only when called"
        ) from None
