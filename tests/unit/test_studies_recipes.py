"""The recipes' table: the truth that says most of each game, at t0 and at the end, and what failed beside it."""

from pathlib import Path

import pytest

from socratic.config import load_config
from socratic.records import Json
from socratic.store.run_directory import RunDirectory
from socratic.studies.frame import FinishedRun
from socratic.studies.recipes import Row, rows_of, table_of

GAMES = "[games.kuhn_poker]\nepisodes = 8\n[games.sticks]\nepisodes = 8\n[games.signal]\nepisodes = 8\n"
AT_T0: dict[str, Json] = {
    "observer/kuhn_poker/exploitability": 0.4,
    "observer/kuhn_poker/value": 0.1,
    "observer/sticks/exploitability": 1.0,
    "observer/sticks/optimal_share": 0.2,
    "observer/signal/value": 0.25,
}
AT_END: dict[str, Json] = {
    **AT_T0,
    "observer/kuhn_poker/exploitability": 0.03,
    "observer/sticks/optimal_share": 0.9,
    "observer/signal/value": 1.0,
}


def finished(folder: Path, name: str, seconds: float, shift: float = 0.0) -> FinishedRun:
    """Write a run that ended as AT_END says, its exploitability moved by `shift`."""
    (folder / "three.toml").write_text(GAMES)
    config = load_config([folder / "three.toml"])
    with RunDirectory.create(folder / "runs", name, config) as run:
        run.append("assessments", {"generation": -1, **AT_T0})
        run.append("assessments", {"generation": 9, **AT_END, "observer/kuhn_poker/exploitability": 0.03 + shift})
    return FinishedRun(name=name, config=config, directory=run, seconds=seconds)


def test_each_game_is_told_by_what_says_most_of_it(tmp_path: Path) -> None:
    rows = rows_of("grpo", [finished(tmp_path, "grpo", 12.4)])
    assert [row.cells() for row in rows] == [
        ("`grpo`", "`kuhn_poker`", "exploitability", "0.400", "0.030", "0.000", "12"),
        ("`grpo`", "`sticks`", "optimal moves", "0.200", "0.900", "1.000", "12"),
        ("`grpo`", "`signal`", "score", "0.250", "1.000", "1.000", "12"),
    ]


def test_several_seeds_are_told_by_their_median(tmp_path: Path) -> None:
    runs = [finished(tmp_path, f"run-{place}", seconds, shift) for place, (seconds, shift) in enumerate([(1, 0.0), (9, 0.5), (2, 0.1)])]
    (kuhn, _, _) = rows_of("grpo", runs)
    assert kuhn.at_end == pytest.approx(0.13)
    assert kuhn.seconds == 2


def test_a_recipe_without_a_run_has_no_row() -> None:
    assert rows_of("grpo", []) == []


def test_the_table_says_how_it_is_made_and_what_failed() -> None:
    row = Row(recipe="ppo", game="sticks", truth="optimal moves", at_t0=0.2, at_end=0.9, best="1.000", seconds=3.0)
    text = table_of([row], {"spin-seed0": "no luck"}, 3, with_language=True)
    assert "| `ppo` | `sticks` | optimal moves | 0.200 | 0.900 | 1.000 | 3 |" in text
    assert "`socratic study recipes --with-smollm2 --seeds 3` makes this table, of the medians of 3 seeds" in text
    assert "Not finished: spin-seed0 (no luck)." in text
