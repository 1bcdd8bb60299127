"""Checkpoints: whole or absent, wherever the process dies; and nothing that was altered is ever loaded."""

import json
import math
import resource
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from socratic.errors import CheckpointError, RunError
from socratic.records import Json
from socratic.store.checkpoint import Part, checkpoint_paths, clean_up, load_checkpoint, newest_checkpoint, write_checkpoint
from socratic.store.sealed import seal_of

OFFSETS = {"metrics": 10, "assessments": 0, "events": 3}


class Baselines:
    """A part whose memory is JSON."""

    def __init__(self, value: float = 0.0) -> None:
        self.memory: dict[str, Json] = {"kuhn_poker/0": value, "missing": math.nan, "seen": [1, 2]}

    def state(self) -> Mapping[str, Json]:
        return self.memory

    def restore(self, state: Mapping[str, Json]) -> None:
        self.memory = {"kuhn_poker/0": state["kuhn_poker/0"], "missing": state["missing"], "seen": state["seen"]}


class Weights:
    """A part whose memory is arrays."""

    def __init__(self, value: float = 0.0, size: int = 100) -> None:
        self.array: NDArray[np.float32] = np.full(size, value, dtype=np.float32)

    def save(self, folder: Path) -> None:
        save_file({"w": self.array}, folder / "model.safetensors")
        (folder / "extra.json").write_text("{}")

    def load(self, folder: Path) -> None:
        self.array = load_file(folder / "model.safetensors")["w"]


def write(folder: Path, index: int, *, keep: int = 2, on_step: Callable[[str], None] | None = None, size: int = 100) -> Path:
    parts: dict[str, Part] = {"baselines": Baselines(index / 7), "weights": Weights(index, size)}
    return write_checkpoint(folder, index, parts, {**OFFSETS, "metrics": index}, keep, on_step=on_step)


def load(folder: Path) -> tuple[int, float, Json, tuple[str, ...]]:
    """Load into fresh parts; return index, the arrays' value, the JSON's value and the warnings."""
    baselines, weights = Baselines(), Weights()
    checkpoint = load_checkpoint(folder, {"baselines": baselines, "weights": weights})
    assert checkpoint.offsets["metrics"] == checkpoint.index
    assert len(set(weights.array.tolist())) == 1
    return checkpoint.index, float(weights.array[0]), baselines.memory["kuhn_poker/0"], checkpoint.warnings


def test_every_part_comes_back_exactly(tmp_path: Path) -> None:
    path = write(tmp_path / "checkpoints", 12)
    assert path.name == "000012"
    assert load(path.parent) == (12, 12.0, 12 / 7, ())
    fresh = Baselines()
    load_checkpoint(path.parent, {"baselines": fresh, "weights": Weights()})
    assert fresh.memory["seen"] == [1, 2]
    assert isinstance(fresh.memory["missing"], float)
    assert math.isnan(fresh.memory["missing"])


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    for index in (1, 2, 9, 10):
        write(tmp_path, index)
    assert [path.name for path in checkpoint_paths(tmp_path)] == ["000009", "000010"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["000009", "000010"]


def test_a_checkpoint_of_the_same_generation_is_replaced(tmp_path: Path) -> None:
    write(tmp_path, 1)
    (write(tmp_path, 2) / "baselines.json").write_text("{}")
    write(tmp_path, 2)
    assert load(tmp_path) == (2, 2.0, 2 / 7, ())


KILLED_AT_EACH_STEP = """
    import os, signal, sys
    from pathlib import Path
    from tests.unit.test_checkpoint import write

    steps = []
    root = Path(sys.argv[1])
    last = int(sys.argv[2])
    write(root / "whole", 1, keep=1)
    write(root / "whole", last, keep=1, on_step=steps.append)
    for number, name in enumerate(steps):
        folder = root / f"killed-{number:02d}"
        write(folder, 1, keep=1)
        if os.fork() == 0:
            left = number
            def die(step):
                global left
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1
            write(folder, last, keep=1, on_step=die)
        _, status = os.wait()
        assert os.WTERMSIG(status) == signal.SIGKILL, name
    print("\\n".join(steps))
"""


@pytest.mark.parametrize("last", [2, 1], ids=["a later generation", "the same generation again"])
def test_killed_at_any_step_the_old_or_the_new_checkpoint_is_whole(tmp_path: Path, last: int) -> None:
    program = textwrap.dedent(KILLED_AT_EACH_STEP)
    command = [sys.executable, "-c", program, str(tmp_path), str(last)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    steps = done.stdout.split("\n")[:-1]
    assert {"part weights", "files synced", "manifest written", "renamed", "parent synced"} <= set(steps)
    found = []
    for number in range(len(steps)):
        folder = tmp_path / f"killed-{number:02d}"
        clean_up(folder)
        index, array, value, warnings = load(folder)
        assert (array, value, warnings) == (index, index / 7, ())
        found.append(index)
        write(folder, 5, keep=1)
        assert [entry.name for entry in folder.iterdir()] == ["000005"]
    if last == 2:
        assert found == [1 if number < steps.index("renamed") else 2 for number in range(len(steps))]


def test_an_error_at_any_step_leaves_the_old_checkpoint_or_the_new(tmp_path: Path) -> None:
    steps: list[str] = []
    write(tmp_path / "whole", 2, on_step=steps.append)
    for number in range(steps.index("renamed")):
        folder = tmp_path / f"failed-{number}"
        write(folder, 1)
        seen: list[str] = []

        def fail(step: str, seen: list[str] = seen, last: int = number) -> None:
            seen.append(step)
            if len(seen) > last:
                raise OSError(5, "Input/output error")

        with pytest.raises(RunError, match="cannot write"):
            write(folder, 2, on_step=fail)
        assert [entry.name for entry in folder.iterdir()] == ["000001"]
        assert load(folder)[0] == 1


@pytest.mark.parametrize("limit", [1000, 100_000])
def test_a_full_disk_leaves_the_old_checkpoint(tmp_path: Path, limit: int) -> None:
    write(tmp_path, 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(RunError, match=r"no space left for .*000002") as caught:
            write(tmp_path, 2, size=1_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(caught.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["000001"]
    assert load(tmp_path)[0] == 1


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def promise(checkpoint: Path, changes: Mapping[str, Json]) -> None:
    """Change a manifest and seal it anew, as somebody would who means it."""
    body = json.loads((checkpoint / "manifest.json").read_bytes())
    del body["seal"]
    body.update(changes)
    (checkpoint / "manifest.json").write_text(json.dumps({**body, "seal": seal_of(body)}))


def link_away(checkpoint: Path) -> None:
    target = checkpoint.parent.parent / "elsewhere.json"
    (checkpoint / "baselines.json").rename(target)
    (checkpoint / "baselines.json").symlink_to(target)


def pickle_inside(checkpoint: Path) -> None:
    (checkpoint / "weights" / "model.bin").write_bytes(b"\x80\x04.")


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "an altered byte": (lambda path: flip(path / "weights" / "model.safetensors"), r"model\.safetensors was altered"),
    "a truncated file": (lambda path: (path / "baselines.json").write_bytes(b"{"), r"baselines\.json has 1 bytes, expected"),
    "a missing file": (lambda path: (path / "weights" / "extra.json").unlink(), r"misses weights/extra\.json"),
    "an unlisted file": (lambda path: (path / "more.json").write_text("{}"), r"has more\.json, which its manifest does not list"),
    "a pickle": (pickle_inside, r"model\.bin; only \.safetensors and \.json"),
    "a link": (link_away, r"has a link, baselines\.json"),
    "no manifest": (lambda path: (path / "manifest.json").unlink(), "has no manifest: it was not finished"),
    "half a manifest": (lambda path: (path / "manifest.json").write_text('{"schema": 1, "ind'), "manifest that cannot be read"),
    "an altered manifest": (lambda path: flip(path / "manifest.json"), "manifest|schema"),
    "an altered offset": (lambda path: replace(path / "manifest.json", '"events": 3', '"events": 4'), "manifest that was altered"),
    "a huge manifest": (lambda path: (path / "manifest.json").write_bytes(b" " * (5 << 20)), "manifest of 5242880 bytes"),
    "a path outside": (lambda path: promise(path, {"files": {"../../x.json": {}}}), r"lists '\.\./\.\./x\.json'"),
    "an absolute path": (lambda path: promise(path, {"files": {"/etc/x.json": {}}}), "lists '/etc/x.json'"),
    "another schema": (lambda path: promise(path, {"schema": 2}), "not of schema 1"),
    "another generation": (lambda path: promise(path, {"index": 3}), "under another name"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_what_was_altered_is_not_loaded(tmp_path: Path, kind: str) -> None:
    damage, complaint = DAMAGE[kind]
    folder = tmp_path / "checkpoints"
    damage(write(folder, 2))
    with pytest.raises(CheckpointError, match=complaint) as caught:
        load(folder)
    assert "\n" not in str(caught.value)
    assert "none verifies" in str(caught.value)
    write(folder, 1)
    index, _, _, warnings = load(folder)
    assert index == 1
    assert len(warnings) == 1


def test_no_checkpoint_at_all_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no checkpoint in .*start it again"):
        newest_checkpoint(tmp_path / "checkpoints")


def test_a_part_that_is_missing_or_too_many_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, 1)
    parts: dict[str, Part] = {"baselines": Baselines(), "weights": Weights()}
    with pytest.raises(CheckpointError, match="no part 'guard'"):
        load_checkpoint(tmp_path, {**parts, "guard": Baselines()})
    with pytest.raises(CheckpointError, match="a part 'weights' that this run does not"):
        load_checkpoint(tmp_path, {"baselines": Baselines()})


def test_a_memory_without_its_keys_is_an_error(tmp_path: Path) -> None:
    other = Baselines()
    other.memory = {"other": 1}
    write_checkpoint(tmp_path, 1, {"baselines": other}, OFFSETS, 2)
    with pytest.raises(CheckpointError, match=r"part 'baselines' .* does not fit: KeyError"):
        load_checkpoint(tmp_path, {"baselines": Baselines()})


@pytest.mark.parametrize("state", [{3: "a number as a key"}, {"a": {"b": [{1: 2}]}}, {"a": {1, 2}}, {"a": np.float32(1)}])
def test_a_memory_that_json_would_change_is_refused(tmp_path: Path, state: dict[str, Json]) -> None:
    part = Baselines()
    part.memory = state
    with pytest.raises(CheckpointError, match=r"part|baselines"):
        write_checkpoint(tmp_path, 1, {"baselines": part}, OFFSETS, 2)
    assert list(tmp_path.iterdir()) == []


def test_a_part_that_writes_a_pickle_is_refused(tmp_path: Path) -> None:
    class Careless(Weights):
        def save(self, folder: Path) -> None:
            (folder / "model.pt").write_bytes(b"\x80\x04.")

    with pytest.raises(CheckpointError, match=r"only \.safetensors and \.json"):
        write_checkpoint(tmp_path, 1, {"weights": Careless()}, OFFSETS, 2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../x", "Weights", "manifest", "a/b", ""])
def test_a_part_has_a_plain_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(CheckpointError, match="not a part's name"):
        write_checkpoint(tmp_path, 1, {name: Baselines()}, OFFSETS, 2)


def test_reading_takes_nothing_from_under_a_writer(tmp_path: Path) -> None:
    write(tmp_path, 1)
    seen: list[bool] = []

    def read(step: str) -> None:
        index = newest_checkpoint(tmp_path).index
        seen.append(index in (1, 2))

    write(tmp_path, 2, on_step=read)
    assert all(seen)
    assert load(tmp_path)[0] == 2
