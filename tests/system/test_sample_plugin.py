"""A game of somebody else's distribution is found by its entry point, checked and played like any other."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from socratic.config import load_config

PLUGIN = Path(__file__).parents[1] / "sample_plugin"
PIP = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-build-isolation"]

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder into which the plugin is installed."""
    tree, site = tmp_path_factory.mktemp("tree") / "well", tmp_path_factory.mktemp("site")
    shutil.copytree(PLUGIN, tree, ignore=shutil.ignore_patterns("__pycache__"))
    run([*PIP, "--target", str(site), str(tree)], site)
    return site


def run(words: list[str], site: Path, said: str = "") -> str:
    """Return what a new interpreter prints that finds what is installed in `site`."""
    surroundings = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, *words], input=said, capture_output=True, text=True, env=surroundings, cwd=site, check=False, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def socratic(*words: str, site: Path, said: str = "") -> str:
    return run(["-m", "socratic", *words], site, said)


def test_it_is_listed_with_its_distribution(site: Path) -> None:
    rows = {row["name"]: row for row in json.loads(socratic("games", "list", "--json", site=site))}
    well = rows["well"]
    assert (well["distribution"], well["version"], well["num_seats"], well["kind"]) == ("socratic-well", "0.1.0", 3, "any sum")
    assert "sticks" in rows
    assert "well " in socratic("games", "list", site=site)


def test_it_keeps_the_contract_at_every_level(site: Path) -> None:
    report = json.loads(socratic("games", "check", "well", "--level", "all", "--json", site=site))
    assert report["passed"]
    assert {finding["level"] for finding in report["findings"]} == {0, 1, 2, 3}
    elsewhere = [finding for finding in report["findings"] if finding["rule"] == "same game under another hash seed"]
    assert all(finding["was_tried"] for finding in elsewhere)


def test_it_is_played_by_name(site: Path) -> None:
    words = ["play", "well", "--seat", "all", "-p", "rounds=1", "--json"]
    facts = json.loads(socratic(*words, site=site, said="2\n1\n1\n"))
    # Of 4 in the well 4 were drawn, and nobody could have had more than 2.
    assert facts["scores"] == {"ann": 1.0, "bob": 0.5, "cleo": 0.5}
    dry = json.loads(socratic(*words, site=site, said="2\n2\n1\n"))
    assert dry["scores"] == {"ann": 0.0, "bob": 0.0, "cleo": 0.0}


def test_its_own_player_answers_free_text(site: Path) -> None:
    printed = socratic("play", "well", "--seat", "cleo", "-p", "talk=true", "-p", "rounds=1", site=site, said="hush\n0\n")
    assert "ann: well bob: well cleo: hush" in printed
    assert "cleo (you) scored 0 (0 to 1)" in printed


def test_it_is_named_in_a_configuration(site: Path, tmp_path: Path) -> None:
    (tmp_path / "well.toml").write_text("[games.well]\nparams = { rounds = 1 }\n")
    plan = socratic("run", str(tmp_path / "well.toml"), "--dry-run", site=site)
    (tmp_path / "plan.toml").write_text(plan)
    assert load_config([tmp_path / "plan.toml"]).games["well"].params == {"rounds": 1}


def test_it_is_gone_where_it_is_not_installed(tmp_path: Path) -> None:
    assert "well" not in {row["name"] for row in json.loads(socratic("games", "list", "--json", site=tmp_path))}
