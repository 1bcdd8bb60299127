"""What somebody in front of a terminal is told of time."""

import io
import threading

import pytest

from socratic.records import Generation
from socratic.tracker import console as module
from socratic.tracker.console import Console


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


class Watched(io.StringIO):
    """A stream that says when something was written."""

    def __init__(self) -> None:
        super().__init__()
        self.is_written = threading.Event()

    def write(self, text: str) -> int:
        count = super().write(text)
        self.is_written.set()
        return count


def left(stream: io.StringIO) -> str:
    """Return the time left that was printed last."""
    return stream.getvalue().splitlines()[-1].rpartition("| ")[2]


def test_the_time_left_counts_from_the_first_generation(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, stream = Clock(), io.StringIO()
    monkeypatch.setattr(module, "time", clock)
    console = Console(12, done=2, stream=stream, is_live=False)
    clock.now = 1000.0  # the set-up
    console.begin()
    said = []
    for index, seconds in enumerate((8.0, 2.0, 2.0, 5.0), start=2):
        clock.now += seconds
        console.record_generation(Generation(index=index, version=index, metrics={}, notes=(), episodes=(), feedback=()))
        said.append(left(stream))
    # 9 more like the first; then the first, which waited for workers, no longer counts: 8 of 2 s, 7 of 2 s, 6 of 3 s.
    assert said == ["1 min 12 s left", "16 s left", "14 s left", "18 s left"]


def test_what_takes_long_says_what_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.0)
    stream = Watched()
    with Console(1, stream=stream, is_live=False).waiting_for("the model to load"):
        assert stream.is_written.wait(30)
    assert stream.getvalue() == "socratic: waiting for the model to load\n"


def test_what_takes_no_time_says_nothing() -> None:
    stream = io.StringIO()
    with Console(1, stream=stream, is_live=False).waiting_for("nothing"):
        pass
    assert stream.getvalue() == ""
