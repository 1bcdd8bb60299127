"""`socratic study recipes`: each recipe once on a game whose truth is known, as the README's table."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from statistics import median

from socratic.registry import load_game
from socratic.studies.frame import Crew, FinishedRun, PlannedRun, built_in
from socratic.studies.report import Report

NAME = "recipes"
README = Path("README.md")
RECIPES = ("grpo", "dr_grpo", "rloo", "rae", "ppo", "expert_iteration", "dpo", "spin", "magnet")
LANGUAGE_MODEL = "smollm2_"
HURRIED = ("generations=2", "policy.warmup.steps=2", "policy.hidden=16", "policy.heads=2")
# What says most of a game, most telling first, and in which words: of zero-sum games, and of the others.
ZERO_SUM = (
    ("optimal_share", "optimal moves"),
    ("exploitability", "exploitability"),
    ("score_vs_random", "score against random"),
    ("win_rate_vs_random", "wins against random"),
)
OTHERS = (("value", "score"), ("score", "score"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What one recipe did for one game, over its seeds."""

    recipe: str
    game: str
    truth: str
    at_t0: float
    at_end: float
    best: str
    seconds: float

    def cells(self) -> tuple[str, ...]:
        """Return the row as the table shows it."""
        return (
            f"`{self.recipe}`",
            f"`{self.game}`",
            self.truth,
            f"{self.at_t0:.3f}",
            f"{self.at_end:.3f}",
            self.best,
            f"{self.seconds:.0f}",
        )


def run_study(folder: Path, *, seeds: int | None, jobs: int, is_quick: bool) -> Report:
    """Run the recipes of the policy from scratch; see `Study`."""
    return _report(folder, RECIPES, (), seeds or 1, jobs, is_quick=is_quick)


def run_with_smollm2(folder: Path, *, seeds: int | None, jobs: int, is_quick: bool) -> Report:
    """Run them, and those of the language model after them, one at a time; see `Study`."""
    language = sorted(path.stem for path in Path(str(files("socratic_configs"))).glob(f"{LANGUAGE_MODEL}*.toml"))
    return _report(folder, RECIPES, language, seeds or 1, jobs, is_quick=is_quick)


def _report(folder: Path, recipes: Sequence[str], language: Sequence[str], seeds: int, jobs: int, *, is_quick: bool) -> Report:
    planned = {recipe: _planned(recipe, seeds, is_quick=is_quick) for recipe in (*recipes, *language)}
    with Crew(folder, jobs) as crew:
        ran = [crew.run([run for recipe in recipes for run in planned[recipe]])]
    # A language model takes every core as it is.
    with Crew(folder, 1) as crew:
        ran.append(crew.run([run for recipe in language for run in planned[recipe]]))
    finished = {name: run for each in ran for name, run in each.finished.items()}
    failed = {name: why for each in ran for name, why in each.failed.items()}
    rows = [
        row for recipe, runs in planned.items() for row in rows_of(recipe, [finished[run.name] for run in runs if run.name in finished])
    ]
    return Report(
        name=NAME,
        section=table_of(rows, failed, seeds, with_language=bool(language)),
        results={
            "rows": [
                {"recipe": row.recipe, "game": row.game, "truth": row.truth, "t0": row.at_t0, "end": row.at_end, "seconds": row.seconds}
                for row in rows
            ],
            "failed": dict(failed),
        },
        is_measurement=not is_quick,
        page=README,
    )


def _planned(recipe: str, seeds: int, *, is_quick: bool) -> list[PlannedRun]:
    hurried = HURRIED if is_quick else ()
    return [
        PlannedRun(name=f"{recipe.replace('_', '-')}-seed{seed}", config=built_in(recipe), overrides=(*hurried, f"seed={seed}"))
        for seed in range(seeds)
    ]


def rows_of(recipe: str, runs: Sequence[FinishedRun]) -> list[Row]:
    """Return a row for each game of a recipe, with medians over its runs; none where the observer measured nothing."""
    rows = []
    for name, section in runs[0].config.games.items() if runs else ():
        game = load_game(name)
        for metric, words in ZERO_SUM if game.zero_sum else OTHERS:
            curves = [run.curve(f"observer/{name}/{metric}") for run in runs]
            if not all(curves):
                continue
            best = {"exploitability": 0.0, "optimal_share": 1.0}.get(metric, None if game.zero_sum else game.best_score(section.params))
            row = Row(
                recipe=recipe,
                game=name,
                truth=words,
                at_t0=median(curve[0].value for curve in curves),
                at_end=median(curve[-1].value for curve in curves),
                best="-" if best is None else f"{best:.3f}",
                seconds=median(run.seconds for run in runs),
            )
            rows.append(row)
            break
    return rows


def table_of(rows: Sequence[Row], failed: dict[str, str], seeds: int, *, with_language: bool) -> str:
    """Return the rows as the README shows them, with the command that makes them."""
    command = f"socratic study {NAME}" + (" --with-smollm2" if with_language else "") + (f" --seeds {seeds}" if seeds > 1 else "")
    head = ("recipe", "game", "truth", "at t0", "at the end", "best there is", "seconds")
    lines = [f"| {' | '.join(head)} |", "|---" * 3 + "|--:" * 4 + "|"]
    lines += [f"| {' | '.join(row.cells())} |" for row in rows]
    what = "one seed" if seeds == 1 else f"the medians of {seeds} seeds"
    lines += ["", f"`{command}` makes this table, of {what}; the seconds are of the whole command, on one thread."]
    if failed:
        lines += ["", f"Not finished: {', '.join(f'{name} ({why})' for name, why in failed.items())}."]
    return "\n".join(lines)
