"""The entropy bonus: a policy that stays undecided goes on exploring.

    entropy = - sum_V pi(v) log pi(v)                                            Williams and Peng 1991; arXiv:1602.01783, section 4

Shape letters: M places, A allowed tokens (padded; -inf beyond a row's own) or the whole vocabulary.
"""

from torch import Tensor


def entropy(log_probs_MA: Tensor, weights_M: Tensor) -> Tensor:
    """Return the policy's entropy, summed over places with weights; unit: nats."""
    terms_MA = log_probs_MA.exp() * log_probs_MA.masked_fill(log_probs_MA.isneginf(), 0.0)
    return -(terms_MA.sum(-1) * weights_M).sum()
