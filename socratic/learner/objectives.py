"""The components of the loss, each a sum over places; the loss is their plain sum with coefficients.

Shape letters: M places, A allowed tokens (padded; -inf beyond a row's own), or the whole vocabulary without a mask,
D distinct drawn tokens.
"""

from torch import Tensor


def policy_gradient(drawn_D: Tensor, gains_D: Tensor) -> Tensor:
    """Return minus the sum of gain times log-probability, whose gradient is REINFORCE's (Williams 1992).

    `gains_D` holds weight times advantage, summed over equal draws; `drawn_D` the log-probability of each.
    """
    return -(gains_D * drawn_D).sum()


def divergence(log_probs_MA: Tensor, reference_MA: Tensor, weights_M: Tensor) -> Tensor:
    """Return KL(policy || reference) over all allowed tokens, summed over places with weights; unit: nats.

    The full sum, not an estimator: the gradient of an unbiased KL estimate is not the KL's gradient.
    """
    ratio_MA = (log_probs_MA - reference_MA).masked_fill(log_probs_MA.isneginf(), 0.0)
    return ((log_probs_MA.exp() * ratio_MA).sum(-1) * weights_M).sum()


def entropy(log_probs_MA: Tensor, weights_M: Tensor) -> Tensor:
    """Return the policy's entropy, summed over places with weights; unit: nats."""
    terms_MA = log_probs_MA.exp() * log_probs_MA.masked_fill(log_probs_MA.isneginf(), 0.0)
    return -(terms_MA.sum(-1) * weights_M).sum()
