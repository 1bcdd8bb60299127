"""Plant the mutants of one game, one after the other, and write down who caught each."""

import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.mutants.catchers import check_finds, check_times, fingerprint, games_of, golden_finds, tests_find
from tests.mutants.operators import Mutant, in_turn, mutants
from tests.mutants.planted import ROOT, Died, Found, in_child, plant

# The check takes this long at most for all levels together, level 0 always among them.
CHECK_LIMIT_S = 4.0
# Nothing of a game takes so long.
TASK_LIMIT_S = 60.0
# What is late or dead may be so because the machine is busy: it is tried again alone, with so many times the time.
PATIENCE = 3
LATE = re.compile(r"within [\d.]+ s\b")
DIED = "died: "
# Of these mutants, to be late is what is wrong with them.
LATE_BY_NATURE = "unending"
# Mutants that nobody can tell from the game are not counted, and others take their places: up to so many in all.
MAX_TRIED_SHARE = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """One mutant, and what each catcher said of it; None where it said nothing.

    The golden transcripts are beside the point: they say of any change that it is one, and are made again where it is wanted.
    """

    mutant: Mutant
    check: Found
    golden: Found
    tests: Found
    is_equivalent: bool  # nobody noticed, and no tree and no random match is other than the game's

    @property
    def is_caught(self) -> bool:
        """Whether the check or the tests noticed."""
        return (self.check or self.tests) is not None


@dataclass(kw_only=True)
class Outcome:
    """What came of one game's mutants."""

    game: str
    levels: list[tuple[str, int]] = field(default_factory=list)  # those that the check was run on
    num_made: int = 0
    tried: list[Tried] = field(default_factory=list)
    failure: str = ""  # why there was nothing to try: the game itself does not pass

    @property
    def counted(self) -> list[Tried]:
        """Return those that are bugs."""
        return [tried for tried in self.tried if not tried.is_equivalent]


def try_game(module: str, num_planted: int) -> Outcome:
    """Return what came of planting `num_planted` bugs, one at a time, in a game."""
    outcome = Outcome(game=module)
    source = (ROOT / "games" / f"{module}.py").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as scrap:
        folder = Path(scrap)
        plant(folder, module, source)
        try:
            outcome.levels = _cheap_levels(module, folder)
            print_of_game = _pristine(module, folder, outcome.levels)
            num_seats, low, high = json.loads(in_child(lambda: _shape(module), folder, TASK_LIMIT_S) or "")
        except (Died, TimeoutError) as reason:
            outcome.failure = str(reason).strip()
            return outcome
        found = in_turn(module, mutants(source, num_seats=num_seats, bounds=(low, high)))
        outcome.num_made = len(found)
        for mutant in found[: MAX_TRIED_SHARE * num_planted]:
            if len(outcome.counted) == num_planted:
                break
            plant(folder, module, mutant.source)
            outcome.tried.append(_tried(module, folder, outcome.levels, mutant, print_of_game))
    return outcome


def _tried(module: str, folder: Path, levels: list[tuple[str, int]], mutant: Mutant, print_of_game: str) -> Tried:
    tries = (1,) if mutant.family == LATE_BY_NATURE else (1, PATIENCE)
    check = _asked(lambda patience: check_finds(module, levels, patience), folder, tries)
    golden = _asked(lambda _: golden_finds(module), folder)
    tests = _asked(lambda patience: tests_find(module, patience), folder, tries)
    is_equivalent = (check or golden or tests) is None and _asked(lambda _: fingerprint(module), folder) == print_of_game
    return Tried(mutant=mutant, check=check, golden=golden, tests=tests, is_equivalent=is_equivalent)


def _asked(catcher: Callable[[int], Found], folder: Path, tries: tuple[int, ...] = (1,)) -> Found:
    """Return what a catcher says; a game that takes its process down, or all its time, is caught where it does so in every try."""
    said: Found = None
    for patience in tries:
        try:
            said = in_child(partial(catcher, patience), folder, TASK_LIMIT_S * patience, is_alone=patience > 1)
        except TimeoutError as reason:
            said = str(reason)
        except Died as reason:
            said = DIED + str(reason).strip().splitlines()[-1]
        if said is None or not (said.startswith(DIED) or LATE.search(said)):
            break
    return said


def _cheap_levels(module: str, folder: Path) -> list[tuple[str, int]]:
    """Return the levels that pass the check and take little time together; the first of every game in any case."""
    times = json.loads(in_child(lambda: check_times(module, CHECK_LIMIT_S), folder, TASK_LIMIT_S) or "[]")
    chosen, spent = [], 0.0
    for name, level, took in times:
        if level == 0 or spent + took <= CHECK_LIMIT_S:
            chosen.append((str(name), int(level)))
            spent += took
    return chosen


def _pristine(module: str, folder: Path, levels: list[tuple[str, int]]) -> str:
    """Return the game's own fingerprint, once all catchers have let it pass.

    Raises:
        Died: one of them did not.
    """
    if not any(level == 0 for _, level in levels):
        raise Died(f"level 0 does not pass the check: {in_child(lambda: check_finds(module, _first_levels(module)), folder, TASK_LIMIT_S)}")
    for name, catcher in (("golden transcripts", golden_finds), ("tests", partial(tests_find, patience=PATIENCE))):
        said = in_child(lambda catcher=catcher: catcher(module), folder, TASK_LIMIT_S)  # type: ignore[misc]  # mypy 2.4 sees no default of a lambda
        if said is not None:
            raise Died(f"its {name} do not pass: {said}")
    return in_child(lambda: fingerprint(module), folder, TASK_LIMIT_S) or ""


def _first_levels(module: str) -> list[tuple[str, int]]:
    return [(name, 0) for name in games_of(module)]


def _shape(module: str) -> Found:
    """Return as JSON the fewest seats of a module's games, and the bounds."""
    games = list(games_of(module).values())
    return json.dumps([min(len(game.seats) for game in games), *games[0].bounds])
