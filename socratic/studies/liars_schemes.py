"""`socratic study liars_schemes`: the five schemes of `kuhn_schemes` once more, on liar's dice with one die of three faces each."""

from dataclasses import replace
from pathlib import Path

from socratic.studies.frame import Crew, built_in
from socratic.studies.report import Report
from socratic.studies.schemes import Question, grid_of, hurried
from socratic.studies.schemes_page import report_of
from socratic.studies.schemes_runs import compare

NAME = "liars_schemes"
GAME = "liars_dice"
QUESTION = Question(
    name=NAME,
    title="Five schemes of self-play on liar's dice, one die of three faces",
    game=GAME,
    config=built_in(f"studies/{NAME}"),
    grid=grid_of(GAME, rates=(1e-3,), mirror_rates=(2.5e-4, 1e-3)),
    grid_seeds=(100,),
    seeds=(0, 1, 2),
    ablates_decay=False,
)


def run_study(folder: Path, *, seeds: int | None, jobs: int, is_quick: bool) -> Report:
    """Compare the schemes; see `Study`."""
    question = replace(QUESTION, seeds=tuple(range(seeds or len(QUESTION.seeds))))
    with Crew(folder, jobs) as crew:
        findings = compare(hurried(question) if is_quick else question, crew)
    return report_of(findings, folder, is_measurement=not is_quick)
