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


class TimeIsUp(Through):
    """Raised where the code was when its time was up."""


@contextmanager
def time_limit(limit_s: float) -> Iterator[Callable[[], None]]:
    """Raise `TimeIsUp` in the body after `limit_s` seconds; a timer that was set before goes on afterwards.

    What it yields, called, starts the time anew: cheap enough for every one of many steps.

    Only the main thread of a system with SIGALRM can be stopped so: elsewhere there is no limit.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield _nothing
        return
    ring_before = signal.signal(signal.SIGALRM, _ring)
    started = time.monotonic()
    left_s, interval_s = signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield lambda: _start(limit_s)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, ring_before)
        if left_s:
            signal.setitimer(signal.ITIMER_REAL, max(left_s - (time.monotonic() - started), AT_ONCE_S), interval_s)


def _start(limit_s: float) -> None:
    signal.setitimer(signal.ITIMER_REAL, limit_s)


def _nothing() -> None:
    """Stand in for a clock where there is none."""


def _ring(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise TimeIsUp
