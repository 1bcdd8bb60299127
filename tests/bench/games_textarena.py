"""`python -m tests.bench.games_textarena`: how many of TextArena's families play and replay as games, and why the others do not.

A family is an id without its version and variant: its first raw id stands for it. It counts when random play comes to
TextArena's own end, and comes out the same alone, loaded from what was saved, in turns with the matches of every other family, and
in another process with another hash seed; the process's own generators may not move.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import getstate

from socratic.bridges.textarena import load
from socratic.bridges.textarena_arena import registry
from socratic.errors import SocraticError
from socratic.game import Game, LiveMatch
from socratic.game.live_match import FINISHED
from socratic.game.random_play import random_replies
from socratic.seeds import Seed

SEEDS = (0, 1, 2)
MAX_TURNS = 300
# One that this process does not have by chance.
HASH_SEED = "4242"
DIGESTS = "--digests"


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """What came of TextArena's families."""

    played: list[str] = field(default_factory=list)
    others: dict[str, str] = field(default_factory=dict)  # and why not


def count() -> Count:
    """Return the families that play and replay identically, and the reason for each of the others."""
    counted = Count()
    games = {}
    for family, game_id in families().items():
        try:
            games[family] = load(game_id)
        except SocraticError as error:
            counted.others[family] = str(error)
    alone = _digests(games)
    in_turns = _in_turns(games)
    elsewhere = _elsewhere()
    for family, digests in alone.items():
        if isinstance(digests, str):
            counted.others[family] = digests
        elif in_turns[family] != digests:
            counted.others[family] = "it comes out otherwise in turns with others"
        elif elsewhere[family] != digests:
            counted.others[family] = "it comes out otherwise in another process"
        else:
            counted.played.append(family)
    return counted


def families() -> Mapping[str, str]:
    """Return the first raw id of each family."""
    first: dict[str, str] = {}
    for game_id in registry():
        first.setdefault(re.split(r"-v\d", game_id)[0], game_id)
    return first


def main() -> int:
    """Print the count; or, for a child, what was played."""
    if sys.argv[1:] == [DIGESTS]:
        print(json.dumps(_digests({family: game for family in families() if (game := _loaded(family))})))
        return 0
    start = time.monotonic()
    counted = count()
    num_families = len(counted.played) + len(counted.others)
    print(
        f"TextArena: {len(counted.played)} of {num_families} families playable and replaying identically ({time.monotonic() - start:.0f} s)"
    )
    for family, reason in sorted(counted.others.items()):
        print(f"  not {family}: {reason}")
    return 0


def _loaded(family: str) -> Game | None:
    try:
        return load(families()[family])
    except SocraticError:
        return None


def _digests(games: Mapping[str, Game]) -> dict[str, list[str] | str]:
    """Return the digest of each match of each game, played alone and loaded again; or why there is none."""
    found: dict[str, list[str] | str] = {}
    for family, game in games.items():
        before = getstate()
        try:
            matches = [_match(game, seed) for seed in SEEDS]
            for seed, match in zip(SEEDS, matches, strict=True):
                while not match.done:
                    match.submit(random_replies(match, seed, 0.0))
                LiveMatch.load(game, match.save())
        except SocraticError as error:
            found[family] = str(error)
            continue
        endings = {match.ending or "" for match in matches} - {FINISHED}
        if endings:
            found[family] = f"random play ends by {endings.pop()}, of {MAX_TURNS} turns"
        elif getstate() != before:
            found[family] = "it moved the process's own generator"
        else:
            found[family] = [match.digest() for match in matches]
    return found


def _in_turns(games: Mapping[str, Game]) -> dict[str, list[str]]:
    """Return the same digests, with one reply to every match of every game in turn."""
    matches = {family: [_match(game, seed) for seed in SEEDS] for family, game in games.items()}
    going = [(match, seed) for each in matches.values() for match, seed in zip(each, SEEDS, strict=True)]
    while going:
        for match, seed in going:
            match.submit(random_replies(match, seed, 0.0))
        going = [(match, seed) for match, seed in going if not match.done]
    return {family: [match.digest() for match in each] for family, each in matches.items()}


def _elsewhere() -> dict[str, list[str] | str]:
    """Return what a fresh process with another hash seed makes of all games."""
    child = subprocess.run(
        [sys.executable, "-m", "tests.bench.games_textarena", DIGESTS],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": HASH_SEED},
        cwd=Path(__file__).parents[2],
        check=True,
    )
    found: dict[str, list[str] | str] = json.loads(child.stdout)
    return found


def _match(game: Game, seed: int) -> LiveMatch:
    return LiveMatch(game, None, Seed(seed), retries=2, max_turns=MAX_TURNS)


if __name__ == "__main__":
    sys.exit(main())
