"""`socratic study tic_tac_toe`: how long self-play from scratch needs until optimal play cannot beat it, and whether it stays so.

One recipe whose rates do not depend on the length of a run, so that one run shows both: when the mark is reached, and what became of
it at three times that budget.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from socratic.records import Json
from socratic.studies.frame import Crew, FinishedRun, PlannedRun, built_in
from socratic.studies.plotting import INK, LOOKS, draw_seeds, new_figure, require_plotting, save_figure
from socratic.studies.report import FIGURE, Report

NAME = "tic_tac_toe"
SEATS = ("x", "o")
DRAWS = "observer/tic_tac_toe/draw_rate_vs_optimal"
EXPLOITABILITY = "observer/tic_tac_toe/exploitability"
MARK = 0.9  # of matches drawn, in both seats
STRETCH = 3  # times the needed budget after which the mark must still hold
# What a generation of the closed system takes; what the observer takes is none of it.
CLOCKS = tuple(f"time/{part}_s" for part in ("play", "judge", "learn", "guard", "sync"))
HURRIED = (
    "generations=4",
    "games.tic_tac_toe.episodes=16",
    "policy.hidden=16",
    "policy.layers=1",
    "policy.warmup.steps=2",
    "observer.every=2",
)
COLUMNS = (
    "seed",
    "mark reached",
    "games",
    "minutes",
    "draws then",
    f"at {STRETCH} times that",
    "fewest since",
    "at the end",
    "exploitability",
)
INTRODUCTION = """\
A Transformer from scratch plays tic-tac-toe against itself alone. Chance makes up to four of the first moves, as many as it draws, so that
play begins anywhere; a seat reads the board and not how it came about (`play.memory = "question"`). What is measured is play from the
empty board against a player that moves uniformly among the optimal moves: the share of draws, computed exactly from the policy's chances
at all 4,520 positions. Nobody gets more than a draw against it. The learning rate and the pay for entropy fall to a tenth over the first
250 generations and stay there; the pull of the magnet is the same throughout. No solver sits at the table that the policy learns from."""


LEGEND = """\
Draws are of x, then of o. *Minutes*: of the clock, for play and learning on one thread until the mark; without the warm-up before t0 and
the observer's readings. *Exploitability*, at the end: what best responses gain, per seat. They know the policy, and leave optimal play for
places that it knows less well."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """The share of draws against optimal play after a generation, in each seat."""

    generation: int
    x: float
    o: float

    @property
    def fewer(self) -> float:
        """The share in the seat that draws less."""
        return min(self.x, self.o)

    def words(self) -> str:
        """Return it as tables show it: x, then o."""
        return f"{self.x:.3f}, {self.o:.3f}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What came of one run."""

    seed: int
    readings: tuple[Reading, ...]  # oldest first, t0 among them
    exploitability: float  # at the end
    games: int  # of each generation
    clock: Mapping[int, float]  # seconds of the closed system up to and with a generation
    seconds: float  # of the whole command; NaN where it was not timed

    @property
    def reached(self) -> Reading | None:
        """The first reading at the mark in both seats."""
        return next((each for each in self.readings if each.fewer >= MARK), None)

    @property
    def stretched(self) -> Reading | None:
        """The first reading at or after so many times the budget that the mark needed; None where the run was shorter."""
        if self.reached is None:
            return None
        return next((each for each in self.readings if each.generation >= STRETCH * max(1, self.reached.generation)), None)

    @property
    def fewest(self) -> Reading | None:
        """The reading with the fewest draws in a seat from the mark on."""
        if self.reached is None:
            return None
        return min((each for each in self.readings if each.generation >= self.reached.generation), key=lambda each: each.fewer)


def run_study(folder: Path, *, seeds: int | None, jobs: int, is_quick: bool) -> Report:
    """Run the recipe on each seed; see `Study`."""
    require_plotting()
    planned = [_planned(seed, is_quick=is_quick) for seed in range(seeds or 1)]
    with Crew(folder, jobs) as crew:
        ran = crew.run(planned)
    rows = [row_of(ran.finished[run.name]) for run in planned if run.name in ran.finished]
    if rows:
        _draw(rows, folder / FIGURE)
    return Report(
        name=NAME,
        section=section_of(rows, ran.failed),
        results={"rows": [_numbers(row) for row in rows], "failed": dict(ran.failed)},
        has_figure=bool(rows),
        is_measurement=not is_quick,
    )


def row_of(run: FinishedRun) -> Row:
    """Return what came of a run."""
    x, o = (run.curve(f"{DRAWS}/{seat}") for seat in SEATS)
    clock: dict[int, float] = {0: 0.0}
    for points in zip(*(run.curve(name, "metrics") for name in CLOCKS), strict=True):
        clock[points[0].generation] = clock[points[0].generation - 1] + sum(point.value for point in points)
    return Row(
        seed=run.config.seed,
        readings=tuple(Reading(generation=a.generation, x=a.value, o=b.value) for a, b in zip(x, o, strict=True)),
        exploitability=run.curve(EXPLOITABILITY)[-1].value,
        games=run.config.episodes_per_generation,
        clock=clock,
        seconds=run.seconds,
    )


def section_of(rows: Sequence[Row], failed: Mapping[str, str]) -> str:
    """Return the study's section: what was done, the table, and what it says."""
    lines = ["## Tic-tac-toe from scratch", "", f"`socratic study {NAME}`", "", INTRODUCTION, ""]
    lines += [f"| {' | '.join(COLUMNS)} |", "|--:" * len(COLUMNS) + "|"]
    lines += [f"| {' | '.join(_cells(row))} |" for row in rows]
    lines += ["", LEGEND, ""]
    lines += [verdict_of(row) for row in rows]
    if failed:
        lines += ["", f"Not finished: {', '.join(f'{name} ({why})' for name, why in failed.items())}."]
    return "\n".join(lines)


def verdict_of(row: Row) -> str:
    """Return in a line whether the mark was reached, and whether it held for three times the budget."""
    reached, stretched, last = row.reached, row.stretched, row.readings[-1]
    if reached is None:
        best = max(row.readings, key=lambda each: each.fewer)
        return (
            f"- Seed {row.seed}: {MARK:.0%} draws in both seats is not reached; nearest after generation {best.generation}: {best.words()}."
        )
    if stretched is None:
        return (
            f"- Seed {row.seed}: the mark is reached after generation {reached.generation}; the run ends after {last.generation}, before "
            f"{STRETCH} times that, at {last.words()}."
        )
    held = "holds" if stretched.fewer >= MARK else "does not hold"
    return (
        f"- Seed {row.seed}: {MARK:.0%} draws in both seats is reached after generation {reached.generation} and {held} at {STRETCH} times "
        f"that ({stretched.words()})."
    )


def _planned(seed: int, *, is_quick: bool) -> PlannedRun:
    hurried = HURRIED if is_quick else ()
    return PlannedRun(name=f"tic-tac-toe-seed{seed}", config=built_in(NAME), overrides=(*hurried, f"seed={seed}"))


def _cells(row: Row) -> tuple[str, ...]:
    reached, stretched, fewest = row.reached, row.stretched, row.fewest
    return (
        str(row.seed),
        f"generation {reached.generation}" if reached else "-",
        f"{reached.generation * row.games:,}" if reached else "-",
        f"{row.clock[reached.generation] / 60:.1f}" if reached else "-",
        reached.words() if reached else "-",
        stretched.words() if stretched else "-",
        fewest.words() if fewest else "-",
        row.readings[-1].words(),
        f"{row.exploitability:.3f}",
    )


def _draw(rows: Sequence[Row], path: Path) -> None:
    figure, [panel] = new_figure(1, 1, "Tic-tac-toe by self-play: draws against optimal play")
    figure.set_size_inches(7.2, 3.6)  # one panel, over many generations
    for seat, look in zip(SEATS, LOOKS, strict=False):
        by_seed = [([each.generation for each in row.readings], [getattr(each, seat) for each in row.readings]) for row in rows]
        draw_seeds(panel, by_seed, look, f"as {seat}")
    panel.axhline(MARK, color=INK, linewidth=0.8, linestyle=":")
    for row in rows:
        for times in (1, STRETCH):
            if row.reached is not None:
                panel.axvline(times * row.reached.generation, color=INK, linewidth=0.8, linestyle=":")
    panel.set_ylim(0, 1.02)
    panel.set_xlabel("generations", fontsize=8)
    panel.set_ylabel("share of draws", fontsize=8)
    panel.legend(fontsize=8, loc="lower right")
    save_figure(figure, path)


def _numbers(row: Row) -> Json:
    return {
        "seed": row.seed,
        "generation": [each.generation for each in row.readings],
        "x": [each.x for each in row.readings],
        "o": [each.o for each in row.readings],
        "exploitability": row.exploitability,
        "reached": row.reached.generation if row.reached else None,
        "minutes": row.clock[row.reached.generation] / 60 if row.reached else None,
        "command_seconds": row.seconds if isfinite(row.seconds) else None,
    }
