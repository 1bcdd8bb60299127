"""A served run's parts: the engine of its play workers, and what brings weights to the server."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from tempfile import mkdtemp

from socratic.config import Config
from socratic.errors import PolicyError
from socratic.policy.chat import Chat
from socratic.policy.engine import Engine
from socratic.policy.options import Tokens
from socratic.policy.recipe import PolicyRecipe, make_chat
from socratic.policy.server.client import VllmClient
from socratic.policy.server.delivery import Delivery, Drop
from socratic.policy.server.engine import ServerEngine
from socratic.policy.server.replies import Manner
from socratic.policy.transformer import Policy
from socratic.policy.weights import PolicyWeights
from socratic.protocols import Tracker

# Letters of several scripts, digits and signs: two vocabularies that agree here are of one family.
SPOKEN = 'Take 15 sticks; the café\'s сын said 你好, naïvely: "1.5 > 0x2A"?'
PATIENCE = 0.8  # share of a block's lease: a worker says itself what was wrong, before it is given up


@dataclass(frozen=True, kw_only=True, slots=True)
class Greeted:
    """A server that can serve this run."""

    client: VllmClient
    engine: ServerEngine
    says: str


def make_server_engine(config: Config, chat: Chat, client: VllmClient | None = None) -> ServerEngine:
    """Return an engine that draws on the run's server; nothing is asked yet."""
    play = config.play
    manner = Manner(temperature=play.temperature, max_new_tokens=play.max_new_tokens, ends=chat.end_ids)
    return ServerEngine(client or _client(config), chat, manner, play.server.at_once)


def greet(config: Config, recipe: PolicyRecipe) -> Greeted:
    """Look at the server before anything heavy: is it there, and has it this run's model and vocabulary?

    Raises:
        ConfigError: it is not there, or is no vLLM server.
        PolicyError: it has another model, or another vocabulary.
    """
    client, chat, server = _client(config), make_chat(recipe), config.play.server
    model = client.greet(server.model)
    own = chat.tokenizer.encode(SPOKEN, add_special_tokens=False)
    found = client.tokenize(model, SPOKEN)
    if found != own:
        raise PolicyError(
            f"the server at {server.address} has another vocabulary: it makes {len(found)} tokens ({found[:3]}...) of what are "
            f"{len(own)} ({own[:3]}...) for policy.source = {config.policy.source!r}; start it with that model"
        )
    says = (
        f"free replies are drawn by {model} on the server at {server.address} (vLLM {client.version()}); they repeat only as far as it "
        f"repeats them, and after each sync its log-probabilities are within {server.tolerance:g} nats a token of ours on average"
    )
    return Greeted(client=client, engine=make_server_engine(config, chat, client), says=says)


def make_delivery(config: Config, greeted: Greeted, policy: Policy, folder: Path | None) -> Delivery:
    """Return what brings weights to the server.

    Args:
        config: the run's.
        greeted: the server.
        policy: read for the proof that weights arrived.
        folder: the run's; None: one that the system makes.
    """
    own = folder.resolve() if folder is not None else Path(mkdtemp(prefix="socratic-"))
    shared = config.play.server.adapters
    # Runs may share a folder: what is in a run's own part of it is unloaded when the run is resumed.
    part = f"{own.name}-{blake2b(str(own).encode(), digest_size=4).hexdigest()}"
    drop = Drop(
        folder=Path(shared).expanduser().resolve() / part if shared else own / "adapters",
        run=own.name,
        base=config.policy.source,
        lora=config.policy.lora,
    )
    # Passes of the policy itself, which keep nothing beside it in memory.
    reader = Engine(
        policy,
        temperature=config.play.temperature,
        max_new_tokens=config.play.max_new_tokens,
        pack_tokens=config.play.pack_tokens,
        is_fast=False,
    )
    return Delivery(greeted.client, greeted.engine, partial(read_replies, reader), drop, config.play.server.tolerance)


def announce(greeted: Greeted, tracker: Tracker) -> None:
    """Say in the run's record what its replies depend on."""
    tracker.record_event(0, "server", greeted.says)


def read_replies(reader: Engine, asked: Sequence[tuple[Tokens, Tokens]], weights: PolicyWeights) -> list[list[float]]:
    """Return the log-probability of each token of each reply after its context, by our own pass."""
    places = [(context + reply[:n], ((reply[n],),)) for context, reply in asked for n in range(len(reply))]
    found = iter(reader.reply_log_probs(places, weights))
    return [[next(found)[0] for _ in reply] for _, reply in asked]


def _client(config: Config) -> VllmClient:
    return VllmClient(config.play.server, patience_s=PATIENCE * config.play.lease_s)
