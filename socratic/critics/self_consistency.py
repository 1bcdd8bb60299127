"""A scorer that knows no truth: an answer is worth what the policy's other answers to the same problem say.

Matches of one deal are the same problem (`games.NAME.group` of them). Majority voting: arXiv:2203.11171; as the only filter on the own
answers that a policy learns longer problems from, beside their length: arXiv:2502.01612, section 5.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from math import nan
from typing import TypeAlias

from socratic.records import Episode, Json

Answer: TypeAlias = tuple[str, ...]  # a seat's replies, in order
# A deal of a game and a seat at it.
Problem: TypeAlias = tuple[str, tuple[tuple[str, Json], ...], int, int]

MOST_AGREED = 0.75


def always(episode: Episode, seat: int) -> bool:
    """Return that any answer may be right."""
    del episode, seat
    return True


class SelfConsistencyScorer:
    """Pays 1 for the answer that most matches of the deal agree on, 0 for any other; it cannot say where too few agree.

    The game's score is never read. Agreement is not truth: what a policy gets wrong always alike is paid.
    """

    name = "self_consistency"
    # Equality is all that it looks for in what players say. Nor may the truth shut it out: it is there to do without.
    reads_text = False

    def __init__(self, agreed: float = MOST_AGREED, fits: Callable[[Episode, int], bool] = always) -> None:
        """Choose when agreement counts.

        Args:
            agreed: the share of a deal's matches that must give the answer.
            fits: whether a seat's answer may be right by its form, e.g. its length; it is asked of legal and whole answers only.
        """
        self._agreed = agreed
        self._fits = fits

    def score(self, episodes: Sequence[Episode]) -> list[tuple[float, ...]]:
        """Return a reward for each seat of each episode: 1, 0, or NaN where its deal has no agreed answer."""
        answers: dict[Problem, list[Answer | None]] = defaultdict(list)
        for episode in episodes:
            for seat in range(len(episode.scores)):
                answers[_problem(episode, seat)].append(self._answer(episode, seat))
        agreed = {problem: self._majority(given) for problem, given in answers.items()}
        return [
            tuple(_reward(self._answer(episode, seat), agreed[_problem(episode, seat)]) for seat in range(len(episode.scores)))
            for episode in episodes
        ]

    def _answer(self, episode: Episode, seat: int) -> Answer | None:
        """Return what the seat said; None where it is cut off, illegal or does not fit."""
        turns = [turn for turn in episode.turns if turn.seat == seat]
        if not turns or any(turn.is_truncated or not turn.is_legal for turn in turns) or not self._fits(episode, seat):
            return None
        return tuple(turn.reply.strip() for turn in turns)

    def _majority(self, given: Sequence[Answer | None]) -> Answer | None:
        """Return the answer that enough agree on. One match alone agrees with nobody."""
        counts = Counter(answer for answer in given if answer is not None)
        if not counts:
            return None
        answer, count = counts.most_common(1)[0]
        return answer if count > 1 and count >= self._agreed * len(given) else None


def _problem(episode: Episode, seat: int) -> Problem:
    match = episode.match
    return match.game, tuple(sorted(match.params.items())), match.seed, seat


def _reward(answer: Answer | None, agreed: Answer | None) -> float:
    if agreed is None:
        return nan
    return 1.0 if answer == agreed else 0.0
