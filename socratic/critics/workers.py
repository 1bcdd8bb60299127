"""What holds a judge's model, wherever it lives: a worker that a portable factory builds. It keeps nothing that changes an answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from socratic.config import JudgeModel, RewardModelSection
from socratic.critics.endpoint import LEASE_S, EndpointReader, is_endpoint
from socratic.critics.judge import LabelJudge, Shares
from socratic.policy.asking import Reader
from socratic.protocols import Weights
from socratic.records import Judgement
from socratic.seeds import Seed

if TYPE_CHECKING:
    from socratic.policy.recipe import PolicyRecipe
    from socratic.policy.reward import RewardWorker


class CriticWorker:
    """Judges with the weights that each call brings; without any, with the model's own."""

    def __init__(self, judge: LabelJudge) -> None:
        """Hold `judge`."""
        self._judge = judge

    def judge_calls(self, judgements: Sequence[Judgement], weights: Weights | None) -> list[Shares]:
        """Return a share for each option of each judgement."""
        return self._judge.judge_calls(judgements, weights)

    def judge_orders(self, judgements: Sequence[Judgement], weights: Weights | None) -> list[tuple[Shares, Shares]]:
        """Return the shares as asked in the options' order, and in the other one; both in the options' order."""
        return self._judge.judge_orders(judgements, weights)


@dataclass(frozen=True, kw_only=True, slots=True)
class CriticFactory:
    """Builds a critic's worker where it will live."""

    section: JudgeModel
    seed: Seed
    lease_s: float = LEASE_S  # how long a call may take: an endpoint that hangs is given up before
    recipe: "PolicyRecipe | None" = None  # of the run's own policy, for the judges that are versions of it

    def __call__(self) -> CriticWorker:
        """Load the model, or open the way to the endpoint.

        Raises:
            ConfigError: the endpoint's address cannot be asked.
            ModelMissing: the model is not on this machine.
            PolicyError: it can neither generate nor classify.
        """
        return CriticWorker(LabelJudge(self._reader(), self.seed, both_orders=self.section.both_orders))

    def _reader(self) -> Reader:
        if is_endpoint(self.section.source):
            return EndpointReader(self.section, lease_s=self.lease_s)
        from socratic.policy.judge_sources import make_reader

        return make_reader(self.section, self.recipe)


@dataclass(frozen=True, kw_only=True, slots=True)
class RewardFactory:
    """Builds the reward model's worker where it will live."""

    section: RewardModelSection
    policy: "PolicyRecipe"  # whose tokenizer it reads with
    seed: Seed

    def __call__(self) -> "RewardWorker":
        """Make the model.

        Raises:
            ModelMissing: the policy's tokenizer is not on this machine.
        """
        from socratic.policy.reward import RewardRecipe, RewardWorker

        return RewardWorker(RewardRecipe(section=self.section, policy=self.policy, seed=self.seed))
