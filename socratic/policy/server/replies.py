"""One reply of a vLLM server: what is asked for, and what of the answer is believed.

Prompts go as token ids and the drawn ids come back beside their log-probabilities, so that no text is ever tokenized again. Every
setting that a model's own `generation_config.json` could change on the server is sent, and whatever does not fit to the letter
is refused: a reply that was cut short or came from another model would otherwise be learned from as if the policy had said it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

from socratic.errors import PlayError
from socratic.policy.drawing import Drawn, Prompt
from socratic.policy.options import Tokens
from socratic.records import Json

ROUNDING = 1e-4  # how far above 0 a log-probability may come out
IMPOSSIBLE = -9999.0  # what the protocol writes for minus infinity
MARK = "token_id:"


@dataclass(frozen=True, kw_only=True, slots=True)
class Manner:
    """How every reply of a run is drawn."""

    temperature: float
    max_new_tokens: int
    ends: frozenset[int]


def request_of(prompt: Prompt, name: str, manner: Manner) -> dict[str, Json]:
    """Return the request that has a reply drawn by the model called `name`.

    Nothing but the temperature shapes the distribution: no top-p, top-k or penalty of the server's own. A reply ends where the chat
    says it does, and nowhere else. The seed is the prompt's: what is drawn from it is the server's affair.
    """
    return {
        "model": name,
        "prompt": list(prompt.context_ids),
        "max_tokens": manner.max_new_tokens,
        "temperature": manner.temperature,
        "seed": prompt.seed.key >> 1,  # the protocol takes 63 bits and a sign
        "stop_token_ids": [*sorted(manner.ends)],
        "ignore_eos": True,
        "top_p": 1.0,
        "top_k": 0,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "logprobs": 0,  # of the drawn tokens alone
        "return_token_ids": True,
        "return_tokens_as_token_ids": True,
        "skip_special_tokens": False,
    }


def drawn_of(reply: Json, prompt: Prompt, name: str, manner: Manner) -> Drawn:
    """Return the reply as it was drawn.

    Raises:
        PlayError: the answer is of another model or prompt, is cut short, or lacks what a reply is learned from.
    """
    match reply:
        case {
            "model": str(model),
            "choices": [
                {
                    "token_ids": [*ids],
                    "prompt_token_ids": [*read],
                    "finish_reason": reason,
                    "logprobs": {"tokens": [*marks], "token_logprobs": [*told]},
                }
            ],
        }:
            pass
        case _:
            raise PlayError(
                f"the server's answer for {name} lacks token ids or log-probabilities; expected a vLLM with return_token_ids: upgrade it"
            )
    if model != name:
        raise PlayError(f"the server answered as {model!r}, expected {name!r}; was it restarted? resume the run")
    if tuple(read) != prompt.context_ids:
        raise PlayError(f"the server read other token ids ({len(read)}) than {name} was asked with ({len(prompt.context_ids)}); restart it")
    if not _are_ids(ids) or not ids:
        raise PlayError(f"the server's answer for {name} has no token ids; expected a vLLM with return_token_ids: upgrade it")
    token_ids: Tokens = tuple(ids)
    is_ended = token_ids[-1] in manner.ends
    if any(token in manner.ends for token in token_ids[:-1]):
        raise PlayError(f"the server went on after the end of a reply of {name}; expected stop_token_ids to be kept: upgrade it")
    if not is_ended and (reason != "length" or len(token_ids) != manner.max_new_tokens):
        raise PlayError(
            f"the server cut a reply of {name} short after {len(token_ids)} tokens ({reason!r}), expected an end or "
            f"{manner.max_new_tokens}; start it with a larger --max-model-len, and let nobody abort what it draws"
        )
    return Drawn(token_ids=token_ids, logprobs=_logprobs(marks, told, token_ids, name), allowed=None, is_truncated=not is_ended)


def _logprobs(marks: Sequence[Json], told: Sequence[Json], token_ids: Tokens, name: str) -> tuple[float, ...]:
    if _are_logprobs(told) and len(told) == len(token_ids) and list(marks) == [f"{MARK}{token}" for token in token_ids]:
        return tuple(min(float(logprob), 0.0) for logprob in told)
    raise PlayError(f"the server's answer for {name} lacks the log-probabilities of its {len(token_ids)} tokens; upgrade it")


def _are_ids(values: Sequence[Json]) -> TypeGuard[list[int]]:
    return all(isinstance(value, int) and not isinstance(value, bool) and value >= 0 for value in values)


def _are_logprobs(values: Sequence[Json]) -> TypeGuard[list[float]]:
    return all(
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and IMPOSSIBLE < value <= ROUNDING
        for value in values
    )
