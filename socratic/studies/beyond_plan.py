"""What the study beyond t0's data holds and what it varies."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

FILTERED, UNFILTERED = "filtered", "unfiltered"


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """All that a run depends on, and how many there are."""

    seeds: int = 3
    arms: tuple[str, ...] = (FILTERED, UNFILTERED)  # a seed's filtered run comes first: the other climbs when it did
    members: int = 3  # policies, taught apart, that answer the same problems
    # The policy.
    hidden: int = 64
    layers: int = 2
    heads: int = 2  # 32 dimensions each: with 16, t0 does not look beyond the places that it has seen filled
    width: int = 9
    # School: additions of at most `taught` digits, right answers.
    taught: int = 4
    school_matches: int = 8192
    school_steps: int = 1500
    school_rows: int = 32  # of a step
    school_lr: float = 2e-3
    # The closed loop.
    last: int = 8
    generations: int = 40
    deals: int = 96
    group: int = 12  # answers to each problem, of all members
    share: float = 0.6
    enough: float = 0.85
    patience: int = 8
    agreed: float = 0.55  # 7 of 12 answers: no member has so many
    lr: float = 8e-4
    epochs: int = 4
    # The reader, outside.
    read_every: int = 5
    read_matches: int = 100  # of each length
    final_matches: int = 500

    @property
    def lengths(self) -> range:
        """The lengths that are read."""
        return range(1, self.width)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One run of the plan."""

    seed: int
    arm: str


QUICK = Plan(
    seeds=1,
    hidden=16,
    layers=1,
    heads=1,
    width=4,
    taught=1,
    last=2,
    school_matches=64,
    school_steps=10,
    school_rows=16,
    generations=4,
    deals=6,
    members=2,
    group=4,
    patience=1,
    read_every=2,
    read_matches=4,
    final_matches=8,
)


def cells(plan: Plan) -> Iterator[Cell]:
    """Yield every run of the plan, seed by seed."""
    for seed, arm in product(range(plan.seeds), plan.arms):
        yield Cell(seed=seed, arm=arm)
