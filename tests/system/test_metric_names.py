"""Every name that a run writes stands in docs/metrics.md, and every name there is one that runs write."""

import re
from pathlib import Path

import pytest

from socratic.records import Json
from tests.system.small import play_run, small_config

pytestmark = pytest.mark.system

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"
ROW = re.compile(r"^\| `(?P<name>[^`]+)` \|", re.MULTILINE)
HOLES = {"<game>": r"[^/]+", "<seat>": r"[^/]+", "<opponent>": r"(?:random|optimal|t0)", "<name>": r"[^/]+", "<version>": r"(?:\d+|agent)"}


def documented() -> dict[str, re.Pattern[str]]:
    """Return a pattern for each name of the document."""
    patterns = {}
    for found in ROW.finditer(DOCUMENT.read_text(encoding="utf-8")):
        text = re.escape(found["name"])
        for hole, fill in HOLES.items():
            text = text.replace(re.escape(hole), fill)
        patterns[found["name"]] = re.compile(rf"{text}(?:_low|_high)?")
    return patterns


def test_the_document_and_the_runs_name_the_same_metrics(tmp_path: Path) -> None:
    exact = play_run(tmp_path, "exact", small_config())
    drawn = play_run(tmp_path, "drawn", small_config(observer={"method": "play", "episodes": 8}))
    unmasked = play_run(tmp_path, "unmasked", small_config(generations=1, play={"masked": "off"}))
    judged = small_config(generations=1, games={"debate": {"episodes": 6, "params": {"judged": True}}}, feedback={"judge": "literal"})
    league: dict[str, Json] = {"kuhn_poker": {"episodes": 12, "lineups": [["agent", "league"], ["league", "agent"]]}}
    seated = small_config(generations=3, games=league, league={"every": 1, "size": 3})
    components: Json = {"pg": 1.0, "ce": 1.0, "pref": 1.0, "kl": 0.3}
    valued: dict[str, Json] = {
        "baseline": "value",
        "epochs": 2,
        "kl_form": "k2",
        "gradient": {"kind": "ppo"},
        "imitation": {"keep": "above"},
        "preference": {"pairs": "context"},
        "objective": components,
    }
    mixed = small_config(generations=2, learner=valued)
    panel: dict[str, Json] = {"critic": "panel", "panel": {"members": ["planted_honest", "outcome"]}}
    drawable: dict[str, Json] = {"tic_tac_toe": {"episodes": 4, "params": {"opening": "513", "drawn": 1}}}
    measured = small_config(generations=2, games=drawable, feedback=panel)
    debate: dict[str, Json] = {"debate": {"episodes": 32, "params": {"judged": True}}}
    at_once: dict[str, Json] = {"judge": "reward_model", "reward_model": {"every": 1, "steps": 2, "min_pairs": 8}}
    refreshed = small_config(generations=3, games=debate, feedback=at_once)
    others = {"judged": judged, "seated": seated, "mixed": mixed, "measured": measured, "refreshed": refreshed}
    runs = (exact, drawn, unmasked, *(play_run(tmp_path, name, config) for name, config in others.items()))
    rows = [row for run in runs for log in ("metrics", "assessments") for row in run.read(log)]
    written = {name for row in rows for name in row} - {"generation", "version"}
    patterns = documented()
    unknown = sorted(name for name in written if not any(pattern.fullmatch(name) for pattern in patterns.values()))
    assert not unknown, "docs/metrics.md does not name these"
    unwritten = sorted(name for name, pattern in patterns.items() if not any(map(pattern.fullmatch, written)))
    assert not unwritten, "docs/metrics.md names what no run writes"
