"""How a policy is made, small enough to travel: every process that needs one builds it anew."""

from dataclasses import dataclass

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from socratic.config import PolicySection
from socratic.policy.chat import Chat
from socratic.policy.sources import add_lora, build_scratch_model, load_source
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
        PolicyError: the source cannot serve.
    """
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
    return Policy(model, Chat(tokenizer))
