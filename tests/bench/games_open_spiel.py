"""How many of OpenSpiel's games can be played and replay identically: `python -m tests.bench.games_open_spiel`."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from socratic.bridges.open_spiel import load, playable_names
from socratic.errors import GameError, SocraticError
from socratic.game import LiveMatch
from socratic.game.random_play import random_replies
from socratic.seeds import Seed

SEEDS = (0, 1)
# The longest game that random play has found so far asks 2,000 times.
MAX_TURNS = 50_000
LIMIT_S = 8.0
# One that this process does not have by chance.
HASH_SEED = "4242"
DIGESTS = "--digests"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """What came of one game."""

    name: str
    played: bool  # to its end, and the same again each time
    reason: str  # why not; "" where it was


def count(limit_s_per_game: float = LIMIT_S) -> list[Tried]:
    """Return for each game that OpenSpiel loads by name alone whether random play replays identically.

    Each of two seeds is played twice here and once in a fresh process with another hash seed.

    Args:
        limit_s_per_game: How much of one core one play may take; a game that takes more counts as not played.
    """
    first, again = (_digests(limit_s_per_game) for _ in range(2))
    elsewhere = _digests_elsewhere(limit_s_per_game)
    tried = []
    for name, digests in first.items():
        reason = ""
        if isinstance(digests, str):
            reason = digests
        elif again[name] != digests:
            reason = "the same seeds gave another match"
        elif elsewhere[name] != digests:
            reason = "the same seeds gave another match in another process"
        tried.append(Tried(name=name, played=not reason, reason=reason))
    return tried


def main() -> int:
    """Print the count, and the games that do not count with the reason; or, for a child, what was played."""
    if sys.argv[1:2] == [DIGESTS]:
        print(json.dumps(_digests(float(sys.argv[2]))))
        return 0
    tried = count()
    print(f"OpenSpiel: {sum(each.played for each in tried)} of {len(tried)} games playable and replaying identically")
    for each in tried:
        if not each.played:
            print(f"  {each.name}: {each.reason}")
    return 0


def _digests(limit_s: float) -> dict[str, list[str] | str]:
    """Return the digest of each play of each game, or why there is none."""
    found: dict[str, list[str] | str] = {}
    for name in playable_names():
        try:
            found[name] = [_digest(name, seed, limit_s) for seed in SEEDS]
        except SocraticError as error:
            found[name] = str(error)
    return found


def _digest(name: str, seed: int, limit_s: float) -> str:
    """Return the digest of one random play, scores included.

    Raises:
        SocraticError: the game is refused, breaks, or is not over within its limit.
    """
    start = time.process_time()
    match = LiveMatch(load(name), {}, Seed(seed), max_turns=MAX_TURNS)
    while not match.done:
        match.submit(random_replies(match, seed, 0.0))
        if time.process_time() - start > limit_s:
            raise GameError(f"not over within {limit_s:g} s of computing, after {len(match.replies)} replies")
    if match.ending != "finished":
        raise GameError(f"it ended by {match.ending} after {len(match.replies)} replies")
    return match.digest()


def _digests_elsewhere(limit_s: float) -> Mapping[str, list[str] | str]:
    root = str(Path(__file__).parents[2])
    child = subprocess.run(
        [sys.executable, "-m", "tests.bench.games_open_spiel", DIGESTS, str(limit_s)],
        capture_output=True,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONHASHSEED": HASH_SEED},
        check=True,
    )
    found: Mapping[str, list[str] | str] = json.loads(child.stdout)
    return found


if __name__ == "__main__":
    sys.exit(main())
