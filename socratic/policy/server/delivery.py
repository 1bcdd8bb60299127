"""How new weights reach a vLLM server, and how it is known that they did.

Weights become an adapter in a folder that both sides see, under a name that is never used again: a server's caches are keyed by the name.
While adapters are loaded the server is paused with what it draws kept; afterwards it must list the name and prove what it holds:
replies that it draws under the name are read by our own pass, too. Two things are asked of their log-probabilities. The mean
difference stays within a stated tolerance (another base model or other sampling passes it at once). And they are not nearer to what
other weights say, the version before and the model without an adapter: that catches a server that went on as it was, even where
a version differs from the next by less than the tolerance, as long as it differs by more than twice what the two sides' arithmetic does.

Adapters that nobody seats any more are unloaded; their folders stay until the next delivery, because a server may read a folder late.
"""

import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import cast

from socratic.config import Lora
from socratic.errors import SyncError
from socratic.policy.drawing import Drawn, Prompt
from socratic.policy.options import Tokens
from socratic.policy.server.adapters import FILE, without_effect, write_adapter
from socratic.policy.server.client import VllmClient
from socratic.policy.server.engine import ServedWeights, ServerEngine
from socratic.policy.weights import PolicyWeights
from socratic.protocols import Weights
from socratic.records import GAME, Line
from socratic.seeds import Seed

logger = logging.getLogger(__name__)

# Four replies of two contexts: at 32 tokens each, a hundred log-probabilities to compare.
PROBES = ("Say who you are, in one sentence.", "Two players take turns. Say a word, and why.") * 2
AGENT = "agent"

# The log-probability of each token of a reply after its context, under weights.
ReadReplies = Callable[[Sequence[tuple[Tokens, Tokens]], PolicyWeights], list[list[float]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Drop:
    """Where and how adapters are written."""

    folder: Path  # of this run alone
    run: str
    base: str  # the source of the base model
    lora: Lora


class Delivery:
    """Brings weights to one server; only the process that holds the run's policy has one."""

    def __init__(self, client: VllmClient, engine: ServerEngine, read: ReadReplies, drop: Drop, tolerance: float) -> None:
        """Deliver through `client`, and probe with `engine` on the server's side and `read` on ours.

        Args:
            client: the server.
            engine: draws on it as play does.
            read: our own pass.
            drop: where adapters are written.
            tolerance: mean difference of log-probabilities, in nats a token, up to which the two sides agree.
        """
        self._client = client
        self._engine = engine
        self._read = read
        self._drop = drop
        self._tolerance = tolerance
        self._seated: dict[str, Mapping[str, ServedWeights]] = {}
        self._held: dict[tuple[int, str], ServedWeights] = {}
        self._spent: list[Path] = []  # of adapters that were unloaded by the last delivery
        self._before: PolicyWeights | None = None  # the agent's last weights that were proved
        self._forget_leftovers()

    def deliver(self, group: str, weights: Mapping[str, Weights]) -> Mapping[str, ServedWeights]:
        """Bring the server what it lacks of `weights`, and return what travels in their place.

        Args:
            group: whose place in what is seated they take: of what no group seats any more, the server is told to forget.
            weights: by player name.

        Raises:
            SyncError: an adapter is refused, is not listed, or is not what the server draws with.
        """
        sent = {player: cast(PolicyWeights, each) for player, each in weights.items()}
        lacking = list({_key(each): each for each in sent.values() if _key(each) not in self._held}.values())
        if lacking:
            made = {_key(each): self._write(each) for each in lacking}
            self._load([made[_key(each)] for each in lacking])
            for each in lacking:
                self._prove(each, made[_key(each)])
            self._held.update(made)
        if AGENT in sent:
            self._before = sent[AGENT]
        self._seated[group] = {player: self._held[_key(each)] for player, each in sent.items()}
        self._forget_unseated()
        return self._seated[group]

    def _write(self, weights: PolicyWeights) -> ServedWeights:
        drop = self._drop
        made = write_adapter(weights, drop.lora, drop.base, drop.folder, drop.run)
        return ServedWeights(version=weights.version, fingerprint=weights.fingerprint, name=made.name)

    def _load(self, made: Sequence[ServedWeights]) -> None:
        self._client.pause()
        try:
            for each in made:
                self._client.load_adapter(each.name, str((self._drop.folder / each.name).resolve()), self._drop.lora.r)
        finally:
            self._client.resume()
        for each in made:
            self._engine.confirm(each)

    def _prove(self, weights: PolicyWeights, served: ServedWeights) -> None:
        """Raise a SyncError if the server does not draw with `weights`."""
        seed = Seed(0).child(served.fingerprint)
        chat = self._engine.chat
        prompts = [
            Prompt(context_ids=chat.render([Line(speaker=GAME, text=text)]), seed=seed.child("probe", place))
            for place, text in enumerate(PROBES)
        ]
        begun = [self._engine.start(prompt, served) for prompt in prompts]
        drawn = [reply.result() for reply in begun]
        told = [logprob for reply in drawn for logprob in reply.logprobs]
        own = self._own(prompts, drawn, weights)
        gap = sum(abs(a - b) for a, b in zip(told, own, strict=True)) / len(own)
        logger.debug("%s: the server differs by %.2g nats a token on average", served.name, gap)
        if gap > self._tolerance:
            raise SyncError(
                f"what the server draws as {served.name} has log-probabilities {gap:.2g} nats a token from ours, expected at most "
                f"{self._tolerance:g} (play.server.tolerance); has it the base model {self._drop.base} in the same precision, and was it "
                "started with --logprobs-mode processed_logprobs?"
            )
        others = {"the model without an adapter": without_effect(weights)}
        if self._before is not None and self._before.fingerprint != weights.fingerprint:
            others[f"version {self._before.version}"] = self._before
        for what, other in others.items():
            theirs = self._own(prompts, drawn, other)
            # Nearer to the other than half of what lies between the two: no rounding leads there.
            if _distance(told, theirs) < _distance(own, theirs) / 2:
                raise SyncError(
                    f"the server draws as {what} under the name {served.name}, expected version {weights.version}: the adapter was not "
                    "taken over; restart the server, with one --api-server-count and no replicas, and resume the run"
                )

    def _own(self, prompts: Sequence[Prompt], drawn: Sequence[Drawn], weights: PolicyWeights) -> list[float]:
        asked = [(prompt.context_ids, reply.token_ids) for prompt, reply in zip(prompts, drawn, strict=True)]
        return [logprob for reply in self._read(asked, weights) for logprob in reply]

    def _forget_unseated(self) -> None:
        seated = {each.name for group in self._seated.values() for each in group.values()}
        for folder in self._spent:
            shutil.rmtree(folder, ignore_errors=True)
        self._spent = []
        for key, served in list(self._held.items()):
            if served.name not in seated:
                self._unload(served.name)
                del self._held[key]
                self._spent.append(self._drop.folder / served.name)

    def _forget_leftovers(self) -> None:
        """Unload what this run left on the server when it was killed: what lies in its folder is its own."""
        folders = {path.parent.name: path.parent for path in self._drop.folder.glob(f"*/{FILE}")}
        if not folders:
            return
        for model in self._client.models():
            if model.parent is not None and model.name in folders:
                self._unload(model.name)
        for folder in folders.values():
            shutil.rmtree(folder, ignore_errors=True)

    def _unload(self, name: str) -> None:
        try:
            self._client.unload_adapter(name)
        except SyncError as error:
            # Its name is never asked for again. vLLM refuses to unload what its own cache of adapters has dropped already.
            logger.warning("%s stays on the server's list: %s", name, error)


def _key(weights: PolicyWeights) -> tuple[int, str]:
    return weights.version, weights.fingerprint


def _distance(a: Sequence[float], b: Sequence[float]) -> float:
    return sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)))
