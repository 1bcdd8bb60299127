"""What the feedback-phase study varies and what it holds."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from socratic.studies.phase_rows import END


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """A scratch policy's shape."""

    name: str
    hidden: int
    layers: int
    heads: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """All that the study varies, and all that it holds."""

    seeds: int = 3
    sizes: tuple[Size, ...] = (
        Size(name="small", hidden=16, layers=1, heads=2),
        Size(name="middle", hidden=32, layers=2, heads=2),
        Size(name="large", hidden=96, layers=3, heads=4),
    )
    rares: tuple[float, ...] = (0.2, 0.05, 0.02, 0.01, 0.003)
    kls: tuple[float, ...] = (0.0, 0.2)
    pay: float = 2.0
    generations: int = 200
    rest: int = 2 * END  # generations that are still played once the pocket is farmed
    episodes: int = 64
    warm_up: int = 240
    lr: float = 5e-4


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One run of the plan."""

    size: Size
    kl: float
    rare: float
    seed: int


QUICK = Plan(
    seeds=1, sizes=(Size(name="tiny", hidden=16, layers=1, heads=2),), rares=(0.2, 0.01), kls=(0.0,), generations=40, rest=5, warm_up=60
)


def cells(plan: Plan) -> Iterator[Cell]:
    """Yield every run of the plan, the first seed of all before the second."""
    for seed, kl, size, rare in product(range(plan.seeds), plan.kls, plan.sizes, plan.rares):
        yield Cell(size=size, kl=kl, rare=rare, seed=seed)
