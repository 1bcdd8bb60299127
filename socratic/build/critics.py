"""From a configuration to critics: who scores, who answers `t.judge`, where their models live, and what measures them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from socratic.config import Config
from socratic.critics.doors import RewardDoor
from socratic.critics.episode_judge import EpisodeJudge
from socratic.critics.judge import RemoteJudge
from socratic.critics.measured import MeasuredCritic
from socratic.critics.names import HELD, OWN, PANEL, judges_of, make_judge, make_scorer, openings_of, scorers_of
from socratic.critics.outcome import FormatScorer, OutcomeScorer, RandomScorer
from socratic.critics.panel import PanelJudge, PanelScorer
from socratic.critics.reward_model import RefreshedCritic, RewardModel
from socratic.critics.self_consistency import SelfConsistencyScorer
from socratic.critics.workers import CriticFactory, RewardFactory
from socratic.policy.recipe import PolicyRecipe
from socratic.protocols import Critic, Executor, Judge, JudgeDoor, Scorer, Stateful, TensorStateful, Weights, Workers
from socratic.registry import load_game
from socratic.seeds import Seed


@dataclass(frozen=True, kw_only=True, slots=True)
class Critics:
    """The critics of a run."""

    critic: Critic
    door: JudgeDoor | None  # the way from play to whoever answers `t.judge`; None where nobody does, or it needs no worker
    parts: Mapping[str, Stateful | TensorStateful]  # what a checkpoint holds of them
    workers: tuple[Workers, ...]
    opened: tuple[str, ...]  # what of them opens the system


def make_critics(config: Config, recipe: PolicyRecipe, executor: Executor, seed: Seed, own: Callable[[str], Weights]) -> Critics:
    """Return the critics that `config.feedback` names; their workers begin to start.

    Args:
        config: the run.
        recipe: how its policy is made, of which judges may be versions.
        executor: where their workers will live.
        seed: what they draw from.
        own: the weights of "t0", or of "past", the newest version that the league keeps; asked for when a judge is.
    """
    feedback = config.feedback
    makers = _Makers(config, recipe, executor, seed, own)
    scorer, judge = makers.scorer(), makers.judge()
    measured = MeasuredCritic(scorer, judge, feedback.measure, seed.child("measure"), judge_name=feedback.judge)
    parts: dict[str, Stateful | TensorStateful] = {"critic": measured}
    critic: Critic = measured
    if makers.reward is not None:
        parts["reward_model"] = makers.reward
        critic = RefreshedCritic(measured, makers.reward)
    return Critics(
        critic=critic,
        door=makers.door(),
        parts=parts,
        workers=tuple(makers.workers.values()),
        opened=openings_of(feedback),
    )


@dataclass(slots=True)
class _Makers:
    """Makes critics by name; a model that serves in two places is held once."""

    config: Config
    recipe: PolicyRecipe
    executor: Executor
    seed: Seed
    own: Callable[[str], Weights]
    workers: dict[str, Workers] = field(default_factory=dict)
    reward: RewardModel | None = None
    model: RemoteJudge | None = None
    panel: PanelJudge | None = None

    def scorer(self) -> Scorer:
        """Return who scores episodes."""
        feedback = self.config.feedback
        members = [self._scorer(name) for name in scorers_of(feedback)]
        return PanelScorer(members, feedback.panel, load_game) if feedback.critic == PANEL else members[0]

    def judge(self) -> Judge | None:
        """Return who answers `t.judge`, as the driver asks it."""
        feedback = self.config.feedback
        members = {name: self._judge(name) for name in judges_of(feedback)}
        if feedback.judge == PANEL:
            # The same panel judges here and is handed to play, so that a member that is shut out is left out of both.
            self.panel = PanelJudge(members, feedback.panel, doors={name: self._door(name) for name in judges_of(feedback)})
            return self.panel
        return members.get(feedback.judge)

    def door(self) -> JudgeDoor | None:
        """Return the way from play to who answers `t.judge`."""
        feedback = self.config.feedback
        if feedback.judge not in HELD:
            return None
        if feedback.judge == PANEL:
            return self.panel
        return self._held_door(feedback.judge)

    def _scorer(self, name: str) -> Scorer:
        match name:
            case "outcome":
                return OutcomeScorer()
            case "random":
                return RandomScorer(self.seed.child("random critic"))
            case "format":
                return FormatScorer()
            case "judge":
                return EpisodeJudge(self._model(), load_game)
            case "reward_model":
                return self._reward()
            case "self_consistency":
                return SelfConsistencyScorer()
            case _:
                return make_scorer(name, self.seed)

    def _judge(self, name: str) -> Judge:
        match name:
            case "model":
                return self._model()
            case "reward_model":
                return self._reward()
            case _:
                return make_judge(name, self.seed)

    def _door(self, name: str) -> JudgeDoor | Judge:
        return self._held_door(name) if name in HELD else make_judge(name, self.seed)

    def _held_door(self, name: str) -> JudgeDoor:
        return RewardDoor(self._reward(), self.workers["reward model"]) if name == "reward_model" else self._model()

    def _model(self) -> RemoteJudge:
        if self.model is None:
            section = self.config.feedback.model
            is_own = section.source in OWN
            factory = CriticFactory(
                section=section, seed=self.seed.child("judge"), lease_s=self._lease_s, recipe=self.recipe if is_own else None
            )
            self.model = RemoteJudge(self._spawn("judge", factory), partial(self.own, section.source) if is_own else _no_weights)
        return self.model

    def _reward(self) -> RewardModel:
        if self.reward is None:
            section, seed = self.config.feedback.reward_model, self.seed.child("reward model")
            workers = self._spawn("reward model", RewardFactory(section=section, policy=self.recipe, seed=seed))
            feedback = self.config.feedback
            self.reward = RewardModel(
                workers,
                section,
                seed,
                game_of=load_game,
                is_judge="reward_model" in judges_of(feedback),
                is_scorer="reward_model" in scorers_of(feedback),
            )
        return self.reward

    def _spawn(self, name: str, factory: Callable[[], object]) -> Workers:
        self.workers[name] = self.executor.spawn(name, factory, threads=self.config.play.threads, lease_s=self._lease_s)
        return self.workers[name]

    @property
    def _lease_s(self) -> float:
        # Half of what a block may take: a judge that hangs is found before the block that waits for it is given up.
        return self.config.play.lease_s / 2


def _no_weights() -> None:
    return None
