"""REINFORCE: each drawn token is made likelier by its advantage.

loss = - sum_D weight_D advantage_D log pi(token_D)                          Williams 1992, "Simple statistical gradient-following
                                                                             algorithms for connectionist reinforcement learning"
"""

from torch import Tensor

from socratic.config import Gradient
from socratic.learner.objectives.draws import Draws


class Reinforce:
    """The plain policy gradient; right where the tokens were drawn from the policy that learns."""

    is_separable = True

    def __init__(self, section: Gradient) -> None:
        """Take nothing from `section`."""
        del section

    def loss(self, logp_D: Tensor, draws: Draws) -> Tensor:
        """Return the loss of drawn tokens."""
        return -(draws.weight_D * draws.advantage_D * logp_D).sum()
