"""The equilibrium of a two-seat zero-sum tree with hidden information, as a pair of linear programs.

Sequence form: B. von Stengel, "Efficient computation of behavior strategies", Games and Economic Behavior 14, 1996. The size is
linear in the tree. The only door to scipy.
"""

from types import ModuleType

import numpy as np

from socratic.errors import SocraticError
from socratic.game.enumeration import TreeArrays
from socratic.game.tree_values import Floats, Ints, edge_probabilities, leaf_reach

# A plan below this came out of the program as rounding: the state behind it is not reached.
UNREACHED = 1e-10


def equilibrium(arrays: TreeArrays) -> tuple[Floats, float]:
    """Return an equilibrium as a flat strategy, and seat 0's value.

    Raises:
        SocraticError: scipy is not installed, or the program has no solution.
    """
    num_slots = int(arrays.start_I[-1])
    sigma = np.ones(num_slots)
    weight_L = leaf_reach(arrays, edge_probabilities(arrays, sigma))
    value = 0.0
    for seat in (1, 0):
        plan, value = _best_plan(arrays, weight_L * arrays.scores_LS[:, seat], seat)
        mine = np.flatnonzero(arrays.seat_I == seat)
        for state in mine.tolist():
            begin, end = int(arrays.start_I[state]), int(arrays.start_I[state + 1])
            before = plan[arrays.last_slot_I[state] + 1]
            moves = np.maximum(plan[begin + 1 : end + 1], 0.0)
            total = moves.sum()
            sigma[begin:end] = moves / total if before > UNREACHED and total > UNREACHED else 1.0 / (end - begin)
    return sigma, value


def _best_plan(arrays: TreeArrays, payoff_L: Floats, seat: int) -> tuple[Floats, float]:
    """Return the realization plan that guarantees `seat` most (entry 0: no move; a slot's is one further), and how much.

    The variables are the plan x and, for the other seat, a value q of each information state and of the start. Maximize q of
    the start so that no sequence of the other seat holds `seat` below it.
    """
    optimize, sparse = _scipy()
    num_plan = int(arrays.start_I[-1]) + 1
    mine, theirs = (np.flatnonzero(arrays.seat_I == owner) for owner in (seat, 1 - seat))
    # For each sequence of the other seat: (its state's q) - (the q of the states it leads to) - (what x earns there) <= 0.
    q_of_state = dict(zip(theirs.tolist(), range(num_plan + 1, num_plan + 1 + len(theirs)), strict=True))
    rows = [arrays.last_slot_LS[:, 1 - seat] + 1, np.array([0])]
    columns = [arrays.last_slot_LS[:, seat] + 1, np.array([num_plan])]
    entries = [-payoff_L, np.array([1.0])]
    for state, q in q_of_state.items():
        slots = _slots(arrays, state)
        rows += [slots + 1, arrays.last_slot_I[[state]] + 1]
        columns += [np.full(len(slots), q), np.array([q])]
        entries += [np.ones(len(slots)), np.array([-1.0])]
    shape = (num_plan, num_plan + 1 + len(theirs))
    held = sparse.coo_matrix((np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns))), shape=shape).tocsr()
    # The plan begins at 1, and each state of `seat` hands on what reaches it.
    rows, columns, entries = [np.array([0])], [np.array([0])], [np.array([1.0])]
    for row, state in enumerate(mine.tolist(), start=1):
        slots = _slots(arrays, state)
        rows.append(np.full(len(slots) + 1, row))
        columns.append(np.append(slots + 1, arrays.last_slot_I[state] + 1))
        entries.append(np.append(np.ones(len(slots)), -1.0))
    shape = (len(mine) + 1, shape[1])
    flow = sparse.coo_matrix((np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns))), shape=shape).tocsr()
    objective = np.zeros(shape[1])
    objective[num_plan] = -1.0
    solution = optimize.linprog(
        objective,
        A_ub=held,
        b_ub=np.zeros(num_plan),
        A_eq=flow,
        b_eq=np.append(1.0, np.zeros(len(mine))),
        bounds=[(0, None)] * num_plan + [(None, None)] * (1 + len(theirs)),
        method="highs",
    )
    if not solution.success:
        raise SocraticError(f"the linear program of an equilibrium failed: {solution.message}")
    return np.asarray(solution.x[:num_plan], dtype=np.float64), -float(solution.fun)


def _slots(arrays: TreeArrays, state: int) -> Ints:
    return np.arange(arrays.start_I[state], arrays.start_I[state + 1])


def _scipy() -> tuple[ModuleType, ModuleType]:
    try:
        from scipy import optimize, sparse
    except ModuleNotFoundError as error:
        raise SocraticError("solving a game with hidden information needs scipy: pip install 'socratic-loop[solve]'") from error
    return optimize, sparse
