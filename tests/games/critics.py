"""Critics and random matches for the tests of games that a critic may score."""

from collections.abc import Sequence

from socratic.critics.scripted import LiteralCritic
from socratic.game import Clerk, Game, LiveMatch, Params, Seed, settle
from socratic.records import Answer, Call, Judgement


class Lettered:
    """Believes more or less, by the letters alone."""

    def answer(self, calls: Sequence[Call]) -> Sequence[Answer]:
        weights = [
            [1 + sum(f"{word}{call.evidence}".encode()) % 9 for word in call.options] for call in calls if isinstance(call, Judgement)
        ]
        return [tuple(weight / sum(given) for weight in given) for given in weights]


class Literal:
    """Believes what is said most often."""

    def answer(self, calls: Sequence[Call]) -> Sequence[Answer]:
        return LiteralCritic().judge_calls([call for call in calls if isinstance(call, Judgement)])


def random_match(game: Game, params: Params, key: int, clerk: Clerk, lines: Sequence[str]) -> LiveMatch:
    """Return a match of random moves, and of random `lines` where talk is free."""
    match = LiveMatch(game, params, Seed(key))
    settle([match], clerk)
    while not match.done:
        replies = {}
        for request in match.requests():
            options = request.legal or lines
            replies[request.seat] = options[Seed(key).integer(len(options), 2 * len(match.replies) + request.seat)]
        match.submit(replies)
        settle([match], clerk)
    return match
