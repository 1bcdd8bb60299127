"""What holds for workers in this process, beyond what holds for all."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from socratic.cluster import LocalExecutor
from tests.unit.executor_workers import Counter


def test_nothing_is_built_before_the_first_call() -> None:
    built: list[Counter] = []

    def build() -> Counter:
        built.append(Counter())
        return built[-1]

    workers = LocalExecutor().spawn("counter", build, count=2)
    pending = workers.submit("count", 0)
    assert built == []
    pending.result()
    assert len(built) == 1


def test_items_are_dealt_in_turn() -> None:
    counts = LocalExecutor().spawn("counter", Counter, count=3).map("count", range(6))
    instances = [count[1] for count in counts if isinstance(count, tuple)]
    assert instances[:3] == instances[3:]
    assert len(set(instances)) == 3


def test_a_call_has_its_threads_and_gives_them_back(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = [8]
    torch = SimpleNamespace(get_num_threads=lambda: threads[-1], set_num_threads=threads.append)
    monkeypatch.setitem(sys.modules, "torch", torch)

    class Seen:
        def now(self, item: int) -> int:
            return threads[-1] + item

    assert LocalExecutor().spawn("seen", Seen, threads=3).map("now", [0]) == [3]
    assert threads[-1] == 8


def test_importing_the_cluster_is_light() -> None:
    code = "import sys, socratic.cluster; print(sorted({'ray', 'torch', 'numpy'} & set(sys.modules)))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
