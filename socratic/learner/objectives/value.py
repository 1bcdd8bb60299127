"""The value head's loss and what it is for: credit turn by turn.

    delta_t = gamma V(s_t+1) - V(s_t), at the last turn R - V(s_t)
    A_t     = sum_l (gamma lambda)^l delta_t+l                                   arXiv:1506.02438, equation 16
    loss    = sum_C weight_C (V(s) - (A + V_before(s)))^2 / 2

A place is one turn of one seat: what stood before its reply. The reward comes once, at the end.

Shape letters: C turns.
"""

from collections.abc import Sequence

from torch import Tensor


def credit(reward: float, values: Sequence[float], *, discount: float, trace: float) -> tuple[float, ...]:
    """Return each turn's generalized advantage estimate, for one seat's turns with foretold `values`."""
    advantages: list[float] = []
    following = 0.0
    for turn in reversed(range(len(values))):
        foreseen = reward if turn + 1 == len(values) else discount * values[turn + 1]
        following = foreseen - values[turn] + discount * trace * following
        advantages.append(following)
    return tuple(reversed(advantages))


def value_loss(values_C: Tensor, returns_C: Tensor, weight_C: Tensor) -> Tensor:
    """Return half the squared error, summed with weights."""
    return (weight_C * (values_C - returns_C) ** 2).sum() / 2
