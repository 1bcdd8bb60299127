"""What a run of the study beyond t0's data comes to: exactness by length, where errors begin, and what the guard saw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from socratic.records import Episode

# A length is lost when its exactness falls below this share of the best that it was.
LOST = 0.9


@dataclass(frozen=True, kw_only=True, slots=True)
class Length:
    """How a policy answers additions of one length."""

    digits: int
    exact: float  # the share that is right at every place
    first_wrong: float | None  # of the wrong ones, the mean place of the first wrong digit, 1 the least significant; None: none is wrong
    cascade: float | None  # of the digits behind a first wrong one, the share that is wrong too
    malformed: float  # the share that is no number of the right width


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A policy read from outside, at every length."""

    generation: int  # 0 is t0
    lengths: tuple[Length, ...]

    def of(self, digits: int) -> Length:
        """Return how additions of a length are answered."""
        return next(each for each in self.lengths if each.digits == digits)

    def exact(self, digits: int) -> float:
        """Return the exactness at a length."""
        return self.of(digits).exact


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What is known inside after one generation, but for `right_frac`, which the study reads off the record."""

    generation: int
    rung: int  # the longest additions that it played
    paid_frac: float  # of those, the share that the filter kept
    right_frac: float | None  # of all that the filter kept, the share that is right: the truth, which nothing inside reads
    surprise: float  # of a token that the agent drew, -log p at the time, in nats: an estimate of its entropy
    guard: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One member of one run."""

    seed: int
    arm: str
    member: int
    num_parameters: int
    school_loss: float
    seconds: float  # of the run's play and learning, all members', school and reading left out
    climbs: tuple[int, ...]  # the generations after which the additions grew longer
    readings: tuple[Reading, ...]
    seen: tuple[Seen, ...]

    def start(self, digits: int) -> float:
        """Return t0's exactness at a length."""
        return self.readings[0].exact(digits)

    def end(self, digits: int) -> float:
        """Return the last exactness at a length."""
        return self.readings[-1].exact(digits)

    def onset(self, digits: int) -> int | None:
        """Return the first generation read from which on a length stays lost; None where it never is, or is not there to be lost."""
        return onset([(each.generation, each.exact(digits)) for each in self.readings])


def onset(curve: Sequence[tuple[int, float]]) -> int | None:
    """Return the first generation of the last stretch below LOST of the curve's best; None where it ends above, or is never above 0."""
    best = max(value for _, value in curve)
    found = None
    for generation, value in curve:
        found = (generation if found is None else found) if value < LOST * best else None
    return found


def read_length(digits: int, episodes: Sequence[Episode], rights: Sequence[Sequence[int]]) -> Length:
    """Return what a length's episodes come to; `rights` are the digits of the right answers."""
    firsts: list[int] = []
    num_behind = num_wrong_behind = num_malformed = 0
    for episode, right in zip(episodes, rights, strict=True):
        if episode.scores[0] == 1.0:
            continue
        if episode.ending != "finished":
            num_malformed += 1
            continue
        wrong = [int(said) != true for said, true in zip(episode.turns[0].reply.split(), right, strict=True)]
        first = wrong.index(True)
        firsts.append(first)  # place 0 is the column before the lowest
        num_behind += len(wrong) - first - 1
        num_wrong_behind += sum(wrong[first + 1 :])
    return Length(
        digits=digits,
        exact=sum(episode.scores[0] for episode in episodes) / len(episodes),
        first_wrong=sum(firsts) / len(firsts) if firsts else None,
        cascade=num_wrong_behind / num_behind if num_behind else None,
        malformed=num_malformed / len(episodes),
    )
