"""An event loop without clock, network or threads, for asyncio code that a match drives.

Nothing happens on it but what its code does itself, in the order in which it was asked for. Its time moves only when nothing
else is left, to the next timer: so a sleep costs nothing, and a timeout never fires because a player thinks long.
"""

import asyncio
import heapq
from asyncio import AbstractEventLoop, Future, Handle, Task, TimerHandle
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import Any, TypeVar

from socratic.game.failures import GAME_FAILURES

T = TypeVar("T")

# A task may go on to wait for something else when it is cancelled; not for ever.
MAX_CANCELS = 3


def _ignore(loop: AbstractEventLoop, context: dict[str, object]) -> None:
    """Do nothing: what a task raised is raised where the match waits for it."""


class StillLoop(AbstractEventLoop):
    """Runs what is ready; what asyncio asks of a loop besides (sockets, processes, signals) raises NotImplementedError."""

    call_exception_handler = _ignore

    def __init__(self) -> None:
        """Start with nothing to do, at time 0."""
        self._ready: deque[Handle] = deque()
        self._timers: list[tuple[float, int, TimerHandle]] = []
        self._now = 0.0
        self._num_timers = 0
        self._is_closed = False

    def run_ready(self, is_waiting: Callable[[], bool]) -> None:
        """Run until nothing is ready; unless `is_waiting` then says so, go on with the timers, the earliest first."""
        outer = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            while self._ready or (not is_waiting() and self._next_timer()):
                handle = self._ready.popleft()
                if not handle.cancelled():
                    handle._run()
        finally:
            asyncio._set_running_loop(outer)

    def time(self) -> float:
        """Return how far the timers have moved it."""
        return self._now

    def call_soon(self, callback: Callable[..., object], *args: object, context: Context | None = None) -> Handle:
        """Run `callback` after what is ready already."""
        handle = Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(self, delay: float, callback: Callable[..., object], *args: object, context: Context | None = None) -> TimerHandle:
        """Run `callback` when the time has moved by `delay`."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Callable[..., object], *args: object, context: Context | None = None) -> TimerHandle:
        """Run `callback` when the time has moved to `when`."""
        timer = TimerHandle(when, callback, args, self, context)
        self._num_timers += 1
        heapq.heappush(self._timers, (when, self._num_timers, timer))
        return timer

    def run_in_executor(self, executor: object, func: Callable[..., T], *args: object) -> "Future[T]":
        """Run `func` here and now: a thread would make the order depend on timing."""
        del executor
        future: Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except GAME_FAILURES as error:  # raised where the future is awaited
            future.set_exception(error)
        return future

    def create_future(self) -> "Future[T]":
        """Return a future of this loop."""
        return Future(loop=self)

    def create_task(
        self, coro: Coroutine[Any, Any, T] | Generator[Any, None, T], *, name: str | None = None, context: Context | None = None
    ) -> "Task[T]":
        """Return a task that runs a coroutine on this loop."""
        return Task(coro, loop=self, name=name, context=context)

    def get_debug(self) -> bool:
        """Return False: debugging looks at the clock."""
        return False

    def is_running(self) -> bool:
        """Whether the loop may be asked for something."""
        return not self._is_closed

    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._is_closed

    def close(self) -> None:
        """Cancel every task and let each clean up."""
        if self._is_closed:
            return
        for _ in range(MAX_CANCELS):
            for task in asyncio.all_tasks(self):
                task.cancel()
            self.run_ready(lambda: True)
        self._is_closed = True
        self._ready.clear()
        self._timers.clear()

    def _next_timer(self) -> bool:
        """Move the time to the next timer that still counts; False where there is none."""
        while self._timers:
            when, _, timer = heapq.heappop(self._timers)
            if not timer.cancelled():
                self._now = max(self._now, when)
                self._ready.append(timer)
                return True
        return False

    def _timer_handle_cancelled(self, handle: TimerHandle) -> None:
        """Do nothing: cancelled timers are passed over."""
