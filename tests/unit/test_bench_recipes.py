"""What a benchmark makes of the numbers that it measured."""

import pytest

from socratic.records import Json
from tests.bench.__main__ import BENCHES
from tests.bench.planted_judges import PlantedJudges, summary
from tests.bench.recipes import SideBySide


def measured(num_learned: int, seconds: float) -> SideBySide:
    learned = {f"easy_{at}": (1.0, 0.2) for at in range(num_learned)}
    return SideBySide(command="socratic run sixteen", regrets={**learned, "hard": (1.0, 0.201), "lost": (None, None)}, seconds=seconds)


@pytest.mark.parametrize(("num_learned", "seconds", "is_met"), [(8, 600.0, True), (7, 60.0, False), (9, 600.1, False)])
def test_sixteen_games_are_to_be_learned_by_half_and_in_time(num_learned: int, seconds: float, is_met: bool) -> None:
    assert measured(num_learned, seconds).is_met is is_met


def test_the_sixteen_have_a_row_each_and_one_that_was_not_measured_is_not_learned() -> None:
    lines = measured(2, 123.4).lines()
    assert "| `easy_1` | 1.000 | 0.200 | yes |" in lines
    assert "| `hard` | 1.000 | 0.201 | no |" in lines
    assert "| `lost` | not measured | not measured | no |" in lines
    assert "Learned: 2 of 4, mark >= 8. Whole command: 123 s, mark <= 600 s." in lines


def test_the_sixteen_are_among_the_benchmarks() -> None:
    assert "sixteen" in BENCHES


@pytest.mark.parametrize(
    ("judge", "quarantined", "out", "is_met"),
    [("honest", [0, 0, 0], None, True), ("honest", [0, 0, 1], 3, False), ("length", [0, 1, 1], 2, True), ("empty", [0, 0, 0], None, False)],
)
def test_a_planted_judge_fares_as_it_should(judge: str, quarantined: list[int], out: int | None, *, is_met: bool) -> None:
    prefix = f"critic/planted_{judge}"
    rows: list[dict[str, Json]] = [{f"{prefix}/quarantined": each, f"{prefix}/canary_fpr": each / 2} for each in quarantined]
    rows[1][f"{prefix}/youden_j_low"] = 0.125
    found = summary(judge, "debate", 11, rows)
    assert (found.out, found.least_j, found.is_met) == (out, 0.125, is_met)
    assert PlantedJudges(runs=(found,)).is_met is is_met
    words = "heard to the end" if out is None else f"out in generation {out}"
    assert PlantedJudges(runs=(found,)).lines()[-2].startswith(f"| `planted_{judge}` | debate | 11 | 3 | {words} | 0.12 |")
