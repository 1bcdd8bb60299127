"""How figures look: light, and told apart by marker and line style too, for readers who do not see every colour."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from socratic.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL_WIDTH, PANEL_HEIGHT = 3.6, 2.9  # inches
DOTS_PER_INCH = 130
MOST_MARKERS = 8  # on a line
GRID = "#dddddd"
INK = "#222222"


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What one series is told apart by."""

    color: str
    marker: str
    line: str | tuple[int, tuple[int, ...]]  # a name, or an offset and the lengths of dashes and gaps


# Okabe and Ito, "Color universal design" (2008): told apart with every common colour blindness.
LOOKS = (
    Look(color="#0072B2", marker="o", line="-"),
    Look(color="#D55E00", marker="s", line="--"),
    Look(color="#009E73", marker="^", line="-."),
    Look(color="#CC79A7", marker="D", line=":"),
    Look(color="#E69F00", marker="v", line=(0, (5, 1))),  # long dashes have no name
)


def require_plotting() -> None:
    """Refuse to begin what could not be drawn at its end.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise ConfigError("a study draws its figure with matplotlib, which is not installed; pip install 'socratic-loop[study]'")


def new_figure(rows: int, columns: int, title: str) -> "tuple[Figure, list[Axes]]":
    """Return an empty light figure and its panels, row by row."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PANEL_WIDTH * columns, PANEL_HEIGHT * rows), facecolor="white", layout="constrained")
    figure.suptitle(title, fontsize=11, color=INK)
    panels = [figure.add_subplot(rows, columns, place + 1) for place in range(rows * columns)]
    for panel in panels:
        panel.set_facecolor("white")
        panel.grid(visible=True, color=GRID, linewidth=0.6)
        panel.set_axisbelow(True)
        panel.tick_params(labelsize=8, colors=INK)
        panel.title.set_fontsize(10)
        for side in ("top", "right"):
            panel.spines[side].set_visible(False)
    return figure, panels


def draw_seeds(panel: "Axes", by_seed: Sequence[tuple[Sequence[float], Sequence[float]]], look: Look, label: str) -> None:
    """Draw a line for each seed's (xs, ys), thin, and their median where all have a point, thick and with markers."""
    for xs, ys in by_seed:
        panel.plot(xs, ys, color=look.color, linewidth=0.8, alpha=0.45)
    common = sorted(set.intersection(*(set(xs) for xs, _ in by_seed))) if by_seed else []
    found = [dict(zip(xs, ys, strict=True)) for xs, ys in by_seed]
    middle = [median(values[x] for values in found) for x in common]
    every = max(1, len(common) // MOST_MARKERS)
    panel.plot(
        common, middle, color=look.color, linestyle=look.line, linewidth=1.9, marker=look.marker, markersize=4, markevery=every, label=label
    )


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a figure as PNG, the same bytes for the same figure."""
    figure.savefig(path, dpi=DOTS_PER_INCH, facecolor="white", metadata={"Software": None})
