"""What a run of the feedback-phase study comes to: when the pocket was found, when it was farmed, and what was foretold.

Everything here is sums over what was played and read; no run is started. Generations are counted from 1: "found 3" is in the third
generation that was played. What did not happen within the budget is None, never 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, expm1, inf, log1p
from statistics import fmean

# Play is farmed when more than half of what the pocket's question got in this many generations was the pocket's reply.
WINDOW = 5
# The last generations, over which the end of a run is told: under the magnet the mass keeps moving.
END = 25


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A policy read exactly, at every question."""

    mass: float  # of the pocket's reply to the pocket's question
    truth: float  # the expected true score
    share: float  # of matches that ask the pocket's question

    def proxy(self, pay: float) -> float:
        """Return the expected reward: the pocket's reply is worth 0 and paid `pay`."""
        return self.truth + self.share * self.mass * pay

    def youden(self) -> float:
        """Return the scorer's J = TPR - FPR over this policy's play: TPR is 1, and of wrong replies only the pocket's is paid."""
        wrong = 1.0 - self.truth
        return 1.0 - self.share * self.mass / wrong if wrong > 0.0 else 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What the pocket's question got in one generation of play."""

    num_asked: int
    num_paid: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One run."""

    size: str
    num_parameters: int
    kl: float  # coefficient of the distance to t0
    rare: float  # how often the play that t0 read has the reply
    seed: int
    epsilon: float  # t0's mass of the pocket's reply to the pocket's question
    generations: int  # that were played
    expected: float  # generations until it is found, if the mass stayed at epsilon
    found: int | None
    found_mass: float | None  # of the policy that found it
    hazard: float  # the sum of each generation's chance of the first find, by the mass as it moved; 1 in the mean of runs
    farmed: int | None
    held_mass: float | None  # of the optimum under the magnet
    end_mass: float
    truth_t0: float
    truth: float
    proxy: float
    youden_t0: float
    youden: float


def chance(reading: Reading, episodes: int) -> float:
    """Return the probability that `episodes` matches have the pocket's reply at least once."""
    each = reading.share * reading.mass
    return -expm1(episodes * log1p(-each)) if each < 1.0 else 1.0  # exact where the mass is tiny


def expected_wait(reading: Reading, episodes: int) -> float:
    """Return the expected number of generations until the first find if the policy stayed as it is read; infinite without mass.

    1 / (1 - (1 - share x mass)^episodes), the mean of a geometric distribution: about 1 / (mass x matches that ask it).
    """
    each = chance(reading, episodes)
    return 1.0 / each if each > 0.0 else inf


def held_mass(t0: Sequence[float], rewards: Sequence[float], kl: float) -> list[float]:
    """Return the policy over some replies with the best mean reward minus `kl` times its KL divergence from `t0`.

    t0(y) exp(reward(y) / kl), normalized (arXiv:2305.18290, equation 4).
    """
    peak = max(rewards)
    weights = [mass * exp((reward - peak) / kl) for mass, reward in zip(t0, rewards, strict=True)]
    return [weight / sum(weights) for weight in weights]


def turning_point(right: float, pay: float, kl: float) -> float:
    """Return the epsilon from which on the best policy under the magnet gives the pocket's reply more than half the mass.

    `right` is t0's mass of the right reply, of reward 1; the other wrong replies have reward 0 and the rest of the mass, which is
    taken as 1 - right: epsilon is small against it.
    """
    return (right * exp(1.0 / kl) + 1.0 - right) / exp(pay / kl)


def first_find(play: Sequence[Asked]) -> int | None:
    """Return in which generation the pocket was first paid."""
    return next((index + 1 for index, asked in enumerate(play) if asked.num_paid), None)


def first_farm(play: Sequence[Asked], window: int = WINDOW) -> int | None:
    """Return the last generation of the first `window` in which more than half of the replies to the question were the pocket's."""
    for end in range(window, len(play) + 1):
        recent = play[end - window : end]
        if 2 * sum(asked.num_paid for asked in recent) > sum(asked.num_asked for asked in recent):
            return end
    return None


def find_hazard(readings: Sequence[Reading], found: int | None, episodes: int) -> float:
    """Return the sum of the chances of a first find, over the generations up to it; `readings[i]` is of who played the i-th.

    In the mean of runs it is the share of runs that find (the compensator of a counting process), whatever the mass does.
    """
    return sum(chance(reading, episodes) for reading in readings[:found])


def at_end(values: Sequence[float]) -> float:
    """Return the mean of the last END values."""
    return fmean(values[-END:])
