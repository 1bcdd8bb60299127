"""A plugin's critic, held to what it promised: one line names the critic that answers with something else, or fails."""

import math
from collections.abc import Callable, Iterable, Sequence
from numbers import Real
from typing import TypeVar

from socratic.errors import BrokenPlugin, SocraticError
from socratic.game.calls import SHARE_TOLERANCE, are_unsaid
from socratic.game.failures import GAME_FAILURES, first_line
from socratic.protocols import Judge, Scorer
from socratic.records import Episode, Judgement

T = TypeVar("T")


class CheckedScorer:
    """A plugin's scorer whose rewards are as many as they should be, and numbers; NaN where it cannot say."""

    def __init__(self, scorer: Scorer, plugin: str) -> None:
        """Check `scorer`, which `plugin` made."""
        self.name = scorer.name
        self.reads_text = scorer.reads_text
        self._scorer = scorer
        self._plugin = plugin

    def score(self, episodes: Sequence[Episode]) -> list[tuple[float, ...]]:
        """Return a reward for each seat of each episode.

        Raises:
            BrokenPlugin: the plugin fails, or returns something else.
        """
        rows = _rows(self._plugin, "score", lambda: self._scorer.score(episodes), len(episodes))
        for row, episode in zip(rows, episodes, strict=True):
            if len(row) != len(episode.scores) or any(map(math.isinf, row)):
                raise BrokenPlugin(
                    f"the critic {self._plugin} scores an episode of {episode.match.game} {row!r}, expected {len(episode.scores)} finite "
                    "rewards, one for each seat, or NaN where it cannot say"
                )
        return rows


class CheckedJudge:
    """A plugin's judge whose shares are as many as the options, not negative, and in all 1; or all NaN, where it cannot say."""

    def __init__(self, judge: Judge, plugin: str) -> None:
        """Check `judge`, which `plugin` made."""
        self.name = str(getattr(judge, "name", plugin))
        self._judge = judge
        self._plugin = plugin

    def judge_calls(self, judgements: Sequence[Judgement]) -> list[tuple[float, ...]]:
        """Return a share for each option of each judgement.

        Raises:
            BrokenPlugin: the plugin fails, or returns something else.
        """
        rows = _rows(self._plugin, "judge_calls", lambda: self._judge.judge_calls(judgements), len(judgements))
        for row, judgement in zip(rows, judgements, strict=True):
            if len(row) != len(judgement.options) or not (are_unsaid(row) or _are_shares(row)):
                raise BrokenPlugin(
                    f"the critic {self._plugin} answers {judgement.question!r} with {row!r}, expected {len(judgement.options)} shares, "
                    "one for each option, from 0 to 1 and in all 1, or NaN for each where it cannot say"
                )
        return rows


def called(plugin: str, what: str, call: Callable[[], T]) -> T:
    """Return what a plugin's own code returns.

    Raises:
        BrokenPlugin: it raised something that is not ours.
    """
    try:
        return call()
    except SocraticError:
        raise
    except GAME_FAILURES as error:
        raise BrokenPlugin(f"the critic {plugin} failed in {what}: {type(error).__name__}: {first_line(error)}") from error


def _rows(plugin: str, what: str, call: Callable[[], object], expected: int) -> list[tuple[float, ...]]:
    """Return what a plugin answers as rows of numbers: its lists, arrays and generators are read once, here."""
    rows = called(plugin, what, lambda: _read(call()))
    if rows is None or len(rows) != expected:
        found = "something else" if rows is None else f"{len(rows)} of them"
        raise BrokenPlugin(f"the critic {plugin} returns {found} from {what}, expected a list of {expected} rows of numbers")
    return rows


def _read(found: object) -> list[tuple[float, ...]] | None:
    """Return the rows of numbers that were found, as plain floats; None where it is anything else."""
    rows = [_numbers(row) for row in found] if isinstance(found, Iterable) else [None]
    told = [row for row in rows if row is not None]
    return told if len(told) == len(rows) else None


def _numbers(row: object) -> tuple[float, ...] | None:
    listed = list(row) if isinstance(row, Iterable) else [None]
    numbers = [float(each) for each in listed if isinstance(each, Real)]
    return tuple(numbers) if len(numbers) == len(listed) else None


def _are_shares(row: Sequence[float]) -> bool:
    return all(math.isfinite(share) and share >= 0 for share in row) and abs(sum(row) - 1) <= SHARE_TOLERANCE
