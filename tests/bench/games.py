"""`make bench-games`: what the games cost, and how many of other libraries' games can be played here.

Prints its figures and writes them into `docs/games.md`; ends with 1 where a mark is missed.
"""

import os
import platform
import re
import resource
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from socratic.game import LiveMatch, Seed
from socratic.registry import load_game

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "games.md"
BEGIN, END = "<!-- measured -->", "<!-- end of measured -->"

MARK_TURNS_S = 100_000
MARK_BYTES = 10_000
NUM_LIVE = 10_000
NUM_ROUNDS = 7
# As many as an actor plays side by side.
NUM_AT_ONCE = 256
MEMORY = "--memory"
# Where a library lies on this machine is nobody's business.
INSTALLED_AT = re.compile(r"/\S*/site-packages/")

# Module, the pattern of its count, the distribution, the mark.
BRIDGES = (
    ("tests.bench.games_open_spiel", "OpenSpiel", "open-spiel", 105),
    ("tests.bench.games_textarena", "TextArena", "textarena", 74),
    ("tests.bench.games_reasoning_gym", "reasoning-gym", "reasoning-gym", 103),
)


def main() -> int:
    """Measure everything, print it and write it down."""
    if MEMORY in sys.argv:
        print(bytes_of_a_match())
        return 0
    lines, is_met = overhead_lines()
    for module, library, distribution, mark in BRIDGES:
        found, is_enough = bridge_lines(module, library, distribution, mark)
        lines += found
        is_met &= is_enough
    lines.append(f"\nMeasured with {os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}: `make bench-games`.")
    print("\n".join(lines))
    print("every mark is reached" if is_met else "A MARK WAS MISSED")
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}", encoding="utf-8")
    return 0 if is_met else 1


def overhead_lines() -> tuple[list[str], bool]:
    """Measure turns a second and bytes of a live match."""
    turns_per_s(100)
    rounds = sorted(turns_per_s(NUM_AT_ONCE * 4) for _ in range(NUM_ROUNDS))
    median = rounds[len(rounds) // 2]
    child = subprocess.run([sys.executable, "-m", "tests.bench.games", MEMORY], capture_output=True, text=True, check=True, cwd=ROOT)
    size = int(child.stdout)
    spread = f"(median of {NUM_ROUNDS}; {rounds[0]:,.0f} to {rounds[-1]:,.0f}; mark {MARK_TURNS_S:,})"
    return [
        f"- `sticks` with trivial players, {NUM_AT_ONCE} matches at once, one core: {median:,.0f} turns a second {spread}.",
        f"- {NUM_LIVE:,} live matches of `sticks` in one process: {size:,} bytes each of resident memory (mark {MARK_BYTES:,}).",
    ], median >= MARK_TURNS_S and size < MARK_BYTES


def turns_per_s(num_matches: int) -> float:
    """Play matches of sticks to their end, the first legal move each time; return turns a second of processor time."""
    game = load_game("sticks")
    num_turns = 0
    started = time.process_time()
    for first in range(0, num_matches, NUM_AT_ONCE):
        live = [LiveMatch(game, {}, Seed(key)) for key in range(first, min(first + NUM_AT_ONCE, num_matches))]
        while live:
            for match in live:
                replies = {request.seat: request.legal[0] for request in match.requests() if request.legal}
                num_turns += len(replies)
                match.submit(replies)
            live = [match for match in live if not match.done]
    return num_turns / (time.process_time() - started)


def bytes_of_a_match() -> int:
    """Return by how much each of many live matches makes this process larger."""
    game = load_game("sticks")
    before = _resident()
    live = [LiveMatch(game, {}, Seed(key)) for key in range(NUM_LIVE)]
    for match in live:
        match.requests()
    return (_resident() - before) // len(live)


def bridge_lines(module: str, library: str, distribution: str, mark: int) -> tuple[list[str], bool]:
    """Count one library's games in a process of their own."""
    try:
        installed = version(distribution)
    except PackageNotFoundError:
        return [f"- {library}: not installed, not counted."], False
    child = subprocess.run([sys.executable, "-m", module], capture_output=True, text=True, check=False, cwd=ROOT)
    first, *others = child.stdout.strip().splitlines() or ["nothing was printed"]
    found = re.search(rf"{library}: (\d+) of \d+", first)
    lines = [f"- {first} (version {installed}; mark {mark})." if found else f"- {library}: {child.stderr.strip()[-300:]}"]
    lines += [f"  - {INSTALLED_AT.sub('', line.strip())}" for line in others if line.strip()]
    return lines, bool(found) and int(found[1] if found else 0) >= mark


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    sys.exit(main())
