"""The sections of a run and what must hold between them."""

from typing import Literal

from pydantic import Field, model_validator

from socratic.config.base import Parameter, Positive, Section, Share
from socratic.config.feedback import FeedbackSection
from socratic.config.learning import LeagueSection, LearnerSection, Objective
from socratic.config.sense import refusal, refusal_of_lag
from socratic.config.serving import ServerSection

NO_GAME = "no game is configured; add a [games.NAME] table, e.g. [games.kuhn_poker]; `socratic games list` has the names"


class WarmUp(Section):
    """How a scratch policy is taught the language before the system closes."""

    steps: int = Field(120, ge=0)
    transcripts: Positive = 96  # random games in each step
    lr: float = Field(2e-3, gt=0)


class Lora(Section):
    """Low-rank adapters on every linear layer (arXiv:2106.09685)."""

    r: Positive = 16
    alpha: Positive = 32


class PolicySection(Section):
    """The Transformer under the agent."""

    source: str = "scratch"  # scratch, smollm2, a local path, or a hub name
    dtype: Literal["float32", "bfloat16"] = "float32"
    device: Literal["auto", "cpu", "cuda"] = "auto"  # auto: a GPU for language models where there is one; scratch stays on the CPU
    tune: Literal["auto", "all", "lora"] = "auto"  # auto: all for scratch, lora elsewhere
    lora: Lora = Lora()
    hidden: Positive = 64
    init_std: float = Field(0.1, gt=0)  # of the first weights: near 1 / sqrt(hidden), so that what was dealt is heard early
    layers: Positive = 2
    heads: Positive = 4
    warmup: WarmUp = WarmUp()


class GameSection(Section):
    """One game of the curriculum."""

    episodes: Positive = 64  # in each generation
    params: dict[str, Parameter] = Field(default_factory=dict)
    group: Positive = 1  # how often each deal is played in a generation
    objective: Objective | None = None  # coefficients that are others for this game than in learner.objective
    assessed: dict[str, Parameter] | None = None  # parameters at which the observer measures it; none: those of play
    lineups: tuple[tuple[str, ...], ...] = ()  # who sits where, taken in turn; empty: the agent everywhere

    @property
    def params_assessed(self) -> dict[str, Parameter]:
        """The parameters at which the observer measures the game."""
        return self.params if self.assessed is None else self.assessed


class PlaySection(Section):
    """How matches are played."""

    executor: Literal["ray", "local"] = "ray"
    actors: Positive = 1
    threads: Positive = 1  # torch threads of each engine
    block: Positive = 256  # matches that share forward passes
    masked: Literal["auto", "on", "off"] = "auto"  # auto: on for scratch, off for language models
    memory: Literal["all", "question"] = "all"  # what a seat reads before it replies: its whole dialogue | its newest question
    temperature: float = Field(1.0, gt=0)
    max_new_tokens: Positive = 32
    retries: int = Field(0, ge=0)
    max_turns: Positive = 200
    pack_tokens: Positive = 2048  # nodes of a token tree, of which up to four stand side by side in a pass
    lease_s: float = Field(600.0, gt=0)  # how long a block may take before it is asked for again
    server: ServerSection = ServerSection()
    # Generations by which the weights that play are older than those that learn: workers play while the learner works. Ratios of
    # policies many updates apart say little, and every generation in flight is held in memory: so it ends at 4.
    lag: int = Field(0, ge=0, le=4)


class ObserverSection(Section):
    """The outside view."""

    enabled: bool = True
    every: Positive = 50
    method: Literal["auto", "exact", "play"] = "auto"
    episodes: Positive = 200  # for each opponent, where the truth is drawn and not exact
    max_states: Positive = 4000  # information states up to which auto reads the whole strategy
    opponents: tuple[str, ...] = ("scripted:random", "scripted:optimal", "t0")
    threads: Positive = 1  # torch threads of its engine: it works beside the next generation
    lease_s: float = Field(1800.0, gt=0)  # how long an assessment may take
    noise: bool = False  # report random numbers in place of the truth (a closure test)


class RecordSection(Section):
    """What of the play is kept."""

    share: Share = 1.0  # of the episodes of a recorded generation
    every: Positive = 1  # generations between recorded ones


class CheckpointSection(Section):
    """When the run is made safe."""

    every: Positive = 50
    keep: Positive = 2


class TrackerSection(Section):
    """Who mirrors the record."""

    wandb: Literal["auto", "online", "offline", "off"] = "auto"
    project: str = "socratic"


class RaySection(Section):
    """Which cluster."""

    address: str = ""  # empty: a private one on this machine
    object_store_mb: Positive = 200


class Config(Section):
    """One run, whole."""

    title: str = ""
    seed: int = 0
    generations: Positive = 100
    policy: PolicySection = PolicySection()
    games: dict[str, GameSection]
    play: PlaySection = PlaySection()
    feedback: FeedbackSection = FeedbackSection()
    learner: LearnerSection = LearnerSection()
    league: LeagueSection = LeagueSection()
    observer: ObserverSection = ObserverSection()
    record: RecordSection = RecordSection()
    checkpoint: CheckpointSection = CheckpointSection()
    tracker: TrackerSection = TrackerSection()
    ray: RaySection = RaySection()

    @model_validator(mode="after")
    def _has_a_game(self) -> "Config":
        if not self.games:
            raise ValueError(NO_GAME)
        return self

    @model_validator(mode="after")
    def _heads_fit(self) -> "Config":
        hidden, step = self.policy.hidden, 2 * self.policy.heads
        if self.policy.source == "scratch" and hidden % step:
            fitting = -(-hidden // step) * step
            raise ValueError(f"policy.hidden is {hidden}, expected a multiple of {step} (twice policy.heads); try {fitting}")
        return self

    @model_validator(mode="after")
    def _every_actor_has_a_block(self) -> "Config":
        matches, actors = self.episodes_per_generation, self.play.actors
        if actors > -(-matches // self.play.block):
            raise ValueError(
                f"play.actors is {actors}, and the {matches} matches of a generation are {-(-matches // self.play.block)} block(s) of "
                f"play.block = {self.play.block}; try play.block = {max(1, -(-matches // actors))}"
            )
        return self

    @model_validator(mode="after")
    def _server_can_serve(self) -> "Config":
        if not self.is_served:
            return self
        if self.play.lag:
            raise ValueError("play.server unloads what plays no more, and play.lag plays it on; set play.lag = 0, or leave the server out")
        if self.policy.source == "scratch":
            raise ValueError(
                "play.server is set, and no server has a scratch policy, which is made here; set policy.source to a language model"
            )
        if self.is_masked:
            raise ValueError("play.server draws free text, and play.masked is on; set play.masked = 'off', or leave the server out")
        if not self.uses_lora:
            raise ValueError("play.server takes LoRA adapters, and policy.tune is 'all'; set policy.tune = 'lora', or leave the server out")
        return self

    @model_validator(mode="after")
    def _makes_sense(self) -> "Config":
        groups = {name: min(section.group, section.episodes) for name, section in self.games.items()}
        found = (
            refusal(self.learner, groups, self.objectives)
            or next(filter(None, map(self._odd_groups, self.games)), None)
            or refusal_of_lag(self.play.lag, self.learner, self.objectives, self.feedback)
        )
        if found:
            raise ValueError(found)
        return self

    @property
    def objectives(self) -> dict[str, Objective]:
        """The coefficients of each game's loss: the learner's, with those that the game sets in their place."""
        shared = self.learner.objective
        return {
            name: shared if section.objective is None else shared.model_copy(update=section.objective.model_dump(exclude_unset=True))
            for name, section in self.games.items()
        }

    def _odd_groups(self, name: str) -> str | None:
        """Return what of a game's groups would never be played, or be played alone."""
        section = self.games[name]
        if section.group == 1:
            return None
        whole, rest = divmod(section.episodes, section.group)
        if rest:
            fitting = max(1, whole) * section.group
            return f"games.{name}.episodes is {section.episodes}, not a multiple of its group of {section.group}; try {fitting}"
        if len(section.lineups) > whole:
            return (
                f"games.{name} has {len(section.lineups)} line-ups, which are taken group by group, and {whole} group(s) a generation; "
                f"set episodes to {len(section.lineups) * section.group} or more"
            )
        return None

    @property
    def is_served(self) -> bool:
        """Whether a server draws the replies of play."""
        return bool(self.play.server.address)

    @property
    def is_masked(self) -> bool:
        """Whether replies are decoded under a mask over the legal moves."""
        return self.play.masked == "on" or (self.play.masked == "auto" and self.policy.source == "scratch")

    @property
    def uses_lora(self) -> bool:
        """Whether adapters are trained and not all weights."""
        return self.policy.tune == "lora" or (self.policy.tune == "auto" and self.policy.source != "scratch")

    @property
    def episodes_per_generation(self) -> int:
        """Matches of one generation, all games together."""
        return sum(section.episodes for section in self.games.values())
