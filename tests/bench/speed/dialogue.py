"""What a token costs late in a dialogue, and what a generation costs as it grows."""

from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch

from socratic.policy.drawing import Prompt
from socratic.policy.engine import Engine
from socratic.policy.speed_generation import NEVER, load_for_speed
from socratic.policy.speed_pairs import PAIRS, seconds_of
from socratic.seeds import Seed
from tests.bench.speed.ours import THREADS

ROWS, HEARD, SAID, TURNS = 16, 24, 16, 32
EARLY, LATE = 2, 32
TURN_MARK = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialogue:
    """Seconds of each turn of all rows, for each time the dialogue was held; kept between turns, and read anew in each."""

    kept_s: tuple[tuple[float, ...], ...]
    anew_s: tuple[tuple[float, ...], ...]

    @property
    def is_met(self) -> bool:
        """Whether the late turn costs at most twice the early one."""
        return median(_late_over_early(self.kept_s)) <= TURN_MARK

    def lines(self) -> list[str]:
        """Return it as Markdown."""
        setting = (
            f"SmolLM2-135M-Instruct, bfloat16, {ROWS} dialogues side by side, {HEARD} tokens heard and {SAID} said in each turn, {THREADS} "
            f"threads; seconds a turn of all rows, medians over {len(self.kept_s)}."
        )
        head = ["| | turn 2 | turn 32 | late over early | mark |", "|---|---|---|---|---|"]
        rows = ["### A token late in a dialogue", "", setting, "", *head]
        for name, times, mark in (("kept between turns", self.kept_s, f"{TURN_MARK:g}"), ("read anew in each turn", self.anew_s, "-")):
            early, late = (median(each[turn - 1] for each in times) for turn in (EARLY, LATE))
            ratios = sorted(_late_over_early(times))
            rows.append(f"| {name} | {early:.2f} | {late:.2f} | {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) | {mark} |")
        return [*rows, ""]


def dialogue(folder: Path) -> Dialogue:
    """Hold the dialogue both ways, in turn."""
    del folder
    torch.set_num_threads(THREADS)
    policy = load_for_speed("smollm2", "bfloat16")
    policy.chat.end_ids = frozenset({NEVER})
    kept: list[tuple[float, ...]] = []
    anew: list[tuple[float, ...]] = []
    remembering = Engine(policy, temperature=1.0, max_new_tokens=SAID, pack_tokens=1024, kept_mb=2048)
    _hold(remembering, turns=2)
    forgetful = Engine(policy, temperature=1.0, max_new_tokens=SAID, pack_tokens=1024, kept_mb=0)
    for pair in range(PAIRS):
        kept.append(_hold(remembering, turns=TURNS))
        if pair < 2:  # it takes ten times as long, and is not what the mark is about
            anew.append(_hold(forgetful, turns=TURNS))
    return Dialogue(kept_s=tuple(kept), anew_s=tuple(anew))


def _hold(engine: Engine, *, turns: int) -> tuple[float, ...]:
    draws = Seed(7)
    size = engine.policy.model.config.vocab_size
    stream = engine.stream([None], keeps_conversations=True)
    contexts: list[tuple[int, ...]] = [()] * ROWS
    read: list[tuple[int, ...]] = [()] * ROWS
    times = []
    for turn in range(turns):
        for row in range(ROWS):
            heard = tuple(draws.child(f"row {row}", turn).integer(size, place) for place in range(HEARD))
            contexts[row] = contexts[row] + heard
            stream.ask(row, Prompt(context_ids=contexts[row], seed=Seed(turn).child("row", row), extends=read[row]), 0)

        def finish() -> None:
            while stream.is_busy:
                for row, drawn in stream.advance():
                    contexts[row] += drawn.token_ids
                    read[row] = contexts[row][:-1]

        times.append(seconds_of(finish))
    return tuple(times)


def _late_over_early(times: tuple[tuple[float, ...], ...]) -> list[float]:
    return [each[LATE - 1] / each[EARLY - 1] for each in times]
