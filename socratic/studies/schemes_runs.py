"""How the schemes are compared: a grid on its own seeds, then each scheme's best point on the seeds that are reported.

A point of the grid is scored by the median exploitability of its runs' last quarter. The chosen point is run a second time at a constant
learning rate, because much of what self-play reaches at its end may come from the rate's decay alone.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean, median

from socratic.errors import RunError
from socratic.studies.frame import Crew, FinishedRun, PlannedRun
from socratic.studies.schemes import SCHEMES, Question, SchemeName, Setting

# Of a curve's points: where the last iterate jumps about, its own number is luck.
WINDOW_SHARE = 0.25
CONSTANT_RATE = ("learner.schedule=constant",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """Numbers along the games played."""

    games: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Curves:
    """What one run shows."""

    seed: int
    exploitability: Series
    kl: Series  # distance to t0
    mixture: float | None  # exploitability of the average of the kept versions, at the end
    learned_tokens: float
    seconds: float

    @property
    def last(self) -> float:
        """The last policy's exploitability."""
        return self.exploitability.values[-1]

    @property
    def window(self) -> float:
        """The median exploitability of the last quarter."""
        values = self.exploitability.values
        return median(values[-math.ceil(WINDOW_SHARE * len(values)) :])


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What became of one scheme."""

    scheme: SchemeName
    grid: Mapping[Setting, float]  # score; a point none of whose runs finished has none
    chosen: Setting
    curves: tuple[Curves, ...]
    constant: tuple[Curves, ...]  # the same at a constant learning rate


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """What the study found."""

    question: Question
    schemes: tuple[Finding, ...]
    failed: Mapping[str, str]  # runs that did not finish, and why
    games: int  # that each run played
    seconds: float  # of all runs, one after another


def compare(question: Question, crew: Crew) -> Findings:
    """Run what is not finished yet and return what it shows.

    Raises:
        RunError: no run of some scheme finished, or the disk refuses.
        Interrupted: the operator asked to leave.
    """
    tried = {setting: [_planned(question, setting, seed) for seed in question.grid_seeds] for setting in question.grid}
    each = next(iter(tried.values()))[0].resolved().generations
    grid = crew.run(_flat(tried.values()), later=each * (1 + question.ablates_decay) * len(SCHEMES) * len(question.seeds))
    scores = {setting: _score(question.game, [grid.finished.get(run.name) for run in runs]) for setting, runs in tried.items()}
    chosen = {scheme: _best(scheme, scores) for scheme in SCHEMES}
    for scheme, setting in chosen.items():
        crew.progress.say(f"{scheme}: {setting.words} scores best of its grid, {scores[setting]:.3f}")
    last = {scheme: [_planned(question, setting, seed) for seed in question.seeds] for scheme, setting in chosen.items()}
    constant = {
        scheme: [_planned(question, setting, seed, CONSTANT_RATE, "-constant") for seed in question.seeds if question.ablates_decay]
        for scheme, setting in chosen.items()
    }
    ran = crew.run([*_flat(last.values()), *_flat(constant.values())])
    findings = [
        Finding(
            scheme=scheme,
            grid={setting: score for setting, score in scores.items() if setting.scheme == scheme and not math.isnan(score)},
            chosen=chosen[scheme],
            curves=_curves(question.game, ran.finished, last[scheme]),
            constant=_curves(question.game, ran.finished, constant[scheme]),
        )
        for scheme in SCHEMES
    ]
    lost = [finding.scheme for finding in findings if not finding.curves]
    if lost:
        raise RunError(f"no run of {lost[0]} finished; the logs are in {crew.folder / 'logs'}, and the same command tries again")
    everything = [*grid.finished.values(), *ran.finished.values()]
    return Findings(
        question=question,
        schemes=tuple(findings),
        failed={**grid.failed, **ran.failed},
        games=everything[0].config.generations * everything[0].config.episodes_per_generation,
        seconds=sum(run.seconds for run in everything),
    )


def read_curves(game: str, run: FinishedRun) -> Curves | None:
    """Return what a run's record shows; None where the observer measured nothing."""
    per_generation = run.config.episodes_per_generation
    truth = run.curve(f"observer/{game}/exploitability")
    if not truth:
        return None
    distance = run.curve("policy/kl_t0", "metrics")
    mixture = run.curve(f"observer/{game}/mixture_exploitability")
    learned = run.curve("tokens/trained_total", "metrics")
    return Curves(
        seed=run.config.seed,
        exploitability=Series(
            games=tuple(point.generation * per_generation for point in truth), values=tuple(point.value for point in truth)
        ),
        # A generation's distance is that of the policy that played it.
        kl=Series(
            games=tuple((point.generation - 1) * per_generation for point in distance), values=tuple(point.value for point in distance)
        ),
        mixture=mixture[-1].value if mixture else None,
        learned_tokens=learned[-1].value if learned else math.nan,
        seconds=run.seconds,
    )


def _planned(question: Question, setting: Setting, seed: int, further: tuple[str, ...] = (), suffix: str = "") -> PlannedRun:
    return PlannedRun(
        name=f"{setting.scheme.replace(' ', '-')}-{setting.index}{suffix}-seed{seed}",
        config=question.config,
        overrides=(*setting.overrides, *further, *question.overrides, f"seed={seed}"),
    )


def _flat(lists: Iterable[list[PlannedRun]]) -> list[PlannedRun]:
    return [run for runs in lists for run in runs]


def _score(game: str, runs: list[FinishedRun | None]) -> float:
    """Return the mean of the runs' window medians; a run that failed leaves no score, since the others may have had better luck."""
    found = [read_curves(game, run) if run else None for run in runs]
    return fmean(curves.window if curves else math.nan for curves in found)


def _best(scheme: SchemeName, scores: Mapping[Setting, float]) -> Setting:
    own = [setting for setting, score in scores.items() if setting.scheme == scheme and not math.isnan(score)]
    if not own:
        raise RunError(f"no point of the grid of {scheme} finished on every seed; the same command tries again")
    return min(own, key=lambda setting: scores[setting])


def _curves(game: str, finished: Mapping[str, FinishedRun], planned: list[PlannedRun]) -> tuple[Curves, ...]:
    found = [read_curves(game, finished[run.name]) for run in planned if run.name in finished]
    return tuple(curves for curves in found if curves)
