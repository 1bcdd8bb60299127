"""What a component of the loss is given: drawn tokens and pairs of replies, with every normalizer folded into weights.

Shape letters: D drawn tokens, R replies, P pairs of replies.
"""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class Draws:
    """Tokens as they were drawn; those that a mask forced are not among them."""

    behaviour_D: Tensor  # log-probability in play
    advantage_D: Tensor
    weight_D: Tensor  # this token's part of the loss: coefficient and normalizer
    reply_D: Tensor  # which reply the token belongs to, from 0
    num_replies: int

    def at(self, index_K: Tensor) -> "Draws":
        """Return some of the draws; replies keep their numbers."""
        return Draws(
            behaviour_D=self.behaviour_D[index_K],
            advantage_D=self.advantage_D[index_K],
            weight_D=self.weight_D[index_K],
            reply_D=self.reply_D[index_K],
            num_replies=self.num_replies,
        )

    def totals(self, values_D: Tensor) -> Tensor:
        """Return the sum of each reply's tokens, shape (R,)."""
        return values_D.new_zeros(self.num_replies).index_add(0, self.reply_D, values_D)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairs:
    """Two replies in one place, of which one earned more, as sums over their tokens."""

    chosen_P: Tensor  # log-probability of the better reply under the policy
    rejected_P: Tensor
    chosen_reference_P: Tensor  # the same under the reference
    rejected_reference_P: Tensor
    weight_P: Tensor  # this pair's part of the loss


class TokenObjective(Protocol):
    """A policy gradient.

    One that corrects by `Draws.behaviour_D` for play by older weights has `reads_ratio = True` besides; a run with a lag asks for it.
    """

    @property
    def is_separable(self) -> bool:
        """Whether the loss is a sum over single tokens, so that any part of a batch may be taken alone."""
        ...

    def loss(self, logp_D: Tensor, draws: Draws) -> Tensor:
        """Return the loss, a scalar, of tokens whose log-probability under the policy is `logp_D`."""
        ...


class PairObjective(Protocol):
    """A preference."""

    @property
    def is_against_best(self) -> bool:
        """Whether its better replies are the best that were ever drawn in a place, and not only the better of this generation."""
        ...

    def loss(self, pairs: Pairs) -> Tensor:
        """Return the loss, a scalar."""
        ...
