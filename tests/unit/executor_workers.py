"""Workers for the tests of executors: importable by name, so that an actor can build them."""

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from socratic.errors import DoorLost, ModelMissing, SyncError
from socratic.protocols import Door


@dataclass(frozen=True)
class Multiplier:
    """A pure worker."""

    factor: int = 3

    def times(self, item: int) -> int:
        return self.factor * item

    def dot(self, item: int, left: Sequence[npt.NDArray[np.float32]], right: int) -> tuple[int, float, int]:
        return item, float(sum(array.sum() for array in left)), right

    def measure(self, item: bytes) -> int:
        return len(item)

    def refuse(self, item: int) -> None:
        raise SyncError(f"found {item}, expected b; send it again")

    def explode(self, item: int) -> None:
        raise ValueError(f"no such item as {item}")


class Counter:
    """A worker that remembers, as none should: it tells instances apart."""

    def __init__(self) -> None:
        self.calls = 0

    def count(self, item: int) -> tuple[int, int, int]:
        del item
        self.calls += 1
        return os.getpid(), id(self), self.calls


class Threads:
    """Says how many threads there are."""

    def environment(self, item: int) -> str:
        del item
        return os.environ["OMP_NUM_THREADS"]

    def torch(self, item: int) -> int:
        del item
        import torch

        return torch.get_num_threads()


@dataclass(frozen=True)
class Mortal:
    """A worker that dies or hangs at item 1 while `flag` exists; it takes the flag away unless it is `always` so."""

    flag: Path
    always: bool = False

    def die(self, item: int) -> int:
        if self._is_struck(item):
            os.kill(os.getpid(), signal.SIGKILL)
        return item * item

    def hang(self, item: int) -> int:
        if self._is_struck(item):
            signal.pause()
        return item * item

    def wait_at(self, item: Path) -> str:
        """Write the process id into a pipe, then wait for a word from another."""
        item.with_suffix(".pid").write_text(str(os.getpid()))
        return item.read_text()

    def _is_struck(self, item: int) -> bool:
        if item != 1 or not self.flag.exists():
            return False
        if not self.always:
            self.flag.unlink()
        return True


@dataclass(frozen=True)
class Sent:
    """The way to another crew and a handle of what that crew shares, as they travel together."""

    door: Door
    handle: object = None


class Asker:
    """A worker that asks another one."""

    def ask(self, item: int, sent: Sent) -> object:
        return sent.door.call("times", item)

    def ask_to_refuse(self, item: int, sent: Sent) -> object:
        return sent.door.call("refuse", item)

    def ask_with_what_is_shared(self, item: int, sent: Sent) -> object:
        return sent.door.call("dot", item, sent.handle, 2)

    def ask_mortal(self, method: str, sent: Sent) -> object:
        """Return what became of it: two answers, or the worker that was lost."""
        try:
            return [sent.door.call(method, item) for item in (1, 3)]
        except DoorLost as lost:
            return lost


def missing_model() -> Multiplier:
    raise ModelMissing("no model 'x' on this machine; try `socratic models add x`")
