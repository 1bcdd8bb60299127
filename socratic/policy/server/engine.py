"""The engine of a served run: free replies by a vLLM server, as a stream like any other engine's.

What travels to the play workers is not weights but their name on the server, and no model is loaded there: a worker needs the chat
alone. Which replies share a pass is the server's affair and depends on timing, so that what is drawn repeats only as far as the
server repeats it; tokens and log-probabilities are recorded as they were drawn, like everywhere.
"""

from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from socratic.errors import PolicyError, SyncError
from socratic.policy.chat import Chat
from socratic.policy.drawing import Drawn, Prompt
from socratic.policy.server.client import VllmClient
from socratic.policy.server.replies import Manner, drawn_of, request_of


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedWeights:
    """Trained weights that a server holds: their name there, in the place of the arrays."""

    version: int
    fingerprint: str
    name: str


class ServerEngine:
    """Draws free replies on a server."""

    def __init__(self, client: VllmClient, chat: Chat, manner: Manner, at_once: int) -> None:
        """Draw by what `client` speaks to, `at_once` replies at a time.

        Args:
            client: the server.
            chat: the tokenizer and template of the policy.
            manner: how replies are drawn.
            at_once: replies that are waited for at a time.
        """
        self.chat = chat
        self._client = client
        self._manner = manner
        self._pool = ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="server")

    def confirm(self, weights: ServedWeights) -> str:
        """Return the fingerprint of `weights`, having seen that the server still has them.

        Raises:
            SyncError: it has not.
        """
        listed = [model.name for model in self._client.models()]
        if weights.name not in listed:
            raise SyncError(
                f"the server at {self._client.address} no longer has {weights.name}, found {', '.join(listed) or 'nothing'}; "
                "was it restarted? resume the run from its last checkpoint"
            )
        return weights.fingerprint

    def stream(self, versions: Sequence[ServedWeights], *, keeps_conversations: bool = False) -> "ServerStream":
        """Return a stream of free replies by `versions`; what conversations have read, the server keeps by itself."""
        del keeps_conversations
        return ServerStream(self, versions)

    def draw_each(self, prompts: Sequence[Prompt], weights: Sequence[ServedWeights]) -> list[Drawn]:
        """Refuse: replies under a mask are drawn by the run's own engine.

        Raises:
            PolicyError: always.
        """
        del prompts, weights
        raise PolicyError("a server draws free text, and replies under a mask were asked for; set play.masked = 'off'")

    def draw(self, prompt: Prompt, weights: ServedWeights) -> Drawn:
        """Have one reply drawn.

        Raises:
            PlayError: the server fails, or what it answers does not fit.
        """
        reply = self._client.complete(request_of(prompt, weights.name, self._manner))
        return drawn_of(reply, prompt, weights.name, self._manner)

    def start(self, prompt: Prompt, weights: ServedWeights) -> Future[Drawn]:
        """Begin to have one reply drawn."""
        return self._pool.submit(self.draw, prompt, weights)


class ServerStream:
    """Replies come as the server ends them; of those that have ended together, the one asked for first comes first."""

    def __init__(self, engine: ServerEngine, versions: Sequence[ServedWeights]) -> None:
        """Draw with `versions`."""
        self._engine = engine
        self._versions = versions
        self._begun: dict[int, Future[Drawn]] = {}

    @property
    def is_busy(self) -> bool:
        """Whether a reply is still to come."""
        return bool(self._begun)

    def ask(self, ticket: int, prompt: Prompt, version: int) -> None:
        """Have a reply drawn by the version at a place among the stream's."""
        if prompt.options is not None:
            raise PolicyError("a server draws free text, and a reply under a mask was asked for; set play.masked = 'off'")
        self._begun[ticket] = self._engine.start(prompt, self._versions[version])

    def advance(self) -> list[tuple[int, Drawn]]:
        """Wait until something ends.

        Raises:
            PlayError: the server failed at a reply; what was asked for besides is given up.
        """
        if not self._begun:
            return []
        wait(self._begun.values(), return_when=FIRST_COMPLETED)
        ended = sorted(ticket for ticket, reply in self._begun.items() if reply.done())
        begun = {ticket: self._begun.pop(ticket) for ticket in ended}
        failed = next((error for reply in begun.values() if (error := reply.exception()) is not None), None)
        if failed is not None:
            for reply in self._begun.values():
                reply.cancel()
            self._begun = {}
            raise failed
        return [(ticket, reply.result()) for ticket, reply in begun.items()]
