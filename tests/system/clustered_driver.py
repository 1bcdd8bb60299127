"""A driver that joins a cluster of two nodes with one CPU each; run by test_ray_executor."""

import sys
from functools import partial

from ray.cluster_utils import Cluster

from socratic.cluster import RayExecutor
from socratic.errors import PlayError, RunError
from tests.unit.executor_workers import Multiplier


def say(*words: object) -> None:
    """Print for the test that reads it."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def main() -> None:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 100 * 2**20})
    cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20)
    executor = RayExecutor(cluster.address, placement_s=3)
    try:
        workers = executor.spawn("pair", partial(Multiplier, 5), count=2)
        say(workers.map("times", range(4)))
        try:
            executor.spawn("third", Multiplier).map("times", [1])
        except PlayError as error:
            say(error)
    finally:
        executor.close()
        cluster.shutdown()
    try:
        executor.spawn("late", Multiplier)
    except RunError as error:
        say(error)


if __name__ == "__main__":
    main()
