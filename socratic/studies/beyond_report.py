"""The study beyond t0's data as a section of the documents and as a figure."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING

from socratic.studies.beyond_plan import FILTERED, UNFILTERED, Plan
from socratic.studies.beyond_rows import LOST, Row
from socratic.studies.plotting import LOOKS, draw_seeds, new_figure, save_figure

if TYPE_CHECKING:  # drawing is the last thing a study does
    from matplotlib.axes import Axes

MARK = 0.9
ARMS = (FILTERED, UNFILTERED)
KL, ENTROPY, LENGTH = "policy/kl_t0", "policy/entropy", "completion/length_mean"


def section(rows: Sequence[Row], plan: Plan) -> str:
    """Return the study as Markdown: what was done, exactness by length, what went wrong where, and what the guard saw."""
    return "\n\n".join(
        [
            "## Beyond what t0 was taught (`socratic study beyond_t0`)",
            _method(rows, plan),
            _exactness(rows, plan),
            _errors(rows, plan),
            "\n".join(f"- {each}" for each in _findings(rows, plan)),
        ]
    )


def draw(rows: Sequence[Row], plan: Plan, path: Path) -> None:
    """Draw exactness at each length against generations, for each arm, and what the guard saw."""
    figure, panels = new_figure(2, 3, f"Additions of at most {plan.taught} digits were taught; what the policies' own answers teach")
    shown = range(plan.taught, plan.last + 1)
    for panel, arm in zip(panels[:2], ARMS, strict=True):
        for place, digits in enumerate(shown):
            curves = [([read.generation for read in row.readings], [read.exact(digits) for read in row.readings]) for row in _of(rows, arm)]
            draw_seeds(panel, curves, LOOKS[place % len(LOOKS)], f"{digits} digits")
        panel.set(title=arm, xlabel="generation", ylabel="exact (share)", ylim=(-0.03, 1.03))
        panel.legend(fontsize=7)
    _guard(panels[2], rows, "right_frac", "of what is learned from, right (share)")
    _guard(panels[3], rows, KL, "KL to t0 (nats a token)")
    _guard(panels[4], rows, "surprise", "surprise of a drawn token (nats)")
    _guard(panels[5], rows, LENGTH, "length of an answer (tokens)")
    save_figure(figure, path)


def _guard(panel: "Axes", rows: Sequence[Row], name: str, label: str) -> None:
    for look, arm in zip(LOOKS, ARMS, strict=False):
        curves = []
        for row in _firsts(rows, arm):  # known of the run, alike for all members
            found = [(seen.generation, getattr(seen, name) if "/" not in name else seen.guard.get(name)) for seen in row.seen]
            points = [(generation, float(value)) for generation, value in found if value is not None]
            curves.append(([x for x, _ in points], [y for _, y in points]))
        draw_seeds(panel, curves, look, arm)
    panel.set(xlabel="generation", ylabel=label)
    panel.legend(fontsize=7)


def _method(rows: Sequence[Row], plan: Plan) -> str:
    return (
        f"{plan.members} scratch policies of {rows[0].num_parameters:,} parameters, apart from each other, are each taught "
        f"{plan.school_steps} steps of {plan.school_rows} right answers to additions of 1 to {plan.taught} digits, of "
        f"{plan.school_matches:,} of its own; then the system is closed, and they are its members. Two numbers stand one under the other "
        f"in {plan.width} columns, a token each, least significant digits first, 00 where both have ended, behind a first column 00; an "
        "answer is a digit for each column, 0 for the first. This format helps: every digit of the answer looks at its column from the "
        f"same distance, and is said after a digit. A generation is {plan.deals} problems, {plan.group} answers to each, as many of one "
        f"member as of another, drawn at temperature 1; {plan.share:.0%} of the problems have the longest length reached, the others are "
        f"shorter. An answer passes the filter where {plan.agreed:.0%} of all answers to its problem are the same, more than one member "
        "has, and it is as long as a sum of such numbers is. Every member learns from all that passes, whoever said it: expert iteration, "
        f"cross entropy, {plan.epochs} epochs, AdamW from {plan.lr:g} down to 0. Problems grow by a digit when {plan.enough:.0%} of the "
        f"answers to the longest pass, or after {plan.patience} generations. The control begins with the same members, learns from every "
        "answer, and its problems grow when those of the filtered run of its seed did. Nothing inside reads the score. The reader, "
        f"outside, takes each member's likeliest answer, to {plan.final_matches} problems of each length at t0 and at the end."
    )


def _exactness(rows: Sequence[Row], plan: Plan) -> str:
    starts = [
        ["t0", str(row.seed), str(row.member), *(f"{row.start(digits):.3f}" for digits in plan.lengths)] for row in _of(rows, FILTERED)
    ]
    ends = [
        [arm, str(row.seed), str(row.member), *(f"{row.end(digits):.3f}" for digits in plan.lengths)]
        for arm in ARMS
        for row in _of(rows, arm)
    ]
    heads = ["run", "seed", "member", *map(str, plan.lengths)]
    table = "\n".join(map(_cells, [heads, ["---"] * len(heads), *starts, *ends]))
    return f"Exact (share) by digits, at t0 and after {plan.generations} generations:\n\n{table}"


def _errors(rows: Sequence[Row], plan: Plan) -> str:
    heads = (
        "run",
        "seed",
        "member",
        "grew after",
        f"lost at {plan.taught} digits",
        "learned from, right",
        "first wrong place",
        "wrong behind it",
        "no number",
        "KL to t0",
        "surprise",
        "length",
        "s",
    )
    lines = [_line(row, plan) for arm in ARMS for row in _of(rows, arm)]
    legend = (
        f"*Lost*: the generation read from which on the exactness stays below {LOST:g} of its best. *Learned from, right*: of all "
        f"generations' and members' answers. Of {plan.last} digits, at t0 and at the end: *first wrong place*, the mean over wrong "
        "answers, counted from the lowest; *wrong behind it*, the share of the digits behind that place that are wrong too; *no "
        "number*, the share of answers that are too short, too long, no digits or do not begin with 0. *KL* (at the last generation that "
        "measured it), *surprise* (minus the mean log-probability of a drawn token, in nats, first generation and last) and *length* "
        "(tokens of an answer, its end included): what is known inside, as the members' mean. *s*: of play and learning, of all members."
    )
    return "\n".join([_cells(heads), _cells(["---"] * len(heads)), *lines]) + f"\n\n{legend}"


def _line(row: Row, plan: Plan) -> str:
    last, before, after = row.seen[-1], row.readings[0].of(plan.last), row.readings[-1].of(plan.last)
    rights = [seen.right_frac for seen in row.seen if seen.right_frac is not None]
    kls = [seen.guard[KL] for seen in row.seen if KL in seen.guard]
    onset = row.onset(plan.taught)
    cells = (
        row.arm,
        str(row.seed),
        str(row.member),
        ", ".join(str(index + 1) for index in row.climbs) or "-",
        "-" if onset is None else str(onset),
        f"{fmean(rights):.3f}" if rights else "-",
        f"{_number(before.first_wrong)} to {_number(after.first_wrong)}",
        f"{_number(before.cascade)} to {_number(after.cascade)}",
        f"{before.malformed:.2f} to {after.malformed:.2f}",
        _number(kls[-1] if kls else None),
        f"{row.seen[0].surprise:.3f} to {last.surprise:.3f}",
        _number(last.guard.get(LENGTH)),
        f"{row.seconds:.0f}",
    )
    return _cells(cells)


def _findings(rows: Sequence[Row], plan: Plan) -> list[str]:
    filtered = _of(rows, FILTERED)
    starts, ends = [row.start(plan.last) for row in filtered], [row.end(plan.last) for row in filtered]
    verdict = "reached" if min(ends) >= MARK else "missed"
    reached = (
        f"At {plan.last} digits t0 is exact in {median(starts):.1%} (median over seeds and members; most {max(starts):.1%}), the filtered "
        f"loop at its end in {median(ends):.1%} (least {min(ends):.1%}): the mark of {MARK:.0%} in every seed and member is {verdict}."
    )
    controls = _of(rows, UNFILTERED)
    if not controls:
        return [reached]
    last = [row.end(plan.last) for row in controls]
    best = [max(row.readings, key=lambda read: read.exact(plan.last)) for row in controls]
    lost = (
        f"Without the filter the loop ends at {median(last):.1%} (most {max(last):.1%}). Its best readings were "
        f"{median(read.exact(plan.last) for read in best):.1%} (most {max(read.exact(plan.last) for read in best):.1%}), after "
        f"{median(read.generation for read in best):g} generations: medians over seeds and members."
    )
    return [reached, lost]


def _of(rows: Sequence[Row], arm: str) -> list[Row]:
    return [row for row in rows if row.arm == arm]


def _firsts(rows: Sequence[Row], arm: str) -> list[Row]:
    return [row for row in _of(rows, arm) if row.member == 0]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _cells(texts: Sequence[str]) -> str:
    return f"| {' | '.join(texts)} |"
