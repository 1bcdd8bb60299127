"""What a generation of SmolLM2 costs as it grows: play, score and update, from 32 to 512 episodes."""

from dataclasses import dataclass
from pathlib import Path

import torch

from socratic.policy.speed_pairs import seconds_of
from tests.bench.speed.ours import THREADS, OurLoop, grpo_config

SIZES = (32, 64, 128, 256, 512)
MARK = 1.15
NEW = 16
WORDS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Growth:
    """Seconds of a generation by its episodes."""

    seconds: dict[int, float]

    def over_linear(self, size: int) -> float:
        """Return the cost as a multiple of what it would be if it grew as the smallest's."""
        return self.seconds[size] / (self.seconds[SIZES[0]] * size / SIZES[0])

    @property
    def is_met(self) -> bool:
        """Whether no size costs more than the mark."""
        return all(self.over_linear(size) <= MARK for size in SIZES)

    def lines(self) -> list[str]:
        """Return it as Markdown."""
        setting = (
            f"SmolLM2-135M-Instruct, LoRA, bfloat16, groups of 8, at most {NEW} new tokens; play, score and update, {THREADS} threads."
        )
        rows = ["### A generation as it grows", "", setting, "", "| episodes | seconds | over linear | mark |", "|---|---|---|---|"]
        rows += [f"| {size} | {self.seconds[size]:.1f} | {self.over_linear(size):.2f} | {MARK:g} |" for size in SIZES]
        return [*rows, ""]


def growth(folder: Path) -> Growth:
    """Take one generation of each size, after one that is not counted; of the smallest the mean of four."""
    del folder
    torch.set_num_threads(THREADS)
    seconds = {}
    for size in SIZES:
        loop = OurLoop(grpo_config(episodes=size, group=8, new=NEW, words=WORDS))
        loop.step()
        times = [seconds_of(loop.step) for _ in range(4 if size == SIZES[0] else 1)]
        seconds[size] = sum(times) / len(times)
    return Growth(seconds=seconds)
