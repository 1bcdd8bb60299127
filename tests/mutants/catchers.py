"""Who may notice a rule bug: the check, the golden transcripts, the game's own tests; and whether there is anything to notice.

Each is run in a process where the mutated source stands in the place of the game.
"""

import json
import os
import time
from hashlib import blake2b

import pytest

from socratic.errors import ConfigError, GameTooLarge, PlayError, SocraticError
from socratic.game import Game, Params
from socratic.game.check import check_game
from socratic.game.enumeration import Walker
from socratic.game.random_play import played
from socratic.records import ParameterValue
from tests.golden.clerk import ScriptedClerk
from tests.golden.transcripts import FOLDER, load, played_again
from tests.mutants.planted import ROOT, Found, imported

# A mutant need not be given the time that a busy machine might take.
STEP_LIMIT_S = 2.0
RULE_LIMIT_S = 20.0
MAX_LEAVES = 20_000
NUM_PLAYS = 200
# Of each set of parameters that no level declares.
MAX_LEAVES_OFF_LEVEL = 2000
NUM_PLAYS_OFF_LEVEL = 40
MAX_TURNS = 300
TEST_LIMIT_S = 20
PASSED, FAILED, INTERRUPTED = 0, 1, 2


def games_of(module: str) -> dict[str, Game]:
    """Return the games that a module of the built-ins defines, by name."""
    found = vars(imported(module)).items()
    return {name: game for name, game in sorted(found, key=lambda pair: pair[0]) if isinstance(game, Game)}


def check_finds(module: str, levels: list[tuple[str, int]], patience: int = 1) -> Found:
    """Return the first rule of `check_game` that the named levels break; `patience` times the limits of time."""
    try:
        games = games_of(module)
    except SocraticError as error:
        return f"import: {error}"
    for name, level in levels:
        report = check_game(
            games[name],
            games[name].level(level),
            clerk=ScriptedClerk(),
            step_limit_s=STEP_LIMIT_S * patience,
            rule_limit_s=RULE_LIMIT_S * patience,
        )
        broken = next((finding for finding in report.findings if not finding.passed), None)
        if broken is not None:
            return f"{broken.rule} ({name}, level {level}): {broken.detail}"
    return None


def check_times(module: str, limit_s: float) -> Found:
    """Return as JSON how long the check of every level takes that passes it, until one is over the limit."""
    times = []
    for name, game in games_of(module).items():
        for level in range(max(1, len(game.levels))):
            began = time.perf_counter()
            is_fine = check_finds(module, [(name, level)]) is None
            took = time.perf_counter() - began
            if is_fine:
                times.append((name, level, took))
            if took > limit_s:
                break
    return json.dumps(times)


def golden_finds(module: str) -> Found:
    """Return which golden transcript goes otherwise."""
    for name, game in games_of(module).items():
        for golden in load(name) if (FOLDER / f"{name}.json").exists() else ():
            where = f"{name} {golden['params']} seed {golden['seed']}"
            try:
                if played_again(game, golden) != golden:
                    return where
            except SocraticError as error:
                return f"{where}: {error}"
    return None


class Watch:
    """Notes as a plugin of pytest whether it was time that a test failed of."""

    is_late = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Read one report."""
        self.is_late |= report.failed and "Timeout (>" in report.longreprtext


def tests_find(module: str, patience: int) -> Found:
    """Return that the game's own tests fail; None where they pass; `patience` times the limit of time.

    Raises:
        RuntimeError: pytest did not run them.
    """
    os.chdir(ROOT)
    plugins = ("no:cacheprovider", "no:randomly", "no:xdist")
    # Hypothesis was loaded before the fork, so pytest cannot rewrite its assertions, and says so.
    options = [
        "-x",
        "-q",
        "-W",
        "ignore:Module already imported:pytest.PytestAssertRewriteWarning",
        f"--timeout={TEST_LIMIT_S * patience}",
        "--hypothesis-seed=0",
        *(part for name in plugins for part in ("-p", name)),
    ]
    watch = Watch()
    status = int(pytest.main([f"tests/games/test_{module}.py", *options], plugins=[watch]))
    if watch.is_late:
        return f"a test was not over within {TEST_LIMIT_S * patience} s"
    if status in (FAILED, INTERRUPTED):
        return "a test fails" if status == FAILED else "its tests cannot be collected"
    if status != PASSED:
        raise RuntimeError(f"pytest ended with {status}")
    return None


def fingerprint(module: str) -> Found:
    """Return a hash of all play of a module's games: trees, where they are small, and many random matches.

    Played are the levels, and off the levels the neighbours of the first and of the default.
    """
    parts = []
    for name, game in games_of(module).items():
        levels = game.levels or ({},)
        parts += [f"{name} {params} {_tree_hash(game, params, MAX_LEAVES)} {_play_hash(game, params, NUM_PLAYS)}" for params in levels]
        parts += [f"{name} {params} {_hash_off_level(game, params)}" for params in off_level(game)]
    return blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


def off_level(game: Game) -> list[Params]:
    """Return sets of parameters that no level has: one parameter moved to a value beside that of the first level, or its default."""
    levels = [game.complete(params) for params in game.levels]
    found: list[Params] = []
    for params in (game.level(0), {}):
        complete = game.complete(params)
        for name, value in complete.items():
            for neighbour in _neighbours(value):
                moved = {**complete, name: neighbour}
                if moved not in levels and moved not in found:
                    found.append(moved)
    return found


def _neighbours(value: ParameterValue) -> tuple[ParameterValue, ...]:
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return (value - 1, value + 1)
    return (value / 2, value * 2) if isinstance(value, float) else ()


def _hash_off_level(game: Game, params: Params) -> str:
    try:
        return f"{_tree_hash(game, params, MAX_LEAVES_OFF_LEVEL)} {_play_hash(game, params, NUM_PLAYS_OFF_LEVEL)}"
    except ConfigError:
        return "refused"
    except SocraticError as error:
        return type(error).__name__


def _tree_hash(game: Game, params: Params, max_leaves: int) -> str:
    """Return a hash of the tree, every seat's view at every move included; "" where it has none."""
    walker = Walker(game, params, max_leaves=max_leaves, merge=False, clerk=ScriptedClerk())
    try:
        arrays = walker.walk()
    except (GameTooLarge, PlayError):
        return ""
    told = blake2b(digest_size=16)
    for state in walker.states:
        told.update(repr((state.seat, [(line.speaker, line.text) for line in state.view], state.legal)).encode())
    for array in (arrays.parent_E, arrays.child_E, arrays.slot_E, arrays.chance_E, arrays.leaf_L, arrays.scores_LS, arrays.last_slot_LS):
        told.update(array.tobytes())
    return told.hexdigest()


def _play_hash(game: Game, params: Params, num_plays: int) -> str:
    told = blake2b(digest_size=16)
    for seed in range(num_plays):
        match = played(game, params, seed, 0.2 * (seed % 2), clerk=ScriptedClerk(), retries=1, max_turns=MAX_TURNS)
        told.update(match.digest().encode())
    return told.hexdigest()
