"""How tokens look at each other: over a tree, and over rows of a cache.

Shape letters: M tokens, N nodes of a tree, B rows, T places of a cache, S tokens that each row brings, H heads, K heads of keys,
G heads that share a key, D dimensions of a head.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from socratic.policy.fast.slots import Slots
from socratic.policy.fast.weights import Shape
from socratic.policy.token_tree import TokenTree


class TreeLook:
    """Every node of a token tree sees its ancestors and itself; keys and values are kept where they are wanted."""

    def __init__(self, tree: TokenTree, shape: Shape, *, device: torch.device, dtype: torch.dtype, keeps: bool = False) -> None:
        self._shape = shape
        self._keeps = keeps
        self._keys_values: list[Tensor] = []
        self._sizes = tree.sizes
        self._masks = [_mask(torch.from_numpy(sees).to(device), dtype) for sees in tree.sees]

    def __call__(self, layer: int, q_MHD: Tensor, k_MKD: Tensor, v_MKD: Tensor) -> Tensor:
        """Return what each node reads, shape (N, H * D)."""
        del layer
        if self._keeps:
            self._keys_values.append(torch.stack([k_MKD, v_MKD]))
        if len(self._sizes) == 1:
            return self._read(self._masks[0], q_MHD, k_MKD, v_MKD)
        parts = zip(self._masks, *(tensor.split(self._sizes) for tensor in (q_MHD, k_MKD, v_MKD)), strict=True)
        return torch.cat([self._read(mask, q, k, v) for mask, q, k, v in parts])

    def _read(self, mask_NN: Tensor, q_MHD: Tensor, k_MKD: Tensor, v_MKD: Tensor) -> Tensor:
        shape = self._shape
        num = len(q_MHD)
        q_KGND = q_MHD.view(num, shape.num_kv_heads, shape.group, shape.head_dim).permute(1, 2, 0, 3)
        k_KGND, v_KGND = (each.transpose(0, 1)[:, None].expand(-1, shape.group, -1, -1) for each in (k_MKD, v_MKD))
        read = nn.functional.scaled_dot_product_attention(q_KGND, k_KGND, v_KGND, attn_mask=mask_NN)
        return read.permute(2, 0, 1, 3).reshape(num, -1)

    def keys_values(self) -> Tensor:
        """Return keys and values of all layers, shape (layers, 2, N, K, D)."""
        return torch.stack(self._keys_values)


class RowsLook:
    """Rows of a cache that bring S tokens each, padded behind: each sees its row's places up to its own."""

    def __init__(self, slots: Slots, rows_B: Tensor, starts_B: Tensor, num_new: int, width: int, shape: Shape, *, is_prefix: bool) -> None:
        """Look over rows `rows_B`, whose new tokens stand at `starts_B` and behind.

        Args:
            slots: the cache; the new tokens' keys and values are written into it.
            rows_B: which rows.
            starts_B: the place of each row's first new token.
            num_new: how many places each row brings, padding included.
            width: places of the widest row, new ones included.
            shape: the model's.
            is_prefix: `rows_B` are the first rows in order, so that nothing has to be gathered.
        """
        self._slots = slots
        self._shape = shape
        self._rows_B = rows_B
        self._width = width
        self._num_new = num_new
        self._is_prefix = is_prefix
        self._places_BS = starts_B[:, None] + torch.arange(num_new, device=rows_B.device)
        seen_BST = torch.arange(width, device=rows_B.device) <= self._places_BS[:, :, None]
        mask_BST = _mask(seen_BST, slots.dtype)
        # The G heads that share a key stand one after the other, each with all S tokens.
        self._mask = mask_BST[:, None] if num_new == 1 else mask_BST[:, None].repeat(1, 1, shape.group, 1)

    def __call__(self, layer: int, q_MHD: Tensor, k_MKD: Tensor, v_MKD: Tensor) -> Tensor:
        """Return what each token reads, shape (B * S, H * D)."""
        shape, num_new = self._shape, self._num_new
        num_rows = len(self._rows_B)
        keys, values = self._slots.layer(layer)
        for cache, new in ((keys, k_MKD), (values, v_MKD)):
            cache[self._rows_B[:, None], :, self._places_BS] = new.view(num_rows, num_new, shape.num_kv_heads, shape.head_dim)
        if self._is_prefix:
            k_BKTD, v_BKTD = keys[:num_rows, :, : self._width], values[:num_rows, :, : self._width]
        else:
            k_BKTD, v_BKTD = (cache[self._rows_B, :, : self._width] for cache in (keys, values))
        q = q_MHD.view(num_rows, num_new, shape.num_kv_heads, shape.group, shape.head_dim).permute(0, 2, 3, 1, 4)
        q = q.reshape(num_rows, shape.num_kv_heads, shape.group * num_new, shape.head_dim)
        read = nn.functional.scaled_dot_product_attention(q, k_BKTD, v_BKTD, attn_mask=self._mask)
        read = read.view(num_rows, shape.num_kv_heads, shape.group, num_new, shape.head_dim).permute(0, 3, 1, 2, 4)
        return read.reshape(num_rows * num_new, -1)


def paths_of(tree: TokenTree) -> list[NDArray[np.int64]]:
    """Return for each member the nodes from its first token to its last."""
    starts = np.cumsum([0, *tree.sizes])
    own = np.searchsorted(starts, tree.ends_S, side="right") - 1
    return [np.flatnonzero(tree.sees[place][end - starts[place]]) + starts[place] for place, end in zip(own, tree.ends_S, strict=True)]


def _mask(seen: Tensor, dtype: torch.dtype) -> Tensor:
    """Return what attention adds: 0 where a token is seen, the least number elsewhere."""
    return torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill_(~seen, torch.finfo(dtype).min)
