"""The few numbers of a run that a person watches, picked out of its metrics by name."""

import math
import re
from dataclasses import dataclass, field

from socratic.records import Assessment, Generation, Metrics

SEAT_METRIC = re.compile(r"game/(?P<game>.+)/(?P<seat>[^/]+)/(?P<what>reward|illegal_rate)")
POLICY_METRICS = ("policy/kl_t0", "policy/entropy", "policy/loss")
# What says most about a game comes first; the rest of an assessment is in assessments.jsonl.
OBSERVED = (
    "exploitability",
    "optimal_share",
    "win_rate_vs_random",
    "score_vs_random",
    "value",
    "score",
    "legal_share",
    "illegal_mass",
)
MOST_SHOWN = 4


@dataclass(slots=True)
class GameView:
    """How one game stands."""

    reward_by_seat: dict[str, float] = field(default_factory=dict)
    illegal_by_seat: dict[str, float] = field(default_factory=dict)
    exploitability: float = math.nan
    assessed_after: int = 0  # generations that had been played when the exploitability was found; 0: t0

    @property
    def exploitability_words(self) -> str:
        """The exploitability and when it was found, `0.0386@950`: assessments come later than generations; nothing where unknown."""
        value = brief(self.exploitability)
        return value and f"{value}@{self.assessed_after or 't0'}"

    @property
    def rewards(self) -> str:
        """The mean reward of each seat, in order."""
        return "/".join(f"{value:+.2f}" for value in self.reward_by_seat.values())

    @property
    def illegal_share(self) -> float:
        """The worst seat's share of illegal replies; NaN where none is known."""
        return max((value for value in self.illegal_by_seat.values() if not math.isnan(value)), default=math.nan)


class Summary:
    """The latest of what is watched."""

    def __init__(self) -> None:
        """Start with nothing known."""
        self.games: dict[str, GameView] = {}
        self.policy: dict[str, float] = {}
        self._noted: set[str] = set()

    def take_generation(self, generation: Generation) -> None:
        """Take in one generation's metrics."""
        for name, value in generation.metrics.items():
            found = SEAT_METRIC.fullmatch(name)
            if found:
                view = self.games.setdefault(found["game"], GameView())
                by_seat = view.reward_by_seat if found["what"] == "reward" else view.illegal_by_seat
                by_seat[found["seat"]] = value
        self.policy = {name.removeprefix("policy/"): generation.metrics[name] for name in POLICY_METRICS if name in generation.metrics}

    def take_assessment(self, assessment: Assessment) -> None:
        """Take in the exploitabilities."""
        for game, values in _by_game(assessment.metrics).items():
            if "exploitability" in values:
                view = self.games.setdefault(game, GameView())
                view.exploitability, view.assessed_after = values["exploitability"], assessment.generation + 1

    def assessed(self, assessment: Assessment) -> dict[str, dict[str, float]]:
        """Return the most telling numbers of an assessment, game by game."""
        shown = {}
        for game, values in _by_game(assessment.metrics).items():
            told = [what for what in OBSERVED if what in values] or list(values)
            shown[game] = {what: values[what] for what in told[:MOST_SHOWN]}
        return shown

    def is_news(self, note: str) -> bool:
        """Say whether a note differs from all before it by more than its numbers, and remember it."""
        words = re.sub(r"[\d.,+-]+", "#", note)
        is_new = words not in self._noted
        self._noted.add(words)
        return is_new


def brief(value: float) -> str:
    """Return a number to read at a glance; nothing where it is not known."""
    return "" if math.isnan(value) else f"{value:.3g}"


def duration(seconds: float) -> str:
    """Return a time to read at a glance."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _by_game(metrics: Metrics) -> dict[str, dict[str, float]]:
    games: dict[str, dict[str, float]] = {}
    for name, value in metrics.items():
        parts = name.split("/")
        if len(parts) >= 3 and parts[0] == "observer":
            # win_rate_vs_<opponent>/<seat> keeps its seat.
            games.setdefault(parts[1], {})["/".join(parts[2:])] = value
    return games
