"""What another library's code finds in place of the process's global things while it runs: generators of its own, and silence.

Libraries draw from `random` and `numpy.random`, print and warn. With `Surroundings` around every call, matches may be
interleaved, the process's own generators never move, and the same seed gives the same draws.
"""

import os
import random
import sys
import warnings
from contextlib import AbstractContextManager, ExitStack, redirect_stdout
from io import StringIO
from random import getstate, setstate  # noqa: TID251  (to put them back as they were)
from threading import RLock
from types import TracebackType

from socratic.seeds import Seed

# RandomState takes no more.
MASK_32 = (1 << 32) - 1
STDERR = 2
# The generators are the process's: one call at a time.
_one_at_a_time = RLock()


class QuietErrors(AbstractContextManager[None]):
    """No standard error, also of a library's C++: what it raises says the same. The whole process's, so only for a moment."""

    def __enter__(self) -> None:
        """Lead it nowhere."""
        _one_at_a_time.acquire()
        self._kept: int | None = None
        try:
            sys.stderr.flush()
            self._kept = os.dup(STDERR)
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), STDERR)
        except (OSError, ValueError, AttributeError):
            # A process without one has nothing to silence.
            return

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Lead it where it went."""
        if self._kept is not None:
            os.dup2(self._kept, STDERR)
            os.close(self._kept)
        _one_at_a_time.release()


class Surroundings(AbstractContextManager[None]):
    """Global generators that belong to one match; enter it around each call."""

    def __init__(self, seed: Seed) -> None:
        """Seed both generators."""
        from numpy.random import RandomState  # noqa: TID251  (seeded, and the match's own)

        self._states = (random.Random(seed.key).getstate(), RandomState(seed.key & MASK_32).get_state())
        self._depth = 0

    def __enter__(self) -> None:
        """Put them in place."""
        _one_at_a_time.acquire()
        self._depth += 1
        if self._depth == 1:
            self._stack = ExitStack()
            self._stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
            self._stack.enter_context(redirect_stdout(StringIO()))
            self._swap()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Put the process's own back."""
        if self._depth == 1:
            self._swap()
            self._stack.close()
        self._depth -= 1
        _one_at_a_time.release()

    def _swap(self) -> None:
        from numpy.random import get_state, set_state  # noqa: TID251  (to put them back as they were)

        ours = getstate(), get_state()
        setstate(self._states[0])
        set_state(self._states[1])
        self._states = ours
