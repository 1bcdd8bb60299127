"""A run's process as its study sees it, and the operator's wish to leave."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# The first Ctrl-C lets a run checkpoint, the second lets it leave at once, the third ends it.
TIMES_TO_KILL = 3


class Process:
    """A command that writes what it says into a file."""

    def __init__(self, words: Sequence[str], log: Path) -> None:
        """Start it, on one thread, out of reach of the terminal's own Ctrl-C.

        Raises:
            OSError: it cannot be started, or the file not be written.
        """
        self.log = log
        self._told = 0
        self._since = time.monotonic()
        with log.open("ab") as written:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                env={**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
                start_new_session=True,
            )

    @property
    def seconds(self) -> float:
        """How long it has been running, or ran."""
        return time.monotonic() - self._since

    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def complaint(self) -> str | None:
        """Return why it ended otherwise than well, in its own last words where it has any; None where it ended well."""
        code = self._process.wait()
        if code == 0:
            return None
        said = [line for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        return said[-1].removeprefix("socratic: ") if said and code > 0 else f"ended by signal {-code}" if code < 0 else f"exit code {code}"

    def tell_to_leave(self, times: int) -> None:
        """Pass on that the operator asked so many times."""
        while self._told < times and not self.is_over():
            self._told += 1
            self._process.send_signal(signal.SIGKILL if self._told >= TIMES_TO_KILL else signal.SIGINT)

    def end(self) -> None:
        """End it, whatever it is doing, and wait until it is over."""
        self._process.kill()
        self._process.wait()


class Stops:
    """How often the operator has asked to leave."""

    def __init__(self) -> None:
        """Begin with no request."""
        self.count = 0

    def note(self, number: int, frame: FrameType | None) -> None:
        """Count one more: a signal's handler."""
        del number, frame
        self.count += 1


@contextmanager
def counted_stops() -> Iterator[Stops]:
    """Count Ctrl-C and the request to end inside the block, where they break nothing off."""
    stops = Stops()
    before = {number: signal.signal(number, stops.note) for number in STOP_SIGNALS}
    try:
        yield stops
    finally:
        for number, former in before.items():
            signal.signal(number, former)
