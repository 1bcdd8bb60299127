"""What holds for workers in Ray actors: they may die, hang, be interrupted or be far away, and the results are the same."""

import os
import re
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from socratic.cluster import RayExecutor, ray_facts
from socratic.errors import ConfigError, DoorLost, RunError, WorkerLost
from tests.unit.executor_workers import Asker, Mortal, Multiplier, Sent, Threads

pytestmark = pytest.mark.system

SQUARES = [0, 1, 4, 9, 16]
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def events() -> list[tuple[str, str]]:
    return []


@pytest.fixture(scope="module")
def executor(events: list[tuple[str, str]]) -> Iterator[RayExecutor]:
    made = RayExecutor(object_store_mb=100, on_event=lambda kind, message: events.append((kind, message)))
    yield made
    made.close()


@pytest.fixture
def flag(tmp_path: Path) -> Path:
    path = tmp_path / "flag"
    path.touch()
    return path


def make_pipes(path: Path) -> Path:
    """Make the two pipes of `Mortal.wait_at`."""
    os.mkfifo(path)
    os.mkfifo(path.with_suffix(".pid"))
    return path


def is_gone(pid: int, within_s: float) -> bool:
    """Wait until a process has ended."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    poll = select.poll()
    poll.register(process, select.POLLIN)
    ended = bool(poll.poll(within_s * 1000))
    os.close(process)
    return ended


def descendants(pid: int) -> set[int]:
    """Return the processes below one."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text(errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents[int(stat.parent.name)] = int(words[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


@pytest.mark.parametrize("count", [1, 2])
def test_a_worker_that_dies_in_a_call_changes_no_result(
    executor: RayExecutor, events: list[tuple[str, str]], flag: Path, count: int
) -> None:
    workers = executor.spawn("mortal", partial(Mortal, flag), count=count)
    events.clear()
    assert workers.map("die", range(5)) == SQUARES
    assert not flag.exists()
    assert [kind for kind, _ in events] == ["worker-lost"]
    assert "mortal: die lost its worker at item 1, try 1 of 3: its process died" in events[0][1]
    workers.close()


@pytest.mark.parametrize("way", ["map", "submit"])
def test_a_worker_that_is_killed_from_outside_changes_no_result(executor: RayExecutor, tmp_path: Path, way: str) -> None:
    workers = executor.spawn("patient", partial(Mortal, tmp_path / "flag"))
    pipe = make_pipes(tmp_path / "pipe")
    pids: list[int] = []

    def kill_the_first() -> None:
        pids.append(int(pipe.with_suffix(".pid").read_text()))
        os.kill(pids[0], signal.SIGKILL)
        pids.append(int(pipe.with_suffix(".pid").read_text()))
        pipe.write_text("go")

    killer = threading.Thread(target=kill_the_first)
    killer.start()
    result = workers.map("wait_at", [pipe])[0] if way == "map" else workers.submit("wait_at", pipe).result()
    killer.join()
    assert result == "go"
    assert pids[0] != pids[1]
    workers.close()


def test_a_worker_that_died_between_calls_is_replaced(executor: RayExecutor, tmp_path: Path) -> None:
    workers = executor.spawn("patient", partial(Mortal, tmp_path / "flag"))
    pipe = make_pipes(tmp_path / "pipe")
    pending = workers.submit("wait_at", pipe)
    pid = int(pipe.with_suffix(".pid").read_text())
    pipe.write_text("go")
    assert pending.result() == "go"
    os.kill(pid, signal.SIGKILL)
    assert workers.map("die", range(5)) == SQUARES
    workers.close()


@pytest.mark.parametrize("count", [1, 2])
def test_a_worker_that_hangs_loses_its_lease(executor: RayExecutor, events: list[tuple[str, str]], flag: Path, count: int) -> None:
    workers = executor.spawn("mortal", partial(Mortal, flag), count=count, lease_s=3.0)
    events.clear()
    assert workers.map("hang", range(5)) == SQUARES
    assert len(events) == 1
    assert "no answer within its lease of 3 s" in events[0][1]
    workers.close()


def test_an_item_that_kills_every_worker_is_named(executor: RayExecutor, events: list[tuple[str, str]], flag: Path) -> None:
    workers = executor.spawn("mortal", partial(Mortal, flag, always=True), count=2)
    events.clear()
    with pytest.raises(WorkerLost, match="mortal: die lost its worker 3 times at item 2: its process died") as caught:
        workers.map("die", [5, 6, 1, 7])
    assert caught.value.index == 2
    assert len(events) == 3
    assert workers.map("die", [5, 6, 7]) == [25, 36, 49]
    workers.close()


def test_started_calls_are_made_while_nobody_waits_for_them(executor: RayExecutor, tmp_path: Path) -> None:
    workers = executor.spawn("patient", partial(Mortal, tmp_path / "flag"))
    pipes = [make_pipes(tmp_path / f"pipe {number}") for number in range(2)]
    started = workers.start("wait_at", pipes)
    for pipe in pipes:  # the second call is made although nobody has asked for the first one's result
        pipe.with_suffix(".pid").read_text()
        pipe.write_text("go")
    assert started.result() == ["go", "go"]
    workers.close()


@pytest.mark.parametrize("count", [1, 2])
def test_of_calls_in_line_only_the_one_that_lost_the_worker_is_to_blame(
    executor: RayExecutor, events: list[tuple[str, str]], flag: Path, count: int
) -> None:
    workers = executor.spawn("mortal", partial(Mortal, flag), count=count)
    events.clear()
    started, later = workers.start("die", range(5)), workers.start("die", range(2, 5))
    assert started.result() == SQUARES
    assert later.result() == SQUARES[2:]
    # What the worker had answered when it died may not have arrived yet: then the call before is the first without an answer.
    (said,) = [message.partition(":")[2].partition(":")[0] for _, message in events]
    assert said in {f" die lost its worker at item {item}, try 1 of 3" for item in (0, 1)}
    workers.close()


def test_a_call_in_line_that_kills_every_worker_is_named(executor: RayExecutor, events: list[tuple[str, str]], flag: Path) -> None:
    workers = executor.spawn("mortal", partial(Mortal, flag, always=True), count=2)
    events.clear()
    with pytest.raises(WorkerLost, match="mortal: die lost its worker 3 times at item 2: its process died") as caught:
        workers.start("die", [5, 6, 1, 7]).result()
    assert caught.value.index == 2
    # The call before it may be blamed too, once: see above.
    assert sum("at item 2" in message for _, message in events) == 3
    assert len(events) <= 4
    workers.close()


def test_calls_behind_one_that_hangs_are_made_again(executor: RayExecutor, flag: Path) -> None:
    workers = executor.spawn("mortal", partial(Mortal, flag), lease_s=2.0)
    hanging = workers.submit("hang", 1)
    behind = [workers.submit("hang", item) for item in (2, 3)]
    assert hanging.result() == 1
    assert [pending.result() for pending in behind] == [4, 9]
    workers.close()


@pytest.mark.parametrize(("way", "reason"), [("die", "its process died"), ("hang", "no answer within its lease of 3 s")])
def test_a_worker_that_is_lost_while_another_asks_it_is_replaced(
    executor: RayExecutor, events: list[tuple[str, str]], flag: Path, way: str, reason: str
) -> None:
    mortal, asker = executor.spawn("mortal", partial(Mortal, flag), lease_s=3.0), executor.spawn("asker", Asker)
    mortal.map(way, [0])  # it is built: its lease is for answering
    events.clear()
    (lost,) = asker.map("ask_mortal", [way], Sent(mortal.door()))
    assert isinstance(lost, DoorLost)
    assert str(lost).startswith(f"mortal: {reason}")
    for _ in range(2):  # whoever says so second changes nothing
        mortal.mend(lost)
    assert [kind for kind, _ in events] == ["worker-lost"]
    assert asker.map("ask_mortal", [way], Sent(mortal.door())) == [[1, 9]]
    for workers in (mortal, asker):
        workers.close()


def test_an_actor_has_the_threads_it_was_given(executor: RayExecutor) -> None:
    workers = executor.spawn("threads", Threads, threads=2)
    assert workers.map("environment", [0]) == ["2"]
    assert workers.map("torch", [0]) == [2]
    workers.close()


def test_more_actors_than_processors_find_a_place(executor: RayExecutor) -> None:
    crews = [executor.spawn(f"crew {index}", Multiplier, count=2, threads=2) for index in range(2)]
    assert [workers.map("times", [index]) for index, workers in enumerate(crews)] == [[0], [3]]
    for workers in crews:
        workers.close()


def test_a_factory_that_cannot_travel_is_refused_at_once() -> None:
    executor = RayExecutor()
    with pytest.raises(ConfigError, match="the factory of 'locked' cannot travel to an actor: cannot pickle"):
        executor.spawn("locked", partial(Multiplier, threading.Lock()))  # type: ignore[arg-type]  # it is what is tested
    with pytest.raises(ConfigError, match="make it a module's function"):
        executor.spawn("lambda", lambda: Multiplier(2))
    executor.close()


def test_a_cluster_that_is_not_there_is_said_at_once() -> None:
    executor = RayExecutor("127.0.0.1:1")
    workers = executor.spawn("far", Multiplier)
    with pytest.raises(RunError, match=r"cannot join the Ray cluster at 127\.0\.0\.1:1"):
        workers.map("times", [1])
    executor.close()


def test_strangers_cannot_read_the_token(executor: RayExecutor) -> None:
    workers = executor.spawn("one", Multiplier)
    workers.map("times", [1])
    facts = ray_facts()
    assert facts["token_is_private"] is True
    assert int(facts["processes"]) > 3
    workers.close()


def test_the_first_interrupt_ends_no_call_and_the_second_leaves_no_process(tmp_path: Path) -> None:
    first, second = make_pipes(tmp_path / "first"), make_pipes(tmp_path / "second")
    command = [sys.executable, "-m", "tests.system.interrupted_driver", str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY, start_new_session=True
    ) as driver:
        worker = int(first.with_suffix(".pid").read_text())
        below = descendants(driver.pid)
        assert worker in below
        os.killpg(driver.pid, signal.SIGINT)  # as a terminal does: to the whole foreground group
        first.write_text("go")
        assert int(second.with_suffix(".pid").read_text()) == worker
        os.killpg(driver.pid, signal.SIGINT)
        printed, errors = driver.communicate(timeout=60)
    assert printed.splitlines() == ["['go'] [2]", "closed"]
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    assert all(is_gone(pid, within_s=10) for pid in below)


def test_a_cluster_is_joined_and_what_does_not_fit_is_said() -> None:
    command = [sys.executable, "-m", "tests.system.clustered_driver"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=True, timeout=100)
    results, unplaced, closed = done.stdout.splitlines()
    assert results == "[0, 5, 10, 15]"
    assert re.match(r"a worker of 'third' has waited 3 s for 1 CPU; Ray has 0 of 2 free\. 'third' asks for 1 x 1:", unplaced)
    assert closed == "late was asked for after the executor was closed"
