"""The recipes over seeds that no recipe names: the last policy's truth, with its spread, against the marks it must reach."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from socratic.cli.preflight import find_configs, game_facts
from socratic.cli.session import Session
from socratic.config import load_config
from socratic.records import Json
from socratic.store.run_directory import RunDirectory

SEEDS = (11, 12, 13)
# Normalized regret up to which a game counts as learned: 0 is optimal, 1 no better than random play.
LEARNED_REGRET = 0.2
MIN_LEARNED = 8
MAX_SECONDS = 600


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """What one assessed number must reach; without `at_most` and `at_least` it is shown as it comes out."""

    metric: str
    at_most: float | None = None
    at_least: float | None = None

    def is_met(self, value: float) -> bool:
        """Whether `value` reaches the mark."""
        return (self.at_most is None or value <= self.at_most) and (self.at_least is None or value >= self.at_least)

    def words(self) -> str:
        """Return the mark as a table shows it."""
        if self.at_most is not None:
            return f"<= {self.at_most:g}"
        return "as it comes out" if self.at_least is None else f">= {self.at_least:g}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One recipe over all seeds."""

    title: str
    command: str
    values: dict[Mark, list[float]]
    at_t0: dict[Mark, list[float]]
    seconds: list[float]

    @property
    def is_met(self) -> bool:
        """Whether every seed reaches every mark."""
        return all(mark.is_met(value) for mark, values in self.values.items() for value in values)

    def lines(self) -> list[str]:
        """Return the outcome as a Markdown table."""
        rows = [f"### {self.title}", "", f"`{self.command}`, seeds {', '.join(map(str, SEEDS))}", ""]
        rows += ["| truth of the last policy | mark | " + " | ".join(f"seed {seed}" for seed in SEEDS) + " | mean | spread | at t0 |"]
        rows += ["|---|---|" + "---|" * (len(SEEDS) + 3)]
        for mark, values in self.values.items():
            cells = " | ".join(f"{value:.3f}" for value in values)
            mean, spread = sum(values) / len(values), max(values) - min(values)
            before = ", ".join(f"{value:.3f}" for value in self.at_t0[mark])
            rows.append(f"| `{mark.metric}` | {mark.words()} | {cells} | {mean:.3f} | {spread:.3f} | {before} |")
        rows += ["", f"Whole command, set-up of Ray and warm-up included: {', '.join(f'{each:.0f} s' for each in self.seconds)}.", ""]
        return rows


def run_recipe(title: str, recipe: str, overrides: Sequence[str], marks: Sequence[Mark], runs_dir: Path) -> Outcome:
    """Run a built-in configuration once for each seed, whole, under Ray."""
    values: dict[Mark, list[float]] = {mark: [] for mark in marks}
    at_t0: dict[Mark, list[float]] = {mark: [] for mark in marks}
    seconds = []
    for seed in SEEDS:
        config = load_config(find_configs([recipe]), [*overrides, f"seed={seed}", "tracker.wandb=off"])
        start = time.perf_counter()
        run = RunDirectory.create(runs_dir, None, config, games=game_facts(config), stem=f"{recipe.replace('_', '-')}-{seed}")
        Session(run, config, is_resumed=False, is_live=False).run()
        seconds.append(time.perf_counter() - start)
        found = RunDirectory.open(runs_dir, run.name).read("assessments")
        for mark in marks:
            at_t0[mark].append(float(str(found[0][mark.metric])))
            values[mark].append(float(str(found[-1][mark.metric])))
    words = " ".join(f"-o {override}" for override in overrides)
    return Outcome(title=title, command=f"socratic run {recipe} {words}".strip(), values=values, at_t0=at_t0, seconds=seconds)


def quickstart(runs_dir: Path) -> Outcome:
    """Run the quickstart over the seeds."""
    marks = (
        Mark(metric="observer/kuhn_poker/exploitability", at_most=0.10),
        Mark(metric="observer/signal/value", at_least=0.95),
        Mark(metric="observer/sticks/win_rate_vs_random", at_least=0.90),
        Mark(metric="observer/sticks/optimal_share", at_least=0.90),
    )
    return run_recipe("Quickstart", "quickstart", (), marks, runs_dir)


def kuhn_magnet(runs_dir: Path) -> Outcome:
    """Run Kuhn alone, with the magnet."""
    marks = (Mark(metric="observer/kuhn_poker/exploitability", at_most=0.04),)
    return run_recipe("Kuhn poker with the magnet", "kuhn_magnet", (), marks, runs_dir)


def kuhn_without_magnet(runs_dir: Path) -> Outcome:
    """Run the same recipe without the magnet."""
    marks = (Mark(metric="observer/kuhn_poker/exploitability"),)
    return run_recipe("The same recipe without the magnet", "kuhn_magnet", ("learner.objective.kl=0",), marks, runs_dir)


@dataclass(frozen=True, kw_only=True, slots=True)
class SideBySide:
    """One run of many games."""

    command: str
    regrets: Mapping[str, tuple[float | None, float | None]]  # each game's normalized regret at t0 and at the end
    seconds: float

    @property
    def num_learned(self) -> int:
        """How many games were learned."""
        return sum(_is_learned(last) for _, last in self.regrets.values())

    @property
    def is_met(self) -> bool:
        """Whether enough games were learned in time."""
        return self.num_learned >= MIN_LEARNED and self.seconds <= MAX_SECONDS

    def lines(self) -> list[str]:
        """Return a row for each game, as Markdown."""
        rows = ["### Sixteen games side by side", "", f"`{self.command}`", ""]
        rows += [f"| game | normalized regret at t0 | of the last policy | learned (<= {LEARNED_REGRET:g}) |", "|---|---|---|---|"]
        for game, (first, last) in self.regrets.items():
            rows.append(f"| `{game}` | {_shown(first)} | {_shown(last)} | {'yes' if _is_learned(last) else 'no'} |")
        learned = f"Learned: {self.num_learned} of {len(self.regrets)}, mark >= {MIN_LEARNED}."
        return [*rows, "", f"{learned} Whole command: {self.seconds:.0f} s, mark <= {MAX_SECONDS} s.", ""]


def sixteen(runs_dir: Path) -> SideBySide:
    """Run the sixteen games once, by the command line."""
    words = ["run", "sixteen", "-o", f"seed={SEEDS[0]}", "-o", "tracker.wandb=off"]
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "socratic", *words, "--runs-dir", str(runs_dir), "--name", "sixteen"], check=True)
    seconds = time.perf_counter() - start
    run = RunDirectory.open(runs_dir, "sixteen")
    assessments = run.read("assessments")
    regrets = {game: (_regret(assessments[0], game), _regret(assessments[-1], game)) for game in run.config().games}
    return SideBySide(command=f"socratic {' '.join(words)}", regrets=regrets, seconds=seconds)


def _regret(assessment: Mapping[str, Json], game: str) -> float | None:
    value = assessment.get(f"observer/{game}/normalized_regret")
    return None if value is None else float(str(value))


def _is_learned(regret: float | None) -> bool:
    return regret is not None and regret <= LEARNED_REGRET


def _shown(regret: float | None) -> str:
    return "not measured" if regret is None else f"{regret:.3f}"
