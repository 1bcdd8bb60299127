"""The places of a batch laid out for forward passes: one token tree each, with what is weighed where.

Shape letters: M places, A allowed tokens or the whole vocabulary, K draws of a pack.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from socratic.learner.batch import Batch, Place
from socratic.policy.token_tree import TokenTree, pack_token_trees

# Nodes of trees that stand side by side in one pass: what a pass keeps for its gradient is about a megabyte a node in a model of 135 M.
PASS_NODES = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Pack:
    """One forward pass of the learner."""

    tree: TokenTree
    allowed: list[tuple[int, ...]] | None  # for each place; None: the whole vocabulary everywhere
    shares_M: Tensor
    kl_M: Tensor  # weight of each place's divergence from the magnet
    entropy_M: Tensor  # weight of each place's entropy
    rows_K: Tensor  # at which place each draw was made
    columns_K: Tensor  # which of its allowed tokens was drawn
    draws_K: Tensor  # which draws of the batch these are

    def on(self, device: torch.device) -> "Pack":
        """Return the pack with its tensors on a device."""
        if device.type == "cpu":
            return self
        return replace(
            self,
            shares_M=self.shares_M.to(device),
            kl_M=self.kl_M.to(device),
            entropy_M=self.entropy_M.to(device),
            rows_K=self.rows_K.to(device),
            columns_K=self.columns_K.to(device),
            draws_K=self.draws_K.to(device),
        )


def make_packs(batch: Batch, max_nodes: int) -> list[Pack]:
    """Lay the batch out, masked and free places apart, in trees of at most `max_nodes` nodes, few of them side by side."""
    packs = []
    for is_masked in (True, False):
        places = [place for place in batch.places if (place.allowed is not None) == is_masked]
        packs += [
            _make_pack(tree, [places[member] for member in tree.members], batch.tokens, is_masked=is_masked)
            for tree in pack_token_trees([place.prefix for place in places], max_nodes, PASS_NODES)
        ]
    return packs


def _make_pack(tree: TokenTree, places: Sequence[Place], tokens: Sequence[int], *, is_masked: bool) -> Pack:
    rows: list[int] = []
    columns: list[int] = []
    draws: list[int] = []
    for row, place in enumerate(places):
        column_of = None if place.allowed is None else {token: column for column, token in enumerate(place.allowed)}
        rows += [row] * len(place.draws)
        columns += [tokens[draw] if column_of is None else column_of[tokens[draw]] for draw in place.draws]
        draws += place.draws
    return Pack(
        tree=tree,
        allowed=[place.allowed for place in places if place.allowed is not None] if is_masked else None,
        shares_M=torch.tensor([place.share for place in places], dtype=torch.float32),
        kl_M=torch.tensor([place.kl for place in places], dtype=torch.float32),
        entropy_M=torch.tensor([place.entropy for place in places], dtype=torch.float32),
        rows_K=torch.tensor(rows, dtype=torch.int64),
        columns_K=torch.tensor(columns, dtype=torch.int64),
        draws_K=torch.tensor(draws, dtype=torch.int64),
    )
