"""A forward pass over loose tokens: every matrix product is one for all of them, whichever rows they belong to.

How tokens look at each other is the attention's matter (`looks`): a token tree, rows that grow by one token over a cache, rows that
bring several. A pass may hold all three.

Shape letters: M tokens of a pass, X hidden width, H heads, K heads of keys, D dimensions of a head, V vocabulary, R ranks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from socratic.policy.fast.weights import Adapter, Body, LayerAdapters, Projection, Shape, shape_of


class Look(Protocol):
    """How the tokens of a pass attend."""

    def __call__(self, layer: int, q_MHD: Tensor, k_MKD: Tensor, v_MKD: Tensor) -> Tensor:
        """Return what each token reads at a layer, shape (M, H * D)."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Worn:
    """The adapters that the tokens of a pass wear."""

    layers: tuple[LayerAdapters, ...]
    versions_MK: Tensor | None = None  # one-hot: which of several versions each token wears; None: there is one


BARE = LayerAdapters(qkv=None, out=None, gate_up=None, down=None)


class FastModel:
    """A Llama-shaped model's passes."""

    def __init__(self, model: PreTrainedModel, body: Body) -> None:
        """Read `body`, whose shape and rotary positions are those of `model`."""
        self.shape: Shape = shape_of(model)
        self.body = body
        self.device = body.embedding.device
        self.dtype = body.embedding.dtype
        rotary = cast(nn.Module, model.get_decoder().rotary_emb)  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        self._frequencies = cast(Tensor, rotary.inv_freq).to(self.device, torch.float32)
        self._strength = float(cast(float, rotary.attention_scaling))

    @property
    def bytes_per_place(self) -> int:
        """What a token takes in a cache of keys and values."""
        shape = self.shape
        return 2 * len(self.body.layers) * shape.num_kv_heads * shape.head_dim * self.dtype.itemsize

    def hidden(self, tokens_M: Tensor, positions_M: Tensor, look: Look, worn: Worn | None = None) -> Tensor:
        """Return the last hidden states, shape (M, X)."""
        turn = self._rotation(positions_M)
        x_MX = nn.functional.embedding(tokens_M, self.body.embedding, self.body.padding)
        for index, layer in enumerate(self.body.layers):
            own = worn.layers[index] if worn else BARE
            inner = self._norm(x_MX, layer.first_norm)
            qkv = self._project(inner, layer.qkv, own.qkv, worn)
            q, k, v = self._heads(qkv, layer.q_norm, layer.k_norm, turn)
            x_MX = x_MX + self._project(look(index, q, k, v), layer.out, own.out, worn)
            inner = self._norm(x_MX, layer.second_norm)
            gate, up = self._project(inner, layer.gate_up, own.gate_up, worn).chunk(2, dim=-1)
            x_MX = x_MX + self._project(nn.functional.silu(gate) * up, layer.down, own.down, worn)
        return self._norm(x_MX, self.body.last_norm)

    def logits(self, hidden_MX: Tensor) -> Tensor:
        """Return next-token logits in the model's own precision, shape (M, V)."""
        return self.body.head(hidden_MX)

    def _heads(
        self, qkv: Tensor, q_norm: Tensor | None, k_norm: Tensor | None, turn: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        shape = self.shape
        heads = qkv.view(len(qkv), -1, shape.head_dim)
        turned = heads[:, : shape.num_heads + shape.num_kv_heads]
        if q_norm is not None and k_norm is not None:
            q, k = turned.split((shape.num_heads, shape.num_kv_heads), dim=1)
            turned = torch.cat([self._norm(q, q_norm), self._norm(k, k_norm)], dim=1)
        cos, sin = turn
        # Rotation of pairs (i, i + D / 2): the sine's sign sits in `sin`.
        turned = torch.addcmul(turned * cos, turned.roll(shape.head_dim // 2, -1), sin)
        return turned[:, : shape.num_heads], turned[:, shape.num_heads :], heads[:, shape.num_heads + shape.num_kv_heads :]

    def _rotation(self, positions_M: Tensor) -> tuple[Tensor, Tensor]:
        """Return cosine and signed sine of each token's angles, shapes (M, 1, D)."""
        angles = positions_M[:, None].float() * self._frequencies
        cos, sin = angles.cos() * self._strength, angles.sin() * self._strength
        return torch.cat([cos, cos], -1).to(self.dtype)[:, None], torch.cat([-sin, sin], -1).to(self.dtype)[:, None]

    def _norm(self, x: Tensor, weight: Tensor) -> Tensor:
        return nn.functional.rms_norm(x, weight.shape, weight, self.shape.eps)

    def _project(self, x: Tensor, projection: Projection, adapter: Adapter | None, worn: Worn | None) -> Tensor:
        y = projection(x)
        if adapter is None:
            return y
        inner_MR = nn.functional.linear(x, adapter.down_RI)
        if worn is not None and worn.versions_MK is not None:
            rank = inner_MR.shape[1] // worn.versions_MK.shape[1]
            inner_MR = inner_MR * worn.versions_MK.repeat_interleave(rank, dim=1)
        return y.addmm_(inner_MR, adapter.up_RO)


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """Several looks side by side: each has so many of the tokens, in order."""

    looks: Sequence[Look]
    sizes: Sequence[int]

    def __call__(self, layer: int, q_MHD: Tensor, k_MKD: Tensor, v_MKD: Tensor) -> Tensor:
        """Return what each token reads at a layer, shape (M, H * D)."""
        parts = zip(self.looks, *(tensor.split(list(self.sizes)) for tensor in (q_MHD, k_MKD, v_MKD)), strict=True)
        return torch.cat([look(layer, q, k, v) for look, q, k, v in parts])
