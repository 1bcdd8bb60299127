"""From a configuration to live parts: the only file that knows all classes.

`close_system` does what must happen before t0 (random play, a tokenizer, a warm-up), and returns the parts on both sides of the
boundary. Workers are built where they live, from factories small enough to travel.
"""

import json
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from socratic.build.critics import make_critics
from socratic.build.serving import announce, greet, make_delivery, make_server_engine
from socratic.config import Config
from socratic.critics.names import judge_in_process, judge_of_observer, judge_without_model
from socratic.errors import RunError
from socratic.game import Game
from socratic.guard.guard import MeasuringGuard
from socratic.learner.learner import PolicyLearner, load_objectives
from socratic.loop import ClosedSystem, Outside
from socratic.metagame.curriculum import Course, FixedCurriculum
from socratic.observer.exploitability import Reader
from socratic.observer.observer import BlindObserver, ObserverWorker, TruthObserver
from socratic.play.block import PlayRules, play_block
from socratic.play.clerk import PlayClerk
from socratic.play.league import LEAGUE, KeptLeague, NoLeague
from socratic.play.publishing import PublishedAgent
from socratic.play.rollout import BlockRollout
from socratic.play.worker import PlayWorker, SeatWeights
from socratic.policy.agent import PolicyPlayer
from socratic.policy.engine import Engine
from socratic.policy.recipe import PolicyRecipe, make_chat, make_policy, num_gpus
from socratic.policy.scratch import lexicon, warm_up
from socratic.policy.scripted import ScriptedPlayers
from socratic.policy.server.engine import ServedWeights, ServerEngine
from socratic.policy.transformer import Policy
from socratic.policy.weights import PolicyWeights
from socratic.protocols import Executor, Player, Stateful, TensorStateful, Tracker, Weights, Workers
from socratic.records import Episode, Match
from socratic.registry import load_game
from socratic.seeds import Seed
from socratic.store.durable import write_atomically

__all__ = [
    "Live",
    "ObserverFactory",
    "PlayFactory",
    "close_system",
    "draft",
    "load_recipe",
    "random_play",
    "save_recipe",
]

logger = logging.getLogger(__name__)

# Random matches of each game that the tokenizer and the warm-up are made from: enough to meet every word and most places.
NUM_RANDOM_MATCHES = 512
RECIPE_FILE = "policy.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """A run's live parts."""

    system: ClosedSystem
    outside: Outside
    agent: PublishedAgent
    parts: Mapping[str, Stateful | TensorStateful]  # what a checkpoint holds
    recipe: PolicyRecipe
    workers: tuple[Workers, ...]


def draft(config: Config) -> PolicyRecipe:
    """Return the recipe of the run's policy: for a scratch policy, with the words of random play."""
    words: tuple[str, ...] = ()
    if config.policy.source == "scratch":
        words = tuple(lexicon(random_play(config)))
    return _recipe(config, words)


def random_play(config: Config) -> list[Episode]:
    """Play every game of the configuration with random legal moves, as a scratch policy's first reading."""
    episodes: list[Episode] = []
    clerk = PlayClerk(judge_without_model(config.feedback, critic_seed(config)))
    scripted = ScriptedPlayers(load_game, clerk)
    for name, section in config.games.items():
        game = load_game(name)
        course = Course(
            game=name,
            params=section.params,
            lineups=(("scripted:random",) * len(game.seats),),
            episodes=NUM_RANDOM_MATCHES,
            group=1,
        )
        matches = FixedCurriculum([course], Seed(config.seed).child("first reading")).choose(0, 0)
        # A game that breaks its contract here does so in the first generation too, and is dropped there.
        episodes += play_block(matches, load_game, partial(_scripted_seat, scripted), PlayRules(), clerk).episodes
    return episodes


def close_system(
    config: Config, recipe: PolicyRecipe, executor: Executor, tracker: Tracker, *, is_resumed: bool, folder: Path | None = None
) -> Live:
    """Build everything; at the end of it the system is closed, and the weights are t0's.

    Workers start while the policy is warmed up. A resumed run skips the warm-up: its checkpoint holds t0. `folder` is the run's, where
    a server finds its adapters.
    """
    seed = Seed(config.seed)
    server = greet(config, recipe) if config.is_served else None
    if server is not None and not is_resumed:
        announce(server, tracker)
    play_workers = executor.spawn(
        "play",
        PlayFactory(config=config, recipe=recipe),
        count=config.play.actors,
        threads=config.play.threads,
        lease_s=config.play.lease_s,
        gpus=0.0 if config.is_served else _gpu_share(config),
    )
    observer, observer_workers = _observer(config, recipe, executor)

    def own(version: str) -> Weights:
        kept = system.league.pool()
        return kept[max(kept)] if version == "past" and kept else learner.t0()

    critics = make_critics(config, recipe, executor, critic_seed(config), own)
    # What does not fit is said before the warm-up.
    load_objectives(config.learner, needs_ratio=config.play.lag > 0 and any(each.pg for each in config.objectives.values()))
    policy = make_policy(recipe)
    if config.policy.source == "scratch" and not is_resumed:
        loss = warm_up(policy, random_play(config), config.policy.warmup, seed.child("warm-up"), config.learner.threads, config.play.memory)
        logger.info("warmed up on random play: %.3f nats a token", loss)
    learner = _learner(config, policy, seed)
    courier = make_delivery(config, server, policy, folder) if server is not None else None
    rollout = BlockRollout(play_workers, config.play.block, critics.door, courier, lag=config.play.lag, generations=config.generations)
    seated = sorted({player for section in config.games.values() for lineup in section.lineups for player in lineup})
    league = _league(config, seated, seed)
    agent = PublishedAgent(learner.weights, learner.t0, rollout, league, seated)
    guard = MeasuringGuard()
    curriculum = FixedCurriculum(_courses(config), seed.child("curriculum"))
    system = ClosedSystem(
        curriculum=curriculum,
        league=league,
        rollout=rollout,
        critic=critics.critic,
        learner=learner,
        guard=guard,
        agent=agent,
    )
    return Live(
        system=system,
        outside=Outside(observer=observer, tracker=tracker),
        agent=agent,
        parts={
            "learner": learner,
            "guard": guard,
            "curriculum": curriculum,
            **_remembering(league),
            **({"rollout": rollout} if config.play.lag else {}),  # without a lag nothing is in flight between generations
            **critics.parts,
        },
        recipe=recipe,
        workers=(play_workers, *observer_workers, *critics.workers),
    )


def _learner(config: Config, policy: Policy, seed: Seed) -> PolicyLearner:
    return PolicyLearner(
        policy,
        config.learner,
        objectives=config.objectives,
        temperature=config.play.temperature,
        max_new_tokens=config.play.max_new_tokens,
        generations=config.generations,
        seed=seed.child("learner"),
        device=policy.model.device.type,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class PlayFactory:
    """Builds a play worker where it will live."""

    config: Config
    recipe: PolicyRecipe

    def __call__(self) -> PlayWorker:
        """Build the policy, its engine and the games; where a server draws, its chat alone."""
        clerk = PlayClerk(judge_in_process(self.config.feedback, critic_seed(self.config)))
        if self.config.is_served:
            return _served_worker(self.config, make_server_engine(self.config, make_chat(self.recipe)), clerk)
        return _play_worker(self.config, _engine(self.config, self.recipe), clerk)


@dataclass(frozen=True, kw_only=True, slots=True)
class ObserverFactory:
    """Builds the observer's worker where it will live."""

    config: Config
    recipe: PolicyRecipe

    def __call__(self) -> ObserverWorker:
        """Build a policy of its own, and matches of its own to play it in."""
        engine = _engine(self.config, self.recipe)
        clerk = PlayClerk(judge_of_observer(self.config.feedback, critic_seed(self.config)))
        worker = _play_worker(self.config, engine, clerk)

        def play(matches: list[Match], weights: Mapping[str, PolicyWeights]) -> list[Episode]:
            size = self.config.play.block
            starts = range(0, len(matches), size)
            return [e for start in starts for e in worker.play(matches[start : start + size], weights).episodes]

        return ObserverWorker(
            section=self.config.observer,
            games=self.config.games,
            game_of=load_game,
            reader=Reader(engine=engine, is_masked=self.config.is_masked, memory=self.config.play.memory),
            play=cast("Callable[..., list[Episode]]", play),
            seed=Seed(self.config.seed).child("observer"),
            clerk=clerk,
        )


def save_recipe(recipe: PolicyRecipe, folder: Path) -> None:
    """Keep in the run's folder what its configuration does not say of the policy: the words it can read.

    Raises:
        RunError: the disk refuses.
    """
    text = json.dumps({"lexicon": list(recipe.lexicon)}, ensure_ascii=False, indent=1)
    write_atomically(folder / RECIPE_FILE, text.encode("utf-8"))


def load_recipe(config: Config, folder: Path) -> PolicyRecipe:
    """Return the recipe of a run that exists.

    Raises:
        RunError: the run's folder does not hold it.
    """
    try:
        words = json.loads((folder / RECIPE_FILE).read_text(encoding="utf-8"))["lexicon"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{folder / RECIPE_FILE} cannot be read ({error}); the run is damaged, start it again") from None
    return _recipe(config, tuple(str(word) for word in words))


def _recipe(config: Config, words: tuple[str, ...]) -> PolicyRecipe:
    return PolicyRecipe(section=config.policy, uses_lora=config.uses_lora, seed=Seed(config.seed).child("policy"), lexicon=words)


def _observer(config: Config, recipe: PolicyRecipe, executor: Executor) -> tuple[TruthObserver | BlindObserver, tuple[Workers, ...]]:
    if not config.observer.enabled:
        return BlindObserver(), ()
    workers = executor.spawn(
        "observer",
        ObserverFactory(config=config, recipe=recipe),
        threads=config.observer.threads,
        lease_s=config.observer.lease_s,
        gpus=_gpu_share(config),
    )
    return TruthObserver(config.observer, workers, config.generations), (workers,)


def _gpu_share(config: Config) -> float:
    """Return each worker's share of the GPUs, which the learner in this process uses too; 0 where policies live on the CPU."""
    return num_gpus(config.policy) / (2 if config.is_served else config.play.actors + 2)


def _engine(config: Config, recipe: PolicyRecipe) -> Engine:
    play = config.play
    return Engine(
        make_policy(recipe),
        temperature=play.temperature,
        max_new_tokens=play.max_new_tokens,
        pack_tokens=play.pack_tokens,
    )


def _play_worker(config: Config, engine: Engine, clerk: PlayClerk) -> PlayWorker:
    def seat(weights: Mapping[str, Weights]) -> Player:
        return PolicyPlayer(
            engine, seated=cast("Mapping[str, PolicyWeights]", weights), is_masked=config.is_masked, memory=config.play.memory
        )

    return _worker(config, partial(_install, engine.policy), seat, clerk)


def _served_worker(config: Config, engine: ServerEngine, clerk: PlayClerk) -> PlayWorker:
    def confirm(weights: Weights) -> str:
        return engine.confirm(cast(ServedWeights, weights))

    def seat(weights: Mapping[str, Weights]) -> Player:
        return PolicyPlayer(engine, seated=cast("Mapping[str, ServedWeights]", weights), is_masked=False, memory=config.play.memory)

    return _worker(config, confirm, seat, clerk)


def _worker(config: Config, install: Callable[[Weights], str], seat: SeatWeights, clerk: PlayClerk) -> PlayWorker:
    return PlayWorker(
        game_of=load_game,
        scripted=ScriptedPlayers(load_game, clerk).player,
        install=install,
        seat=seat,
        rules=PlayRules(retries=config.play.retries, max_turns=config.play.max_turns),
        clerk=clerk,
    )


def _league(config: Config, seated: Collection[str], seed: Seed) -> KeptLeague | NoLeague:
    """Return a league where somebody asks for past versions: a line-up, or a judge."""
    if LEAGUE in seated or config.feedback.model.source == "past":
        return KeptLeague(config.league, load_game, seed.child("league"))
    return NoLeague()


def _remembering(league: KeptLeague | NoLeague) -> dict[str, TensorStateful]:
    return {"league": league} if isinstance(league, KeptLeague) else {}


def _install(policy: Policy, weights: Weights) -> str:
    policy.load(cast(PolicyWeights, weights))
    return policy.weights(weights.version).fingerprint


def _courses(config: Config) -> list[Course]:
    courses = []
    for name, section in config.games.items():
        game: Game = load_game(name)
        courses.append(
            Course(
                game=name,
                params=section.params,
                lineups=section.lineups or (("agent",) * len(game.seats),),
                episodes=section.episodes,
                group=section.group,
            )
        )
    return courses


def critic_seed(config: Config) -> Seed:
    """Return what the critics draw from, wherever they are built."""
    return Seed(config.seed).child("critics")


def _scripted_seat(scripted: ScriptedPlayers, name: str, match: Match) -> tuple[str, Player]:
    return name, scripted.player(name, match)
