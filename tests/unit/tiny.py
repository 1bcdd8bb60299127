"""Policies small enough for a unit test, made from a seed."""

from socratic.config import PolicySection
from socratic.policy.engine import Engine
from socratic.policy.recipe import PolicyRecipe, make_policy
from socratic.policy.transformer import Policy
from socratic.seeds import Seed

LEXICON = ("Your card: J.", "They pass.", "They bet.", "You:", "pass bet J Q K", "1 2 3 10 11 left. You take:", "Score: 1.")


def tiny_policy(seed: int = 0, *, uses_lora: bool = False) -> Policy:
    """Return a scratch policy of one layer; its weights are random and far from uniform."""
    section = PolicySection(hidden=16, layers=1, heads=2, init_std=0.3)
    return make_policy(PolicyRecipe(section=section, uses_lora=uses_lora, seed=Seed(seed), lexicon=LEXICON))


def tiny_engine(policy: Policy, *, temperature: float = 1.0, max_new_tokens: int = 8, is_fast: bool = True) -> Engine:
    """Return an engine over `policy`."""
    return Engine(policy, temperature=temperature, max_new_tokens=max_new_tokens, pack_tokens=256, is_fast=is_fast)
