"""The last screen of a run: the truth at t0 and now, beside the best there is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from socratic.config import Config
from socratic.protocols import Json
from socratic.registry import load_game


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


def truth_rows(config: Config, first: Mapping[str, Json], last: Mapping[str, Json]) -> list[Row]:
    """Return the rows of the closing table from the first and the last assessment."""
    rows = []
    for name, section in config.games.items():
        game = load_game(name)
        prefix = f"observer/{name}/"
        measures = [entry for entry in (*EXACT, *DRAWN) if f"{prefix}{entry[0]}" in last]
        # Where moves can be graded, the exploitability of a policy that may still err anywhere says little.
        if any(entry[0] == "optimal_share" for entry in measures):
            measures = [entry for entry in measures if entry[0] != "exploitability"]
        elif any(entry[0] == "exploitability" for entry in measures):
            measures = measures[:1]
        if not measures or not game.zero_sum:
            best = game.best_score(section.params)
            if f"{prefix}value" in last:
                measures = [("value", "success" if game.bounds == (0.0, 1.0) else "score", best)]
            elif f"{prefix}score" in last:
                measures = [("score", "score", best), *[entry for entry in measures if entry[0] == "legal_share"]]
        for metric, words, optimum in measures:
            before, now = first.get(f"{prefix}{metric}"), last[f"{prefix}{metric}"]
            if isinstance(before, int | float) and isinstance(now, int | float):
                rows.append(Row(game=name, measure=words, at_t0=float(before), now=float(now), optimum=optimum))
    return rows


def table_lines(rows: list[Row]) -> list[str]:
    """Return the rows as a plain table."""
    cells = [("game", "truth", "at t0", "now", "optimum")]
    cells += [
        (row.game, row.measure, f"{row.at_t0:.3f}", f"{row.now:.3f}", "-" if row.optimum is None else f"{row.optimum:.3f}") for row in rows
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
