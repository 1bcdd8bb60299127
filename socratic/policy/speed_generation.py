"""Free text: the engine against transformers' `generate`, and against what the machine's own matrix rate would allow.

The limit is measured, not looked up: all of the model's matrix products for one token of each row, as the engine makes them, one after
another, and nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch
from transformers import PreTrainedModel

from socratic.config import PolicySection
from socratic.errors import PolicyError
from socratic.policy.drawing import Prompt
from socratic.policy.engine import Engine
from socratic.policy.fast.packing import packed
from socratic.policy.fast.weights import LLAMA_SHAPED, is_llama_shaped, read_body
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
    """Measure one setting; neither side may end before `setting.new` tokens.

    Raises:
        PolicyError: the model has no fast passes, so that there is nothing to compare.
    """
    model = policy.model
    if not is_llama_shaped(model):
        kind = getattr(model.config, "model_type", type(model).__name__)
        raise PolicyError(f"a model of type {kind} has no fast passes yet; name one of {', '.join(sorted(LLAMA_SHAPED))}")
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
    return Generated(
        setting=setting,
        ratio=ratio,
        limit_s=products_s(model, setting.rows),
        threads=torch.get_num_threads(),
    )


def products_s(model: PreTrainedModel, rows: int, repeats: int = 7) -> float:
    """Return the seconds that the model's matrix products take for `rows` tokens: the median of several goes, after two."""
    plain = read_body(model, {})
    body = packed(plain)
    pairs = [
        (getattr(own, name), getattr(laid, name).weight_OI.shape[1])
        for own, laid in zip(body.layers, plain.layers, strict=True)
        for name in ("qkv", "out", "gate_up", "down")
    ]
    pairs.append((body.head, plain.head.weight_OI.shape[1]))
    inputs = {width: torch.ones((rows, width), dtype=model.dtype, device=model.device) for _, width in pairs}

    def products() -> None:
        for projection, width in pairs:
            projection(inputs[width])

    with torch.no_grad():
        if model.device.type == "cuda":
            return _graphed_s(products, repeats)
        return median([seconds_of(products) for _ in range(repeats + 2)][2:])


def _graphed_s(products: Callable[[], None], repeats: int) -> float:
    """The same without Python in between, which a GPU would wait for."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        products()
    wait_for_gpu()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        products()
    graph.replay()
    return median(seconds_of(graph.replay) for _ in range(repeats))
