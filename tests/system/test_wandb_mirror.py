"""The W&B mirror against the real wandb, offline: written by its client, read back by its own reader, compared with the record.

What is not tested here, because there is no server: the upload, the web pages, and going on online after a resume.
"""

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType

import pytest

from socratic.config import make_config
from socratic.protocols import Json
from socratic.records import Assessment, Generation
from socratic.store.run_directory import RunDirectory
from socratic.tracker import wandb as mirror_module
from socratic.tracker.fanout import Fanout
from socratic.tracker.jsonl import RecordTracker
from socratic.tracker.wandb import WandbMirror

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
KEY = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_" + "A1b2C3d4" * 4
# Far from what binary can say exactly, very large, very small, whole, and missing.
VALUES = MappingProxyType({"thirds": 1 / 3, "large": 1e300, "small": -1e-17, "zero": 0.0, "count": 7, "missing": math.nan})
CHECKPOINT = 6


def start(root: Path) -> None:
    """Play generations 0 to 9 with a checkpoint after 6, and die without a word."""
    run = RunDirectory.create(root, "mine", make_config({"title": f"with {TOKEN} and {KEY}", "games": {"kuhn_poker": {}}}))
    tracker = Fanout(RecordTracker(run), [WandbMirror(run)])
    tracker.record_assessment(assess(-1))
    for index in range(10):
        play(tracker, index)
        if index == CHECKPOINT:
            (root / "offsets.json").write_text(json.dumps(run.offsets()))
    os.kill(os.getpid(), signal.SIGKILL)


def resume(root: Path) -> None:
    """Go back to the checkpoint and play to the end."""
    run = RunDirectory.open(root, "mine")
    run.lock()
    run.cut(json.loads((root / "offsets.json").read_text()), CHECKPOINT + 1)
    tracker = Fanout(RecordTracker(run), [WandbMirror(run)])
    for index in range(CHECKPOINT + 1, 15):
        play(tracker, index)
    tracker.close()


def lose_the_service(root: Path) -> None:
    """Kill W&B's own process in the middle of a run."""
    run = RunDirectory.create(root, "mine", make_config({"games": {"kuhn_poker": {}}}))
    tracker = Fanout(RecordTracker(run), [WandbMirror(run)])
    play(tracker, 0)
    os.kill(service(), signal.SIGKILL)
    for index in range(1, 6):
        play(tracker, index)
    tracker.close()


def reach_nobody(root: Path) -> None:
    """Mirror online, to an address where nobody listens."""
    mirror_module.INIT_TIMEOUT_S = 1.0
    run = RunDirectory.create(root, "mine", make_config({"games": {"kuhn_poker": {}}}))
    tracker = Fanout(RecordTracker(run), [WandbMirror(run, mode="online")])
    for index in range(3):
        play(tracker, index)
    tracker.close()


def play(tracker: Fanout, index: int) -> None:
    metrics = {"reward/mean": index / 7, "time/play_s": os.getpid() + index / 3, **VALUES}
    tracker.record_generation(Generation(index=index, version=index + 1, metrics=metrics))
    if index % 4 == 1:
        tracker.record_assessment(assess(index))
    if index in (2, 12):
        tracker.record_event(index, "alarm", f"kl_t0 rises {TOKEN}")


def assess(index: int) -> Assessment:
    return Assessment(
        generation=index, version=index + 1, metrics={"observer/kuhn_poker/exploitability": 1 / (index + 3), "observer/gap": math.nan}
    )


def service() -> int:
    """Return the process number of W&B's service, a child of this one."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (entry / "stat").exists():
            name, parent = (entry / "stat").read_text().rpartition(")")[::2]
            if "wandb-core" in name and int(parent.split()[1]) == os.getpid():
                return int(entry.name)
    raise LookupError("W&B has no service process")


def in_a_process(name: str, root: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    program = f"import sys, pathlib; from tests.system import test_wandb_mirror as t; t.{name}(pathlib.Path(sys.argv[1]))"
    surroundings = {**os.environ, **variables}
    return subprocess.run(
        [sys.executable, "-c", program, str(root)], cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False
    )


def read_back(run: RunDirectory) -> list[dict[str, dict[str, Json]]]:
    """Return what W&B's own reader finds in all copies of a run, oldest copy first."""
    found = []
    for path in sorted((run.folder / "wandb").glob("offline-run-*/*.wandb")):
        command = [str(Path(sys.executable).with_name("wandb")), "leet", "inspect", "--json", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found += [json.loads(line) for line in done.stdout.splitlines() if line]
    return found


def history(run: RunDirectory) -> tuple[list[dict[str, Json]], list[dict[str, Json]]]:
    """Return the mirrored rows, without W&B's own columns: generations and assessments."""
    rows = []
    for line in read_back(run):
        if "history" in line:
            item = line["history"]["item"]
            assert isinstance(item, dict)
            rows.append({name: value for name, value in item.items() if not name.startswith("_")})
    assessments = [row for row in rows if any(name.startswith("observer/") for name in row)]
    return [row for row in rows if row not in assessments], assessments


def known(rows: list[dict[str, Json]]) -> list[dict[str, Json]]:
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def test_the_mirror_equals_the_record_also_after_a_kill_and_a_resume(tmp_path: Path) -> None:
    assert in_a_process("start", tmp_path).returncode == -signal.SIGKILL
    run = RunDirectory.open(tmp_path, "mine")
    first_id = run.manifest()["id"]
    resumed = in_a_process("resume", tmp_path)
    assert (resumed.returncode, resumed.stderr) == (0, "")
    generations, assessments = history(run)
    assert [row["generation"] for row in generations] == list(range(15))
    assert generations == known(run.read("metrics"))
    assert [row["generation"] for row in assessments] == [-1, 1, 5, 9, 13]
    assert assessments == known(run.read("assessments"))
    lines = read_back(run)
    assert [line["alert"]["text"] for line in lines if "alert" in line] == [f"generation {i}: kl_t0 rises [redacted]" for i in (2, 12)]
    assert {line["run"]["run_id"] for line in lines if "run" in line} == {first_id}
    assert [line["metric"].get("step_metric") for line in lines if "metric" in line] == [None, "generation"]


def test_a_copy_that_was_uploaded_stays(tmp_path: Path) -> None:
    in_a_process("start", tmp_path)
    run = RunDirectory.open(tmp_path, "mine")
    (first,) = (run.folder / "wandb").glob("offline-run-*/*.wandb")
    first.with_name(f"{first.name}.synced").touch()
    in_a_process("resume", tmp_path)
    (second,) = set((run.folder / "wandb").glob("offline-run-*/*.wandb")) - {first}
    assert first.exists()
    assert second.stem == f"{first.stem}-1"


def test_no_secret_reaches_the_mirror(tmp_path: Path) -> None:
    in_a_process("start", tmp_path, WANDB_API_KEY=KEY)
    in_a_process("resume", tmp_path, WANDB_API_KEY=KEY)
    written = {path: path.read_bytes() for path in (tmp_path / "mine").rglob("*") if path.is_file()}
    assert any(path.suffix == ".wandb" and b"[redacted]" in content for path, content in written.items())
    for path, content in written.items():
        assert TOKEN.encode() not in content, path
        assert KEY.encode() not in content, path
        if path.suffix == ".wandb":
            assert os.uname().nodename.encode() not in content
            assert str(ROOT).encode() not in content


def test_the_run_goes_on_when_wandb_dies(tmp_path: Path) -> None:
    done = in_a_process("lose_the_service", tmp_path)
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert "WandbMirror failed and is dropped; the run goes on and its record is whole" in done.stderr
    assert [row["generation"] for row in RunDirectory.open(tmp_path, "mine").read("metrics")] == list(range(6))


def test_a_server_that_does_not_answer_turns_the_mirror_offline(tmp_path: Path) -> None:
    done = in_a_process("reach_nobody", tmp_path, WANDB_MODE="online", WANDB_API_KEY=KEY, WANDB_BASE_URL="http://127.0.0.1:9")
    assert done.returncode == 0
    assert "W&B cannot be reached, the mirror is offline" in done.stderr
    assert KEY not in done.stderr
    run = RunDirectory.open(tmp_path, "mine")
    assert history(run)[0] == known(run.read("metrics"))
