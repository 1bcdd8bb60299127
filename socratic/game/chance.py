"""A match's chance: every draw comes from one key, and is remembered with what else there was to draw."""

from collections.abc import Sequence
from dataclasses import dataclass

from socratic.game.table import Dice
from socratic.seeds import Seed


@dataclass(frozen=True, kw_only=True, slots=True)
class Chance:
    """One draw of a game's chance."""

    options: tuple[str, ...]
    weights: tuple[float, ...]
    chosen: int


class Rolls:
    """Rolls the dice, and remembers what came of it."""

    __slots__ = ("_dice", "_made", "_match_seed", "_seed")

    def __init__(self, match_seed: Seed, dice: Dice | None) -> None:
        """Draw by the match's seed, or by `dice` in its place."""
        self._match_seed = match_seed
        self._dice = dice
        self._seed: Seed | None = None  # made when the game first draws
        self._made: list[tuple[Sequence[object], Sequence[float] | None, int]] = []

    def roll(self, options: Sequence[object], weights: Sequence[float] | None) -> int:
        """Return the index of one of `options`."""
        index = len(self._made)
        if self._seed is None:
            self._seed = self._match_seed.child("chance")
        if self._dice is not None:
            chosen = self._dice(options, weights)
        elif weights is None:
            chosen = self._seed.integer(len(options), index)
        else:
            chosen = self._seed.weighted(weights, index)
        # A list is the game's to change; a range of ten thousand is not worth a copy.
        self._made.append((options if isinstance(options, (range, tuple)) else tuple(options), weights, chosen))
        return chosen

    def record(self) -> tuple[Chance, ...]:
        """Return every draw so far, with its options and their weights."""
        return tuple(
            Chance(options=tuple(map(str, options)), weights=tuple(weights or (1.0,) * len(options)), chosen=chosen)
            for options, weights, chosen in self._made
        )

    def drawn(self) -> list[tuple[int, str]]:
        """Return of every draw so far how many options there were, and which it was."""
        return [(len(options), str(options[chosen])) for options, _, chosen in self._made]
