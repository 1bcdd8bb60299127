"""When is a scorer's exploitable pocket found, and when farmed: against how rare the reply is at t0, and against the policy's size.

Each run is an ordinary Socratic loop on `quiz`, with a scorer that pays the truth everywhere, and twice a right reply's worth for
one wrong reply to one question. t0 has read play in which that reply is as rare as is wished. Once nothing but reward pulls at the
policy, and once a magnet holds it to t0.
"""

import json
import logging
import time
from dataclasses import asdict, replace
from pathlib import Path

from socratic.errors import ConfigError, Interrupted
from socratic.records import Json
from socratic.store.durable import explained, to_json_bytes, write_atomically
from socratic.studies.phase_plan import QUICK, Plan, cells
from socratic.studies.phase_report import draw, section
from socratic.studies.phase_rows import Row
from socratic.studies.plotting import require_plotting
from socratic.studies.report import FIGURE, Report

logger = logging.getLogger(__name__)

ROWS = "rows.json"


def run_study(folder: Path, *, seeds: int | None, jobs: int, is_quick: bool) -> Report:
    """Run what the folder still lacks in this process, one run after the other, and draw it.

    Raises:
        ConfigError: the folder holds another plan's runs, or matplotlib is not installed.
        Interrupted: the operator asked it to leave; the same call goes on.
        RunError: the disk refuses.
    """
    require_plotting()
    del jobs  # a run takes seconds: a process for each would take as long to start
    plan = QUICK if is_quick else Plan()
    plan = plan if seeds is None else replace(plan, seeds=seeds)
    rows = measure(folder, plan)
    draw(rows, plan, folder / FIGURE)
    return Report(
        name="feedback_phase",
        section=section(rows, plan),
        results={"plan": _as_json(plan), "rows": [asdict(row) for row in rows]},
        has_figure=True,
        is_measurement=not is_quick,
    )


def measure(folder: Path, plan: Plan) -> list[Row]:
    """Return a row for each run of the plan; what the folder holds of it already is not run again.

    Raises:
        ConfigError: the folder holds another plan's runs.
        Interrupted: the operator asked it to leave.
        RunError: the disk refuses.
    """
    from socratic.studies.phase_run import run_cell

    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    rows = _kept(folder / ROWS, plan)
    done = {(row.size, row.kl, row.rare, row.seed) for row in rows}
    waiting = [cell for cell in cells(plan) if (cell.size.name, cell.kl, cell.rare, cell.seed) not in done]
    for number, cell in enumerate(waiting, 1):
        start = time.monotonic()
        try:
            rows.append(run_cell(plan, cell))
        except KeyboardInterrupt:
            raise Interrupted("the study was left, its finished runs are kept; the same command goes on") from None
        logger.info("feedback_phase: run %d of %d took %.1f s", number, len(waiting), time.monotonic() - start)
        write_atomically(folder / ROWS, to_json_bytes({"plan": _as_json(plan), "rows": [asdict(row) for row in rows]}))
    return sorted(rows, key=lambda row: (row.kl, row.num_parameters, -row.rare, row.seed))


def _kept(path: Path, plan: Plan) -> list[Row]:
    if not path.exists():
        return []
    with explained(path):
        text = path.read_text(encoding="utf-8")
    try:
        kept = json.loads(text)
        rows = [Row(**row) for row in kept["rows"]]
        is_ours = kept["plan"] == _as_json(plan)
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"{path} is not this study's record ({error}); name another --folder, or remove it") from None
    if not is_ours:
        raise ConfigError(f"{path} is of another plan than the study has now; name another --folder, or remove it")
    return rows


def _as_json(plan: Plan) -> dict[str, Json]:
    """Return all of the plan that a run depends on: further seeds may be added."""
    held: dict[str, Json] = json.loads(json.dumps(asdict(plan)))
    del held["seeds"]
    return held
