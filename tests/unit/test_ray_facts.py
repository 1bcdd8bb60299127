"""What is said of Ray without loading it."""

import subprocess
import sys
from pathlib import Path

import pytest

from socratic.cluster import ray_facts
from socratic.cluster.facts import tighten_token


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / ".ray" / "auth_token"
    path.parent.mkdir()
    path.write_text("secret")
    path.chmod(0o644)
    return path


def test_a_token_that_others_can_read_is_shown_and_tightened(token: Path) -> None:
    assert ray_facts()["token_mode"] == "0644"
    assert ray_facts()["token_is_private"] is False
    tighten_token()
    assert ray_facts()["token_mode"] == "0600"
    assert ray_facts()["token_is_private"] is True
    assert token.read_text() == "secret"


def test_a_missing_token_has_no_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    tighten_token()
    facts = ray_facts()
    assert facts["token_exists"] is False
    assert "token_mode" not in facts
    assert "token_is_private" not in facts


def test_a_session_without_processes_is_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    assert (ray_facts()["sessions"], ray_facts()["stale_sessions"]) == (0, 0)
    for name in ("session_live", "session_stale"):
        (tmp_path / "ray" / name).mkdir(parents=True)
    (tmp_path / "ray" / "session_latest").symlink_to(tmp_path / "ray" / "session_live")
    # Like Ray's own processes, this one names its session among its arguments.
    argument = f"/ray/core/src/ray/raylet --session-dir={tmp_path}/ray/session_live"
    with subprocess.Popen([sys.executable, "-c", "input()", argument], stdin=subprocess.PIPE) as process:
        facts = ray_facts()
        process.communicate(b"\n")
    assert (facts["sessions"], facts["stale_sessions"]) == (2, 1)
    assert int(facts["processes"]) >= 1
