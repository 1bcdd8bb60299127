"""The other form of a game: pure functions on a JSON state, for bridges, solvers and search.

`StepGame` implements `play` on them, and says at every state that what follows depends on the state alone, so that
optimal play is worked out once for each state.
"""

import inspect
import json
from collections.abc import Sequence
from types import FunctionType
from typing import Generic, TypeVar, cast

from socratic.errors import GameError
from socratic.game.contract import Game
from socratic.game.table import Scores, Table
from socratic.records import ParameterValue

State = TypeVar("State")  # plain JSON: dict, list, str, int, float, bool, None

CHANCE = -1


class StepGame(Game, Generic[State]):
    """A game as a state machine.

    Write `start(self, *, parameters) -> State` and the methods below; none may change the state it is given.
    """

    def to_act(self, state: State) -> int | None:
        """Return the seat to act, `CHANCE`, or None when the game is over."""
        raise NotImplementedError

    def observe(self, state: State, seat: int) -> str:
        """Return what the seat is shown when it is to act."""
        raise NotImplementedError

    def legal(self, state: State) -> Sequence[str]:
        """Return the moves of the seat to act, or the outcomes at a chance state."""
        raise NotImplementedError

    def weights(self, state: State) -> Sequence[float] | None:
        """Return a weight for each outcome at a chance state; None: all alike."""
        del state
        return None

    def hidden_from(self, state: State) -> tuple[int, ...] | None:
        """Return the seats that cannot tell the outcome of a chance state, as in `Table.choose`; None: it is no secret."""
        del state
        return None

    def act(self, state: State, move: str) -> State:
        """Return the state after a move or an outcome."""
        raise NotImplementedError

    def scores(self, state: State) -> Scores:
        """Return the scores of a state that is over."""
        raise NotImplementedError

    async def play(self, t: Table, **params: ParameterValue) -> Scores:
        """Play from the start to the end."""
        state = self.first_state(**params)
        while (seat := self.to_act(state)) is not None:
            t.same(json.dumps(state, sort_keys=True))
            moves = self.legal(state)
            if seat == CHANCE:
                move = t.choose(moves, self.weights(state), hidden_from=self.hidden_from(state))
            else:
                move = await t.ask(seat, self.observe(state, seat), moves)
            state = self.act(state, move)
        return self.scores(state)

    def first_state(self, **params: ParameterValue) -> State:
        """Return the state that `start` makes of the parameters."""
        return cast("State", self._rules_in_code()(self, **params))

    def _rules_in_code(self) -> FunctionType:
        start = inspect.getattr_static(self, "start", None)
        if not isinstance(start, FunctionType):
            raise GameError(f"{type(self).__name__} has no `def start(self, *, ...)` that makes its first state")
        return start
