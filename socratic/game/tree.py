"""The exact tree of a small game: values, best responses, NashConv and equilibria of any strategy, with no solver written.

Every game whose asks all carry a list has one, up to the cap. A strategy is one array of probabilities for each information
state, over its legal moves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import inf
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from socratic.errors import GameError
from socratic.game.calls import Clerk, NoClerk
from socratic.game.contract import Game, Params
from socratic.game.enumeration import InformationState, TreeArrays, Walker
from socratic.game.solve import equilibrium
from socratic.game.table import Request
from socratic.game.tree_values import (
    TIE,
    Floats,
    SeatOrder,
    best_response,
    edge_probabilities,
    induct,
    leaf_reach,
    own_reach,
    seat_order,
)
from socratic.records import Line, ParameterValue
from socratic.seeds import Seed

Strategy: TypeAlias = Sequence[NDArray[np.float64]]

# As far as the probabilities of a float32 policy may sum from 1.
SUM_TOLERANCE = 1e-4
# A declared optimum is worked out by other sums than the tree's.
CLAIM_TOLERANCE = 1e-6
# Passes of one climb to a joint plan: each gains or is the last, and few are needed.
MAX_PASSES = 20
# Starts in search of a plan that is as good as the declared optimum; most games' are found within ten.
NUM_STARTS = 200

__all__ = ["InformationState", "OptimalMoves", "OutcomeShares", "Strategy", "Tree", "enumerate_tree"]


@dataclass(frozen=True, kw_only=True, slots=True)
class OutcomeShares:
    """How often a seat wins, draws and loses: has more than the mean of all scores, just that, or less."""

    win: float
    draw: float
    loss: float


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimalMoves:
    """The best moves of one information state under optimal play of both."""

    indexes: tuple[int, ...]  # into the state's `legal`
    value: float  # the mover's
    is_winnable: bool  # the mover's value is above a draw's


def enumerate_tree(
    game: Game, params: Params | None = None, max_leaves: int = 100_000, *, merge: bool = False, clerk: Clerk | None = None
) -> "Tree":
    """Return the whole tree of a game.

    Args:
        game: A game whose asks all carry a list.
        params: Its parameters; defaults fill what is left out.
        max_leaves: How many leaves to walk before giving up.
        merge: Join positions with equal `t.same`. For optimal play of large games: an information state then shows what one
            of the paths to it showed, so a policy that reads its view is measured exactly only without.
        clerk: Who runs the programs of a game that executes some.

    Raises:
        GameTooLarge: more leaves than the cap, an ask without a list, or no end.
        GameError: the game breaks its contract.
    """
    walker = Walker(game, params, max_leaves=max_leaves, merge=merge, clerk=clerk or NoClerk())
    arrays = walker.walk()
    return Tree(game, walker.params, tuple(walker.states), arrays)


class Tree:
    """The whole tree of a game, and what follows from it."""

    def __init__(self, game: Game, params: dict[str, ParameterValue], states: tuple[InformationState, ...], arrays: TreeArrays) -> None:
        self.game = game
        self.params = params
        self.information_states = states
        self._arrays = arrays
        self._orders: dict[int, SeatOrder] = {}
        if arrays.is_merged and not self.is_perfect_information:
            raise GameError(f"{game.name} hides information; t.same may merge positions only where every seat sees all")

    @property
    def num_leaves(self) -> int:
        """How many ways the game can end."""
        return len(self._arrays.leaf_L)

    @property
    def is_merged(self) -> bool:
        """Whether equal positions were joined, so that a state does not tell how it was reached."""
        return self._arrays.is_merged

    @cached_property
    def is_perfect_information(self) -> bool:
        """Whether every seat always knows all that has happened."""
        return bool((self._arrays.num_nodes_I == 1).all())

    @cached_property
    def is_common_payoff(self) -> bool:
        """Whether all seats always get the same score, so that they play for one thing; true of one seat."""
        scores_LS = self._arrays.scores_LS
        return bool((np.abs(scores_LS - scores_LS[:, :1]) <= TIE).all())

    def state_of(self, request: Request) -> InformationState | None:
        """Return the information state that a request comes from; None where it was reached by an illegal move."""
        return self._state_of_view.get((request.seat, _texts(request.view), request.legal))

    def uniform(self) -> list[Floats]:
        """Return the strategy that plays every legal move alike."""
        return [np.full(len(state.legal), 1.0 / len(state.legal)) for state in self.information_states]

    def mixed(self, strategy_a: Strategy, strategy_b: Strategy, seat: int) -> list[Floats]:
        """Return the strategy that plays `strategy_a` in `seat` and `strategy_b` elsewhere."""
        return [strategy_a[state.index] if state.seat == seat else strategy_b[state.index] for state in self.information_states]

    def average(self, strategies: Sequence[Strategy]) -> list[Floats]:
        """Return the strategy that plays as a seat does which draws one of `strategies` before each match, all alike.

        Behaviour at an information state is averaged by how probable each strategy's own moves make it (H. W. Kuhn, "Extensive games
        and the problem of information", 1953); where none of them comes, all weigh alike.

        Raises:
            GameError: positions were merged, so that a state does not tell how it was reached.
        """
        if self._arrays.is_merged:
            raise GameError(f"the tree of {self.game.name} was merged by t.same; an average needs every path: enumerate it without")
        sigma_KE = np.stack([self._flat(strategy) for strategy in strategies])
        reach_KI = np.stack([own_reach(self._arrays, sigma) for sigma in sigma_KE])
        reach_KI[:, reach_KI.sum(axis=0) == 0.0] = 1.0
        share_KE = (reach_KI / reach_KI.sum(axis=0))[:, self._owner_of_slot[:-1]]
        return self._split((share_KE * sigma_KE).sum(axis=0))

    def values(self, strategy: Strategy) -> tuple[float, ...]:
        """Return the expected score of each seat."""
        return tuple((self._leaf_reach(strategy) @ self._arrays.scores_LS).tolist())

    def score_shares(self, strategy: Strategy, seat: int) -> dict[float, float]:
        """Return the probability of each score that a seat can get."""
        scores, at = np.unique(self._arrays.scores_LS[:, seat], return_inverse=True)
        shares = np.bincount(at, weights=self._leaf_reach(strategy), minlength=len(scores))
        return dict(zip(scores.tolist(), shares.tolist(), strict=True))

    def outcome_shares(self, strategy: Strategy, seat: int) -> OutcomeShares:
        """Return how often a seat wins, draws and loses; one seat alone always draws: ask `score_shares`."""
        reach_L = self._leaf_reach(strategy)
        lead_L = self._arrays.scores_LS[:, seat] - self._arrays.scores_LS.mean(axis=1)
        win, loss = float(reach_L[lead_L > TIE].sum()), float(reach_L[lead_L < -TIE].sum())
        return OutcomeShares(win=win, draw=float(reach_L[np.abs(lead_L) <= TIE].sum()), loss=loss)

    def best_response(self, strategy: Strategy, seat: int) -> tuple[float, list[Floats]]:
        """Return what a seat gets at most while the others play `strategy`, and that strategy with such a pure reply in it."""
        sigma = self._flat(strategy)
        if self._arrays.is_merged:
            found = induct(self._arrays, sigma, frozenset({seat}))
            return float(found.values_NS[0, seat]), self._split(found.sigma)
        if seat not in self._orders:
            self._orders[seat] = seat_order(self._arrays, seat)
        value, reply = best_response(self._arrays, sigma, seat, self._orders[seat])
        return value, self._split(reply)

    def best_joint(self, num_starts: int, enough: float = inf) -> tuple[list[Floats], float]:
        """Return the best plan that seats with one aim reach by best responses in turn, and what it is worth: a bound from below.

        Args:
            num_starts: How many uneven strategies to climb from; the same ones at every call.
            enough: What a plan is worth that need not be improved on.

        Raises:
            GameError: the seats have different aims.
        """
        if not self.is_common_payoff:
            raise GameError(f"{self.game.name} has seats with different aims: no plan is the best for all")
        best, best_value = self.uniform(), -inf
        for start in range(num_starts):
            plan, value = self._climb(self._uneven(Seed(start).child("starts")))
            if value > best_value + TIE:
                best, best_value = plan, value
            if best_value >= enough:
                break
        return best, best_value

    def optimal_play(self) -> list[Floats]:
        """Return a strategy that nobody can improve on: alone, against one opponent, or together where the optimum is declared.

        Raises:
            GameError: no such strategy is known.
            SocraticError: hidden information, and scipy is not installed.
        """
        name, seats = self.game.name, len(self.game.seats)
        if self.game.zero_sum and seats == 2:
            return self.solve()[0]
        if seats == 1:
            return self.best_response(self.uniform(), 0)[1]
        if not self.is_common_payoff:
            raise GameError(f"{name} has {seats} seats with different aims, so that how to play well depends on the others")
        declared = self.game.best_score(self.params)
        if declared is None:
            raise GameError(f"{name} declares no optimum that says whether a joint plan is the best")
        plan, value = self.best_joint(NUM_STARTS, enough=declared - CLAIM_TOLERANCE)
        if value < declared - CLAIM_TOLERANCE:
            raise GameError(f"{name} has the optimum {declared:g}, and the best joint plan that was found is worth {value:g}")
        return plan

    def nash_conv(self, strategy: Strategy) -> float:
        """Return the sum over seats of what each would gain by a best response."""
        values = self.values(strategy)
        return sum(self.best_response(strategy, seat)[0] - value for seat, value in enumerate(values))

    def exploitability(self, strategy: Strategy) -> float:
        """Return NashConv by the seat: half of it for two seats."""
        return self.nash_conv(strategy) / len(self.game.seats)

    def optimal_moves(self) -> list[OptimalMoves]:
        """Return for each information state the moves that keep its value under optimal play.

        Raises:
            GameError: not a two-seat zero-sum game of perfect information.
        """
        self._check_two_seats()
        if not self.is_perfect_information:
            raise GameError(f"{self.game.name} hides information: its best moves depend on the strategy; see solve()")
        found = induct(self._arrays, self._flat(self.uniform()), frozenset({0, 1}))
        node_of_state = dict(zip(self._owner_of_slot[self._arrays.slot_E].tolist(), self._arrays.parent_E.tolist(), strict=True))
        moves = []
        for state, shares in zip(self.information_states, self._split(found.sigma), strict=True):
            value = float(found.values_NS[node_of_state[state.index], state.seat])
            indexes = tuple(np.flatnonzero(shares > 0).tolist())
            moves.append(OptimalMoves(indexes=indexes, value=value, is_winnable=value > TIE))
        return moves

    def solve(self) -> tuple[list[Floats], float]:
        """Return an equilibrium and seat 0's value.

        Raises:
            GameError: not a two-seat zero-sum game.
            SocraticError: hidden information, and scipy is not installed.
        """
        self._check_two_seats()
        if self.is_perfect_information:
            found = induct(self._arrays, self._flat(self.uniform()), frozenset({0, 1}))
            return self._split(found.sigma), float(found.values_NS[0, 0])
        sigma, value = equilibrium(self._arrays)
        return self._split(sigma), value

    @cached_property
    def _owner_of_slot(self) -> NDArray[np.int64]:
        """The information state of each slot; one entry more, for chance."""
        return np.append(np.repeat(np.arange(len(self.information_states)), np.diff(self._arrays.start_I)), -1)

    @cached_property
    def _state_of_view(self) -> dict[tuple[int, tuple[str, ...], tuple[str, ...] | None], InformationState]:
        return {(state.seat, _texts(state.view), state.legal): state for state in self.information_states}

    def _uneven(self, draws: Seed) -> list[Floats]:
        rows = [row * [draws.child("row", index).uniform(at) for at in range(len(row))] for index, row in enumerate(self.uniform())]
        return [row / row.sum() for row in rows]

    def _climb(self, strategy: Strategy) -> tuple[list[Floats], float]:
        """Improve one seat after the other until none gains."""
        plan, reached = list(strategy), -inf
        for _ in range(MAX_PASSES):
            before = reached
            for seat in range(len(self.game.seats)):
                reached, plan = self.best_response(plan, seat)
            if reached <= before + TIE:
                break
        return plan, reached

    def _check_two_seats(self) -> None:
        if len(self.game.seats) != 2 or not self.game.zero_sum:
            raise GameError(f"{self.game.name} is not a two-seat zero-sum game: it has no value that both can hold the other to")

    def _leaf_reach(self, strategy: Strategy) -> Floats:
        return leaf_reach(self._arrays, edge_probabilities(self._arrays, self._flat(strategy)))

    def _flat(self, strategy: Strategy) -> Floats:
        if len(strategy) != len(self.information_states):
            raise ValueError(f"the strategy has {len(strategy)} states, expected {len(self.information_states)}")
        if not len(strategy):
            return np.zeros(0)
        starts = self._arrays.start_I
        sigma = np.concatenate(strategy, dtype=np.float64)
        if np.cumsum([len(row) for row in strategy]).tolist() != starts[1:].tolist():
            raise ValueError("the strategy does not have one probability for each legal move")
        sums = np.add.reduceat(sigma, starts[:-1])
        if not (sigma.min() >= 0 and np.abs(sums - 1).max() <= SUM_TOLERANCE):
            raise ValueError("the strategy's probabilities are negative, missing or do not sum to 1")
        return sigma

    def _split(self, sigma: Floats) -> list[Floats]:
        return [sigma[begin:end] for begin, end in pairwise(self._arrays.start_I.tolist())]


def _texts(view: Sequence[Line]) -> tuple[str, ...]:
    return tuple(f"{line.speaker} {line.text.strip()}" for line in view)
