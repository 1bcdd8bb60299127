"""A limit on the time that somebody else's code may take."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# A timer set to 0 is off: one whose time is over rings now.
AT_ONCE_S = 1e-3


class TimeIsUp(BaseException):
    """Raised where the code was when its time was up; past the handlers that a game may have for errors of its own."""


@contextmanager
def time_limit(limit_s: float) -> Iterator[None]:
    """Raise `TimeIsUp` in the body after `limit_s` seconds; a timer that was set before goes on afterwards.

    Only the main thread of a system with SIGALRM can be stopped so: elsewhere there is no limit.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return
    ring_before = signal.signal(signal.SIGALRM, _ring)
    started = time.monotonic()
    left_s, interval_s = signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, ring_before)
        if left_s:
            signal.setitimer(signal.ITIMER_REAL, max(left_s - (time.monotonic() - started), AT_ONCE_S), interval_s)


def _ring(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise TimeIsUp
