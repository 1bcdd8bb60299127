"""A limit on the time that somebody else's code may take."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from socratic.game.failures import Through

# A timer set to 0 is off: one whose time is over rings now.
AT_ONCE_S = 1e-3
# Code that was given little of the processor has not had its time yet: on a busy machine it is let go on this often.
PATIENCE = 9
# What counts as little: less than this share of the time.
LITTLE = 0.25


class TimeIsUp(Through):
    """Raised where the code was when its time was up."""


@contextmanager
def time_limit(limit_s: float) -> Iterator[Callable[[], None]]:
    """Raise `TimeIsUp` in the body after `limit_s` seconds; a timer that was set before goes on afterwards.

    Where the machine is so busy that the body got less than a quarter of them, it gets as many again, up to ten times.

    What it yields, called, starts the time anew: cheap enough for every one of many steps.

    Only the main thread of a system with SIGALRM can be stopped so: elsewhere there is no limit.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield _nothing
        return
    watch = _Watch(limit_s)
    ring_before = signal.signal(signal.SIGALRM, watch.ring)
    started = time.monotonic()
    left_s, interval_s = signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield watch.begin_anew
    finally:
        watch.end()  # a bell that rang already may be heard only now, and must not set the timer that nobody will hear
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, ring_before)
        if left_s:
            signal.setitimer(signal.ITIMER_REAL, max(left_s - (time.monotonic() - started), AT_ONCE_S), interval_s)


class _Watch:
    """Looks at the processor's time when the wall clock rings."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._patience = PATIENCE
        self._busy_s = time.thread_time()
        self._is_over = False

    def end(self) -> None:
        self._is_over = True

    def begin_anew(self) -> None:
        self._patience = PATIENCE
        self._busy_s = time.thread_time()
        signal.setitimer(signal.ITIMER_REAL, self._limit_s)

    def ring(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self._is_over:
            return
        if self._patience and time.thread_time() - self._busy_s < LITTLE * self._limit_s:
            self._patience -= 1
            signal.setitimer(signal.ITIMER_REAL, self._limit_s)
            return
        raise TimeIsUp


def _nothing() -> None:
    """Stand in for a clock where there is none."""
