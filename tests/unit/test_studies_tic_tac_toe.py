"""The tic-tac-toe study: when the mark is reached, whether it held, and what is said of it."""

from pathlib import Path

import pytest

from socratic.config import load_config
from socratic.store.run_directory import RunDirectory
from socratic.studies.frame import FinishedRun
from socratic.studies.tic_tac_toe import CLOCKS, DRAWS, EXPLOITABILITY, Row, row_of, run_study, section_of, verdict_of

CONFIG = "generations = 12\n[games.tic_tac_toe]\nepisodes = 10\n"


def row(folder: Path, *draws: tuple[float, float]) -> Row:
    """Write a run of which every second generation was read so, t0 before them, and each part of a generation took a second."""
    (folder / "small.toml").write_text(CONFIG)
    config = load_config([folder / "small.toml"])
    with RunDirectory.create(folder / "runs", "small", config) as run:
        for place, (x, o) in enumerate(draws):
            run.append("assessments", {"generation": 2 * place - 1, f"{DRAWS}/x": x, f"{DRAWS}/o": o, EXPLOITABILITY: 0.25})
        for index in range(12):
            run.append("metrics", {"generation": index, **dict.fromkeys(CLOCKS, 1.0)})
    return row_of(FinishedRun(name="small", config=config, directory=run, seconds=70.0))


def test_the_mark_counts_in_both_seats_and_must_hold_three_times_as_long(tmp_path: Path) -> None:
    found = row(tmp_path, (0.2, 0.1), (0.95, 0.5), (0.92, 0.91), (0.93, 0.89), (0.99, 0.92), (0.98, 0.97), (0.94, 0.96))
    assert found.reached is not None
    assert found.stretched is not None
    assert found.fewest is not None
    assert (found.reached.generation, found.stretched.generation, found.fewest.generation) == (4, 12, 6)
    assert found.clock[4] == pytest.approx(4 * len(CLOCKS))
    assert "reached after generation 4 and holds at 3 times that (0.940, 0.960)" in verdict_of(found)
    assert "| 0 | generation 4 | 40 | 0.3 | 0.920, 0.910 | 0.940, 0.960 | 0.930, 0.890 | 0.940, 0.960 | 0.250 |" in section_of([found], {})


@pytest.mark.parametrize(
    ("draws", "said"),
    [
        (((0.2, 0.1), (0.95, 0.5), (0.8, 0.7)), "is not reached; nearest after generation 4: 0.800, 0.700"),
        (((0.2, 0.1), (0.2, 0.1), (0.95, 0.95), (0.9, 0.3)), "ends after 6, before 3 times that, at 0.900, 0.300"),
        (((0.2, 0.1), (0.95, 0.95), (0.9, 0.9), (0.9, 0.3)), "reached after generation 2 and does not hold at 3 times that (0.900, 0.300)"),
    ],
)
def test_what_is_said_is_what_was_reached(draws: tuple[tuple[float, float], ...], said: str, tmp_path: Path) -> None:
    assert said in verdict_of(row(tmp_path, *draws))


def test_a_run_that_failed_is_told() -> None:
    assert "Not finished: tic-tac-toe-seed0 (no room)." in section_of([], {"tic-tac-toe-seed0": "no room"})


@pytest.mark.system
def test_the_quick_study_goes_through(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    report = run_study(tmp_path, seeds=None, jobs=1, is_quick=True)
    assert not report.is_measurement
    assert report.results["failed"] == {}
    assert (tmp_path / "figure.png").is_file()
