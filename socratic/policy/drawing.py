"""What is asked of an engine, and what it answers."""

from dataclasses import dataclass

from socratic.policy.options import Tokens
from socratic.seeds import Seed


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """One reply to draw."""

    context_ids: Tokens
    seed: Seed  # its i-th uniform draws the i-th token
    options: tuple[Tokens, ...] | None = None  # legal replies, end of text included; None: free text
    extends: Tokens = ()  # what of the context the engine has read already, where the same conversation goes on


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """A reply as it was drawn; see `records.Turn` for the fields."""

    token_ids: Tokens
    logprobs: tuple[float, ...]
    allowed: tuple[Tokens, ...] | None
    is_truncated: bool = False
