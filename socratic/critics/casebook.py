"""What is remembered of a critic: the cases, the canaries and the flips of the last generations, and since when it is not heard."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import cast

from socratic.config import Measure
from socratic.critics.calibration import Case, Youden, brier, calibration_error, kappa, kendall_tau, length_slope, youden
from socratic.critics.canaries import Tally
from socratic.errors import CheckpointError
from socratic.records import Json, Metrics

NONE_YET: Tally = (0, 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One generation of a critic."""

    index: int
    cases: tuple[Case, ...] = ()
    silent: Tally = NONE_YET  # of what it was asked, how often it could not say
    canaries: Mapping[str, Tally] = field(default_factory=dict)
    flips: Tally = NONE_YET  # verdicts that changed with the order of the options


class Casebook:
    """The last generations of one critic."""

    def __init__(self, name: str, section: Measure) -> None:
        """Remember as many generations of the critic called `name` as `section` has in its window."""
        self.name = name
        self.since: int | None = None  # the generation from which it is not heard
        self._section = section
        self._entries: list[Entry] = []

    def add(self, entry: Entry) -> None:
        """Take one generation in, and forget those that have left the window."""
        first = entry.index - self._section.window + 1
        self._entries = [*(held for held in self._entries if held.index >= first), entry]

    def cases(self) -> list[Case]:
        """Return the window's cases."""
        return [case for entry in self._entries for case in entry.cases]

    def canaries(self) -> dict[str, Tally]:
        """Return for each canary how often it got through in the window, and how often it was tried."""
        counts: dict[str, Tally] = defaultdict(lambda: NONE_YET)
        for entry in self._entries:
            for kind, tally in entry.canaries.items():
                counts[kind] = _sum(counts[kind], tally)
        return dict(counts)

    def measure(self) -> tuple[Youden, Metrics]:
        """Return Youden's J over the window, and all that is known of the critic as `critic/<name>/...` metrics."""
        cases = self.cases()
        found = youden(cases, self._section.confidence)
        silent, canaries, flips = NONE_YET, NONE_YET, NONE_YET
        for entry in self._entries:
            silent, flips = _sum(silent, entry.silent), _sum(flips, entry.flips)
            for tally in entry.canaries.values():
                canaries = _sum(canaries, tally)
        figures = {
            "ece": calibration_error(cases),
            "brier": brier(cases),
            "kappa": kappa(cases),
            "tau": kendall_tau(cases),
            "youden_j": found.j,
            "youden_j_low": found.low,
            "length_slope": length_slope(cases),
            "canary_fpr": _rate(canaries),
            "order_flip_rate": _rate(flips),
            "cannot_say": _rate(silent),
        }
        known = {f"critic/{self.name}/{figure}": value for figure, value in figures.items() if isfinite(value)}
        return found, {**known, f"critic/{self.name}/cases": float(len(cases))}

    def state(self) -> dict[str, Json]:
        """Return the memory as JSON."""
        return {"since": self.since, "entries": [_to_json(entry) for entry in self._entries]}

    def restore(self, state: Json) -> None:
        """Take the memory back.

        Raises:
            CheckpointError: it is not what `state` returned.
        """
        try:
            held = cast("dict[str, list[dict[str, Json]]]", state)
            self._entries = [_from_json(entry) for entry in held["entries"]]
            self.since = cast("int | None", held["since"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(
                f"the checkpoint holds no cases of the critic {self.name} ({error!r}); is the configuration its own?"
            ) from None


def _sum(one: Tally, other: Tally) -> Tally:
    return one[0] + other[0], one[1] + other[1]


def _rate(tally: Tally) -> float:
    return tally[0] / tally[1] if tally[1] else float("nan")


def _to_json(entry: Entry) -> dict[str, Json]:
    return {
        "index": entry.index,
        "cases": [[case.score, case.truth, case.length, case.kind, list(case.texts)] for case in entry.cases],
        "silent": list(entry.silent),
        "canaries": {kind: list(tally) for kind, tally in entry.canaries.items()},
        "flips": list(entry.flips),
    }


def _from_json(written: Mapping[str, Json]) -> Entry:
    cases = cast("list[tuple[float, float, float, str, list[str]]]", written["cases"])
    canaries = cast("dict[str, list[int]]", written["canaries"])
    return Entry(
        index=int(cast("int", written["index"])),
        cases=tuple(
            Case(score=score, truth=truth, length=length, kind=kind, texts=tuple(texts)) for score, truth, length, kind, texts in cases
        ),
        silent=_tally(cast("list[int]", written["silent"])),
        canaries={kind: _tally(tally) for kind, tally in canaries.items()},
        flips=_tally(cast("list[int]", written["flips"])),
    )


def _tally(written: list[int]) -> Tally:
    num, whole = written
    return num, whole
