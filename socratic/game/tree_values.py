"""Exact values on a tree's arrays: reach, expected scores, best responses and backward induction.

A flat strategy `sigma` has one probability for each slot. Letters: E edges, N nodes, L leaves, S seats, I information states.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from socratic.game.enumeration import CHANCE_SLOT, TreeArrays

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Values are sums over paths of a few products: moves closer than this are equally good.
TIE = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class SeatOrder:
    """A seat's information states, grouped by how often it has moved before."""

    states: tuple[Ints, ...]
    slots: tuple[Ints, ...]  # all slots of those states, in order
    starts: tuple[Ints, ...]  # where each state begins in `slots`


@dataclass(frozen=True, kw_only=True, slots=True)
class Induction:
    """What backward induction finds."""

    values_NS: Floats
    sigma: Floats  # as given for those who do not maximize; uniform over the best moves for those who do


def edge_probabilities(arrays: TreeArrays, sigma: Floats) -> Floats:
    """Return the probability of every edge."""
    moves = arrays.slot_E != CHANCE_SLOT
    p_E = arrays.chance_E.copy()
    p_E[moves] = sigma[arrays.slot_E[moves]]
    return p_E


def leaf_reach(arrays: TreeArrays, p_E: Floats) -> Floats:
    """Return the probability of ending at each leaf."""
    reach_N = np.zeros(arrays.num_nodes)
    reach_N[0] = 1.0
    for begin, end in arrays.level_bounds:
        flow = reach_N[arrays.parent_E[begin:end]] * p_E[begin:end]
        if arrays.is_merged:
            np.add.at(reach_N, arrays.child_E[begin:end], flow)
        else:
            reach_N[arrays.child_E[begin:end]] = flow
    return reach_N[arrays.leaf_L]


def seat_order(arrays: TreeArrays, seat: int) -> SeatOrder:
    """Return the order in which `best_response` goes through a seat's information states, backwards."""
    owner = np.repeat(np.arange(len(arrays.seat_I)), np.diff(arrays.start_I))
    depth_I = np.zeros(len(arrays.seat_I), dtype=np.int64)
    for state, slot in enumerate(arrays.last_slot_I.tolist()):
        if slot >= 0:
            depth_I[state] = depth_I[owner[slot]] + 1
    states, slots, starts = [], [], []
    mine = np.flatnonzero(arrays.seat_I == seat)
    for depth in range(int(depth_I[mine].max(initial=-1)) + 1):
        here = mine[depth_I[mine] == depth]
        sizes = arrays.start_I[here + 1] - arrays.start_I[here]
        ends = np.cumsum(sizes)
        states.append(here)
        starts.append(ends - sizes)
        slots.append(np.repeat(arrays.start_I[here] - (ends - sizes), sizes) + np.arange(int(ends[-1])))
    return SeatOrder(states=tuple(states), slots=tuple(slots), starts=tuple(starts))


def best_response(arrays: TreeArrays, sigma: Floats, seat: int, order: SeatOrder) -> tuple[float, Floats]:
    """Return what a seat can get at most against `sigma`, and a pure reply that gets it.

    Works on the seat's sequences (D. Koller, N. Megiddo and B. von Stengel, "Efficient computation of equilibria for
    extensive two-person games", 1996): a leaf's payoff, weighted by the others' reach, belongs to the seat's last move before
    it, and each information state hands the best of its moves to the move before.
    """
    theirs = sigma.copy()
    for slots in order.slots:
        theirs[slots] = 1.0
    weight_L = leaf_reach(arrays, edge_probabilities(arrays, theirs))
    # Entry 0 stands for "no move yet"; a slot's is one further.
    worth = np.bincount(arrays.last_slot_LS[:, seat] + 1, weights=weight_L * arrays.scores_LS[:, seat], minlength=len(sigma) + 1)
    reply = sigma.copy()
    for states, slots, starts in zip(reversed(order.states), reversed(order.slots), reversed(order.starts), strict=True):
        worth_of_moves = worth[slots + 1]
        best = np.maximum.reduceat(worth_of_moves, starts)
        np.add.at(worth, arrays.last_slot_I[states] + 1, best)
        sizes = arrays.start_I[states + 1] - arrays.start_I[states]
        _, first = np.unique(
            np.where(worth_of_moves == np.repeat(best, sizes), np.repeat(np.arange(len(states)), sizes), -1), return_index=True
        )
        reply[slots] = 0.0
        reply[slots[first[-len(states) :]]] = 1.0
    return float(worth[0]), reply


def own_reach(arrays: TreeArrays, sigma: Floats) -> Floats:
    """Return for each information state how probable its seat's own moves make it: its realization weight."""
    owner = np.repeat(np.arange(len(arrays.seat_I)), np.diff(arrays.start_I))
    reach_I = np.ones(len(arrays.seat_I))
    for state, slot in enumerate(arrays.last_slot_I.tolist()):
        if slot >= 0:
            reach_I[state] = reach_I[owner[slot]] * sigma[slot]
    return reach_I


def induct(arrays: TreeArrays, sigma: Floats, maximizers: frozenset[int]) -> Induction:
    """Return every node's values when `maximizers` see all and play best and the others play `sigma`.

    Exact for perfect information only: elsewhere a seat would have to know the node.
    """
    values_NS = np.zeros((arrays.num_nodes, arrays.scores_LS.shape[1]))
    values_NS[arrays.leaf_L] = arrays.scores_LS
    p_E = edge_probabilities(arrays, sigma)
    best_sigma = sigma.copy()
    owner = np.repeat(arrays.seat_I, np.diff(arrays.start_I))
    seat_E = np.where(arrays.slot_E == CHANCE_SLOT, -1, owner[arrays.slot_E]) if len(owner) else np.full(len(p_E), -1)
    maximizing_E = np.isin(seat_E, list(maximizers))
    for begin, end in reversed(arrays.level_bounds):
        parents, starts, sizes = np.unique(arrays.parent_E[begin:end], return_index=True, return_counts=True)
        children_ES = values_NS[arrays.child_E[begin:end]]
        p = p_E[begin:end].copy()
        chosen = maximizing_E[begin:end]
        own = children_ES[np.arange(end - begin), seat_E[begin:end]]
        is_best = own >= np.repeat(np.maximum.reduceat(own, starts), sizes) - TIE
        share = is_best / np.repeat(np.add.reduceat(is_best.astype(np.float64), starts), sizes)
        p[chosen] = share[chosen]
        best_sigma[arrays.slot_E[begin:end][chosen]] = share[chosen]
        values_NS[parents] = np.add.reduceat(p[:, None] * children_ES, starts, axis=0)
    return Induction(values_NS=values_NS, sigma=best_sigma)
