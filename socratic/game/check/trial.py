"""What a rule is tried on, and what comes out of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from socratic.game.calls import Clerk
from socratic.game.contract import Game, Params
from socratic.game.live_match import MAX_TURNS, LiveMatch
from socratic.game.random_play import played

if TYPE_CHECKING:
    from socratic.game.tree import Tree


class NotTried(Exception):
    """Raised by a rule that cannot be tried on this game."""


class Broken(Exception):
    """Raised by a rule that the game breaks."""


class Hangs(Broken):
    """Raised where the game neither asks nor ends: nothing else can be tried on it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What came out of one rule."""

    rule: str
    passed: bool
    detail: str
    was_tried: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What came out of all rules."""

    game: str
    version: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether the game breaks none of the rules that could be tried."""
        return all(finding.passed for finding in self.findings)


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """What the rules are tried on."""

    game: Game
    params: Params
    seeds: Sequence[int]
    clerk: Clerk
    reload: tuple[str, str] | None  # "module:function" and a name: how another process comes by the game
    step_limit_s: float
    rule_limit_s: float
    max_turns: int = MAX_TURNS
    trees: list["Tree | str"] = field(default_factory=list)  # the tree, once it was walked, or why there is none

    def played(self, seed: int, illegal_share: float = 0.0, *, retries: int = 20, max_turns: int | None = None) -> LiveMatch:
        """Return a match played to its end at random."""
        return played(self.game, self.params, seed, illegal_share, clerk=self.clerk, retries=retries, max_turns=max_turns or self.max_turns)
