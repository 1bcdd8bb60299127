"""The terminal: a live display where somebody watches, plain lines in a pipe or a file."""

import io
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO

import rich.console
from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from socratic.records import Assessment, Episode, Generation
from socratic.tracker.sanitise import sanitise
from socratic.tracker.summary import GameView, Summary, brief, duration
from socratic.tracker.transcript import transcript

# Above this a plain line for each generation is more than anybody reads.
SHORT_RUN = 100
PLAIN_LINES = 40
# Somebody who has waited so long wants to know for what.
PATIENCE_S = 3.0
# Each is shown once as a mirror's user would look for it; bookkeeping is not shown.
QUIET_EVENTS = {"checkpoint"}


class Console:
    """Shows a run as it goes: progress, the key metrics of each game, notes and events in words."""

    def __init__(self, total: int, *, done: int = 0, stream: TextIO | None = None, is_live: bool | None = None) -> None:
        """Show a run of `total` generations of which `done` were there before, on `stream` or standard output.

        `is_live` None: live where the stream is a terminal that can redraw.
        """
        stream = sys.stdout if stream is None else stream
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that knows no ⏎ shows '?' and does not end the run.
            stream.reconfigure(errors="replace")
        self._console = rich.console.Console(file=stream, highlight=False, soft_wrap=True)
        self._is_live = self._console.is_terminal and not self._console.is_dumb_terminal if is_live is None else is_live
        self._total = total
        self._every = 1 if total - done <= SHORT_RUN else max(1, (total - done) // PLAIN_LINES)
        self._summary = Summary()
        self._done = self._done_at_start = done
        self._started = self._first_ended = time.monotonic()
        self._progress = Progress(
            TextColumn("generation"), MofNCompleteColumn(), BarColumn(), TextColumn("{task.fields[left]}"), console=self._console
        )
        self._task = self._progress.add_task("", total=total, completed=done, left="")
        self._live: Live | None = None

    def say(self, message: str) -> None:
        """Print one line of the program's own: what it does, what it waits for."""
        self._line(f"socratic: {sanitise(message, 1000)}")

    @contextmanager
    def waiting_for(self, what: str) -> Iterator[None]:
        """Say what is waited for, where the block takes longer than anybody waits in silence."""
        timer = threading.Timer(PATIENCE_S, self.say, [f"waiting for {what}"])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def begin(self) -> None:
        """Count the time from here: the first generation starts."""
        self._started = time.monotonic()

    def show_episode(self, episode: Episode) -> None:
        """Print one transcript."""
        for line in transcript(episode):
            self._line(line)

    def record_generation(self, generation: Generation) -> None:
        """Show how far the run is and how its games stand; notes are printed."""
        self._summary.take_generation(generation)
        self._done = generation.index + 1
        if generation.index == self._done_at_start:
            self._first_ended = time.monotonic()
        if self._is_live:
            self._refresh()
        elif generation.index == self._done_at_start or self._done % self._every == 0 or self._done == self._total:
            self._line(self._plain_line())
        for note in generation.notes:
            if self._summary.is_news(note):
                self._line(f"note, generation {self._done}: {sanitise(note)}")

    def record_assessment(self, assessment: Assessment) -> None:
        """Print what the observer found."""
        self._summary.take_assessment(assessment)
        when = "at t0" if assessment.generation < 0 else f"after generation {assessment.generation + 1}"
        found = "; ".join(f"{sanitise(game, 40)} {_pairs(values)}" for game, values in self._summary.assessed(assessment).items())
        self._line(f"observer, {when}: {found or 'nothing to report'}")
        if self._live is not None:
            self._refresh()

    def record_event(self, generation: int, kind: str, message: str) -> None:
        """Print an alarm, a restart, a rollback."""
        if kind not in QUIET_EVENTS:
            self._line(f"{sanitise(kind, 40)}, generation {generation + 1}: {sanitise(message)}")

    def close(self) -> None:
        """Leave the last state on the screen and give the terminal back."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _refresh(self) -> None:
        self._progress.update(self._task, completed=self._done, left=f"{duration(self._seconds_left())} left")
        shown = Group(self._progress, _table(self._summary.games), Text(_pairs(self._summary.policy)))
        if self._live is None:
            self._live = Live(shown, console=self._console, refresh_per_second=4)
            self._live.start()
        else:
            self._live.update(shown)

    def _plain_line(self) -> str:
        games = [f"{sanitise(name, 40)} {_view_words(view)}" for name, view in list(self._summary.games.items())[:4]]
        parts = [f"generation {self._done}/{self._total}", *games, _pairs(self._summary.policy)]
        if self._done < self._total:
            parts.append(f"{duration(self._seconds_left())} left")
        return " | ".join(part for part in parts if part)

    def _seconds_left(self) -> float:
        # The first generation waits for the workers to start, so it counts only as long as there is no other.
        others = self._done - self._done_at_start - 1
        taken = self._first_ended - self._started if others < 1 else (time.monotonic() - self._first_ended) / others
        return taken * (self._total - self._done)

    def _line(self, text: str) -> None:
        # Text, not markup: what a model wrote between brackets stays what it wrote.
        self._console.print(Text(text))


def _table(games: Mapping[str, GameView]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("game", "reward by seat", "exploitability", "illegal"):
        table.add_column(title)
    for name, view in games.items():
        table.add_row(Text(sanitise(name, 40)), view.rewards, view.exploitability_words, brief(view.illegal_share))
    return table


def _view_words(view: GameView) -> str:
    words = {"reward": view.rewards, "exploitability": view.exploitability_words, "illegal": brief(view.illegal_share)}
    return " ".join(f"{name} {value}" for name, value in words.items() if value)


def _pairs(values: Mapping[str, float]) -> str:
    return " ".join(f"{sanitise(name, 60)} {brief(value)}" for name, value in values.items())
