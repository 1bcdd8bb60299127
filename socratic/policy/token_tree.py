"""Token tree: sequences that share prefixes, laid out so that one forward pass computes every distinct prefix once.

Each distinct prefix is a node. A node attends to its ancestors and itself, and its position is its depth, so that its
output is what the plain forward pass of its sequence gives (up to rounding). Self-play needs this: hundreds of live matches
stand in a few dozen different places, and all of them begin with the same rules. Several trees may stand side by side in one pass:
what looks (attention) costs the square of a tree, and what does not costs less the more tokens there are.

Shape letters: N nodes, S sequences.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Trees of the size that a configuration allows which stand in one pass at most.
SIDE_BY_SIDE = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenTree:
    """One pack of sequences: a tree, or several side by side."""

    tokens_N: NDArray[np.int64]
    depths_N: NDArray[np.int64]
    parents_N: NDArray[np.int64]  # -1 for a first token
    sees: tuple[NDArray[np.bool_], ...]  # of each tree that stands in it: sees[i, j]: j is i or an ancestor of i
    members: tuple[int, ...]  # which of the given sequences are in this pack
    ends_S: NDArray[np.int64]  # for each member, the node of its last token

    @property
    def sizes(self) -> list[int]:
        """How many nodes each tree has."""
        return [len(sees) for sees in self.sees]

    @property
    def visible(self) -> NDArray[np.bool_]:
        """Which node sees which, over all trees."""
        if len(self.sees) == 1:
            return self.sees[0]
        whole = np.zeros((len(self.tokens_N),) * 2, dtype=np.bool_)
        start = 0
        for sees in self.sees:
            end = start + len(sees)
            whole[start:end, start:end] = sees
            start = end
        return whole

    @property
    def is_chain(self) -> bool:
        """Whether the tree is one plain sequence, which needs no mask."""
        return bool(self.depths_N[-1] == len(self.depths_N) - 1)


def pack_token_trees(sequences: Sequence[tuple[int, ...]], max_nodes: int, max_total: int = 0) -> list[TokenTree]:
    """Lay out `sequences` in as few trees of at most `max_nodes` nodes as sorted order gives.

    Up to four of them stand side by side in a pass, with at most `max_total` nodes together; by default each stands alone.
    Equal sequences share their end node. A sequence longer than `max_nodes` gets a tree of its own.

    Raises:
        ValueError: a sequence is empty.
    """
    order = sorted(range(len(sequences)), key=lambda index: sequences[index])
    trees: list[TokenTree] = []
    pack = _Pack()
    for index in order:
        sequence = sequences[index]
        if not sequence:
            raise ValueError(f"sequence {index} is empty")
        if pack.members and len(pack.tokens) + pack.growth(sequence) > max_nodes:
            trees.append(pack.closed())
            pack = _Pack()
        pack.add(index, sequence)
    if pack.members:
        trees.append(pack.closed())
    return _side_by_side(trees, min(max_total, SIDE_BY_SIDE * max_nodes))


def _side_by_side(trees: Sequence[TokenTree], max_total: int) -> list[TokenTree]:
    """Put trees together, in order, while they have at most `max_total` nodes."""
    groups: list[list[TokenTree]] = []
    for tree in trees:
        if groups and sum(len(each.tokens_N) for each in groups[-1]) + len(tree.tokens_N) <= max_total:
            groups[-1].append(tree)
        else:
            groups.append([tree])
    return [group[0] if len(group) == 1 else _joined(group) for group in groups]


def _joined(trees: Sequence[TokenTree]) -> TokenTree:
    starts = np.cumsum([0, *(len(tree.tokens_N) for tree in trees)])[:-1]
    return TokenTree(
        tokens_N=np.concatenate([tree.tokens_N for tree in trees]),
        depths_N=np.concatenate([tree.depths_N for tree in trees]),
        parents_N=np.concatenate([np.where(t.parents_N < 0, -1, t.parents_N + start) for t, start in zip(trees, starts, strict=True)]),
        sees=tuple(sees for tree in trees for sees in tree.sees),
        members=tuple(member for tree in trees for member in tree.members),
        ends_S=np.concatenate([tree.ends_S + start for tree, start in zip(trees, starts, strict=True)]),
    )


class _Pack:
    """A tree that still grows. Sequences arrive sorted, so a shared prefix is always shared with the one before."""

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.parents: list[int] = []
        self.depths: list[int] = []
        self.members: list[int] = []
        self.ends: list[int] = []
        self._last: tuple[int, ...] = ()
        self._path: list[int] = []

    def growth(self, sequence: tuple[int, ...]) -> int:
        return len(sequence) - self._shared(sequence)

    def add(self, index: int, sequence: tuple[int, ...]) -> None:
        shared = self._shared(sequence)
        del self._path[shared:]
        for depth in range(shared, len(sequence)):
            self.parents.append(self._path[-1] if depth else -1)
            self._path.append(len(self.tokens))
            self.tokens.append(sequence[depth])
            self.depths.append(depth)
        self._last = sequence
        self.members.append(index)
        self.ends.append(self._path[-1])

    def closed(self) -> TokenTree:
        size = len(self.tokens)
        sees = np.zeros((size, size), dtype=np.bool_)
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                sees[node, : parent + 1] = sees[parent, : parent + 1]
            sees[node, node] = True
        return TokenTree(
            tokens_N=np.array(self.tokens, dtype=np.int64),
            depths_N=np.array(self.depths, dtype=np.int64),
            parents_N=np.array(self.parents, dtype=np.int64),
            sees=(sees,),
            members=tuple(self.members),
            ends_S=np.array(self.ends, dtype=np.int64),
        )

    def _shared(self, sequence: tuple[int, ...]) -> int:
        last = self._last
        limit = min(len(last), len(sequence))
        if last[:limit] == sequence[:limit]:
            return limit
        return next(i for i in range(limit) if last[i] != sequence[i])
