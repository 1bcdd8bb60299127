"""One run of the study beyond t0's data: school, then an ordinary Socratic loop that sees nothing but the policy's own answers."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan
from statistics import fmean
from typing import cast

from socratic.build import PlayFactory, draft
from socratic.cluster import LocalExecutor
from socratic.config import Config, make_config
from socratic.critics.plain import PlainCritic
from socratic.critics.self_consistency import SelfConsistencyScorer
from socratic.guard.guard import MeasuringGuard
from socratic.learner.learner import PolicyLearner
from socratic.loop import ClosedSystem, advance
from socratic.metagame.curriculum import Course
from socratic.metagame.ladder import Ladder, LadderCurriculum
from socratic.play.block import PlayRules, play_block
from socratic.play.league import NoLeague
from socratic.play.publishing import PublishedAgent
from socratic.play.rollout import BlockRollout
from socratic.policy.agent import PolicyPlayer
from socratic.policy.engine import Engine
from socratic.policy.recipe import PolicyRecipe, make_policy
from socratic.policy.transformer import Policy
from socratic.policy.weights import PolicyWeights
from socratic.protocols import AgentCopy, Player, Scorer
from socratic.records import Episode, Generation, Match
from socratic.registry import load_game
from socratic.seeds import Seed
from socratic.studies.beyond_committee import Committee, Member, Published
from socratic.studies.beyond_plan import UNFILTERED, Cell, Plan
from socratic.studies.beyond_rows import Reading, Row, Seen, read_length
from socratic.studies.beyond_school import lessons, school
from socratic.studies.sums import answer_to, length_of

logger = logging.getLogger(__name__)

GAME = "socratic.studies.sums:sums"
# The reader takes what is likeliest: a temperature at which nothing else is drawn.
COLD = 1e-3
GUARD = (
    "policy/kl_t0",
    "policy/entropy",
    "policy/loss",
    "policy/grad_norm",
    "policy/kept_frac",
    "completion/length_mean",
    "completion/truncated_frac",
    f"game/{GAME}/solver/illegal_rate",
    "drift/length_ratio",
    "drift/entropy_share",
)


class EveryAnswer:
    """The control: every answer is paid, whatever it is."""

    name = "every_answer"
    reads_text = False

    def score(self, episodes: Sequence[Episode]) -> list[tuple[float, ...]]:
        """Return 1 for each seat."""
        return [(1.0,) * len(episode.scores) for episode in episodes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Schooled:
    """A seed's t0, from which all arms start: the members' policies, equal but in their weights."""

    config: Config
    recipe: PolicyRecipe
    weights: tuple[PolicyWeights, ...]
    losses: tuple[float, ...]

    def policy(self, member: int) -> Policy:
        """Return a policy that wears a member's weights."""
        policy = make_policy(self.recipe)
        policy.load(self.weights[member])
        return policy


def schooled(plan: Plan, seed: int) -> Schooled:
    """Return the policies of a seed as they are when the system closes: each begun anew and taught lessons of its own."""
    config = config_of(plan, seed)
    recipe = draft(config)
    weights, losses = [], []
    for member in range(plan.members):
        root = Seed(seed).child("member", member)
        policy = make_policy(replace(recipe, seed=root.child("policy")))
        losses.append(school(policy, lessons(plan, GAME, root.child("lessons")), plan, root.child("school")))
        weights.append(policy.weights(0))
    return Schooled(config=config, recipe=recipe, weights=tuple(weights), losses=tuple(losses))


def run_cell(plan: Plan, cell: Cell, t0: Schooled, climbs: Sequence[int] | None = None) -> list[Row]:
    """Play and learn for all of the plan's generations, read from outside as it goes; return a row for each member.

    `climbs`: when another run climbed.
    """
    system, agents, ladder = _closed(plan, cell, t0, climbs)
    reader = Reader(plan, t0)
    readings = [[reader.read(agent, 0, plan.final_matches)] for agent in agents]
    seen: list[Seen] = []
    climbed: list[int] = []
    seconds = 0.0
    for index in range(plan.generations):
        rung, start = ladder.rung, time.monotonic()
        generation = advance(index, system)
        seconds += time.monotonic() - start
        seen.append(_seen(generation))
        logger.info("seed %d, %s, generation %d: %.0f%% of %d digits pass", cell.seed, cell.arm, index + 1, 100 * seen[-1].paid_frac, rung)
        if ladder.rung > rung:
            climbed.append(index)
        is_last = index + 1 == plan.generations
        if is_last or (index + 1) % plan.read_every == 0:
            for agent, own in zip(agents, readings, strict=True):
                own.append(reader.read(agent, index + 1, plan.final_matches if is_last else plan.read_matches))
    return [
        Row(
            seed=cell.seed,
            arm=cell.arm,
            member=member,
            num_parameters=sum(array.size for array in t0.weights[member].arrays.values()),
            school_loss=t0.losses[member],
            seconds=seconds,
            climbs=tuple(climbed),
            readings=tuple(own),
            seen=tuple(seen),
        )
        for member, own in enumerate(readings)
    ]


class Reader:
    """Reads a copy of the agent at every length; its problems are the same at every reading, and played nowhere else."""

    def __init__(self, plan: Plan, t0: Schooled) -> None:
        """Read policies of t0's recipe."""
        self._plan = plan
        self._seed = Seed(t0.config.seed).child("reader")
        policy = make_policy(t0.recipe)
        self._engine = Engine(
            policy, temperature=COLD, max_new_tokens=t0.config.play.max_new_tokens, pack_tokens=t0.config.play.pack_tokens
        )

    def read(self, agent: AgentCopy, generation: int, num: int) -> Reading:
        """Return what the published weights answer to `num` problems of each length."""
        weights = cast(PolicyWeights, agent.weights())
        self._engine.policy.load(weights)
        player = PolicyPlayer(self._engine, seated={"agent": weights}, is_masked=False)
        lengths = []
        for digits in self._plan.lengths:
            matches = [self._match(digits, number) for number in range(num)]
            episodes = play_block(matches, load_game, _seat_all(player), PlayRules()).episodes
            lengths.append(read_length(digits, episodes, [answer_to(episode.views[0][0].text) for episode in episodes]))
        return Reading(generation=generation, lengths=tuple(lengths))

    def _match(self, digits: int, number: int) -> Match:
        deal = self._seed.child(f"length {digits}", number)
        return Match(
            episode_id=f"read-{digits}-{number:04d}",
            game=GAME,
            params={"digits": digits, "width": self._plan.width},
            seed=deal.key,
            draw_seed=deal.child("draws").key,
            seats=("agent",),
            version=0,
        )


def config_of(plan: Plan, seed: int) -> Config:
    """Return a run's configuration."""
    return make_config(
        {
            "seed": seed,
            "generations": plan.generations,
            "policy": {"hidden": plan.hidden, "layers": plan.layers, "heads": plan.heads, "init_std": 0.1},
            "games": {
                GAME: {"episodes": plan.deals * plan.group, "group": plan.group, "params": {"digits": plan.taught, "width": plan.width}}
            },
            "play": {"executor": "local", "max_new_tokens": plan.width + 4},
            "observer": {"enabled": False},
            "tracker": {"wandb": "off"},
            "learner": {
                "lr": plan.lr,
                "schedule": "linear",
                "warmup_generations": 6,  # a new AdamW takes its first steps at the full rate, whatever the gradient's size
                "epochs": plan.epochs,
                "baseline": "none",
                "magnet_every": 0,
                "kl_t0_every": plan.read_every,
                "pack_tokens": 256,
                "objective": {"pg": 0.0, "ce": 1.0, "kl": 0.0},
                "imitation": {"keep": "above", "threshold": [0.0]},
            },
        }
    )


def has_length(episode: Episode, seat: int) -> bool:
    """Return whether an answer is as long as a sum of such numbers is: the first number's digits, or one more."""
    del seat
    digits = int(episode.match.params["digits"])
    return digits <= length_of(episode.turns[0].reply) <= digits + 1


def _closed(plan: Plan, cell: Cell, t0: Schooled, climbs: Sequence[int] | None) -> tuple[ClosedSystem, list[Published], LadderCurriculum]:
    members = [_member(t0, number, Seed(cell.seed)) for number in range(plan.members)]
    committee = Committee(members)
    course = Course(game=GAME, params={"width": plan.width}, lineups=(("agent",),), episodes=plan.deals * plan.group, group=plan.group)
    ladder = LadderCurriculum(course, _ladder(plan), Seed(cell.seed).child("curriculum"), climbs)
    system = ClosedSystem(
        curriculum=ladder,
        league=NoLeague(),
        rollout=committee,
        critic=PlainCritic(_scorer(plan, cell.arm)),
        learner=committee,
        guard=MeasuringGuard(),
        agent=committee,
    )
    return system, [member.agent for member in members], ladder


def _member(t0: Schooled, number: int, seed: Seed) -> Member:
    config = t0.config
    learner = PolicyLearner(
        t0.policy(number),
        config.learner,
        objectives={},
        temperature=config.play.temperature,
        max_new_tokens=config.play.max_new_tokens,
        generations=config.generations,
        seed=seed.child("learner", number),
    )
    workers = LocalExecutor().spawn("play", PlayFactory(config=config, recipe=t0.recipe))
    rollout = BlockRollout(workers, config.play.block)
    return Member(rollout=rollout, learner=learner, agent=PublishedAgent(learner.weights, learner.t0, rollout, NoLeague(), ()))


def _scorer(plan: Plan, arm: str) -> Scorer:
    if arm == UNFILTERED:
        return EveryAnswer()
    return SelfConsistencyScorer(plan.agreed, has_length)


def _ladder(plan: Plan) -> Ladder:
    return Ladder(
        parameter="digits",
        lowest=1,
        first=plan.taught + 1,
        last=plan.last,
        share=plan.share,
        enough=plan.enough,
        patience=plan.patience,
    )


def _seen(generation: Generation) -> Seen:
    kept = [episode.scores[0] for episode, said in zip(generation.episodes, generation.feedback, strict=True) if said.rewards[0] > 0]
    logprobs = [logprob for episode in generation.episodes for turn in episode.turns for logprob in turn.logprobs]
    metrics: Mapping[str, float] = generation.metrics
    return Seen(
        generation=generation.index + 1,
        rung=int(metrics[f"curriculum/{GAME}/rung"]),
        paid_frac=metrics[f"curriculum/{GAME}/paid_frac"],
        right_frac=fmean(kept) if kept else None,
        surprise=-fmean(logprobs),
        guard={name: metrics[name] for name in GUARD if name in metrics and not isnan(metrics[name])},
    )


def _seat_all(player: Player) -> "_OnePlayer":
    return _OnePlayer(player)


class _OnePlayer:
    """Seats the same player everywhere."""

    def __init__(self, player: Player) -> None:
        self._player = player

    def __call__(self, name: str, match: Match) -> tuple[str, Player]:
        del match
        return name, self._player
