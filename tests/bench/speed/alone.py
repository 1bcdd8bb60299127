"""Generation alone: the engine against transformers' `generate`, at two numbers of rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from socratic.policy.speed_generation import Generated, Setting, generated, load_for_speed
from tests.bench.speed.ours import THREADS

MARKS = {32: 1.8, 128: 2.2}
SHARE_MARK = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Alone:
    """What each number of rows came to."""

    found: Sequence[Generated]

    @property
    def is_met(self) -> bool:
        """Whether every mark is reached."""
        return all(each.ratio.middle >= MARKS[each.setting.rows] and each.share >= SHARE_MARK for each in self.found)

    def lines(self) -> list[str]:
        """Return it as Markdown."""
        first = self.found[0].setting
        setting = (
            f"SmolLM2-135M-Instruct, bfloat16 both sides, {first.prompt} prompt and {first.new} new tokens, prompts shared by "
            f"{first.group} rows, {THREADS} threads. The limit is the machine's own: all of the model's matrix products for one token of "
            "each row, one after another, and nothing else."
        )
        head = ["| rows | ours, tokens/s | `generate`, tokens/s | times as fast (spread) | mark | of the limit | mark |"]
        rows = [
            f"| {each.setting.rows} | {each.tokens_per_s:.0f} | {each.other_tokens_per_s:.0f} | {each.ratio.words()} | "
            f"{MARKS[each.setting.rows]:g} | {each.share:.0%} | {SHARE_MARK:.0%} |"
            for each in self.found
        ]
        return ["### Generation alone, against `generate`", "", setting, "", *head, "|---|---|---|---|---|---|---|", *rows, ""]


def alone(folder: Path) -> Alone:
    """Measure both sides in turn."""
    del folder
    torch.set_num_threads(THREADS)
    policy = load_for_speed("smollm2", "bfloat16")
    return Alone(found=[generated(policy, Setting(rows=rows)) for rows in MARKS])
