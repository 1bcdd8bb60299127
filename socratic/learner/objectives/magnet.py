"""The magnet: distance to a slowly moving reference.

    full   sum_V pi(v) (log pi(v) - log ref(v))      over the whole vocabulary, or what the mask allows: the KL and its gradient, exactly
    k2     (log pi(token) - log ref(token))^2 / 2    at the drawn token: biased as a value, its gradient is the KL's in expectation
    k3     r - 1 - log r,  r = ref(token) / pi(token)    unbiased as a value, and as a loss in the form that GRPO is published with

k1, k2, k3: Schulman, "Approximating KL divergence". The gradient of an unbiased estimate is not the gradient of what it
estimates: arXiv:2506.09477. Self-play with a magnet: arXiv:2206.15378 and arXiv:2206.05825.

Shape letters: M places, A allowed tokens (padded; -inf beyond a row's own) or the whole vocabulary, D drawn tokens.
"""

import torch
from torch import Tensor


def divergence(log_probs_MA: Tensor, reference_MA: Tensor, weights_M: Tensor) -> Tensor:
    """Return KL(policy || reference) over all allowed tokens, summed over places with weights; unit: nats."""
    ratio_MA = (log_probs_MA - reference_MA).masked_fill(log_probs_MA.isneginf(), 0.0)
    return ((log_probs_MA.exp() * ratio_MA).sum(-1) * weights_M).sum()


def k2(logp_D: Tensor, reference_D: Tensor, weight_D: Tensor) -> Tensor:
    """Return the k2 estimate at drawn tokens, summed with weights."""
    return (weight_D * (logp_D - reference_D) ** 2 / 2).sum()


def k3(logp_D: Tensor, reference_D: Tensor, weight_D: Tensor) -> Tensor:
    """Return the k3 estimate at drawn tokens, summed with weights."""
    difference_D = reference_D - logp_D
    return (weight_D * (torch.exp(difference_D) - 1.0 - difference_D)).sum()
