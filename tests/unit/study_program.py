"""Stands in for `python -m socratic` in the tests of studies: makes runs that learn nothing, fail or wait, as their names say."""

import argparse
import signal
import sys
from pathlib import Path

from socratic.config import load_config
from socratic.store.run_directory import RunDirectory

GENERATIONS = 2


def main() -> int:
    """Do what the run's name says."""
    words = argparse.ArgumentParser()
    words.add_argument("command")
    words.add_argument("what")
    words.add_argument("--name")
    words.add_argument("--runs-dir", type=Path)
    words.add_argument("--allow-idle", action="store_true")
    words.add_argument("-o", action="append", default=[])
    asked = words.parse_args()
    if asked.command == "resume":
        run = RunDirectory.open(asked.runs_dir, asked.what)
        run.lock()
        sys.stdout.write("resumed\n")
    else:
        run = RunDirectory.create(asked.runs_dir, asked.name, load_config([Path(asked.what)], asked.o))
        sys.stdout.write("begun\n")
    with run:
        if "fails" in run.name:
            run.set_state("failed")
            sys.stderr.write("socratic: no luck\n")
            return 1
        if "waits" in run.name and asked.command == "run":
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            run.append("metrics", {"generation": 0})
            signal.sigwait({signal.SIGINT})
            run.set_state("stopped")
            return 130
        for generation in range(GENERATIONS):
            run.append("metrics", {"generation": generation, "policy/kl_t0": 0.5})
            run.append("assessments", {"generation": generation, "observer/kuhn_poker/exploitability": 0.25})
        run.set_state("finished")
    return 0


if __name__ == "__main__":
    sys.exit(main())
