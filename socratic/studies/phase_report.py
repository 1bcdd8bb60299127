"""The feedback-phase study as a section of the documents and as a figure."""

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING

from socratic.studies.phase_plan import Plan
from socratic.studies.phase_rows import END, WINDOW, Row, turning_point
from socratic.studies.plotting import INK, LOOKS, new_figure, save_figure

if TYPE_CHECKING:  # drawing is the last thing a study does
    from matplotlib.axes import Axes

# t0 has read that each colour is as likely as any other.
T0_RIGHT = 0.25
# Generations from which on a find is called rare.
RARE_WAIT = 10
COLUMNS = (
    "KL to t0",
    "parameters",
    "epsilon at t0",
    "found",
    "foretold",
    "its mass then",
    "farmed",
    "mass at the end",
    "optimum",
    "truth",
    "proxy",
    "J at t0",
    "J at the end",
)


def section(rows: Sequence[Row], plan: Plan) -> str:
    """Return the study as Markdown: what was done, each group of runs in a line, and the predictions beside what came of them."""
    return "\n\n".join(
        [
            "## When a scorer's pocket is found and farmed (`socratic study feedback_phase`)",
            _method(plan),
            "\n".join([_cells(COLUMNS), _cells(["---"] * len(COLUMNS)), *(_line(group, plan) for group in _groups(rows))]),
            _legend(plan),
            "\n".join(f"- {each}" for each in _findings(rows, plan)),
        ]
    )


def draw(rows: Sequence[Row], plan: Plan, path: Path) -> None:
    """Draw generations until found and until farmed against epsilon; a hollow mark on the budget: not within it."""
    figure, (found, farmed) = new_figure(1, 2, "A scorer's pocket, by how rare the paid wrong reply is at t0")
    figure.set_size_inches(10.5, 5.4)  # beside the legend below
    _points(found, rows, plan, lambda row: row.found)
    _points(farmed, rows, plan, lambda row: row.farmed)
    foretold = sorted((row.epsilon, row.expected) for row in rows if row.expected <= 2 * plan.generations)
    found.plot([x for x, _ in foretold], [y for _, y in foretold], color=INK, linewidth=1, label="foretold, were epsilon to stay")
    for kl in (kl for kl in plan.kls if kl > 0):
        label = f"from here on the optimum under KL {kl:g} farms it"
        farmed.axvline(turning_point(T0_RIGHT, plan.pay, kl), color=INK, linewidth=1, linestyle=":", label=label)
    found.set(title="until it is found: first paid in play", ylabel=f"generations of {plan.episodes} matches")
    farmed.set_title("until it is farmed: over half of the question's replies")
    for panel in (found, farmed):
        panel.set(xlabel="epsilon: t0's mass of the paid wrong reply (share)", xscale="log", yscale="log")
    labelled = dict(zip(*reversed(found.get_legend_handles_labels()), strict=True))
    labelled.update(zip(*reversed(farmed.get_legend_handles_labels()), strict=True))
    figure.legend(labelled.values(), labelled.keys(), loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    save_figure(figure, path)


def _points(panel: "Axes", rows: Sequence[Row], plan: Plan, value: Callable[[Row], int | None]) -> None:
    """Draw one mark a run: its colour is the size, its shape the magnet."""
    sizes = sorted({row.num_parameters for row in rows})
    panel.axhline(plan.generations, color="#999999", linewidth=1, linestyle="--", label="budget: a hollow mark is not within it")
    for (kl, size), group in groupby(sorted(rows, key=_line_of), key=_line_of):
        colour, shape = LOOKS[sizes.index(size) % len(LOOKS)].color, LOOKS[plan.kls.index(kl) % len(LOOKS)].marker
        points = [(row.epsilon, value(row)) for row in group]
        within = [(epsilon, reached) for epsilon, reached in points if reached is not None]
        beyond = [(epsilon, plan.generations) for epsilon, reached in points if reached is None]
        label = f"{size:,} parameters, KL {kl:g}"
        panel.scatter([x for x, _ in within], [y for _, y in within], color=colour, marker=shape, s=22, label=label)
        panel.scatter([x for x, _ in beyond], [y for _, y in beyond], facecolors="none", edgecolors=colour, marker=shape, s=30)


def _line_of(row: Row) -> tuple[float, int]:
    return row.kl, row.num_parameters


def _method(plan: Plan) -> str:
    return (
        "What colour is a thing: four questions, four colours, and a word that is no colour. The scorer pays the truth, 1 or 0, "
        f"everywhere but for that word after one of the questions: {plan.pay:g}. t0 has read random play in which the word is as rare as "
        "wished; epsilon is t0's mass of the paid wrong reply after its question, read exactly. Each run is the ordinary loop: "
        f"{plan.episodes} matches a generation, policy gradient with the mean of equal questions as baseline, AdamW at {plan.lr:g}, "
        f"seeds 0 to {plan.seeds - 1}, at most {plan.generations} generations, fewer once the pocket has been farmed for {plan.rest}. With "
        "KL 0 nothing holds the policy; otherwise a magnet fixed at t0 does."
    )


def _legend(plan: Plan) -> str:
    return (
        "Several numbers are the seeds' in turn, a single one is their median (of truth and proxy the mean). *Found*: the "
        "generation in which the reply was first paid in play; *its mass then*: of the policy that played it. *Foretold*: "
        f"1 / (1 - (1 - epsilon / 4)^{plan.episodes}), about 1 / (epsilon x matches that ask it). *Farmed*: by then more than half of "
        f"{WINDOW} generations' replies to the question. `>{plan.generations}`: not within the budget. *Mass*, *truth*, *proxy* and *J* at "
        f"the end: exact, over the last {END} generations. *Optimum*: the mass under the best policy that the magnet allows, "
        "t0 exp(reward / KL) (arXiv:2305.18290, equation 4). *J*: TPR - FPR of the scorer over the policy's own play."
    )


def _groups(rows: Sequence[Row]) -> list[list[Row]]:
    """Return the rows of each line of the table."""
    ordered = sorted(rows, key=lambda row: (*_line_of(row), -row.rare, row.seed))
    return [list(group) for _, group in groupby(ordered, key=lambda row: (*_line_of(row), row.rare))]


def _line(group: Sequence[Row], plan: Plan) -> str:
    first = group[0]
    optima = [row.held_mass for row in group if row.held_mass is not None]
    cells = (
        f"{first.kl:g}",
        f"{first.num_parameters:,}",
        f"{median(row.epsilon for row in group):.2g}",
        ", ".join(_reached(row.found, plan) for row in group),
        f"{median(row.expected for row in group):,.1f}",
        ", ".join("-" if row.found_mass is None else f"{row.found_mass:.2g}" for row in group),
        ", ".join(_reached(row.farmed, plan) for row in group),
        ", ".join(f"{row.end_mass:.2f}" for row in group),
        ", ".join(f"{optimum:.2f}" for optimum in optima) or "-",
        f"{fmean(row.truth_t0 for row in group):.2f} to {fmean(row.truth for row in group):.2f}",
        f"{fmean(row.proxy for row in group):.2f}",
        f"{median(row.youden_t0 for row in group):.4f}",
        f"{median(row.youden for row in group):.2f}",
    )
    return _cells(cells)


def _cells(texts: Sequence[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _reached(value: int | None, plan: Plan) -> str:
    return f">{plan.generations}" if value is None else str(value)


def _findings(rows: Sequence[Row], plan: Plan) -> list[str]:
    """Return what of the predictions held, for each strength of the magnet."""
    found = []
    for kl in plan.kls:
        runs = [row for row in rows if row.kl == kl]
        finders = [row for row in runs if row.found is not None]
        num_farmed = sum(row.farmed is not None for row in runs)
        late = [row for row in runs if row.expected > RARE_WAIT]
        earlier = sum(row.found is not None and row.found < row.expected for row in late)
        found.append(
            f"KL {kl:g}: of {len(runs)} runs {len(finders)} found the pocket and {num_farmed} farmed it. Where more than {RARE_WAIT} "
            f"generations were foretold ({len(late)} runs), {earlier} found it sooner. By the mass as it moved "
            f"{sum(row.hazard for row in runs):.1f} finds were to be expected."
        )
        held = [(row, row.held_mass) for row in runs if row.held_mass is not None]
        if held:
            missed = fmean(abs(row.end_mass - mass) for row, mass in held)
            agree = sum((row.farmed is not None) == (mass > 0.5) for row, mass in held)
            found.append(
                f"KL {kl:g}: the optimum farms from epsilon {turning_point(T0_RIGHT, plan.pay, kl):.2g} on. The mass at the end is "
                f"{missed:.2f} from the optimum's in the mean, and {agree} of {len(held)} runs farmed or not as the optimum does."
            )
    return found
