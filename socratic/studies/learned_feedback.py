"""`socratic study learned_feedback`: whether feedback from a learned critic alone improves the exact truth of a twin.

Debate is judged by a reward model that is trained inside the loop and told the truth of few episodes. The policy is told nothing but
its verdicts. What the policy is worth by the rule, in the exact twin of the game, only the observer reads. Beside it: random reward,
a reward for form alone, a reward model with fewer truths, and the rule itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from socratic.records import Json
from socratic.studies.frame import Crew, FinishedRun, PlannedRun, built_in
from socratic.studies.report import Report

NAME = "learned_feedback"
SEEDS = 3
AT_RANDOM = 1.0  # normalized regret of random play
TRUTH = "observer/debate/normalized_regret"
BRIER, CANARIES, TRUTHS = (f"critic/reward_model/{name}" for name in ("brier", "canary_fpr", "truths"))
HURRIED = (
    "generations=4",
    "games.debate.episodes=16",
    "policy.hidden=16",
    "policy.heads=2",
    "policy.warmup.steps=2",
    "observer.every=2",
    "feedback.reward_model.every=1",
    "feedback.reward_model.last=2",
    "feedback.reward_model.min_pairs=1",
    "feedback.reward_model.steps=3",
    "feedback.reward_model.hidden=16",
)
# The controls' t0 is the same, and their reward model is not heard: so it need not learn.
UNHEARD = ("feedback.reward_model.steps=1", "feedback.measure.enabled=false")
INTRODUCTION = """\
Level 0 of `debate` (two rows of two bits) is judged by a reward model from scratch. Inside the loop it learns from pairs of the right and
the wrong verdict on the episodes of the first generations, and is frozen from then on. The policy, from scratch too, gets its verdicts and
no other score. The truth is the normalized regret in the exact twin, where the rule scores and the policy is never trained: NashConv over
that of random play: 0 at equilibrium, 1 at random, where the entropy bonus leads whatever feeds back. Means over seeds, with Student's
intervals of 95 %."""
# 97.5 % points of Student's t for 1, 2, ... degrees of freedom; of more seeds the last is a little too wide.
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """One way to feed back."""

    name: str
    words: str
    overrides: tuple[str, ...] = ()


ARMS = (
    Arm(name="reward-model", words="reward model"),
    Arm(name="few-truths", words="reward model, fewer truths", overrides=("feedback.reward_model.last=2", "feedback.reward_model.every=2")),
    Arm(name="random", words="random", overrides=("feedback.critic=random", *UNHEARD)),
    Arm(name="format", words="form alone", overrides=("feedback.critic=format", *UNHEARD)),
    Arm(name="rule", words="the rule itself", overrides=("games.debate.params.judged=false", "feedback.judge=none")),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A mean over seeds, and Student's 95 % interval around it."""

    mean: float
    low: float
    high: float

    def words(self) -> str:
        """Return it as tables show it."""
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What came of one arm, over its seeds."""

    arm: Arm
    at_t0: tuple[float, ...]
    at_end: tuple[float, ...]
    brier: tuple[float, ...]  # of the critic on the last generations' own play; empty where none is measured
    canaries: tuple[float, ...]  # share of canaries that got through
    truths: tuple[float, ...]  # episodes whose truth the reward model saw
    quarantined: int  # runs in which it was not heard to the end
    seconds: float

    @property
    def gain(self) -> Interval:
        """By how much the truth improved: regret at t0 less regret at the end, of each seed."""
        return interval([first - last for first, last in zip(self.at_t0, self.at_end, strict=True)])


def run_study(folder: Path, *, seeds: int | None, jobs: int, is_quick: bool) -> Report:
    """Run every arm on every seed; see `Study`."""
    numbers = range(seeds or (2 if is_quick else SEEDS))
    planned = {arm: [_planned(arm, seed, is_quick=is_quick) for seed in numbers] for arm in ARMS}
    with Crew(folder, jobs) as crew:
        ran = crew.run([run for runs in planned.values() for run in runs])
    rows = [
        row_of(arm, [ran.finished[run.name] for run in runs])
        for arm, runs in planned.items()
        if len(runs) > 1 and all(run.name in ran.finished for run in runs)
    ]
    return Report(
        name=NAME,
        section=section_of(rows, ran.failed),
        results={"rows": [_numbers(row) for row in rows], "failed": dict(ran.failed)},
        is_measurement=not is_quick,
    )


def interval(values: Sequence[float]) -> Interval:
    """Return the mean of two values or more with its 95 % interval: Student, "The probable error of a mean", 1908."""
    mean, freedom = fmean(values), len(values) - 1
    half = STUDENT[min(freedom, len(STUDENT)) - 1] * stdev(values) / len(values) ** 0.5
    return Interval(mean=mean, low=mean - half, high=mean + half)


def row_of(arm: Arm, runs: Sequence[FinishedRun]) -> Row:
    """Return what came of an arm's runs."""
    truths = [[point.value for point in run.curve(TRUTH)] for run in runs]
    return Row(
        arm=arm,
        at_t0=tuple(curve[0] for curve in truths),
        at_end=tuple(curve[-1] for curve in truths),
        brier=_last(runs, BRIER),
        canaries=_last(runs, CANARIES),
        truths=_last(runs, TRUTHS),
        quarantined=sum(_last([run], "critic/reward_model/quarantined") == (1.0,) for run in runs),
        seconds=fmean(run.seconds for run in runs),
    )


def section_of(rows: Sequence[Row], failed: Mapping[str, str]) -> str:
    """Return the study's section: what was done, the table, and what it says."""
    head = ("feedback", "truths seen", "regret at t0", "at the end", "gain, 95 %", "critic's Brier", "canaries through", "seconds")
    lines = [
        "## Does learned feedback help?",
        "",
        INTRODUCTION,
        "",
        f"| {' | '.join(head)} |",
        "|---" + "|--:" * (len(head) - 1) + "|",
    ]
    lines += [f"| {' | '.join(_cells(row))} |" for row in rows]
    lines += ["", *(verdict_of(row) for row in rows)]
    if failed:
        lines += ["", f"Not finished: {', '.join(f'{name} ({why})' for name, why in failed.items())}."]
    return "\n".join(lines)


def verdict_of(row: Row) -> str:
    """Return in a line whether an arm improved the truth: it gained, and ended better than random play."""
    gain, end = row.gain, interval(row.at_end)
    if gain.high < 0:
        found = "worsens the truth"
    elif gain.low > 0 and end.high < AT_RANDOM:
        found = "improves the truth"
    elif gain.low > 0:
        found = "ends no better than random play, to which the entropy bonus leads by itself"
    else:
        found = "leaves open whether it improves the truth"
    silent = f"; in {row.quarantined} of {len(row.at_end)} runs the critic ended quarantined" if row.quarantined else ""
    return f"- Feedback from {row.arm.words} {found}: gain {gain.words()}{silent}."


def _planned(arm: Arm, seed: int, *, is_quick: bool) -> PlannedRun:
    hurried = HURRIED if is_quick else ()
    return PlannedRun(
        name=f"{arm.name}-seed{seed}", config=built_in(f"studies/{NAME}"), overrides=(*hurried, *arm.overrides, f"seed={seed}")
    )


def _last(runs: Sequence[FinishedRun], metric: str) -> tuple[float, ...]:
    """Return each run's last value of a metric; nothing for a run that has none."""
    curves = [run.curve(metric, "metrics") for run in runs]
    return tuple(curve[-1].value for curve in curves if curve)


def _cells(row: Row) -> tuple[str, ...]:
    is_heard = "feedback.measure.enabled=false" not in row.arm.overrides
    return (
        row.arm.words,
        f"{fmean(row.truths):.0f}" if row.truths and is_heard else "-",
        f"{fmean(row.at_t0):.3f}",
        interval(row.at_end).words(),
        row.gain.words(),
        f"{fmean(row.brier):.3f}" if row.brier else "-",
        f"{fmean(row.canaries):.0%}" if row.canaries else "-",
        f"{row.seconds:.0f}",
    )


def _numbers(row: Row) -> Json:
    return {
        "arm": row.arm.name,
        "t0": list(row.at_t0),
        "end": list(row.at_end),
        "gain": [row.gain.mean, row.gain.low, row.gain.high],
        "brier": list(row.brier),
        "canaries": list(row.canaries),
        "truths": list(row.truths),
        "quarantined": row.quarantined,
        "seconds": row.seconds,
    }
