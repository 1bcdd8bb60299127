"""What a comparison of schemes looks like: its figure, its section of the documents, its numbers."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from socratic.records import Json
from socratic.studies.plotting import INK, LOOKS, Look, draw_seeds, new_figure, save_figure
from socratic.studies.report import FIGURE, Report
from socratic.studies.schemes import IDEAS
from socratic.studies.schemes_runs import Curves, Finding, Findings, Series
from socratic.tracker.summary import duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of the second axis, which stands behind the first.
BEHIND = Look(color="#666666", marker="", line=":")
THOUSAND = 1000
HEADROOM = 1.3  # for the legend
COLUMNS = (
    "scheme",
    "chosen",
    "last quarter's median, by seed",
    "median",
    "last policy, by seed",
    "median",
    "KL to t0",
    "constant rate",
    "learned tokens",
)


def report_of(findings: Findings, folder: Path, *, is_measurement: bool) -> Report:
    """Draw the figure into the study's folder and return the report."""
    draw_figure(findings, folder / FIGURE)
    name = findings.question.name
    return Report(
        name=name,
        section=section_of(findings, f"socratic study {name}"),
        results=numbers_of(findings),
        has_figure=True,
        is_measurement=is_measurement,
    )


def draw_figure(findings: Findings, path: Path) -> None:
    """Draw a panel for each scheme, exploitability and behind it the distance to t0, and one with all ends side by side."""
    figure, panels = new_figure(2, 3, findings.question.title)
    top = max(max(curves.exploitability.values) for finding in findings.schemes for curves in finding.curves)
    farthest = max((value for finding in findings.schemes for curves in finding.curves for value in curves.kl.values), default=1.0)
    for panel, finding, look in zip(panels, findings.schemes, LOOKS, strict=False):
        _draw_scheme(panel, finding, look, top, farthest)
        if findings.question.mark is not None:
            panel.axhline(findings.question.mark, color=INK, linewidth=0.7, linestyle=(0, (1, 2)))
    _draw_ends(panels[len(findings.schemes)], findings)
    save_figure(figure, path)


def _draw_scheme(panel: "Axes", finding: Finding, look: Look, top: float, farthest: float) -> None:
    behind = panel.twinx()
    draw_seeds(behind, [_in_thousands(curves.kl) for curves in finding.curves if curves.kl.values], BEHIND, "KL to t0 (right)")
    behind.set_ylim(0, farthest * HEADROOM)
    behind.set_ylabel("KL to t0", fontsize=8, color=BEHIND.color)
    behind.tick_params(labelsize=8, colors=BEHIND.color)
    behind.spines["top"].set_visible(False)
    draw_seeds(panel, [_in_thousands(curves.exploitability) for curves in finding.curves], look, "exploitability")
    panel.set_zorder(behind.get_zorder() + 1)
    panel.patch.set_visible(False)
    panel.set_ylim(0, top * HEADROOM)
    panel.set_title(f"{finding.scheme}\n{finding.chosen.words}", fontsize=8.5, color=INK)
    panel.set_xlabel("thousand games played", fontsize=8)
    panel.set_ylabel("exact exploitability", fontsize=8)
    lines = [*panel.get_lines(), *behind.get_lines()]
    named = [line for line in lines if not str(line.get_label()).startswith("_")]
    panel.legend(named, [str(line.get_label()) for line in named], fontsize=7, loc="upper right", framealpha=0.85)


def _draw_ends(panel: "Axes", findings: Findings) -> None:
    """Draw where each seed ended: the median of its last quarter filled, its last policy hollow."""
    for place, (finding, look) in enumerate(zip(findings.schemes, LOOKS, strict=False)):
        beside = [place - 0.12] * len(finding.curves), [place + 0.12] * len(finding.curves)
        windows, lasts = [curves.window for curves in finding.curves], [curves.last for curves in finding.curves]
        panel.plot(beside[0], windows, color=look.color, marker=look.marker, linestyle="none", markersize=5)
        panel.plot(beside[1], lasts, color=look.color, marker=look.marker, linestyle="none", markersize=5, fillstyle="none")
        panel.plot([place - 0.24, place], [median(windows)] * 2, color=look.color, linewidth=1.6)
    panel.set_xticks(range(len(findings.schemes)), [finding.scheme.replace(" ", "\n") for finding in findings.schemes])
    panel.grid(visible=False, axis="x")
    panel.set_ylim(
        0, 1.08 * max(value for finding in findings.schemes for curves in finding.curves for value in (curves.window, curves.last))
    )
    panel.set_title("the end: last quarter's median (filled), last policy (hollow)", fontsize=8.5, color=INK)
    panel.set_ylabel("exact exploitability", fontsize=8)
    if findings.question.mark is not None:
        panel.axhline(findings.question.mark, color=INK, linewidth=0.7, linestyle=(0, (1, 2)))


def _in_thousands(series: Series) -> tuple[Sequence[float], Sequence[float]]:
    return [games / THOUSAND for games in series.games], series.values


def section_of(findings: Findings, command: str) -> str:
    """Return the section of the documents, without the figure."""
    parts = [
        f"## {findings.question.title}",
        f"`{command}`",
        _what_was_done(findings),
        "\n".join([f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|", *map(_row, findings.schemes)]),
        "\n".join(f"- {scheme}: {idea}." for scheme, idea in IDEAS.items()),
        _mixtures(findings),
        _verdict(findings),
        f"Each point of the grids, with its score:\n\n{_grids(findings)}",
        f"Not finished: {_list([f'{name} ({why})' for name, why in findings.failed.items()])}." if findings.failed else "",
        "" if math.isnan(findings.seconds) else f"All runs one after another: {duration(findings.seconds)}.",
    ]
    return "\n\n".join(part for part in parts if part)


def _what_was_done(findings: Findings) -> str:
    question = findings.question
    points = sum(setting.scheme == findings.schemes[0].scheme for setting in question.grid)
    return (
        f"Every run plays {findings.games:,} games. Each scheme is shown at the best of the {points} points of its grid, which were run "
        f"on other seeds ({_list(question.grid_seeds)}) and scored by the median exploitability of the last quarter; reported are seeds "
        f"{_list(question.seeds)}. Against a past version one seat learns, in self-play both: the last column says from how many tokens "
        "each scheme learned. *Constant rate* is the same point without the decay of the learning rate and of what is paid for entropy: "
        "medians of the last quarter and of the last policy."
    )


def _verdict(findings: Findings) -> str:
    mark = findings.question.mark
    if mark is None:
        return ""
    reached = _median(findings.schemes[-1].curves, _last)
    words = "reached" if reached <= mark else "missed"
    return f"The mark is {mark:g} for the median of the magnet's last policies; it is {reached:.3f}: {words}."


def numbers_of(findings: Findings) -> dict[str, Json]:
    """Return everything that was measured, for results.json."""
    return {
        "game": findings.question.game,
        "games": findings.games,
        "seconds": round(findings.seconds, 1),
        "failed": dict(findings.failed),
        "schemes": {
            finding.scheme: {
                "chosen": finding.chosen.words,
                "overrides": list(finding.chosen.overrides),
                "grid": {setting.words: score for setting, score in finding.grid.items()},
                "seeds": [_numbers(curves) for curves in finding.curves],
                "constant_rate": [_numbers(curves) for curves in finding.constant],
            }
            for finding in findings.schemes
        },
    }


def _numbers(curves: Curves) -> Json:
    return {
        "seed": curves.seed,
        "last": curves.last,
        "window": curves.window,
        "mixture": curves.mixture,
        "learned_tokens": curves.learned_tokens,
        "seconds": round(curves.seconds, 1),
        "exploitability": _pairs(curves.exploitability),
        "kl_t0": _pairs(curves.kl),
    }


def _pairs(series: Series) -> Json:
    return [[games, value] for games, value in zip(series.games, series.values, strict=True)]


def _row(finding: Finding) -> str:
    ends = [curves.kl.values[-1] for curves in finding.curves if curves.kl.values]
    cells = [
        finding.scheme,
        finding.chosen.words,
        " ".join(f"{curves.window:.3f}" for curves in finding.curves),
        f"{_median(finding.curves, _window):.3f}",
        " ".join(f"{curves.last:.3f}" for curves in finding.curves),
        f"{_median(finding.curves, _last):.3f}",
        f"{median(ends):.2f}" if ends else "-",
        f"{_median(finding.constant, _window):.3f}, {_median(finding.constant, _last):.3f}" if finding.constant else "-",
        f"{_median(finding.curves, _learned):,.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def _mixtures(findings: Findings) -> str:
    """Return a line on the average policies, or nothing where none was measured."""
    found = {finding.scheme: [curves.mixture for curves in finding.curves if curves.mixture is not None] for finding in findings.schemes}
    words = [f"{scheme} {' '.join(f'{value:.3f}' for value in values)}" for scheme, values in found.items() if values]
    return f"Exploitability of the average of the versions kept along the way: {'; '.join(words)}." if words else ""


def _grids(findings: Findings) -> str:
    points = {finding.scheme: [f"{setting.words}: {score:.3f}" for setting, score in finding.grid.items()] for finding in findings.schemes}
    return "\n".join(f"- {scheme}: {'; '.join(words)}" for scheme, words in points.items())


def _median(curves: Sequence[Curves], take: Callable[[Curves], float]) -> float:
    return median(take(each) for each in curves)


def _last(curves: Curves) -> float:
    return curves.last


def _window(curves: Curves) -> float:
    return curves.window


def _learned(curves: Curves) -> float:
    return curves.learned_tokens


def _list(words: Sequence[object]) -> str:
    return ", ".join(map(str, words))
