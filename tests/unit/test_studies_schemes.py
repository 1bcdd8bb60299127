"""The comparison of schemes: equal budgets, grids of equal size on seeds of their own, and the best point by its last quarter."""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from socratic.errors import RunError
from socratic.store.run_directory import RunDirectory
from socratic.studies.frame import Crew, FinishedRun, PlannedRun, Ran
from socratic.studies.kuhn_schemes import QUESTION as KUHN
from socratic.studies.liars_schemes import QUESTION as LIARS
from socratic.studies.progress import StudyProgress
from socratic.studies.schemes import SCHEMES, Question, hurried
from socratic.studies.schemes_page import report_of
from socratic.studies.schemes_runs import Curves, Series, compare

QUESTIONS = (KUHN, LIARS)
GENERATIONS = (-1, 2, 5, 8, 11)


def curves(values: Sequence[float]) -> Curves:
    """Return what a run with these exploitabilities shows."""
    nothing = Series(games=(), values=())
    truth = Series(games=tuple(range(len(values))), values=tuple(values))
    return Curves(seed=0, exploitability=truth, kl=nothing, mixture=None, learned_tokens=1.0, seconds=1.0)


def test_the_window_is_the_median_of_the_last_quarter() -> None:
    found = curves([9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 1.0, 3.0, 2.0])  # a quarter of nine, rounded up, is three
    assert found.window == 2.0
    assert found.last == 2.0
    assert curves([5.0]).window == 5.0


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_every_scheme_has_as_many_points_as_the_others(question: Question) -> None:
    points = {scheme: [setting for setting in question.grid if setting.scheme == scheme] for scheme in SCHEMES}
    assert len({len(found) for found in points.values()}) == 1
    assert all(len({setting.overrides for setting in found}) == len(found) > 1 for found in points.values())


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_the_grid_has_seeds_of_its_own(question: Question) -> None:
    assert not set(question.grid_seeds) & set(question.seeds)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_all_points_have_one_budget_and_differ_in_what_they_say(question: Question) -> None:
    configs = [PlannedRun(name="a", config=question.config, overrides=setting.overrides).resolved() for setting in question.grid]
    assert len({config.generations * config.episodes_per_generation for config in configs}) == 1
    for setting, config in zip(question.grid, configs, strict=True):
        seated = {player for section in config.games.values() for lineup in section.lineups for player in lineup}
        assert ("league" in seated) == ("pool" in setting.scheme)
        assert (config.learner.objective.kl > 0) == (setting.scheme == "magnet")
        assert f"lr {config.learner.lr:g}" in setting.words


class Pretend(Crew):
    """Writes runs whose last policy is worth what a function of their name says, and their last quarter too."""

    def __init__(self, folder: Path, worth: Callable[[str], tuple[float, float] | None]) -> None:
        super().__init__(folder, 1, StudyProgress(io.StringIO()))
        self.worth = worth
        self.names: list[str] = []

    def run(self, planned: Sequence[PlannedRun], *, later: int = 0) -> Ran:
        del later
        finished, failed = {}, {}
        for each in planned:
            self.names.append(each.name)
            worth, config = self.worth(each.name), each.resolved()
            if worth is None:
                failed[each.name] = "no luck"
                continue
            with RunDirectory.create(self.folder / "runs", each.name, config) as run:
                for generation in GENERATIONS:
                    value = 0.9 if generation < 8 else worth[0] if generation == 8 else worth[1]
                    (game,) = config.games
                    run.append("assessments", {"generation": generation, f"observer/{game}/exploitability": value})
                run.append("metrics", {"generation": 11, "policy/kl_t0": 0.5, "tokens/trained_total": 64})
            finished[each.name] = FinishedRun(name=each.name, config=config, directory=run, seconds=2.0)
        return Ran(finished=finished, failed=failed)


SMALL = replace(hurried(KUHN), grid_seeds=(100, 101))


def test_the_point_with_the_best_last_quarter_is_run_on_the_reported_seeds(tmp_path: Path) -> None:
    # Point 1 ends lower, point 0 is lower over its last quarter: two of five readings.
    crew = Pretend(tmp_path, lambda name: (0.9, 0.1) if "-1-" in name else (0.3, 0.3))
    found = compare(SMALL, crew)
    assert [finding.chosen.index for finding in found.schemes] == [0] * 5
    assert [finding.grid[finding.chosen] for finding in found.schemes] == [pytest.approx(0.3)] * 5
    reported = [name for name in crew.names if name.endswith("-seed0")]
    assert sorted(reported) == sorted(f"{scheme.replace(' ', '-')}-0{kind}-seed0" for scheme in SCHEMES for kind in ("", "-constant"))
    assert sum("-seed10" in name for name in crew.names) == len(crew.names) - len(reported) == 20


def test_a_point_that_fails_on_one_seed_is_not_chosen(tmp_path: Path) -> None:
    found = compare(
        SMALL, Pretend(tmp_path, lambda name: None if name == "magnet-0-seed101" else (0.1, 0.1) if "-0-" in name else (0.3, 0.3))
    )
    assert found.schemes[-1].chosen.index == 1
    assert list(found.failed) == ["magnet-0-seed101"]


def test_a_scheme_that_never_finishes_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="grid of entropy"):
        compare(SMALL, Pretend(tmp_path, lambda name: None if name.startswith("entropy") else (0.1, 0.1)))


def with_magnet_at(last: float, name: str) -> tuple[float, float]:
    """Return what a run is worth where the magnet ends at `last`."""
    return (last, last) if name.startswith("magnet") else (0.3, 0.3)


def test_the_report_has_the_figure_the_table_and_the_verdict(tmp_path: Path) -> None:
    for place, (last, verdict) in enumerate(((0.04, "reached"), (0.06, "missed"))):
        folder = tmp_path / str(place)
        folder.mkdir()
        crew = Pretend(folder, partial(with_magnet_at, last))
        report = report_of(compare(SMALL, crew), folder, is_measurement=False)
        assert (folder / "figure.png").read_bytes().startswith(b"\x89PNG")
        assert f"it is {last:.3f}: {verdict}." in report.section
        rows = [line for line in report.section.splitlines() if line.startswith("| magnet")]
        assert len(rows) == 1
        assert rows[0].count(f"{last:.3f}") == 6
        assert json.loads(json.dumps(report.results))["schemes"]["magnet"]["seeds"][0]["last"] == last
