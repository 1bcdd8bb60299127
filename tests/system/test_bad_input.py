"""Whatever goes wrong with a run is one clear line; nothing that was done is lost, and what can be resumed comes out the same."""

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from socratic import build
from socratic.cli.preflight import game_facts
from socratic.cli.session import Session
from socratic.config import Config, PolicySection
from socratic.errors import Interrupted
from socratic.policy.sources import build_scratch_model
from socratic.policy.tokenizer import build_tokenizer
from socratic.seeds import Seed
from socratic.store import checkpoint, durable, lines
from socratic.store.run_directory import RunDirectory
from socratic.store.toml import to_toml
from socratic.tracker.console import Console
from tests.system.small import play_run, small_config, weight_digests, without_times
from tests.system.test_ray_executor import is_gone
from tests.unit.in_process import Ended, invoke, refusal

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

ENDLESS = """from socratic.game import game


@game(seats=("a", "b"), zero_sum=True)
async def endless(t):
    "Say go or stop."
    seat = 0
    while await t.ask(seat, "Go?", ["go", "stop"]) == "go":
        seat = 1 - seat
    return t.win(seat)
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """The undisturbed run."""
    return play_run(tmp_path_factory.mktemp("whole"), "whole", small_config())


@pytest.fixture(scope="module")
def left_early(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the same run, left after its first generation."""
    runs = tmp_path_factory.mktemp("early")
    run = RunDirectory.create(runs, "early", small_config(), games=game_facts(small_config()))
    run.request_stop()
    with pytest.raises(Interrupted):
        Session(run, small_config(), is_resumed=False, is_live=False).run()
    return runs


@pytest.fixture
def early(left_early: Path, tmp_path: Path) -> RunDirectory:
    """A copy of that run, to be damaged; it has the checkpoints 000000 and 000001."""
    shutil.copytree(left_early, tmp_path / "runs")
    return RunDirectory.open(tmp_path / "runs", "early")


def start(folder: Path, name: str, config: Config, *words: str) -> Ended:
    """Begin a run of a configuration in this process."""
    path = folder / f"{name}.toml"
    path.write_text(to_toml(config.model_dump(mode="json")))
    return invoke("run", path, "--name", name, "--runs-dir", folder / "runs", *words)


def save_tiny_model(folder: Path) -> None:
    """Write a language model that knows the words of Kuhn poker."""
    tokenizer = build_tokenizer(["Kuhn poker: the high card of J Q K wins. Say pass or bet.", "Your card: J.", "You: pass bet They"])
    build_scratch_model(len(tokenizer), PolicySection(hidden=16, layers=1, heads=2), Seed(5)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def resume(run: RunDirectory) -> Ended:
    return invoke("resume", run.name, "--runs-dir", run.folder.parent)


def assert_same(run: RunDirectory, whole: RunDirectory) -> None:
    assert without_times(run.read("metrics")) == without_times(whole.read("metrics"))
    assert run.read("assessments") == whole.read("assessments")
    assert weight_digests(run) == weight_digests(whole)
    for path in (whole.folder / "episodes").iterdir():
        assert (run.folder / "episodes" / path.name).read_bytes() == path.read_bytes()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"}


def alter(path: Path) -> None:
    """Change one byte in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


# Damage


@pytest.mark.parametrize("damage", ["altered", "no manifest"])
def test_a_damaged_checkpoint_costs_the_generations_since_the_one_before(early: RunDirectory, whole: RunDirectory, damage: str) -> None:
    newest = early.checkpoints / "000001"
    alter(newest / "learner" / "weights.safetensors") if damage == "altered" else (newest / "manifest.json").unlink()
    done = resume(early)
    assert (done.code, done.err) == (0, "")
    assert_same(early, whole)
    warnings = [event for event in early.read("events") if event["kind"] == "checkpoint-damaged"]
    assert len(warnings) == 1
    assert "000001" in str(warnings[0]["message"])


def test_without_any_whole_checkpoint_nothing_is_touched(early: RunDirectory) -> None:
    for path in early.checkpoints.iterdir():
        alter(path / "learner" / "weights.safetensors")
    before = contents(early.folder)
    for command in ("resume", "eval"):
        assert "2 checkpoint(s) in" in refusal(command, "early", "--runs-dir", early.folder.parent)
    assert contents(early.folder) == before
    shutil.rmtree(early.checkpoints)
    assert "no checkpoint in" in refusal("resume", "early", "--runs-dir", early.folder.parent)


def test_a_record_that_is_shorter_than_its_checkpoint_is_one_line(early: RunDirectory) -> None:
    (early.folder / "metrics.jsonl").write_bytes(b"")
    done = resume(early)
    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert "metrics.jsonl has 0 bytes, expected at least" in done.err
    assert early.manifest()["state"] == "failed"


def test_a_run_without_its_own_files_says_which(early: RunDirectory) -> None:
    (early.folder / "policy.json").rename(early.folder / "moved.json")
    done = resume(early)
    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert "policy.json cannot be read" in done.err
    alter(early.folder / "moved.json")
    (early.folder / "moved.json").rename(early.folder / "policy.json")
    for command in ("resume", "eval"):
        assert "policy.json was changed since run early began" in refusal(command, "early", "--runs-dir", early.folder.parent)
    (early.folder / "manifest.json").unlink()
    for command in ("resume", "eval", "stop"):
        said = refusal(command, "early", "--runs-dir", early.folder.parent)
        assert "has no manifest.json: it is no run, or a damaged one; bring the file back" in said


# What is missing


def test_a_model_that_cannot_be_fetched_fails_the_run_and_it_begins_anew_once_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_config(generations=1, play={"masked": "on"}, observer={"enabled": False})
    config = config.model_copy(update={"games": {"kuhn_poker": config.games["kuhn_poker"]}})
    ended = start(tmp_path, "far", config, "-o", "policy.source=nobody/no-such-model")
    assert (ended.code, len(ended.err.splitlines())) == (1, 1)
    assert "policy.source = 'nobody/no-such-model' is no folder here, is not in the hub's cache" in ended.err
    assert f"`socratic resume far --runs-dir {tmp_path / 'runs'}` begins it anew" in ended.err
    run = RunDirectory.open(tmp_path / "runs", "far")
    assert (run.manifest()["state"], run.is_locked()) == ("failed", False)
    monkeypatch.chdir(tmp_path)
    save_tiny_model(tmp_path / "nobody" / "no-such-model")
    assert resume(run).code == 0
    assert run.manifest()["state"] == "finished"


# A full disk


@contextlib.contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch, is_full_at: Callable[[object, bytes], bool]) -> Iterator[None]:
    """From the first write that `is_full_at` picks on, every write finds no space."""
    is_full = False

    def check(place: object, content: bytes) -> None:
        nonlocal is_full
        is_full = is_full or is_full_at(place, content)
        if is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def write_all(descriptor: int, content: bytes, real: Callable[[int, bytes], None] = lines._write_all) -> None:
        check(descriptor, content)
        real(descriptor, content)

    def write_synced(path: Path, content: bytes, real: Callable[[Path, bytes], None] = durable.write_synced) -> None:
        check(path, content)
        real(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(lines, "_write_all", write_all)
        patch.setattr(durable, "write_synced", write_synced)
        patch.setattr(checkpoint, "write_synced", write_synced)
        yield


@pytest.mark.parametrize("at", ["metrics", "checkpoint", "set-up"])
def test_a_full_disk_loses_nothing_and_the_run_goes_on_when_there_is_space(
    at: str, tmp_path: Path, whole: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_full_at(place: object, content: bytes) -> bool:
        if at == "metrics":
            return content.startswith(b'{"generation":2,"version"')
        name = "policy.json" if at == "set-up" else "000004"
        return name in str(place)

    with full_disk(monkeypatch, is_full_at):
        ended = start(tmp_path, "full", small_config())
    assert (ended.code, len(ended.err.splitlines())) == (1, 1)
    assert "no space left for" in ended.err
    run = RunDirectory.open(tmp_path / "runs", "full")
    kept = [] if at == "set-up" else ["000000", "000002"]
    assert sorted(path.name for path in run.checkpoints.iterdir()) == kept
    assert not list(run.folder.rglob(".tmp-*"))
    assert resume(run).code == 0
    assert_same(run, whole)


# Leaving


@pytest.mark.parametrize("is_dropped", [False, True])
def test_ctrl_c_in_the_set_up_leaves_before_the_first_generation_and_can_be_resumed(
    is_dropped: bool, tmp_path: Path, whole: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> float:
        # A library's callback drops what is raised in it.
        with contextlib.suppress(*([KeyboardInterrupt] if is_dropped else [])):
            signal.raise_signal(signal.SIGINT)
        return 0.0

    with monkeypatch.context() as patch:
        patch.setattr(build, "warm_up", interrupted)
        ended = start(tmp_path, "brief", small_config())
    runs = tmp_path / "runs"
    way_on = "goes on" if is_dropped else "begins it anew"
    assert (ended.code, ended.err) == (130, f"socratic: left at once; `socratic resume brief --runs-dir {runs}` {way_on}\n")
    run = RunDirectory.open(runs, "brief")
    assert (run.manifest()["state"], run.generations_done()) == ("stopped", 0)
    if not is_dropped:  # else the set-up was ended, without the warm-up that this test took away
        assert list(run.checkpoints.iterdir()) == []
        assert resume(run).code == 0
        assert_same(run, whole)


def test_ctrl_c_while_torch_loads_waits_for_the_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def interrupted(console: Console, what: str) -> Iterator[None]:
        del console
        if what == "torch and transformers to load":
            signal.raise_signal(signal.SIGINT)
        yield

    monkeypatch.setattr(Console, "waiting_for", interrupted)
    ended = start(tmp_path, "loading", small_config())
    assert ended.code == 130
    assert "leaving as soon as torch is loaded; again to leave at once" in ended.out
    assert RunDirectory.open(tmp_path / "runs", "loading").manifest()["state"] == "stopped"


@pytest.mark.slow
def test_ctrl_c_to_the_whole_group_leaves_no_ray_behind(tmp_path: Path) -> None:
    config = small_config(generations=500, play={"executor": "ray"}, observer={"enabled": False}, checkpoint={"every": 500})
    (tmp_path / "ray.toml").write_text(to_toml(config.model_dump(mode="json")))
    words = ["run", str(tmp_path / "ray.toml"), "--name", "ray", "--runs-dir", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "socratic", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("generation 1/"):
            break
    children = _descendants(process.pid)
    assert len(children) > 3
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, out + err
    assert len(err.splitlines()) == 1, err
    assert "checkpointed; `" in err
    assert "socratic resume ray" in err
    assert all(is_gone(pid, 10) for pid in children)
    run = RunDirectory.open(tmp_path, "ray")
    assert run.manifest()["state"] == "stopped"
    newest = max(int(path.name) for path in run.checkpoints.iterdir())
    assert newest == run.generations_done() < 500


# What can be played


def test_opponents_that_cannot_play_a_game_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "endless.py"
    file.write_text(ENDLESS)
    config = small_config(generations=1, observer={"episodes": 4}, play={"max_turns": 20})
    config = config.model_copy(update={"games": {str(file): config.games["sticks"].model_copy(update={"params": {}})}})
    ended = start(tmp_path, "endless", config)
    assert ended.code == 0, ended.err
    found = RunDirectory.open(tmp_path / "runs", "endless").read("assessments")[-1]
    assert {name.rpartition("_vs_")[2] for name in found if "/score_vs_" in name and "/a" not in name and "/b" not in name} >= {
        "random",
        "t0",
    }
    assert not any("optimal" in name for name in found)


def test_a_language_model_may_be_masked(tmp_path: Path) -> None:
    save_tiny_model(tmp_path / "model")
    config = small_config(generations=1, play={"masked": "on"}, observer={"enabled": False})
    config = config.model_copy(
        update={"games": {"kuhn_poker": config.games["kuhn_poker"]}, "policy": PolicySection(source=str(tmp_path / "model"))}
    )
    ended = start(tmp_path, "masked", config)
    assert ended.code == 0, ended.err
    (row,) = RunDirectory.open(tmp_path / "runs", "masked").read("metrics")
    assert {value for name, value in row.items() if "illegal" in name} == {0.0}


def test_an_observer_that_fails_is_an_event_and_the_run_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "endless.py"
    file.write_text(ENDLESS)
    config = small_config(generations=2, observer={"method": "exact"}, play={"max_turns": 20})
    config = config.model_copy(update={"games": {str(file): config.games["sticks"].model_copy(update={"params": {}})}})
    ended = start(tmp_path, "blind", config)
    assert ended.code == 0, ended.err
    run = RunDirectory.open(tmp_path / "runs", "blind")
    failed = [event for event in run.read("events") if event["kind"] == "observer-failed"]
    assert [event["generation"] for event in failed] == [-1, 1]
    assert "endless" in str(failed[0]["message"])
    assert (run.generations_done(), run.read("assessments"), run.manifest()["state"]) == (2, [], "finished")


# What a run says


def test_eval_as_json_is_one_json_value(whole: RunDirectory) -> None:
    ended = invoke("eval", "whole", "--json", "--runs-dir", whole.folder.parent)
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out)["generation"] == 3


def test_several_seeds_are_several_runs_and_an_interval(tmp_path: Path) -> None:
    config = small_config(generations=1)
    config = config.model_copy(update={"games": {"kuhn_poker": config.games["kuhn_poker"]}})
    path = tmp_path / "Two Seeds.toml"
    path.write_text(to_toml(config.model_dump(mode="json")))
    ended = invoke("run", path, "--seeds", "2", "--runs-dir", tmp_path / "runs")
    assert ended.code == 0, ended.err
    runs = [RunDirectory.open(tmp_path / "runs", name) for name in ("two-seeds-1", "two-seeds-2")]
    assert [run.manifest()["seed"] for run in runs] == [0, 1]
    (line,) = [line for line in ended.out.splitlines() if line.startswith("  kuhn_poker exploitability: ")]
    assert "over 2 seeds: mean and 95 % interval" in ended.out
    values = [run.read("assessments")[-1]["observer/kuhn_poker/exploitability"] for run in runs]
    assert line.endswith("(" + " ".join(f"{value:.3f}" for value in values) + ")")


def _descendants(pid: int) -> list[int]:
    """Return the processes that descend from one that runs."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = [pid]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found[1:]
