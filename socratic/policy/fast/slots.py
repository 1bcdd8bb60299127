"""The cache of keys and values: rows that are being drawn stand first, without gaps, in one block of memory that grows.

Shape letters: L layers, B rows, T places, K heads of keys, D dimensions of a head.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

# Places are added in steps, so that a cache rarely moves.
STEP = 64


class Slots:
    """Keys and values of rows, shape (L, 2, B, K, T, D)."""

    def __init__(self, *, layers: int, num_kv_heads: int, head_dim: int, dtype: torch.dtype, device: torch.device) -> None:
        self.dtype = dtype
        self.device = device
        self.moves = 0  # how often the memory has moved, growing
        self._cache = torch.zeros((layers, 2, 0, num_kv_heads, 0, head_dim), dtype=dtype, device=device)

    @property
    def num_rows(self) -> int:
        """How many rows there is room for."""
        return self._cache.shape[2]

    @property
    def num_places(self) -> int:
        """How many places each row has."""
        return self._cache.shape[4]

    def layer(self, index: int) -> tuple[Tensor, Tensor]:
        """Return a layer's keys and values, shapes (B, K, T, D)."""
        return self._cache[index, 0], self._cache[index, 1]

    def make_room(self, rows: int, places: int, num_used: int, most_rows: int) -> None:
        """Grow to at least so many rows and places; the first `num_used` rows keep what they hold.

        Rows at least double, up to `most_rows`, so that rows which come one by one move the cache seldom.
        """
        if rows <= self.num_rows and places <= self.num_places:
            return
        old = self._cache
        num_rows = max(rows, min(2 * old.shape[2], most_rows)) if rows > old.shape[2] else old.shape[2]
        num_places = max(-(-places // STEP) * STEP, old.shape[4])
        # Zeros, because what a mask hides is multiplied by 0, which makes nothing of a NaN.
        self._cache = old.new_zeros((*old.shape[:2], num_rows, old.shape[3], num_places, old.shape[5]))
        self._cache[:, :, :num_used, :, : old.shape[4]] = old[:, :, :num_used]
        self.moves += 1

    def put(self, rows: Sequence[int], keys_values: Tensor, nodes_BT: Tensor) -> None:
        """Fill rows from nodes of a tree, (L, 2, N, K, D); a row's nodes beyond its own are whatever stands there."""
        index = torch.tensor(rows, device=self.device)
        self._cache[:, :, index, :, : nodes_BT.shape[1]] = keys_values[:, :, nodes_BT].transpose(3, 4)

    def move(self, sources: Sequence[int], targets: Sequence[int], places: int) -> None:
        """Copy rows over others."""
        if sources:
            held = self._cache[:, :, torch.tensor(sources, device=self.device), :, :places]
            self._cache[:, :, torch.tensor(targets, device=self.device), :, :places] = held

    def take(self, row: int, places: int) -> Tensor:
        """Return a copy of a row's first places, shape (L, 2, K, T, D)."""
        return self._cache[:, :, row, :, :places].clone()

    def first_places(self, rows: int) -> Tensor:
        """Return a copy of the first place of the first rows."""
        return self._cache[:, :, :rows, :, :1].clone()

    def put_first_places(self, held: Tensor) -> None:
        """Put back what `first_places` returned."""
        self._cache[:, :, : held.shape[2], :, :1] = held

    def give(self, row: int, held: Tensor) -> None:
        """Put back what `take` returned."""
        self._cache[:, :, row, :, : held.shape[3]] = held
