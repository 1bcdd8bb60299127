"""Where weights come from: a folder, the hub, the user's cache, or a seed; and the adapters that are trained on top.

Nothing that is loaded is executed: safetensors only, and no code that a model brings along.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httpx
import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from peft import LoraConfig, inject_adapter_in_model
from safetensors import SafetensorError
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from socratic.config import Lora, PolicySection
from socratic.errors import ModelMissing, PolicyError
from socratic.policy.folders import check_model_folder, local_model
from socratic.policy.smollm2 import smollm2_folder
from socratic.seeds import Seed

WANTED_FILES = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.jinja", "*.model", "*.txt"]
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
# How long the hub may take for its first answer before the run looks into the cache instead.
HUB_TIMEOUT_S = 10.0
# A scratch policy reads short games; rotary positions cost nothing, so the bound is only there to be one.
SCRATCH_POSITIONS = 8192


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A model as it was found, in evaluation mode, with its tokenizer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    folder: Path


def fetch_from_hub(name: str, key: str = "policy.source") -> Path:
    """Return the folder of a hub model's newest snapshot, downloaded where it can be, from the hub's cache where it cannot.

    Raises:
        ModelMissing: it is in neither.
    """
    try:
        found = snapshot_download(name, allow_patterns=WANTED_FILES, ignore_patterns=["*/*"], etag_timeout=HUB_TIMEOUT_S)
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, httpx.HTTPError) as error:
        reason = str(error).strip().splitlines()
        raise ModelMissing(
            f"{key} = {name!r} is no folder here, is not in the hub's cache and could not be fetched "
            f"({reason[0] if reason else type(error).__name__}); give a local folder, or `smollm2` after `socratic models add smollm2`"
        ) from error
    return Path(found)


def load_source(section: PolicySection, *, fetch: Callable[[str], Path] = fetch_from_hub) -> Source:
    """Load `section.source` in `section.dtype`: `smollm2`, a local folder or a hub name, in this order.

    Raises:
        ModelMissing: it is not on this machine and cannot be fetched.
        PolicyError: it is there and cannot serve.
    """
    folder = locate(section.source, "policy.source", fetch)
    return load_folder(folder, AutoModelForCausalLM.from_pretrained, section.dtype)


def load_tokenizer(section: PolicySection, *, fetch: Callable[[str], Path] = fetch_from_hub) -> PreTrainedTokenizerBase:
    """Load the tokenizer of `section.source` alone.

    Raises:
        ModelMissing: it is not on this machine and cannot be fetched.
        PolicyError: it cannot be read.
    """
    folder = locate(section.source, "policy.source", fetch)
    with _quiet(), readable(folder):
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    return cast(PreTrainedTokenizerBase, tokenizer)


def load_folder(folder: Path, load: Callable[..., object], dtype: str) -> Source:
    """Load the model in `folder` with an auto class's `from_pretrained`, and its tokenizer.

    Raises:
        PolicyError: it cannot serve.
    """
    with _quiet(), readable(folder):
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        loaded = load(
            folder,
            dtype=DTYPES[dtype],
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
    model, report = cast("tuple[PreTrainedModel, dict[str, set[str]]]", loaded)
    missing = sorted(report["missing_keys"])
    if missing:
        raise PolicyError(f"{folder} lacks {len(missing)} of its model's weights ({missing[0]}); download it again")
    rows = cast(nn.Embedding, model.get_input_embeddings()).num_embeddings
    if len(tokenizer) > rows:
        raise PolicyError(f"{folder} has a tokenizer of {len(tokenizer)} tokens and a model of {rows}; they do not belong together")
    return Source(model=model, tokenizer=tokenizer, folder=folder)


def build_scratch_model(vocab_size: int, section: PolicySection, seed: Seed) -> LlamaForCausalLM:
    """Return a small Llama whose weights are drawn from `seed` alone: normal(0, `section.init_std`), norms 1.

    Embeddings are not tied to the head: measured on Kuhn transcripts, the same warm-up ends at 0.12 nats a token, tied at 0.15.

    Raises:
        PolicyError: the sizes do not fit each other.
    """
    if section.hidden % (2 * section.heads):
        step = 2 * section.heads
        fitting = -(-section.hidden // step) * step
        raise PolicyError(f"policy.hidden is {section.hidden}, expected a multiple of {step} (twice policy.heads); try {fitting}")
    config = LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=section.hidden,
        intermediate_size=2 * section.hidden,
        num_hidden_layers=section.layers,
        num_attention_heads=section.heads,
        num_key_value_heads=section.heads,
        max_position_embeddings=SCRATCH_POSITIONS,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=None,
    )
    # Built without memory, a model draws nothing from the global generator.
    with torch.device("meta"):
        model = LlamaForCausalLM(config)
    model.to_empty(device="cpu")
    # Rotary frequencies are computed, not drawn, and were lost with the memory.
    model.model.rotary_emb = type(model.model.rotary_emb)(config)
    for name, parameter in model.named_parameters():
        values = torch.ones(parameter.shape)
        if not name.endswith("norm.weight"):
            values.normal_(0.0, section.init_std, generator=_generator(seed.child(name)))
        parameter.data = values.to(DTYPES[section.dtype])
    model.train(mode=False)
    return model


def add_lora(model: PreTrainedModel, lora: Lora, seed: Seed) -> PreTrainedModel:
    """Put a LoRA adapter on every linear layer of `model` but its head, in place, and leave nothing else trainable.

    The adapter is float32 whatever the model is. A is drawn from `seed`, uniform in +-1/sqrt(inputs) as in peft; B is 0, so that the
    policy starts as the model is (arXiv:2106.09685, section 4.1).
    """
    config = LoraConfig(r=lora.r, lora_alpha=lora.alpha, lora_dropout=0.0, target_modules="all-linear", bias="none")
    # Built without memory, as above.
    inject_adapter_in_model(config, model, low_cpu_mem_usage=True)
    for name, parameter in list(model.named_parameters()):
        if not parameter.requires_grad:
            continue
        values = torch.zeros(parameter.shape, dtype=torch.float32)
        if ".lora_A." in name:
            bound = 1.0 / math.sqrt(parameter.shape[1])
            values.uniform_(-bound, bound, generator=_generator(seed.child(name)))
        layer, _, leaf = name.rpartition(".")
        setattr(model.get_submodule(layer), leaf, nn.Parameter(values.to(model.device)))
    model.train(mode=False)
    return model


def locate(source: str, key: str, fetch: Callable[[str], Path]) -> Path:
    """Return the folder of the model that the configuration names at `key`.

    Raises:
        ModelMissing: it is not on this machine and cannot be fetched.
        PolicyError: it holds no model that can be loaded.
    """
    if source == "scratch":
        raise PolicyError(f"{key} = 'scratch' is made here and cannot be loaded; give a folder, a hub name or smollm2")
    folder = smollm2_folder() if source == "smollm2" else local_model(source, key) or fetch(source)
    check_model_folder(source, folder, key)
    return folder


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Turn what transformers raises on a model that it cannot read into one line."""
    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        reason = str(error).strip().splitlines()
        raise PolicyError(f"the model in {folder} cannot be loaded: {reason[0] if reason else type(error).__name__}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' progress bars out of the terminal for a while."""
    was_on = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    try:
        yield
    finally:
        if was_on:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]  # as above


def _generator(seed: Seed) -> torch.Generator:
    # A torch generator takes 63 bits and a sign; the key has 64.
    return torch.Generator().manual_seed(seed.key >> 1)
