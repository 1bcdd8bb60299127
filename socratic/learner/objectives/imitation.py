"""Imitation: cross entropy on kept replies of the policy's own.

    loss = - sum_D weight_D log pi(token_D),   weight_D = 0 for what is not kept

What is kept makes the method: the best of each group is best-of-n or rejection sampling (arXiv:2307.09288, section 3.2.3), what earned
more than a threshold is expert iteration in the form of ReST-EM (arXiv:2312.06585, section 3), a threshold that rises with each
epoch is ReST's improve steps (arXiv:2308.08998, section 3). Expert iteration: arXiv:1705.08439.
"""

from torch import Tensor


def imitation(logp_D: Tensor, weight_D: Tensor) -> Tensor:
    """Return the loss of drawn tokens; `weight_D` sums to the coefficient over all that is kept."""
    return -(weight_D * logp_D).sum()
