"""The agent at a table: text in, text out, every token accounted for."""

from collections.abc import Sequence

from socratic.policy.engine import Engine, Prompt
from socratic.policy.weights import PolicyWeights
from socratic.protocols import TurnRequest
from socratic.records import Turn
from socratic.seeds import Seed


class PolicyPlayer:
    """Fills seats with one version of the policy."""

    def __init__(self, engine: Engine, *, name: str, weights: PolicyWeights, is_masked: bool, is_lent: bool) -> None:
        """Seat `weights` under `name`; `is_lent`: the engine's policy normally wears other weights."""
        self._engine = engine
        self._name = name
        self._weights = weights
        self._is_masked = is_masked
        self._lent = weights if is_lent else None

    def reply(self, requests: Sequence[TurnRequest]) -> list[Turn]:
        """Draw all replies in one call to the engine."""
        prompts = [self._prompt(request) for request in requests]
        chat = self._engine.policy.chat
        turns = []
        for request, prompt, drawn in zip(requests, prompts, self._engine.draw(prompts, self._lent), strict=True):
            turns.append(
                Turn(
                    seat=request.seat,
                    reply=chat.decode(drawn.token_ids),
                    is_legal=True,
                    player=self._name,
                    version=self._weights.version,
                    context_ids=prompt.context_ids,
                    token_ids=drawn.token_ids,
                    logprobs=drawn.logprobs,
                    allowed=drawn.allowed,
                    is_truncated=drawn.is_truncated,
                )
            )
        return turns

    def _prompt(self, request: TurnRequest) -> Prompt:
        chat = self._engine.policy.chat
        options = None
        if self._is_masked and request.legal is not None:
            options = tuple(chat.encode_reply(option) for option in request.legal)
        return Prompt(
            context_ids=chat.render(request.view, [turn.token_ids for turn in request.own_turns]),
            seed=Seed(request.match.draw_seed).child(f"seat {request.seat}", request.turn),
            options=options,
        )
