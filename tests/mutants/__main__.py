"""`python -m tests.mutants [NAME...]`: plant rule bugs in the named games, or all, and write `docs/mutants.md` when it was all.

1 where a game had too few bugs planted, or too many slipped through.
"""

import argparse
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed

# Read by the numeric libraries as they load: each process plays alone.
os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})
os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = os.path.join(tempfile.gettempdir(), "socratic-mutants-hypothesis")

# Loaded here once, so that every forked process has them.
import hypothesis  # noqa: F401
import scipy.optimize  # noqa: F401

from tests.mutants.planted import FORK, MOST_AT_ONCE, PACKAGE, ROOT
from tests.mutants.report import caught_share, is_met, page
from tests.mutants.trial import Outcome, try_game

PAGE = ROOT / "docs" / "mutants.md"


def main() -> int:
    """Plant the bugs and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="modules of built-in games; all where none is named")
    parser.add_argument("--planted", type=int, default=12, help="bugs for each game (default: 12)")
    parser.add_argument("--processes", type=int, default=2, help="games at a time (default: 2)")
    given = parser.parse_args()
    known = sorted(path.stem for path in (ROOT / "games").glob("*.py") if not path.stem.startswith("_"))
    unknown = [name for name in given.names if name not in known]
    if unknown:
        parser.error(f"no built-in game is called {unknown[0]}; known: {', '.join(known)}")
    # A process that has imported a game cannot be given another by its path alone.
    assert not any(name.startswith(PACKAGE) for name in sys.modules)
    outcomes = _tried_all(given.names or known, given.planted, min(given.processes, MOST_AT_ONCE))
    lines = page(outcomes)
    sys.stdout.write("\n".join(lines) + "\n")
    if not given.names:
        PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    for outcome in outcomes:
        if outcome.failure:
            sys.stdout.write(f"{outcome.game} was not tried: {outcome.failure}\n")
    return 0 if is_met(outcomes) else 1


def _tried_all(names: list[str], num_planted: int, num_processes: int) -> list[Outcome]:
    with ProcessPoolExecutor(num_processes, mp_context=FORK) as pool:
        waiting = {pool.submit(try_game, name, num_planted): name for name in names}
        found: dict[str, Outcome] = {}
        for done in as_completed(waiting):
            name = waiting[done]
            found[name] = done.result()
            sys.stderr.write(f"{name}: {len(found[name].counted)} planted, {caught_share([found[name]]):.0%} caught\n")
    return [found[name] for name in names]


if __name__ == "__main__":
    sys.exit(main())
