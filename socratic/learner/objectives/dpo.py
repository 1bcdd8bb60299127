"""DPO: of two replies in one place the better is made likelier than the worse, as seen from a reference.

margin = beta ((log pi(better) - log ref(better)) - (log pi(worse) - log ref(worse)))
loss   = - sum_P weight_P log sigmoid(margin_P)                              arXiv:2305.18290, equation 7
"""

from torch import Tensor
from torch.nn.functional import logsigmoid

from socratic.config import Preference
from socratic.learner.objectives.draws import Pairs


class DPO:
    """Direct preference optimization; the pairs are made from play."""

    is_against_best = False

    def __init__(self, section: Preference) -> None:
        """Take beta."""
        self._beta = section.beta

    def loss(self, pairs: Pairs) -> Tensor:
        """Return the loss of pairs."""
        margin_P = (pairs.chosen_P - pairs.chosen_reference_P) - (pairs.rejected_P - pairs.rejected_reference_P)
        return -(pairs.weight_P * logsigmoid(self._beta * margin_P)).sum()
