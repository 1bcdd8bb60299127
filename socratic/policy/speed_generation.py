"""Free text: the engine against transformers' `generate`, and against what the machine's own matrix rate would allow.

The limit is measured, not looked up: all of the model's matrix products for one token of each row, one after another, and nothing
else. On a GPU, where a step of a small model is bound by memory, the bytes that a step must read are told beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import torch
from torch import nn

from socratic.config import PolicySection
from socratic.policy.drawing import Prompt
from socratic.policy.engine import Engine
from socratic.policy.fast.passes import FastModel
from socratic.policy.fast.weights import read_body
from socratic.policy.recipe import PolicyRecipe, make_policy
from socratic.policy.speed_pairs import PAIRS, Ratio, paired, seconds_of, wait_for_gpu
from socratic.policy.transformer import Policy
from socratic.records import Json
from socratic.seeds import Seed

NEVER = 1 << 30  # no token's number


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """What is generated."""

    rows: int
    group: int = 8  # rows that share a prompt
    prompt: int = 100
    new: int = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Generated:
    """What one setting came to."""

    setting: Setting
    ratio: Ratio
    limit_s: float  # of one token of each row: the matrix products alone
    threads: int
    read_bytes: int  # that one token of each row must read: weights, and every row's own keys and values

    @property
    def tokens_per_s(self) -> float:
        """Return the engine's rate."""
        return self.setting.rows * self.setting.new / median(self.ratio.ours_s)

    @property
    def share(self) -> float:
        """Return the engine's rate as a share of the limit."""
        return self.tokens_per_s * self.limit_s / self.setting.rows

    @property
    def other_tokens_per_s(self) -> float:
        """Return the rate of `generate`."""
        return self.setting.rows * self.setting.new / median(self.ratio.other_s)

    def words(self) -> str:
        """Return the measurement as a line."""
        return (
            f"{self.setting.rows:>4} rows: {self.tokens_per_s:,.0f} tokens/s, generate {self.other_tokens_per_s:,.0f}: "
            f"{self.ratio.words()} times as fast; {self.share:.0%} of the matrix products' own rate"
        )

    def as_json(self) -> dict[str, Json]:
        """Return the measurement as plain values."""
        return {
            "rows": self.setting.rows,
            "prompt": self.setting.prompt,
            "new": self.setting.new,
            "tokens_per_s": self.tokens_per_s,
            "generate_tokens_per_s": self.other_tokens_per_s,
            "ratios": [*self.ratio.values],
            "share_of_products": self.share,
        }


def load_for_speed(source: str, dtype: str, threads: int = 0) -> Policy:
    """Return a language model as it was published: frozen, without an adapter; torch has `threads` from now on, unless it is 0.

    Raises:
        ModelMissing: it is not on this machine and cannot be fetched.
        PolicyError: it cannot serve.
    """
    if threads:
        torch.set_num_threads(threads)
    section = PolicySection.model_validate({"source": source, "dtype": dtype})
    policy = make_policy(PolicyRecipe(section=section, uses_lora=False, seed=Seed(0)))
    policy.model.requires_grad_(requires_grad=False)
    return policy


def prompts_of(setting: Setting, vocab_size: int) -> list[Prompt]:
    """Return random prompts, so many rows to each."""
    draws = Seed(0)
    contexts = [
        tuple(100 + draws.child("prompt", number).integer(vocab_size - 100, place) for place in range(setting.prompt))
        for number in range(setting.rows // setting.group)
    ]
    return [Prompt(context_ids=contexts[row // setting.group], seed=Seed(row)) for row in range(setting.rows)]


def generated(policy: Policy, setting: Setting, *, pairs: int = PAIRS) -> Generated:
    """Measure one setting; neither side may end before `setting.new` tokens."""
    model = policy.model
    prompts = prompts_of(setting, model.config.vocab_size)
    engine = Engine(policy, temperature=1.0, max_new_tokens=setting.new, pack_tokens=1024, max_rows=setting.rows)
    inputs = torch.tensor([prompt.context_ids for prompt in prompts], device=model.device)

    def ours() -> None:
        drawn = engine.draw(prompts)
        assert all(len(reply.token_ids) == setting.new for reply in drawn), "a reply ended early"

    def other() -> None:
        with torch.no_grad():
            found = model.generate(  # type: ignore[operator]  # a mixin's method
                inputs,
                attention_mask=torch.ones_like(inputs),
                do_sample=True,
                top_k=0,
                top_p=1.0,
                temperature=1.0,
                max_new_tokens=setting.new,
                min_new_tokens=setting.new,
                eos_token_id=None,
                pad_token_id=0,
            )
        assert found.shape[1] == setting.prompt + setting.new

    ends = policy.chat.end_ids
    policy.chat.end_ids = frozenset({NEVER})
    try:
        ratio = paired(ours, other, pairs=pairs)
    finally:
        policy.chat.end_ids = ends
    fast = FastModel(model, read_body(model, {}))
    weights = sum(each.weight_OI.nbytes for layer in fast.body.layers for each in (layer.qkv, layer.out, layer.gate_up, layer.down))
    places = setting.rows * (setting.prompt + setting.new // 2)
    return Generated(
        setting=setting,
        ratio=ratio,
        limit_s=products_s(fast, setting.rows),
        threads=torch.get_num_threads(),
        read_bytes=weights + fast.body.head.weight_OI.nbytes + places * fast.bytes_per_place,
    )


def products_s(fast: FastModel, rows: int, repeats: int = 7) -> float:
    """Return the seconds that the model's matrix products take for `rows` tokens: the median of several goes, after two."""
    weights = [each.weight_OI for layer in fast.body.layers for each in (layer.qkv, layer.out, layer.gate_up, layer.down)]
    weights.append(fast.body.head.weight_OI)
    widths: Sequence[int] = sorted({weight.shape[1] for weight in weights})
    inputs = {width: torch.ones((rows, width), dtype=fast.dtype, device=fast.device) for width in widths}

    def products() -> None:
        for weight in weights:
            nn.functional.linear(inputs[weight.shape[1]], weight)

    with torch.no_grad():
        if fast.device.type == "cuda":
            return _graphed_s(products, repeats)
        return median([seconds_of(products) for _ in range(repeats + 2)][2:])


def _graphed_s(products: "object", repeats: int) -> float:
    """The same without Python in between, which a GPU would wait for."""
    call = products
    assert callable(call)
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        call()
    wait_for_gpu()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    graph.replay()
    return median(seconds_of(graph.replay) for _ in range(repeats))


def copy_rate(device: torch.device, mebibytes: int = 2048) -> float:
    """Return the bytes a second that a copy within the device's memory reads and writes."""
    source = torch.ones(mebibytes << 20, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    target.copy_(source)
    wait_for_gpu()
    return 2 * source.nbytes / median(seconds_of(lambda: target.copy_(source)) for _ in range(7))
