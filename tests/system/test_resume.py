"""Resume: killed between generations or not, the same bytes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from socratic.store.run_directory import RunDirectory
from socratic.store.toml import to_toml
from tests.system.small import command, play_run, small_config, weight_digests, without_times

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

GENERATIONS = 12


def _config_file(folder: Path) -> Path:
    path = folder / "small.toml"
    config = small_config(generations=GENERATIONS, checkpoint={"every": 3})
    path.write_text(to_toml(config.model_dump(mode="json")))
    return path


def _start(folder: Path, name: str, *more: str) -> subprocess.Popen[str]:
    words = ["run", str(_config_file(folder)), "--name", name, "--runs-dir", str(folder), *more]
    return subprocess.Popen([sys.executable, "-m", "socratic", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _wait_for_generations(process: subprocess.Popen[str], count: int) -> None:
    """Read what the run prints until it has recorded `count` generations: its line comes after the record's."""
    assert process.stdout is not None
    printed = []
    for line in process.stdout:
        printed.append(line)
        if line.startswith(f"generation {count}/"):
            return
    raise AssertionError("".join(printed))


def _assert_same(run: RunDirectory, other: RunDirectory) -> None:
    assert without_times(run.read("metrics")) == without_times(other.read("metrics"))
    assert run.read("assessments") == other.read("assessments")
    assert weight_digests(run) == weight_digests(other)
    kept = [sorted(path.name for path in (each.folder / "episodes").iterdir()) for each in (run, other)]
    assert kept[0] == kept[1]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return play_run(tmp_path_factory.mktemp("whole"), "whole", small_config(generations=GENERATIONS, checkpoint={"every": 3}))


@pytest.mark.parametrize("killed_after", [1, 5, 10])
def test_a_killed_run_resumes_to_the_same_bytes(whole: RunDirectory, tmp_path: Path, killed_after: int) -> None:
    process = _start(tmp_path, "killed")
    _wait_for_generations(process, killed_after)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    killed = RunDirectory.open(tmp_path, "killed")
    assert killed.generations_done() < GENERATIONS
    done = command("resume", "killed", runs_dir=tmp_path)
    assert done.returncode == 0, done.stderr
    _assert_same(RunDirectory.open(tmp_path, "killed"), whole)


def test_ctrl_c_checkpoints_and_leaves_and_resumes_to_the_same_bytes(whole: RunDirectory, tmp_path: Path) -> None:
    process = _start(tmp_path, "stopped")
    _wait_for_generations(process, 2)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "socratic resume stopped" in output
    assert "Traceback" not in output
    stopped = RunDirectory.open(tmp_path, "stopped")
    assert stopped.manifest()["state"] == "stopped"
    done = command("resume", "stopped", runs_dir=tmp_path)
    assert done.returncode == 0, done.stderr
    _assert_same(RunDirectory.open(tmp_path, "stopped"), whole)


def test_stop_asks_a_running_run_to_leave(tmp_path: Path) -> None:
    # On a busy machine the command takes as long to start as a short run to end.
    process = _start(tmp_path, "asked", "-o", "generations=2000")
    _wait_for_generations(process, 1)
    asked = command("stop", "asked", runs_dir=tmp_path)
    output, _ = process.communicate(timeout=120)
    assert asked.returncode == 0, asked.stderr
    assert process.returncode == 130, output
    assert RunDirectory.open(tmp_path, "asked").manifest()["state"] == "stopped"
    again = command("stop", "asked", runs_dir=tmp_path)
    assert again.returncode == 1
    assert "is not running" in again.stderr


def test_a_second_ctrl_c_leaves_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    process = _start(tmp_path, "twice")
    _wait_for_generations(process, 1)
    os.kill(process.pid, signal.SIGINT)
    os.kill(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 130, output
    assert "Traceback" not in output
    done = command("resume", "twice", runs_dir=tmp_path)
    assert done.returncode == 0, done.stderr
    assert RunDirectory.open(tmp_path, "twice").generations_done() == GENERATIONS
