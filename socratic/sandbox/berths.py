"""Thousands of games from source over a few workers.

A game that waits for a player waits in its worker as long as nobody else needs it, and written down (about 6 KB) after that. It is
also the sum of the answers it was given: it starts again from them where its worker died, and what is known to follow from them is
not run again, so that a small game soon needs no worker at all.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Mapping

from socratic.sandbox.door import Called, Door, Ended, ProgramFailed, Refused, Session, WorkerDied
from socratic.sandbox.limits import Limits
from socratic.sandbox.plain import fingerprint, size_of

# Once for a worker that something else killed; a game that kills it again does so itself.
TRIES = 2
# Characters of the steps that are known; up to ten times as many bytes.
MAX_KNOWN = 4_000_000


class KnownSteps:
    """What followed from a script and the answers to it so far; the steps longest unused are forgotten first."""

    def __init__(self, most: int = MAX_KNOWN) -> None:
        """Know nothing yet."""
        self._most = most
        self._size = 0
        self._steps: OrderedDict[bytes, tuple[Called | Ended, int]] = OrderedDict()

    def get(self, key: bytes) -> Called | Ended | None:
        """Return what followed; None where it is not known."""
        known = self._steps.get(key)
        if known is None:
            return None
        self._steps.move_to_end(key)
        return known[0]

    def add(self, key: bytes, step: Called | Ended) -> None:
        """Remember what followed, unless it is larger than all that may be known."""
        size = size_of(step.args if isinstance(step, Called) else step.value, self._most)
        if size > self._most:
            return
        _, size_before = self._steps.get(key, (step, 0))
        self._steps[key] = (step, size)
        self._size += size - size_before
        while self._size > self._most:
            self._size -= self._steps.popitem(last=False)[1][1]


class Berths:
    """The workers of the games, and who waits in them; the game that moved longest ago leaves first."""

    def __init__(self, limits: Limits, workers: int) -> None:
        """Remember what to start; the workers start with the first game."""
        self.limits = limits
        self.lock = threading.RLock()
        self.known = KnownSteps()
        self._workers = workers
        self._door = Door(limits, workers, is_for_games=True)
        self._inside: OrderedDict[int, PausedGame] = OrderedDict()
        self._left: deque[Session] = deque()

    def enter(self, game: "PausedGame") -> Session:
        """Return a fresh session for a game, another's if need be.

        Raises:
            WorkerDied: no worker could be started.
        """
        self._give_back()
        while len(self._inside) >= self._workers:
            _, longest_waiting = self._inside.popitem(last=False)
            longest_waiting.step_out()
        self._give_back()
        session = self._door.open()
        self._inside[id(game)] = game
        return session

    def touch(self, game: "PausedGame") -> None:
        """Note that a game moves."""
        self._inside.move_to_end(id(game))

    def leave(self, game: "PausedGame", session: Session) -> None:
        """Take a session back, when there is time: the garbage collector may be who says so, amid anything."""
        self._left.append(session)
        self._inside.pop(id(game), None)

    def close(self) -> None:
        """End the workers; games that wait start again from their answers."""
        with self.lock:
            self._give_back()
            while self._inside:
                self._inside.popitem()[1].step_out()
            self._give_back()
            self._door.close()

    def _give_back(self) -> None:
        while self._left:
            self._left.popleft().close()


class PausedGame:
    """A source that runs in a worker from call to call."""

    def __init__(self, berths: Berths, script: str, expression: str, inputs: Mapping[str, object]) -> None:
        """Remember what to run; nothing runs yet."""
        self._berths = berths
        self._script = script
        self._expression = expression
        self._inputs = inputs
        self._session: Session | None = None
        self._written_down: bytes | None = None
        self._answers: list[object] = []
        self._num_taken = 0  # how many of the answers the session has had
        self._key = b""

    def start(self) -> Called | Ended:
        """Return the first call.

        Raises:
            ProgramFailed: the source failed, or its inputs are not plain.
        """
        self._add_to_key(self._script, self._expression, list(self._inputs.items()))
        return self._next()

    def resume(self, answer: object) -> Called | Ended:
        """Answer the call and return the next.

        Raises:
            ProgramFailed: the source failed, or the answer is not plain.
        """
        self._add_to_key(*(("refused", answer.kind, answer.message) if isinstance(answer, Refused) else ("answered", answer)))
        self._answers.append(answer)
        return self._next()

    def step_out(self) -> None:
        """Leave the worker to another."""
        session, self._session = self._session, None
        if session is None:
            return
        if session.is_ours:
            try:
                self._written_down = session.written_down()
            except WorkerDied:
                self._written_down = None
        self._berths.leave(self, session)

    def close(self) -> None:
        """Leave for good."""
        session, self._session = self._session, None
        self._written_down = None
        if session is not None:
            self._berths.leave(self, session)

    def _add_to_key(self, *given: object) -> None:
        try:
            self._key = fingerprint(self._key, *given)
        except ValueError as error:
            raise ProgramFailed("TypeError", f"what it is given is not plain: {error}") from None

    def _next(self) -> Called | Ended:
        with self._berths.lock:
            step = self._berths.known.get(self._key)
            if step is None:
                step = self._run()
                self._berths.known.add(self._key, step)
        return step

    def _run(self) -> Called | Ended:
        for _ in range(TRIES):
            try:
                return self._caught_up()
            except WorkerDied:
                self.close()
        raise ProgramFailed("RuntimeError", f"its worker died {TRIES} times")

    def _caught_up(self) -> Called | Ended:
        """Give a session the answers that it has not had, and return what follows from the last."""
        if self._session is not None and not self._session.is_ours:
            self.close()
        step = None
        if self._session is not None:
            session = self._session
            self._berths.touch(self)
        else:
            session = self._session = self._berths.enter(self)
            if self._written_down is not None:
                session.wake(self._written_down)
                self._written_down = None
            else:
                session.run(self._script)
                step = session.start(self._expression, self._inputs)
                self._num_taken = 0
        for answer in self._answers[self._num_taken :]:
            step = session.resume(answer)
            self._num_taken += 1
        if step is None:
            raise WorkerDied("it had all answers before")
        return step
