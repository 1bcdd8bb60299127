"""How far the closed loop carries addition past what t0 was taught: with a filter that knows no truth, and without any.

t0 is taught additions of at most four digits: a few policies, apart from each other. From then on they see only their own answers to
problems that grow longer; what they learn from them is decided by their agreement and their length (arXiv:2502.01612), and in the control
by nothing.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from socratic.errors import ConfigError, Interrupted
from socratic.records import Json
from socratic.store.durable import explained, to_json_bytes, write_atomically
from socratic.studies.beyond_plan import FILTERED, QUICK, Plan, cells
from socratic.studies.beyond_report import draw, section
from socratic.studies.beyond_rows import Row
from socratic.studies.plotting import require_plotting
from socratic.studies.report import FIGURE, Report

logger = logging.getLogger(__name__)

ROWS = "rows.json"
_ROWS = TypeAdapter(list[Row])


def run_study(folder: Path, *, seeds: int | None, jobs: int, is_quick: bool) -> Report:
    """Run what the folder still lacks in this process, one run after the other, and draw it.

    Raises:
        ConfigError: the folder holds another plan's runs, or matplotlib is not installed.
        Interrupted: the operator asked it to leave; the same call goes on.
        RunError: the disk refuses.
    """
    require_plotting()
    del jobs  # one run after the other: two hours are far more than they take
    plan = QUICK if is_quick else Plan()
    plan = plan if seeds is None else replace(plan, seeds=seeds)
    rows = measure(folder, plan)
    draw(rows, plan, folder / FIGURE)
    return Report(
        name="beyond_t0",
        section=section(rows, plan),
        results={"plan": _as_json(plan), "rows": _rows_as_json(rows)},
        has_figure=True,
        is_measurement=not is_quick,
    )


def measure(folder: Path, plan: Plan) -> list[Row]:
    """Return a row for each member of each run of the plan; what the folder holds of it already is not run again.

    Raises:
        ConfigError: the folder holds another plan's runs.
        Interrupted: the operator asked it to leave.
        RunError: the disk refuses.
    """
    from socratic.studies.beyond_run import Schooled, run_cell, schooled

    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    rows = _kept(folder / ROWS, plan)
    done = {(row.seed, row.arm) for row in rows}
    t0s: dict[int, Schooled] = {}
    for cell in cells(plan):
        if (cell.seed, cell.arm) in done:
            continue
        try:
            if cell.seed not in t0s:
                t0s = {cell.seed: schooled(plan, cell.seed)}
            rows += run_cell(plan, cell, t0s[cell.seed], None if cell.arm == FILTERED else _climbs(rows, cell.seed))
        except KeyboardInterrupt:
            raise Interrupted("the study was left, its finished runs are kept; the same command goes on") from None
        logger.info("beyond_t0: seed %d, %s: %.0f s of play and learning", cell.seed, cell.arm, rows[-1].seconds)
        write_atomically(folder / ROWS, to_json_bytes({"plan": _as_json(plan), "rows": _rows_as_json(rows)}))
    return [row for row in rows if row.seed < plan.seeds and row.arm in plan.arms]


def _climbs(rows: Sequence[Row], seed: int) -> Sequence[int] | None:
    """Return when the filtered run of a seed climbed; None where there is none."""
    return next((row.climbs for row in rows if row.seed == seed and row.arm == FILTERED), None)


def _kept(path: Path, plan: Plan) -> list[Row]:
    if not path.exists():
        return []
    with explained(path):
        text = path.read_text(encoding="utf-8")
    try:
        kept = json.loads(text)
        rows = _ROWS.validate_python(kept["rows"])
        is_ours = kept["plan"] == _as_json(plan)
    except (ValueError, TypeError, KeyError, ValidationError) as error:
        raise ConfigError(f"{path} is not this study's record ({error}); name another --folder, or remove it") from None
    if not is_ours:
        raise ConfigError(f"{path} is of another plan than the study has now; name another --folder, or remove it")
    return rows


def _as_json(plan: Plan) -> dict[str, Json]:
    """Return all of the plan that a run depends on: further seeds and arms may be added."""
    held: dict[str, Json] = json.loads(json.dumps(asdict(plan)))
    del held["seeds"], held["arms"]
    return held


def _rows_as_json(rows: Sequence[Row]) -> list[Json]:
    held: list[Json] = json.loads(json.dumps([asdict(row) for row in rows]))
    return held
