"""`socratic study kuhn_schemes`: mirror, entropy, uniform pool, prioritized pool and magnet on Kuhn poker, at equal budget."""

from dataclasses import replace
from pathlib import Path

from socratic.studies.frame import Crew, built_in
from socratic.studies.report import Report
from socratic.studies.schemes import Question, grid_of, hurried
from socratic.studies.schemes_page import report_of
from socratic.studies.schemes_runs import compare

NAME = "kuhn_schemes"
GAME = "kuhn_poker"
QUESTION = Question(
    name=NAME,
    title="Five schemes of self-play on Kuhn poker",
    game=GAME,
    config=built_in(f"studies/{NAME}"),
    grid=grid_of(GAME, rates=(2.5e-4, 1e-3), mirror_rates=(1.25e-4, 2.5e-4, 5e-4, 1e-3)),
    grid_seeds=(100,),
    seeds=(0, 1, 2),
    mark=0.05,
)


def run_study(folder: Path, *, seeds: int | None, jobs: int, is_quick: bool) -> Report:
    """Compare the schemes; see `Study`."""
    question = replace(QUESTION, seeds=tuple(range(seeds or len(QUESTION.seeds))))
    with Crew(folder, jobs) as crew:
        findings = compare(hurried(question) if is_quick else question, crew)
    return report_of(findings, folder, is_measurement=not is_quick)
