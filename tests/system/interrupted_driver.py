"""A driver that only notes the first Ctrl-C and leaves at the second; run by test_ray_executor."""

import signal
import sys
from functools import partial
from pathlib import Path

from socratic.cluster import RayExecutor
from tests.unit.executor_workers import Mortal


def say(*words: object) -> None:
    """Print for the test that reads it."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def main(folder: Path) -> None:
    interrupts: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
    executor = RayExecutor(object_store_mb=100)
    try:
        workers = executor.spawn("patient", partial(Mortal, folder / "flag"))
        say(workers.map("wait_at", [folder / "first"]), interrupts)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        workers.map("wait_at", [folder / "second"])
    finally:
        executor.close()
        say("closed")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
