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
from socratic.records import Assessment, Generation, Json
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
    """Play generations 0 to 9 with a checkpoint after 6, and die without a word; nothing or little is flushed by then."""
    begin(root)
    os.kill(os.getpid(), signal.SIGKILL)


def start_and_flush(root: Path) -> None:
    """Play generations 0 to 9 with a checkpoint after 6, and die once the mirror has them all."""
    begin(root).close()
    os.kill(os.getpid(), signal.SIGKILL)


def begin(root: Path) -> Fanout:
    run = RunDirectory.create(root, "mine", make_config({"title": f"with {KEY}", "games": {"kuhn_poker": {}}}))
    tracker = Fanout(RecordTracker(run), [WandbMirror(run)])
    tracker.record_assessment(assess(-1))
    for index in range(10):
        play(tracker, index)
        if index == CHECKPOINT:
            (root / "offsets.json").write_text(json.dumps(run.offsets()))
    return tracker


def resume(root: Path) -> None:
    """Go back to the checkpoint and play to the end."""
    run = RunDirectory.open(root, "mine")
    run.lock()
    run.cut(json.loads((root / "offsets.json").read_text()), CHECKPOINT + 1)
    tracker = Fanout(RecordTracker(run), [WandbMirror(run)])
    tracker.record_event(CHECKPOINT, "rollback", "back to the checkpoint")
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
    # A test that ran before in this process may have left its own W&B service for children to share.
    surroundings = {name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"}
    surroundings |= variables
    return subprocess.run(
        [sys.executable, "-c", program, str(root)], cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False
    )


def copies(run: RunDirectory) -> list[Path]:
    """Return the offline copies, oldest first."""
    return sorted((run.folder / "wandb").glob("offline-run-*/*.wandb"))


def read_back(paths: list[Path]) -> list[dict[str, dict[str, Json]]]:
    """Return what W&B's own reader finds in copies of a run."""
    found = []
    for path in paths:
        command = [str(Path(sys.executable).with_name("wandb")), "leet", "inspect", "--json", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found += [json.loads(line) for line in done.stdout.splitlines() if line]
    return found


def history(paths: list[Path]) -> tuple[list[dict[str, Json]], list[dict[str, Json]]]:
    """Return the mirrored rows, without W&B's own columns: generations and assessments."""
    rows = []
    for line in read_back(paths):
        if "history" in line:
            item = line["history"]["item"]
            assert isinstance(item, dict)
            rows.append({name: value for name, value in item.items() if not name.startswith("_")})
    assessments = [row for row in rows if any(name.startswith("observer/") for name in row)]
    return [row for row in rows if row not in assessments], assessments


def known(rows: list[dict[str, Json]]) -> list[dict[str, Json]]:
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


@pytest.mark.parametrize("ending", ["start", "start_and_flush"])
def test_the_mirror_equals_the_record_also_after_a_kill_and_a_resume(tmp_path: Path, ending: str) -> None:
    assert in_a_process(ending, tmp_path).returncode == -signal.SIGKILL
    run = RunDirectory.open(tmp_path, "mine")
    resumed = in_a_process("resume", tmp_path)
    assert (resumed.returncode, resumed.stderr) == (0, "")
    generations, assessments = history(copies(run))
    assert [row["generation"] for row in generations] == list(range(15))
    assert generations == known(run.read("metrics"))
    assert [row["generation"] for row in assessments] == [-1, 1, 5, 9, 13]
    assert assessments == known(run.read("assessments"))
    lines = read_back(copies(run))
    alerts = ["generation 2: kl_t0 rises [redacted]", "generation 6: back to the checkpoint", "generation 12: kl_t0 rises [redacted]"]
    assert [line["alert"]["text"] for line in lines if "alert" in line] == alerts
    assert {line["run"]["run_id"] for line in lines if "run" in line} == {run.manifest()["id"]}
    assert [line["metric"].get("step_metric") for line in lines if "metric" in line] == [None, "generation"]


def test_a_copy_that_was_uploaded_stays(tmp_path: Path) -> None:
    in_a_process("start_and_flush", tmp_path)
    run = RunDirectory.open(tmp_path, "mine")
    (first,) = copies(run)
    first.with_name(f"{first.name}.synced").touch()
    in_a_process("resume", tmp_path)
    (second,) = set(copies(run)) - {first}
    assert second.stem == f"{first.stem}-1"
    generations, assessments = history([first])
    assert [row["generation"] for row in generations] == list(range(10))
    assert [row["generation"] for row in assessments] == [-1, 1, 5, 9]
    assert history([second])[0] == known(run.read("metrics"))


def test_no_secret_reaches_the_mirror(tmp_path: Path) -> None:
    # The first process does not know that KEY is one: config.toml has it, and the second must still not mirror it.
    in_a_process("start_and_flush", tmp_path)
    in_a_process("resume", tmp_path, WANDB_API_KEY=KEY)
    assert KEY in (tmp_path / "mine" / "config.toml").read_text()
    (copy,) = copies(RunDirectory.open(tmp_path, "mine"))
    assert b"[redacted]" in copy.read_bytes()
    for path in (tmp_path / "mine" / "wandb").rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert TOKEN.encode() not in content, path
        assert KEY.encode() not in content, path
    assert os.uname().nodename.encode() not in copy.read_bytes()
    assert str(ROOT).encode() not in copy.read_bytes()


def test_the_run_goes_on_when_wandb_dies(tmp_path: Path) -> None:
    done = in_a_process("lose_the_service", tmp_path)
    assert done.returncode == 0
    assert done.stderr.count("is dropped") == 1
    assert "WandbMirror failed and is dropped; the run goes on and its record is whole" in done.stderr
    assert [row["generation"] for row in RunDirectory.open(tmp_path, "mine").read("metrics")] == list(range(6))


def test_a_server_that_does_not_answer_turns_the_mirror_offline(tmp_path: Path) -> None:
    done = in_a_process("reach_nobody", tmp_path, WANDB_MODE="online", WANDB_API_KEY=KEY, WANDB_BASE_URL="http://127.0.0.1:9")
    assert done.returncode == 0
    assert "W&B cannot be reached, the mirror is offline" in done.stderr
    assert KEY not in done.stderr
    run = RunDirectory.open(tmp_path, "mine")
    assert history(copies(run))[0] == known(run.read("metrics"))
