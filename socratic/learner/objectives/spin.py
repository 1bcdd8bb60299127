"""SPIN: the policy learns to tell the best that was ever played in a place from what it plays there now.

    margin = lambda ((log pi(best) - log last(best)) - (log pi(own) - log last(own)))
    loss   = - sum_P weight_P log sigmoid(margin_P)                              arXiv:2401.01335, equation 4.7, logistic loss

`last` is the policy that played: set learner.preference.reference = "last". There the better replies come from a data set; in a
closed system they are the replies with the best mean reward that the policy itself has drawn in that place so far.
"""

from socratic.learner.objectives.dpo import DPO


class SPIN(DPO):
    """Self-play fine-tuning: DPO's loss on other pairs, with the last policy as the reference."""

    is_against_best = True
