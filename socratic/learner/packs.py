"""The places of a batch laid out for forward passes: one token tree each, with what is weighed where.

Shape letters: M places, A allowed tokens or the whole vocabulary, D distinct drawn tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from socratic.learner.batch import Batch, Place
from socratic.policy.token_tree import TokenTree, pack_token_trees


@dataclass(frozen=True, kw_only=True, slots=True)
class Pack:
    """One forward pass of the learner."""

    tree: TokenTree
    allowed: list[tuple[int, ...]] | None  # for each place; None: the whole vocabulary everywhere
    shares_M: Tensor
    kl_M: Tensor  # weight of each place's divergence from the magnet
    entropy_M: Tensor  # weight of each place's entropy
    rows_D: Tensor  # which place
    columns_D: Tensor  # which of its allowed tokens
    gains_D: Tensor
    least_D: Tensor  # recorded log-probabilities: equal but for rounding
    greatest_D: Tensor


def make_packs(batch: Batch, max_nodes: int) -> list[Pack]:
    """Lay the batch out, masked and free places apart, in trees of at most `max_nodes` nodes."""
    packs = []
    for is_masked in (True, False):
        places = [place for place in batch.places if (place.allowed is not None) == is_masked]
        packs += [
            _make_pack(tree, [places[member] for member in tree.members], is_masked=is_masked)
            for tree in pack_token_trees([place.prefix for place in places], max_nodes)
        ]
    return packs


def _make_pack(tree: TokenTree, places: Sequence[Place], *, is_masked: bool) -> Pack:
    rows, columns, gains, least, greatest = [], [], [], [], []
    for row, place in enumerate(places):
        for token, gain in place.gains.items():
            rows.append(row)
            columns.append(token if place.allowed is None else place.allowed.index(token))
            gains.append(gain)
            least.append(place.recorded[token][0])
            greatest.append(place.recorded[token][1])
    return Pack(
        tree=tree,
        allowed=[place.allowed for place in places if place.allowed is not None] if is_masked else None,
        shares_M=torch.tensor([place.share for place in places], dtype=torch.float32),
        kl_M=torch.tensor([place.kl for place in places], dtype=torch.float32),
        entropy_M=torch.tensor([place.entropy for place in places], dtype=torch.float32),
        rows_D=torch.tensor(rows, dtype=torch.int64),
        columns_D=torch.tensor(columns, dtype=torch.int64),
        gains_D=torch.tensor(gains, dtype=torch.float32),
        least_D=torch.tensor(least, dtype=torch.float32),
        greatest_D=torch.tensor(greatest, dtype=torch.float32),
    )
