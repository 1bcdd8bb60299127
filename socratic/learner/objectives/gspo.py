"""GSPO: one importance ratio for a whole reply, the geometric mean of its tokens' ratios.

    s    = exp(mean over the reply's tokens of log pi(token) - log pi_play(token))
    gain = min(s A, clip(s, 1 - low, 1 + high) A)                                arXiv:2507.18071, equations 5 and 7
    loss = - sum_R weight_R gain_R,   weight_R: the sum of the reply's tokens' weights

Each reply's advantage is one number, that of any of its tokens.
"""

import torch
from torch import Tensor

from socratic.config import Gradient
from socratic.learner.objectives.draws import Draws


class GSPO:
    """The clipped surrogate over whole replies: needs all tokens of a reply at once."""

    is_separable = False
    reads_ratio = True

    def __init__(self, section: Gradient) -> None:
        """Take the range of the ratio."""
        self._low, self._high = 1.0 - section.clip_low, 1.0 + section.clip_high

    def loss(self, logp_D: Tensor, draws: Draws) -> Tensor:
        """Return the loss of replies; one without a drawn token has none."""
        lengths_R = draws.totals(torch.ones_like(logp_D)).clamp(min=1.0)
        ratio_R = torch.exp(draws.totals(logp_D - draws.behaviour_D) / lengths_R)
        advantage_R = draws.totals(draws.advantage_D) / lengths_R
        weight_R = draws.totals(draws.weight_D)
        gain_R = torch.minimum(ratio_R * advantage_R, ratio_R.clamp(self._low, self._high) * advantage_R)
        return -(weight_R * gain_R).sum()
