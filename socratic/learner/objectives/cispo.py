"""CISPO: the importance weight is clipped and held fixed, so that no token loses its gradient.

r    = pi(token) / pi_play(token)
loss = - sum_D weight_D stop(clip(r, 1 - low, 1 + high)) A_D log pi(token_D)      arXiv:2506.13585, equations 4 and 5
"""

import torch
from torch import Tensor

from socratic.config import Gradient
from socratic.learner.objectives.draws import Draws


class CISPO:
    """REINFORCE under a clipped importance weight."""

    is_separable = True
    reads_ratio = True

    def __init__(self, section: Gradient) -> None:
        """Take the range of the importance weight."""
        self._low, self._high = 1.0 - section.clip_low, 1.0 + section.clip_high

    def loss(self, logp_D: Tensor, draws: Draws) -> Tensor:
        """Return the loss of drawn tokens."""
        ratio_D = torch.exp(logp_D.detach() - draws.behaviour_D).clamp(self._low, self._high)
        return -(draws.weight_D * ratio_D * draws.advantage_D * logp_D).sum()
