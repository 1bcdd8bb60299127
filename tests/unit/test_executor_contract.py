"""What holds for every executor: the same tests in this process and on Ray."""

import os
import traceback
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest

from socratic.cluster import LocalExecutor, RayExecutor
from socratic.errors import ModelMissing, SyncError
from socratic.protocols import Executor, Workers
from tests.unit.executor_workers import Asker, Counter, Multiplier, Sent, missing_model


@pytest.fixture(scope="module", params=["local", pytest.param("ray", marks=pytest.mark.system)])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    made: Executor = LocalExecutor() if request.param == "local" else RayExecutor(object_store_mb=100)
    yield made
    made.close()


@pytest.fixture(scope="module")
def pair(executor: Executor) -> Workers:
    return executor.spawn("pair", partial(Multiplier, 7), count=2)


@pytest.fixture(scope="module")
def single(executor: Executor) -> Workers:
    return executor.spawn("single", partial(Multiplier, 7))


def test_results_come_in_the_order_of_the_items(pair: Workers) -> None:
    assert pair.map("times", range(50)) == [7 * item for item in range(50)]


def test_the_number_of_workers_changes_no_result(single: Workers, pair: Workers) -> None:
    assert single.map("times", range(9)) == pair.map("times", range(9))


def test_no_items_give_no_results(single: Workers) -> None:
    assert single.map("times", []) == []


def test_workers_are_separate_and_built_once(executor: Executor) -> None:
    workers = executor.spawn("counters", Counter, count=2)
    counts = [count for _ in range(5) for count in workers.map("count", range(4))]
    calls: dict[tuple[int, int], list[int]] = {}
    for count in counts:
        assert isinstance(count, tuple)
        process, instance, number = count
        calls.setdefault((process, instance), []).append(number)
    assert len(calls) == 2
    assert all(sorted(numbers) == list(range(1, len(numbers) + 1)) for numbers in calls.values())
    workers.close()


def test_shared_payloads_reach_every_call(pair: Workers) -> None:
    arrays = [np.ones(1000, np.float32), np.full(10, 0.5, np.float32)]
    left, right = pair.share(arrays), pair.share(11)
    assert pair.map("dot", range(4), left, right) == [(item, 1005.0, 11) for item in range(4)]
    assert pair.map("dot", [5], left, right) == [(5, 1005.0, 11)]


def test_a_payload_need_not_be_shared_first(single: Workers) -> None:
    assert single.map("dot", [1], [np.ones(3, np.float32)], 2) == [(1, 3.0, 2)]


def test_large_items_and_payloads_arrive_whole(pair: Workers) -> None:
    assert pair.map("measure", [b"x" * 20_000_000, b""]) == [20_000_000, 0]
    payload = pair.share([np.ones(5_000_000, np.float32)])
    assert pair.map("dot", range(3), payload, 0) == [(item, 5_000_000.0, 0) for item in range(3)]


def test_a_submitted_call_keeps_its_result(pair: Workers) -> None:
    pending = pair.submit("times", 6)
    assert pair.map("times", range(3)) == [0, 7, 14]
    assert pending.result() == 42
    assert pending.result() == 42


def test_calls_that_are_started_come_in_the_order_of_the_items(pair: Workers) -> None:
    first, second = (pair.start("times", range(start, start + 9)) for start in (0, 20))
    assert pair.map("times", range(3)) == [0, 7, 14]
    assert second.result() == [7 * item for item in range(20, 29)]
    assert first.result() == [7 * item for item in range(9)]
    assert first.result() == [7 * item for item in range(9)]
    assert pair.start("times", []).result() == []


def test_what_a_started_call_raises_is_raised_where_its_result_is_asked_for(pair: Workers) -> None:
    started = pair.start("refuse", range(3, 5))
    assert pair.map("times", [1]) == [7]
    with pytest.raises(SyncError, match="found 3"):
        started.result()


def test_our_own_errors_arrive_as_themselves(single: Workers) -> None:
    with pytest.raises(SyncError) as caught:
        single.map("refuse", [4])
    assert type(caught.value) is SyncError
    assert str(caught.value) == "found 4, expected b; send it again"
    with pytest.raises(SyncError, match="found 5"):
        single.submit("refuse", 5).result()


def test_other_errors_keep_their_type_and_say_where(single: Workers) -> None:
    with pytest.raises(ValueError, match="no such item as 8") as caught:
        single.map("explode", [8])
    assert "in explode" in "".join(traceback.format_exception(caught.value))


def test_workers_serve_on_after_an_error(pair: Workers) -> None:
    with pytest.raises(SyncError):
        pair.map("refuse", range(6))
    assert pair.map("times", range(6)) == [7 * item for item in range(6)]


def test_what_a_factory_raises_is_raised_by_the_first_call(executor: Executor) -> None:
    workers = executor.spawn("missing", missing_model)
    with pytest.raises(ModelMissing, match="no model 'x'"):
        workers.map("times", [1])
    workers.close()


def test_there_is_at_least_one_worker(executor: Executor) -> None:
    with pytest.raises(ValueError, match="count is 0"):
        executor.spawn("none", Counter, count=0)


def test_where_workers_live(executor: Executor) -> None:
    workers = executor.spawn("counter", Counter)
    (count,) = workers.map("count", [0])
    assert isinstance(count, tuple)
    assert (count[0] == os.getpid()) is isinstance(executor, LocalExecutor)
    workers.close()


def test_a_worker_of_one_crew_calls_those_of_another(executor: Executor, single: Workers) -> None:
    askers = executor.spawn("askers", Asker, count=2)
    assert askers.map("ask", range(4), Sent(single.door())) == [0, 7, 14, 21]
    handle = single.share([np.ones(10, np.float32)])
    sent = Sent(single.door(), handle)
    assert askers.map("ask_with_what_is_shared", range(3), sent) == [(item, 10.0, 2) for item in range(3)]
    assert single.map("dot", [5], handle, 2) == [(5, 10.0, 2)]
    with pytest.raises(SyncError, match="found 3, expected b"):
        askers.map("ask_to_refuse", [3], sent)
    missing = executor.spawn("missing", missing_model)
    with pytest.raises(ModelMissing, match="no model 'x'"):
        askers.map("ask", [1], Sent(missing.door()))
    for workers in (askers, missing):
        workers.close()
