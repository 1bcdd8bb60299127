"""The last screen of a run: the truth at t0 and now, beside the best there is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from socratic.records import Json
from socratic.tracker.sanitise import sanitise


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One measured truth about one game."""

    game: str
    measure: str
    at_t0: float
    now: float
    optimum: float | None


# What says most about a game, most telling first: (metric, words, optimum).
Measure: TypeAlias = tuple[str, str, float | None]  # metric, words, optimum
EXACT: tuple[Measure, ...] = (
    ("exploitability", "exploitability", 0.0),
    ("optimal_share", "optimal moves", 1.0),
    ("win_rate_vs_random", "wins against random", None),
)
DRAWN: tuple[Measure, ...] = (
    ("legal_share", "legal moves", 1.0),
    ("score_vs_random", "score against random", None),
    ("legal_score_vs_random", "... in legal episodes", None),
)


def truth_rows(games: Json, first: Mapping[str, Json], last: Mapping[str, Json]) -> list[Row]:
    """Return the rows of the closing table from the first and the last assessment.

    `games` is what the manifest holds of the games: none is loaded, because a run directory may come from a stranger.
    """
    rows = []
    for name, facts in games.items() if isinstance(games, dict) else ():
        if not isinstance(facts, dict):
            continue
        prefix = f"observer/{name}/"
        measures = [entry for entry in (*EXACT, *DRAWN) if f"{prefix}{entry[0]}" in last]
        # Where moves can be graded, the exploitability of a policy that may still err anywhere says little.
        if any(entry[0] == "optimal_share" for entry in measures):
            measures = [entry for entry in measures if entry[0] != "exploitability"]
        elif any(entry[0] == "exploitability" for entry in measures):
            measures = measures[:1]
        if not measures or not facts.get("zero_sum"):
            declared = facts.get("optimum")
            best = float(declared) if isinstance(declared, int | float) else None
            if f"{prefix}value" in last:
                measures = [("value", "success" if facts.get("bounds") == [0.0, 1.0] else "score", best)]
            elif f"{prefix}score" in last:
                measures = [("score", "score", best), *[entry for entry in measures if entry[0] == "legal_share"]]
        for metric, words, optimum in measures:
            before, now = first.get(f"{prefix}{metric}"), last.get(f"{prefix}{metric}")
            if isinstance(before, int | float) and isinstance(now, int | float):
                rows.append(Row(game=name, measure=words, at_t0=float(before), now=float(now), optimum=optimum))
    return rows


def table_lines(rows: list[Row]) -> list[str]:
    """Return the rows as a plain table."""
    cells = [("game", "truth", "at t0", "now", "optimum")]
    cells += [
        (sanitise(row.game, 80), row.measure, f"{row.at_t0:.3f}", f"{row.now:.3f}", "-" if row.optimum is None else f"{row.optimum:.3f}")
        for row in rows
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
