"""When a critic is not heard any more.

Two faults, each looked for every generation over the cases and canaries of the window:

- It does not tell better from worse: the lower bound of Youden's J at `confidence` is not above 0. The bound is looked at only
  once the cases weigh as much as `min_cases` of which half are true, 4 / (1 / true + 1 / false): with fewer, or with all but a
  few of one truth, a critic that is right may have no bound above 0 either. What counts is different texts: a judge says the same
  of the same, so that a critic which meets fewer of them, however often, is held against canaries alone.
- It falls for a canary: one kind got through more often than chance would let it, were `max_canary_rate` its true rate
  (the binomial tail is below 1 - `confidence`, divided among the kinds).

Windows overlap, so looks repeat, and one failure is enough. That is safe for a good critic because the bound is looked at late: at
the first look one that is right 85 % of the time stands some four deviations above what is asked, and cases only add up from there.
In 10,000 runs of 200 generations each it was shut out in at most 2 (32 to 80 different texts a generation, 10 to 50 % of them true), and
by canaries that get through 15 % of the time in none. One that tells nothing passes a look by chance in one of 1000, so it is out at
the first look: within 3 generations of 32 different texts in 99.9 % of the runs where half are true, 99.7 % at 35 %, 79 % at 25 %
(and 99.99 % within 5), of 64 matches in 99.95 % at 25 %. A canary that always gets through ends it in the first generation that
tries it 8 times.
"""

from collections.abc import Mapping
from math import comb

from socratic.config import Measure
from socratic.critics.calibration import Youden
from socratic.critics.canaries import KINDS, Tally


def find_fault(youden: Youden, canaries: Mapping[str, Tally], section: Measure) -> str | None:
    """Return in words why a critic is not to be heard; None where nothing speaks against it."""
    if is_blind(youden, section):
        return (
            f"it does not tell better from worse: Youden's J is {youden.j:.2f} in different texts that weigh as much as "
            f"{youden.weight:.0f} balanced ones, and with a confidence of {section.confidence:g} no more is known than that it is "
            f"above {youden.low:.2f}"
        )
    for kind, (through, tried) in canaries.items():
        if is_through(through, tried, section):
            return (
                f"it can be talked round: the canary {kind!r} got through {through} times of {tried}, "
                f"expected at most {section.max_canary_rate:.0%}"
            )
    return None


def is_blind(youden: Youden, section: Measure) -> bool:
    """Return whether there are cases enough, and they leave open that the critic tells nothing."""
    return youden.weight >= section.min_cases and not youden.low > 0


def is_through(through: int, tried: int, section: Measure) -> bool:
    """Return whether a canary got through more often than a rate of `max_canary_rate` explains."""
    rate = section.max_canary_rate
    return through > rate * tried and tail(through, tried, rate) < (1 - section.confidence) / len(KINDS)


def tail(through: int, tried: int, rate: float) -> float:
    """Return the chance of `through` or more of `tried` at `rate`: the binomial's upper tail."""
    return sum(comb(tried, k) * rate**k * (1 - rate) ** (tried - k) for k in range(through, tried + 1))
