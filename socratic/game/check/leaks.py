"""Rules about what a seat may know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from socratic.game.calls import settle
from socratic.game.check.trial import Broken, NotTried, Trial
from socratic.game.failures import Through
from socratic.game.live_match import LiveMatch
from socratic.game.table import Dice
from socratic.records import GAME
from socratic.seeds import Seed

# Of a draw's other outcomes, how many are tried for each match.
MAX_OUTCOMES = 4


class OtherDraws(Through):
    """Raised where what was drawn before is not to be drawn this time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What each seat had seen at each of its questions, options and all, and whether the match came to its end."""

    questions: Mapping[int, Sequence[tuple[str, ...]]]
    is_over: bool


def keeps_secrets(trial: Trial) -> str:
    """No seat is shown the text of a secret that is kept from it."""
    num_secrets = 0
    for seed in trial.seeds:
        match = trial.played(seed)
        for secret in match.secrets:
            num_secrets += 1
            for seat in secret.keep_from:
                leak = next((line.text for line in match.view(seat) if line.speaker == GAME and secret.text in line.text), None)
                if leak is not None and not any(secret.text in said for said in match.replies):
                    raise Broken(f"seed {seed}: seat {trial.game.seats[seat]!r} was shown {secret.text!r} in {leak!r}")
    if not num_secrets:
        raise NotTried("the game declares no t.secret")
    return f"{num_secrets} secrets in {len(trial.seeds)} plays; only their exact text was looked for"


def keeps_hidden_draws(trial: Trial) -> str:
    """What a seat has seen when it is asked does not depend on what was drawn behind its back."""
    num_tried = num_whole = 0
    for seed in trial.seeds:
        match = trial.played(seed)
        if not match.hidden_draws:
            continue
        replies = _replies_by_seat(trial, match)
        told = _seen(trial, match, replies, None)
        for draw, seats in match.hidden_draws.items():
            drawn = match.chance[draw]
            others = [index for index, weight in enumerate(drawn.weights) if index != drawn.chosen and weight > 0]
            for other in others[:MAX_OUTCOMES]:
                try:
                    twin = _seen(trial, match, replies, _other_dice(match, draw, other))
                except OtherDraws:
                    continue
                for seat in seats:
                    _hold_against(trial, match, told, twin, seat, drawn.options[other])
                num_tried += 1
                num_whole += twin.is_over
    if not num_tried:
        raise NotTried("the game declares no draw as hidden_from a seat, or none that could have been another")
    if not num_whole:
        raise NotTried(f"after none of {num_tried} other draws could the same replies be given again")
    return f"{num_tried} draws changed behind a seat's back left its view alone, {num_whole} of them to the end of the match"


def _replies_by_seat(trial: Trial, match: LiveMatch) -> dict[int, list[str]]:
    again = match.fork(0)
    settle([again], trial.clerk)
    given = iter(match.replies)
    replies: dict[int, list[str]] = {}
    while not again.done:
        asked = {request.seat: next(given) for request in again.requests()}
        for seat, reply in asked.items():
            replies.setdefault(seat, []).append(reply)
        again.submit(asked)
        settle([again], trial.clerk)
    return replies


def _other_dice(match: LiveMatch, draw: int, other: int) -> Dice:
    """Return dice that draw what was drawn in a match, but for one draw."""
    drawn = match.chance
    num_draws = 0

    def dice(options: Sequence[object], weights: Sequence[float] | None) -> int:
        nonlocal num_draws
        at, num_draws = num_draws, num_draws + 1
        if at == draw:
            return other
        # By its text: the same card may lie elsewhere in a pack from which another was taken.
        wanted = drawn[at].options[drawn[at].chosen] if at < len(drawn) else ""
        texts = [str(option) for option in options]
        if wanted not in texts:
            raise OtherDraws
        return texts.index(wanted)

    return dice


def _seen(trial: Trial, match: LiveMatch, replies: Mapping[int, Sequence[str]], dice: Dice | None) -> Seen:
    """Play with each seat's replies in their order, as far as they go and are moves."""
    live = LiveMatch(trial.game, trial.params, Seed(match.seed.key), retries=match.retries, max_turns=match.max_turns, dice=dice)
    settle([live], trial.clerk)
    left = {seat: iter(own) for seat, own in replies.items()}
    questions: dict[int, list[tuple[str, ...]]] = {}
    while not live.done:
        given = {}
        for request in live.requests():
            seen = (*(line.text for line in request.view), f"options {request.legal}")
            questions.setdefault(request.seat, []).append(seen)
            reply = next(left.get(request.seat, iter(())), None)
            # What may be said can depend on what was drawn, for those who know it.
            if reply is None or (request.legal is not None and dice is not None and reply.strip() not in request.legal):
                return Seen(questions=questions, is_over=False)
            given[request.seat] = reply
        live.submit(given)
        settle([live], trial.clerk)
    return Seen(questions=questions, is_over=True)


def _hold_against(trial: Trial, match: LiveMatch, told: Seen, twin: Seen, seat: int, other: str) -> None:
    ours, theirs = told.questions.get(seat, ()), twin.questions.get(seat, ())
    blamed = f"seed {match.seed.key}: seat {trial.game.seats[seat]!r} can tell a draw that is hidden from it: "
    for was, would_be in zip(ours, theirs, strict=False):
        differs = next(((a, b) for a, b in zip_longest(was, would_be, fillvalue="nothing") if a != b), None)
        if differs is not None:
            raise Broken(f"{blamed}it saw {differs[0]!r}, and {differs[1]!r} had {other!r} been drawn")
    if len(ours) > len(theirs) and twin.is_over:
        raise Broken(f"{blamed}it was asked {len(ours)} times, and {len(theirs)} had {other!r} been drawn")
