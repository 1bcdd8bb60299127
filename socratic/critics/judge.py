"""A frozen language model as a judge: asked in one order of the options or in both, here or in a worker of its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, cast

from socratic.errors import DoorLost
from socratic.policy.asking import Reader, ask
from socratic.protocols import Door, Judge, Weights, Workers
from socratic.records import Judgement
from socratic.seeds import Seed

Shares: TypeAlias = tuple[float, ...]


class OrderedJudge(Judge, Protocol):
    """A judge of which one may ask what the order of the options does."""

    def judge_orders(self, judgements: Sequence[Judgement]) -> list[tuple[Shares, Shares]]:
        """Return the shares as asked in the options' order, and in the other one; both in the options' order."""
        ...


class LabelJudge:
    """Judges by what a reader leans to among the labels of the options."""

    def __init__(self, reader: Reader, seed: Seed, *, both_orders: bool) -> None:
        """Draw nonces from `seed`; with `both_orders` the shares are the mean over both orders of the options."""
        self._reader = reader
        self._seed = seed
        self._both_orders = both_orders

    def judge_calls(self, judgements: Sequence[Judgement], weights: Weights | None = None) -> list[Shares]:
        """Return a share for each option of each judgement; `weights` are lent to a reader that is the run's own policy."""
        if self._both_orders:
            return [tuple((one + other) / 2 for one, other in zip(*both, strict=True)) for both in self.judge_orders(judgements, weights)]
        different = list(dict.fromkeys(judgements))
        read = self._reader.read([ask(judgement, self._seed) for judgement in different], weights)
        found = dict(zip(different, read, strict=True))
        return [found[judgement] for judgement in judgements]

    def judge_orders(self, judgements: Sequence[Judgement], weights: Weights | None = None) -> list[tuple[Shares, Shares]]:
        """Return the shares as asked in the options' order, and in the other one; both in the options' order."""
        # Matches of one deal ask the same: it is read once.
        different = list(dict.fromkeys(judgements))
        asked = [ask(judgement, self._seed, is_reversed=is_reversed) for judgement in different for is_reversed in (False, True)]
        read = self._reader.read(asked, weights)
        found = {judgement: (read[2 * place], read[2 * place + 1][::-1]) for place, judgement in enumerate(different)}
        return [found[judgement] for judgement in judgements]


class RemoteJudge:
    """A judge that lives in a worker: the driver's side of it."""

    def __init__(self, workers: Workers, known: Callable[[], Weights | None]) -> None:
        """Ask `workers`; what `known` returns at the time, the weights that it judges with, travels with each call."""
        self._workers = workers
        self._known = known
        self._shared: tuple[str, object] = ("", None)  # a fingerprint, and the handle of these weights

    def judge_calls(self, judgements: Sequence[Judgement]) -> list[Shares]:
        """Return a share for each option of each judgement."""
        (found,) = self._workers.map("judge_calls", [tuple(judgements)], self._handle())
        return cast(list[Shares], found)

    def judge_orders(self, judgements: Sequence[Judgement]) -> list[tuple[Shares, Shares]]:
        """Return the shares as asked in the options' order, and in the other one."""
        (found,) = self._workers.map("judge_orders", [tuple(judgements)], self._handle())
        return cast(list[tuple[Shares, Shares]], found)

    def present(self) -> Judge:
        """Return the judge as it is now, to travel with a call."""
        return SentJudge(door=self._workers.door(), known=self._handle())

    def mend(self, lost: DoorLost) -> None:
        """Have the worker replaced."""
        self._workers.mend(lost)

    def _handle(self) -> object:
        weights = self._known()
        if weights is None:
            return None
        if self._shared[0] != weights.fingerprint:
            self._shared = (weights.fingerprint, self._workers.share(weights))
        return self._shared[1]


@dataclass(frozen=True, kw_only=True, slots=True)
class SentJudge:
    """A judge as it travels: the way to its worker, and a handle of the weights that it judges with."""

    door: Door
    known: object

    def judge_calls(self, judgements: Sequence[Judgement]) -> list[Shares]:
        """Return a share for each option of each judgement.

        Raises:
            DoorLost: its worker was lost.
        """
        return cast(list[Shares], self.door.call("judge_calls", tuple(judgements), self.known))
