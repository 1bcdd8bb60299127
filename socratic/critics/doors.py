"""How play reaches the reward model, which lives in a worker."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from socratic.critics.reward_model import RewardModel, judged_shares
from socratic.errors import DoorLost
from socratic.policy.reward import Text
from socratic.policy.weights import PolicyWeights
from socratic.protocols import Door, Judge, Workers
from socratic.records import Judgement


class RewardDoor:
    """The way to the reward model, in the version that it has now."""

    def __init__(self, model: RewardModel, workers: Workers) -> None:
        """Present `model`, which lives in `workers`."""
        self._model = model
        self._workers = workers
        self._shared: tuple[PolicyWeights | None, object] = (None, None)

    def present(self) -> Judge:
        """Return the reward model as it travels."""
        weights = self._model.weights
        if weights is not self._shared[0]:
            self._shared = (weights, self._workers.share(weights))
        return SentRewardModel(door=self._workers.door(), known=None if weights is None else self._shared[1])

    def mend(self, lost: DoorLost) -> None:
        """Have the worker replaced."""
        self._workers.mend(lost)


@dataclass(frozen=True, kw_only=True, slots=True)
class SentRewardModel:
    """A reward model as it travels: the way to its worker, and a handle of its weights; None before it has any."""

    door: Door
    known: object

    def judge_calls(self, judgements: Sequence[Judgement]) -> list[tuple[float, ...]]:
        """Return each judgement's shares; all options are all but alike while it cannot say.

        Raises:
            DoorLost: its worker was lost.
        """
        return judged_shares(judgements, None if self.known is None else self._score)

    def _score(self, texts: Sequence[Text]) -> list[float]:
        return cast(list[float], self.door.call("score", tuple(texts), self.known))
