"""SmolLM2 on sticks, unmasked: what it learns from the game's score, and that it learns nothing from a random one."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from socratic.cli.preflight import find_configs, game_facts
from socratic.cli.session import Session
from socratic.config import load_config
from socratic.records import Json
from socratic.store.run_directory import RunDirectory

RECIPE = "smollm2_sticks"
METRICS = ("legal_share", "score_vs_random", "legal_score_vs_random")


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A measured number with its 95 % interval."""

    value: float
    low: float
    high: float

    def words(self) -> str:
        """Return it as a table shows it."""
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Learned:
    """One run's first and last assessment."""

    reward: str
    first: Mapping[str, Json]
    last: Mapping[str, Json]
    minutes: float

    def interval(self, row: Mapping[str, Json], metric: str) -> Interval:
        """Return one assessed number with its interval."""
        value, low, high = (float(str(row[f"observer/sticks/{metric}{end}"])) for end in ("", "_low", "_high"))
        return Interval(value=value, low=low, high=high)

    def rises(self, metric: str) -> bool:
        """Whether the last interval lies above the first."""
        return self.interval(self.last, metric).low > self.interval(self.first, metric).high


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """The run and its control."""

    runs: tuple[Learned, Learned]

    @property
    def is_met(self) -> bool:
        """Whether the game's score teaches all three, and the random reward none."""
        taught, control = self.runs
        return all(taught.rises(metric) for metric in METRICS) and not any(control.rises(metric) for metric in METRICS)

    def lines(self) -> list[str]:
        """Return both as a Markdown table."""
        rows = [
            "### SmolLM2-135M-Instruct on sticks, no mask",
            "",
            f"`socratic run {RECIPE}`; the control adds `-o feedback.critic=random`.",
            "",
        ]
        rows += ["| reward | measure | at t0 | last policy | rises |", "|---|---|---|---|---|"]
        for run in self.runs:
            for metric in METRICS:
                first, last = run.interval(run.first, metric), run.interval(run.last, metric)
                verdict = "yes" if run.rises(metric) else "no"
                rows.append(f"| {run.reward} | `{metric}` | {first.words()} | {last.words()} | {verdict} |")
        legal = "observer/sticks/legal_episodes_vs_random"
        counts = "; ".join(f"{run.reward}: {run.first[legal]} and {run.last[legal]}" for run in self.runs)
        spent = ", ".join(f"{run.reward} {run.minutes:.1f} minutes" for run in self.runs)
        return [*rows, "", f"Episodes without an illegal move, at t0 and last: {counts}.", f"Whole command: {spent}.", ""]


def smollm2_sticks(runs_dir: Path) -> Comparison:
    """Run the recipe and its control."""
    return Comparison(runs=(_run(runs_dir, "outcome"), _run(runs_dir, "random")))


def learned(run: RunDirectory, reward: str, minutes: float) -> Learned:
    """Return what a finished run learned."""
    assessments = run.read("assessments")
    return Learned(reward=reward, first=assessments[0], last=assessments[-1], minutes=minutes)


def _run(runs_dir: Path, critic: str) -> Learned:
    config = load_config(find_configs([RECIPE]), [f"feedback.critic={critic}", "tracker.wandb=off"])
    start = time.perf_counter()
    run = RunDirectory.create(runs_dir, critic, config, games=game_facts(config))
    Session(run, config, is_resumed=False, is_live=False).run()
    return learned(RunDirectory.open(runs_dir, critic), critic, (time.perf_counter() - start) / 60)
