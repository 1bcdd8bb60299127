"""One whole generation (play, score, update) of SmolLM2 with a LoRA adapter, against a step of TRL's GRPOTrainer."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from socratic.policy.speed_pairs import PAIRS, Ratio, seconds_of
from socratic.seeds import Seed
from tests.bench.speed.letters import ASKED, NUM_WORDS, WORDS
from tests.bench.speed.ours import THREADS, OurLoop, grpo_config
from tests.bench.speed.trl_side import DEFAULTS, TUNED, TrlLoop

EPISODES, GROUP, NEW = 32, 8, 32
MARKS = {"defaults": 4.0, "tuned": 3.0}


@dataclass(frozen=True, kw_only=True, slots=True)
class AgainstTrl:
    """Ratios to TRL's defaults and to its best settings."""

    ratios: Mapping[str, Ratio]

    @property
    def is_met(self) -> bool:
        """Whether both marks are reached."""
        return all(self.ratios[name].middle >= mark for name, mark in MARKS.items())

    def lines(self) -> list[str]:
        """Return it as Markdown."""
        setting = (
            f"SmolLM2-135M-Instruct, LoRA r=16 on every linear layer, bfloat16, {EPISODES} episodes in groups of {GROUP}, about 100 "
            f"prompt and at most {NEW} new tokens, KL .04 to the reference; {THREADS} threads. TRL's whole configuration is in "
            "[`tests/bench/speed/trl_side.py`](../tests/bench/speed/trl_side.py)."
        )
        rows = [
            "### A whole generation, against TRL",
            "",
            setting,
            "",
            "| TRL's settings | ours, s | TRL, s | times as fast (spread over pairs) | mark |",
            "|---|---|---|---|---|",
        ]
        for name, ratio in self.ratios.items():
            ours, other = (", ".join(f"{value:.1f}" for value in side) for side in (ratio.ours_s, ratio.other_s))
            rows.append(f"| {name} | {ours} | {other} | {ratio.words()} | {MARKS[name]:g} |")
        return [*rows, ""]


def _note(times: list[float], work: Callable[[], object]) -> None:
    times.append(seconds_of(work))


def against_trl(folder: Path) -> AgainstTrl:
    """Take steps of both in turn: a step of ours before each of TRL's trainers' steps."""
    import torch

    torch.set_num_threads(THREADS)
    draws = Seed(0)
    prompts = [
        f"{ASKED} {' '.join(WORDS[draws.child('prompt', number).integer(len(WORDS), place)] for place in range(NUM_WORDS))}."
        for number in range(64)
    ]
    ours = OurLoop(grpo_config(episodes=EPISODES, group=GROUP, new=NEW))
    ours.step()
    ratios = {}
    for name, options in (("defaults", DEFAULTS), ("tuned", TUNED)):
        ours_s: list[float] = []
        with tempfile.TemporaryDirectory(dir=folder) as scrap:
            loop = TrlLoop(prompts, Path(scrap), episodes=EPISODES, group=GROUP, new=NEW, options=options)
            other_s = loop.steps_s(PAIRS, between=partial(_note, ours_s, ours.step))
        ratios[name] = Ratio(ours_s=tuple(ours_s[1:]), other_s=tuple(other_s))
    return AgainstTrl(ratios=ratios)
