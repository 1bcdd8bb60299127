"""The weights of a Llama-shaped model laid out for reading: projections that see the same input are one matrix.

Queries, keys and values are one product, and so are gate and up. LoRA adapters stay apart, in the precision of the passes: added
into bfloat16 weights, what a young adapter says would round away. Several versions of an adapter stand side by side, and a mask
leaves each row its own (see `mixing`).

Shape letters: O outputs, I inputs, R rank of all adapters of a projection, K versions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from socratic.policy.mixing import SIDE_A, SIDE_B

# Architectures whose layers are: norm, attention with rotary positions, norm, gated SiLU. Some have biases, some norms of heads.
LLAMA_SHAPED = frozenset({"llama", "mistral", "qwen2", "qwen3"})
QKV = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
OUT = ("self_attn.o_proj",)
GATE_UP = ("mlp.gate_proj", "mlp.up_proj")
DOWN = ("mlp.down_proj",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Projection:
    """One or several linear layers with the same input."""

    weight_OI: Tensor
    bias_O: Tensor | None
    is_packed: bool = False  # laid out for the CPU's matrix unit: see `packing`

    def __call__(self, x: Tensor) -> Tensor:
        """Return the outputs of `x`, shape (..., O)."""
        if self.is_packed:
            y: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight_OI, self.bias_O, "none", [], "")
            return y
        return nn.functional.linear(x, self.weight_OI, self.bias_O)


@dataclass(frozen=True, kw_only=True, slots=True)
class Adapter:
    """The adapters of one projection, K versions side by side."""

    down_RI: Tensor
    up_RO: Tensor  # scaled


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """One block of the model, without adapters."""

    first_norm: Tensor
    qkv: Projection
    q_norm: Tensor | None
    k_norm: Tensor | None
    out: Projection
    second_norm: Tensor
    gate_up: Projection
    down: Projection


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerAdapters:
    """The adapters of one block; None where a projection has none."""

    qkv: Adapter | None
    out: Adapter | None
    gate_up: Adapter | None
    down: Adapter | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """A whole model."""

    embedding: Tensor
    padding: int | None  # the token whose row has no gradient through the input
    layers: tuple[Layer, ...]
    last_norm: Tensor
    head: Projection


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What of a model's configuration its passes need."""

    num_heads: int
    num_kv_heads: int
    head_dim: int
    eps: float

    @property
    def group(self) -> int:
        """How many heads share a key."""
        return self.num_heads // self.num_kv_heads


def is_llama_shaped(model: PreTrainedModel) -> bool:
    """Return whether the fast pass computes what `model` does."""
    config = model.config
    if getattr(config, "model_type", "") not in LLAMA_SHAPED or getattr(config, "hidden_act", "") != "silu":
        return False
    if getattr(config, "use_sliding_window", False) or (config.model_type == "mistral" and config.sliding_window is not None):
        return False
    scaling = getattr(config, "rope_parameters", None) or {}
    return scaling.get("rope_type", "default") in ("default", "linear", "llama3")


def shape_of(model: PreTrainedModel) -> Shape:
    """Return the sizes of a Llama-shaped model."""
    config = model.config
    return Shape(
        num_heads=config.num_attention_heads,
        num_kv_heads=config.num_key_value_heads,
        head_dim=getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads,
        eps=config.rms_norm_eps,
    )


def read_body(model: PreTrainedModel, replaced: Mapping[str, Tensor]) -> Body:
    """Return the model's weights without adapters; those in `replaced`, by parameter name, in the place of its own.

    Projections of several layers are copied into one matrix, through which gradients flow back; all else is the model's own memory.
    """
    # A tied parameter has several names, and a version knows it by one of them.
    lent = {id(parameter): replaced[name] for name, parameter in model.named_parameters() if name in replaced}
    own: dict[str, Tensor] = {
        name: lent.get(id(parameter), parameter) for name, parameter in model.named_parameters(remove_duplicate=False)
    }

    def found(name: str) -> Tensor | None:
        # peft puts a layer that it adapts one step further down.
        place, _, leaf = name.rpartition(".")
        return own.get(name, own.get(f"{place}.base_layer.{leaf}"))

    def get(name: str) -> Tensor:
        return cast(Tensor, found(name))

    def projection(prefix: str, names: Sequence[str]) -> Projection:
        weights = [get(f"{prefix}.{name}.weight") for name in names]
        biases = [found(f"{prefix}.{name}.bias") for name in names]
        return Projection(
            weight_OI=torch.cat(weights) if len(weights) > 1 else weights[0],
            bias_O=None if biases[0] is None else torch.cat([cast(Tensor, bias) for bias in biases]),
        )

    layers = []
    for index in range(model.config.num_hidden_layers):
        prefix = f"model.layers.{index}"
        layers.append(
            Layer(
                first_norm=get(f"{prefix}.input_layernorm.weight"),
                qkv=projection(prefix, QKV),
                q_norm=found(f"{prefix}.self_attn.q_norm.weight"),
                k_norm=found(f"{prefix}.self_attn.k_norm.weight"),
                out=projection(prefix, OUT),
                second_norm=get(f"{prefix}.post_attention_layernorm.weight"),
                gate_up=projection(prefix, GATE_UP),
                down=projection(prefix, DOWN),
            )
        )
    embedding = get("model.embed_tokens.weight")
    head = found("lm_head.weight")
    return Body(
        embedding=embedding,
        padding=cast("nn.Embedding", model.get_input_embeddings()).padding_idx,
        layers=tuple(layers),
        last_norm=get("model.norm.weight"),
        head=Projection(weight_OI=embedding if head is None else head, bias_O=None),
    )


def read_adapters(model: PreTrainedModel, versions: Sequence[Mapping[str, Tensor]]) -> tuple[LayerAdapters, ...]:
    """Return every layer's adapters, the versions side by side: first all ranks of the first version, then of the next."""
    modules = dict(model.named_modules())
    # "model.layers.0.self_attn.q_proj.lora_A.default.weight", by what stands before the adapter's name.
    sides_of = [{name.rsplit(".", 2)[0] + ".": tensor for name, tensor in version.items()} for version in versions]

    def adapter(prefix: str, names: Sequence[str]) -> Adapter | None:
        downs, ups = [], []
        widths = [_width(modules[f"{prefix}.{name}"]) for name in names]
        for sides in sides_of:
            for place, name in enumerate(names):
                layer = f"{prefix}.{name}"
                if layer + SIDE_A not in sides:
                    continue
                downs.append(sides[layer + SIDE_A])
                up_OR = sides[layer + SIDE_B] * _scaling(modules[layer])
                before, after = sum(widths[:place]), sum(widths[place + 1 :])
                ups.append(nn.functional.pad(up_OR, (0, 0, before, after)))
        if not downs:
            return None
        return Adapter(down_RI=torch.cat(downs).to(model.dtype), up_RO=torch.cat(ups, dim=1).t().contiguous().to(model.dtype))

    return tuple(
        LayerAdapters(
            qkv=adapter(f"model.layers.{index}", QKV),
            out=adapter(f"model.layers.{index}", OUT),
            gate_up=adapter(f"model.layers.{index}", GATE_UP),
            down=adapter(f"model.layers.{index}", DOWN),
        )
        for index in range(model.config.num_hidden_layers)
    )


def _width(module: nn.Module) -> int:
    return int(cast(int, getattr(module, "out_features", 0)))


def _scaling(module: nn.Module) -> float:
    scaling = cast("dict[str, float]", getattr(module, "scaling", {}))
    return next(iter(scaling.values()), 1.0)
