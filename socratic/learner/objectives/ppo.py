"""PPO-clip: the ratio to the policy that played counts only within a range, so that one generation is learned from several times.

r    = pi(token) / pi_play(token)
gain = min(r A, clip(r, 1 - low, 1 + high) A)                                arXiv:1707.06347, equation 7
                                                                             low != high: "clip-higher", arXiv:2503.14476, section 3.1
A < 0 and dual > 1:   gain = max(gain, dual A)                               arXiv:1912.09729, equation 5
loss = - sum_D weight_D gain_D
"""

import torch
from torch import Tensor

from socratic.config import Gradient
from socratic.learner.objectives.draws import Draws


class PPO:
    """The clipped surrogate, asymmetric and dual where it is told so."""

    is_separable = True
    reads_ratio = True

    def __init__(self, section: Gradient) -> None:
        """Take the range and the dual bound."""
        self._low, self._high = 1.0 - section.clip_low, 1.0 + section.clip_high
        self._dual = section.dual

    def loss(self, logp_D: Tensor, draws: Draws) -> Tensor:
        """Return the loss of drawn tokens."""
        ratio_D = torch.exp(logp_D - draws.behaviour_D)
        advantage_D = draws.advantage_D
        gain_D = torch.minimum(ratio_D * advantage_D, ratio_D.clamp(self._low, self._high) * advantage_D)
        if self._dual:
            gain_D = torch.where(advantage_D < 0, torch.maximum(gain_D, self._dual * advantage_D), gain_D)
        return -(draws.weight_D * gain_D).sum()
