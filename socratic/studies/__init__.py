"""Studies: many runs that answer one question, each with a figure and a section for `docs/studies.md`."""

from dataclasses import dataclass
from importlib import import_module

from socratic.errors import ConfigError
from socratic.studies.report import Report, Study

__all__ = ["STUDIES", "Entry", "Report", "Study", "find_study"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A study by name."""

    module: str  # whose `run_study` it is
    question: str
    draws: bool = True


STUDIES = {
    "kuhn_schemes": Entry(
        module="socratic.studies.kuhn_schemes", question="five schemes of self-play on Kuhn poker: exact exploitability, distance to t0"
    ),
    "liars_schemes": Entry(
        module="socratic.studies.liars_schemes", question="the same five schemes on liar's dice, one die of three faces each"
    ),
    "feedback_phase": Entry(module="socratic.studies.feedback_phase", question="when a scorer's exploitable pocket is found and farmed"),
    "learned_feedback": Entry(
        module="socratic.studies.learned_feedback", question="whether a learned critic's feedback alone improves the exact truth"
    ),
    "beyond_t0": Entry(module="socratic.studies.beyond_t0", question="how far the closed loop carries addition past what t0 was taught"),
    "tic_tac_toe": Entry(
        module="socratic.studies.tic_tac_toe", question="how long self-play needs until optimal play only draws, and whether it stays so"
    ),
    "recipes": Entry(module="socratic.studies.recipes", question="each recipe once: the truth at t0 and at the end", draws=False),
}


def find_study(name: str) -> Study:
    """Return a study by its name.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in STUDIES:
        raise ConfigError(f"no study is called {name!r}; known: {', '.join(STUDIES)}")
    found: Study = import_module(STUDIES[name].module).run_study
    return found
