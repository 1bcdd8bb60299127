"""The terminal of a study: a bar where somebody watches, plain lines in a pipe or a file."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

import rich.console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from socratic.tracker.sanitise import sanitise
from socratic.tracker.summary import duration


class StudyProgress:
    """Says how far a study is and how long it still takes."""

    def __init__(self, stream: TextIO | None = None, *, is_live: bool | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Speak on `stream` or standard output; `is_live` None: a bar where the stream is a terminal that can redraw."""
        self._console = rich.console.Console(file=sys.stdout if stream is None else stream, highlight=False, soft_wrap=True)
        self._is_live = self._console.is_terminal and not self._console.is_dumb_terminal if is_live is None else is_live
        self._bar = Progress(TextColumn("{task.fields[runs]}"), BarColumn(), TextColumn("{task.fields[left]}"), console=self._console)
        self._task = self._bar.add_task("", total=1.0, runs="", left="")
        self._clock = clock
        self._begun: tuple[float, float] | None = None

    def say(self, message: str) -> None:
        """Print one line."""
        self._console.print(Text(f"socratic: {sanitise(message, 1000)}"))

    def show(self, done: float, total: float, runs: str) -> str:
        """Show that `done` of `total` is done, in any unit that costs the same everywhere; return the time left in words.

        What was done at the first call was done before, and says nothing about how fast it goes.
        """
        now = self._clock()
        if self._begun is None:
            self._begun = (now, done)
        since, before = self._begun
        left = duration((now - since) * (total - done) / (done - before)) + " left" if done > before else ""
        if self._is_live:
            self._bar.start()
            self._bar.update(self._task, completed=done, total=total, runs=runs, left=left)
        return left

    def close(self) -> None:
        """Leave the last state on the screen and give the terminal back."""
        if self._is_live:
            self._bar.stop()
