"""What runs in a Ray actor: one worker and the door to it. Light to import, so that the actor is there at once."""

import gc
import os
from collections.abc import Callable

from socratic.cluster.threads import torch_threads


class Host:
    """Holds one worker, and does nothing but call it."""

    def __init__(self, threads: int) -> None:
        """Say how many threads there are, before anything is loaded that asks.

        Ray sets OMP_NUM_THREADS to the CPUs that an actor reserves, which here is bookkeeping. A runtime environment
        could set it too, but then no process that Ray has started ahead fits, and the actor comes a second later.
        """
        self._threads = threads
        os.environ["OMP_NUM_THREADS"] = str(threads)
        # Threads that wait by spinning take the cores from the other actors: measured, 40 s a block beside the observer and not 5.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        self._worker: object = None

    def place(self) -> int:
        """Return the process id: the actor has a place."""
        return os.getpid()

    def build(self, factory: Callable[[], object]) -> None:
        """Build the worker."""
        with torch_threads(self._threads):
            self._worker = factory()
        # What is there now stays: the collector need not walk through torch's and Ray's modules in the middle of a block.
        gc.freeze()

    def call(self, method: str, item: object, *shared: object) -> object:
        """Return `worker.method(item, *shared)`; Ray has put the payloads in place of their handles."""
        with torch_threads(self._threads):
            result: object = getattr(self._worker, method)(item, *shared)
        return result
