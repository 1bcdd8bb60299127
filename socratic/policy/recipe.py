"""How a policy is made, small enough to travel: every process that needs one builds it anew."""

from dataclasses import dataclass

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from socratic.config import PolicySection
from socratic.errors import PolicyError
from socratic.policy.chat import Chat
from socratic.policy.sources import add_lora, build_scratch_model, load_source, load_tokenizer
from socratic.policy.tokenizer import build_tokenizer
from socratic.policy.transformer import Policy
from socratic.seeds import Seed


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyRecipe:
    """Equal recipes give policies with equal tokens and equal shapes."""

    section: PolicySection
    uses_lora: bool
    seed: Seed
    lexicon: tuple[str, ...] = ()  # the texts a scratch policy's tokenizer is built from


def make_policy(recipe: PolicyRecipe) -> Policy:
    """Build the policy; a scratch one is random until its weights are loaded.

    Raises:
        ModelMissing: the source is not on this machine.
        PolicyError: the source cannot serve, or the device is not there.
    """
    device = device_of(recipe.section)
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    if recipe.section.source == "scratch":
        tokenizer = build_tokenizer(recipe.lexicon)
        model = build_scratch_model(len(tokenizer), recipe.section, recipe.seed.child("weights"))
    else:
        source = load_source(recipe.section)
        model, tokenizer = source.model, source.tokenizer
    if recipe.uses_lora:
        model = add_lora(model, recipe.section.lora, recipe.seed.child("adapter"))
    model.to(device)  # type: ignore[arg-type]  # transformers narrows what torch takes
    return Policy(model, Chat(tokenizer))


def make_chat(recipe: PolicyRecipe) -> Chat:
    """Build the policy's chat alone, where something else draws.

    Raises:
        ModelMissing: the source is not on this machine.
        PolicyError: its tokenizer cannot serve.
    """
    is_scratch = recipe.section.source == "scratch"
    return Chat(build_tokenizer(recipe.lexicon) if is_scratch else load_tokenizer(recipe.section))


def device_of(section: PolicySection) -> torch.device:
    """Return where a policy lives: a GPU for language models where there is one and nothing else is said.

    A scratch policy is so small that a GPU waits for Python, and on a CPU its bytes are the same everywhere.

    Raises:
        PolicyError: a GPU is asked for and there is none.
    """
    has_gpu = torch.cuda.is_available()
    if section.device == "cuda" and not has_gpu:
        raise PolicyError("policy.device is 'cuda', and torch sees no CUDA device in this process; set policy.device = 'cpu'")
    wants_gpu = section.device == "cuda" or (section.device == "auto" and section.source != "scratch")
    return torch.device("cuda" if wants_gpu and has_gpu else "cpu")


def num_gpus(section: PolicySection) -> int:
    """Return how many GPUs of this machine a run's policies share."""
    return torch.cuda.device_count() if device_of(section).type == "cuda" else 0
