"""The agent at a table: text in, text out, every token accounted for."""

from collections.abc import Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from socratic.policy.chat import Chat
from socratic.policy.drawing import Drawn, Prompt
from socratic.policy.memory import Memory, remembered
from socratic.policy.stream import Stream
from socratic.protocols import TurnRequest, Weights
from socratic.records import Turn
from socratic.seeds import Seed

AGENT = "agent"

Worn = TypeVar("Worn", bound=Weights)  # what an engine draws with: weights, or their name on a server
Lent = TypeVar("Lent", bound=Weights, contravariant=True)


class Draws(Protocol[Lent]):
    """An engine, wherever it is."""

    @property
    def chat(self) -> Chat:
        """Return what renders views and reads replies."""
        ...

    def stream(self, versions: Sequence[Lent], *, keeps_conversations: bool = False) -> Stream:
        """Return a stream of free replies by `versions`."""
        ...

    def draw_each(self, prompts: Sequence[Prompt], weights: Sequence[Lent]) -> list[Drawn]:
        """Draw a reply to each prompt, in order, with the weights at its place."""
        ...


class PolicyPlayer(Generic[Worn]):
    """Fills seats with versions of the policy. Replies under a mask come all at once, free ones as they end."""

    def __init__(self, engine: Draws[Worn], *, seated: Mapping[str, Worn], is_masked: bool, memory: Memory = "all") -> None:
        """Seat weights by player name; what its conversations have read is forgotten with it."""
        self._engine = engine
        self._seated = seated
        # Players of the same weights are one version to the engine.
        distinct = {weights.fingerprint: weights for weights in seated.values()}
        self._place_of = {name: list(distinct).index(weights.fingerprint) for name, weights in seated.items()}
        self._is_masked = is_masked
        self._memory = memory
        self._stream = engine.stream(list(distinct.values()), keeps_conversations=memory == "all")
        self._early: list[tuple[int, Turn]] = []
        self._asked: dict[int, tuple[TurnRequest, Prompt]] = {}
        self._masked: list[int] = []
        self._num_asked = 0

    def reply(self, requests: Sequence[TurnRequest]) -> list[Turn]:
        """Return one turn for each request, in order."""
        tickets = [self.ask(request) for request in requests]
        turns: dict[int, Turn] = {}
        early: list[tuple[int, Turn]] = []
        while len(turns) < len(tickets):
            for ticket, turn in self.advance():
                if ticket in tickets:
                    turns[ticket] = turn
                else:
                    early.append((ticket, turn))
        self._early += early
        return [turns[ticket] for ticket in tickets]

    def ask(self, request: TurnRequest) -> int:
        """Have a turn taken; return the ticket by which it comes."""
        ticket, prompt = self._num_asked, self._prompt(request)
        self._num_asked += 1
        self._asked[ticket] = (request, prompt)
        if prompt.options is not None:
            self._masked.append(ticket)
        else:
            self._stream.ask(ticket, prompt, self._place_of[request.match.seats[request.seat]])
        return ticket

    def advance(self) -> list[tuple[int, Turn]]:
        """Return the next turns that are ready, by ticket."""
        if self._early:
            early, self._early = self._early, []
            return early
        ready: list[tuple[int, Drawn]] = []
        if self._masked:
            prompts = [self._asked[ticket][1] for ticket in self._masked]
            requests = [self._asked[ticket][0] for ticket in self._masked]
            lent = [self._seated[request.match.seats[request.seat]] for request in requests]
            ready += zip(self._masked, self._engine.draw_each(prompts, lent), strict=True)
            self._masked = []
        else:
            ready += self._stream.advance()
        return [(ticket, self._turn(*self._asked.pop(ticket), drawn)) for ticket, drawn in ready]

    def _turn(self, request: TurnRequest, prompt: Prompt, drawn: Drawn) -> Turn:
        name = request.match.seats[request.seat]
        return Turn(
            seat=request.seat,
            reply=self._engine.chat.decode(drawn.token_ids),
            is_legal=True,
            player=name,
            version=self._seated[name].version,
            context_ids=prompt.context_ids,
            token_ids=drawn.token_ids,
            logprobs=drawn.logprobs,
            allowed=drawn.allowed,
            is_truncated=drawn.is_truncated,
        )

    def _prompt(self, request: TurnRequest) -> Prompt:
        chat = self._engine.chat
        options = None
        if self._is_masked and request.legal is not None:
            options = tuple(chat.encode_reply(option) for option in request.legal)
        # Of the seat's last turn all has been read but its last token, which nothing came after.
        last = request.own_turns[-1] if request.own_turns else None
        return Prompt(
            context_ids=chat.render(*remembered(request.view, [turn.token_ids for turn in request.own_turns], self._memory)),
            seed=Seed(request.match.draw_seed).child(f"seat {request.seat}", request.turn),
            options=options,
            extends=(*last.context_ids, *last.token_ids[:-1]) if last is not None and options is None else (),
        )
