"""The agent at a table: text in, text out, every token accounted for."""

from collections.abc import Mapping, Sequence

from socratic.policy.engine import Engine, Prompt
from socratic.policy.memory import Memory, remembered
from socratic.policy.weights import PolicyWeights
from socratic.protocols import TurnRequest
from socratic.records import Turn
from socratic.seeds import Seed

AGENT = "agent"


class PolicyPlayer:
    """Fills seats with versions of the policy."""

    def __init__(self, engine: Engine, *, seated: Mapping[str, PolicyWeights], is_masked: bool, memory: Memory = "all") -> None:
        """Seat weights by player name; the engine's policy wears those of "agent", where they are among them."""
        self._engine = engine
        self._seated = seated
        self._is_masked = is_masked
        self._memory = memory

    def reply(self, requests: Sequence[TurnRequest]) -> list[Turn]:
        """Draw all replies in one call to the engine."""
        prompts = [self._prompt(request) for request in requests]
        names = [request.match.seats[request.seat] for request in requests]
        lent = [None if name == AGENT else self._seated[name] for name in names]
        chat = self._engine.policy.chat
        return [
            Turn(
                seat=request.seat,
                reply=chat.decode(drawn.token_ids),
                is_legal=True,
                player=name,
                version=self._seated[name].version,
                context_ids=prompt.context_ids,
                token_ids=drawn.token_ids,
                logprobs=drawn.logprobs,
                allowed=drawn.allowed,
                is_truncated=drawn.is_truncated,
            )
            for request, name, prompt, drawn in zip(requests, names, prompts, self._engine.draw_each(prompts, lent), strict=True)
        ]

    def _prompt(self, request: TurnRequest) -> Prompt:
        chat = self._engine.policy.chat
        options = None
        if self._is_masked and request.legal is not None:
            options = tuple(chat.encode_reply(option) for option in request.legal)
        return Prompt(
            context_ids=chat.render(*remembered(request.view, [turn.token_ids for turn in request.own_turns], self._memory)),
            seed=Seed(request.match.draw_seed).child(f"seat {request.seat}", request.turn),
            options=options,
        )
