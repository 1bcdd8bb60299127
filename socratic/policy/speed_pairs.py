"""Ratios of two sides measured in turn in one process, so that what the machine does beside it meets both."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

PAIRS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratio:
    """How often the other side's time goes into ours, over pairs."""

    ours_s: tuple[float, ...]
    other_s: tuple[float, ...]

    @property
    def values(self) -> list[float]:
        """Return each pair's ratio, ascending."""
        return sorted(other / ours for ours, other in zip(self.ours_s, self.other_s, strict=True))

    @property
    def middle(self) -> float:
        """Return the median ratio."""
        return median(self.values)

    def words(self) -> str:
        """Return the median and the spread."""
        return f"{self.middle:.2f} ({self.values[0]:.2f} to {self.values[-1]:.2f})"


def paired(ours: Callable[[], object], other: Callable[[], object], *, pairs: int = PAIRS, warm_ups: int = 1) -> Ratio:
    """Time both sides in turn, `pairs` times; which begins alternates."""
    for _ in range(warm_ups):
        ours()
        other()
    times: tuple[list[float], list[float]] = ([], [])
    for pair in range(pairs):
        for side in (0, 1) if pair % 2 == 0 else (1, 0):
            times[side].append(seconds_of((ours, other)[side]))
    return Ratio(ours_s=tuple(times[0]), other_s=tuple(times[1]))


def seconds_of(work: Callable[[], object]) -> float:
    """Return how long a call takes; on a GPU, until it is idle."""
    start = time.perf_counter()
    work()
    wait_for_gpu()
    return time.perf_counter() - start


def wait_for_gpu() -> None:
    """Return when everything that was asked of a GPU has been done."""
    import torch  # loaded by whoever uses it

    if torch.cuda.is_available():
        torch.cuda.synchronize()
