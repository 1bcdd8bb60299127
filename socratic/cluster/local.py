"""The executor that needs no other process: for debugging, for fast tests, and as the truth that Ray must equal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from socratic.cluster.threads import torch_threads
from socratic.errors import DoorLost
from socratic.protocols import Door, Pending, Workers


class LocalExecutor:
    """Workers in this process, called one after the other."""

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
        """Return `count` separate workers, each built when it is first called.

        `lease_s` is not used: nobody is there to take the call away; nor is `gpus`: this process sees them all. `threads` is what
        torch may use during a call.

        Raises:
            ValueError: `count` is not positive.
        """
        del lease_s, gpus
        if count < 1:
            raise ValueError(f"{name}: count is {count}, expected at least 1")
        return LocalWorkers(factory, count, threads)

    def close(self) -> None:
        """Do nothing: workers end with their last reference."""


class LocalWorkers:
    """Separate instances, to which items are dealt in turn.

    Arguments and results are passed by reference where Ray would copy them: what is passed must not be changed afterwards.
    """

    def __init__(self, factory: Callable[[], object], count: int, threads: int) -> None:
        self._factory = factory
        self._threads = threads
        self._workers: list[object | None] = [None] * count

    def share(self, payload: object) -> object:
        """Return the payload itself: it is in this process already."""
        return payload

    def map(self, method: str, items: Sequence[object], *shared: object) -> list[object]:
        """Return `worker.method(item, *shared)` for each item, in the order of the items."""
        return [self.call(position % len(self._workers), method, item, shared) for position, item in enumerate(items)]

    def start(self, method: str, items: Sequence[object], *shared: object) -> Pending:
        """Return calls that are made when their results are first asked for."""
        return LocalPending(partial(self.map, method, items, *shared))

    def submit(self, method: str, item: object, *shared: object) -> Pending:
        """Return a call on the first worker that is made when its result is first asked for."""
        return LocalPending(partial(self.call, 0, method, item, shared))

    def door(self) -> Door:
        """Return the way to the first worker."""
        return LocalDoor(self)

    def mend(self, lost: DoorLost) -> None:
        """Do nothing: what is in this process is not lost."""

    def close(self) -> None:
        """Forget the workers; a later call builds new ones."""
        self._workers = [None] * len(self._workers)

    def call(self, position: int, method: str, item: object, shared: tuple[object, ...]) -> object:
        """Call a method of the worker at `position`, building it first where that has not happened."""
        with torch_threads(self._threads):
            worker = self._workers[position]
            if worker is None:
                worker = self._workers[position] = self._factory()
        with torch_threads(self._threads):  # again: the factory may be what loaded torch
            result: object = getattr(worker, method)(item, *shared)
        return result


@dataclass(frozen=True, slots=True)
class LocalDoor:
    """The way to a worker in this process."""

    workers: LocalWorkers

    def call(self, method: str, item: object, *shared: object) -> object:
        """Return `worker.method(item, *shared)`."""
        return self.workers.call(0, method, item, shared)


@dataclass(slots=True)
class LocalPending:
    """What is called once, when its result is first asked for."""

    call: Callable[[], object]
    _results: list[object] = field(default_factory=list)

    def result(self) -> object:
        """Make the call, or return what it returned before."""
        if not self._results:
            self._results.append(self.call())
        return self._results[0]
