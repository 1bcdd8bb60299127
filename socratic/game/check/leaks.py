"""Rules about what a seat may know."""

from collections.abc import Sequence

from socratic.game.calls import settle
from socratic.game.check.trial import Broken, NotTried, Trial
from socratic.game.live_match import LiveMatch
from socratic.records import GAME
from socratic.seeds import Seed

# Of a draw's other outcomes, how many are tried for each match.
MAX_OUTCOMES = 4


class OtherDraws(BaseException):
    """Raised where what was drawn before is not to be drawn this time; past the handlers that a game may have."""


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
    """What a seat sees does not depend on what was drawn behind its back: the same replies are given after another draw."""
    num_tried = 0
    for seed in trial.seeds:
        match = trial.played(seed)
        for draw, seats in match.hidden_draws.items():
            drawn = match.chance[draw]
            others = [index for index, weight in enumerate(drawn.weights) if index != drawn.chosen and weight > 0]
            for other in others[:MAX_OUTCOMES]:
                try:
                    num_tried += _compared(trial, match, draw, other, seats)
                except OtherDraws:
                    continue
    if not num_tried:
        raise NotTried("the game declares no draw as hidden_from a seat")
    return f"{num_tried} draws changed behind a seat's back left its view alone"


def _compared(trial: Trial, match: LiveMatch, draw: int, other: int, seats: Sequence[int]) -> int:
    """Play the match again with one draw changed, and hold the views of the seats that may not tell against each other."""
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

    twin = LiveMatch(trial.game, trial.params, Seed(match.seed.key), retries=match.retries, max_turns=match.max_turns, dice=dice)
    settle([twin], trial.clerk)
    told = match.fork(0)
    settle([told], trial.clerk)
    replies = iter(match.replies)
    while True:
        for seat in seats:
            _hold_against(trial, match, told, twin, seat, drawn[draw].options[other])
        asked, asked_twin = told.requests(), twin.requests()
        if not asked or [request.seat for request in asked] != [request.seat for request in asked_twin]:
            return 1
        given = {request.seat: next(replies) for request in asked}
        told.submit(given)
        # What may be said can depend on what was drawn, for those who know it.
        if twin.submit(given):
            return 1
        settle([told, twin], trial.clerk)


def _hold_against(trial: Trial, match: LiveMatch, told: LiveMatch, twin: LiveMatch, seat: int, other: str) -> None:
    ours, theirs = told.view(seat), twin.view(seat)
    options = [[request.legal for request in live.requests() if request.seat == seat] for live in (told, twin)]
    seen = [[line.text for line in view] for view in (ours, theirs)]
    if all(options):
        seen = [[*texts, f"options {legal[0]}"] for texts, legal in zip(seen, options, strict=True)]
    differs = next(((a, b) for a, b in zip(*seen, strict=False) if a != b), None)
    if differs is not None:
        raise Broken(
            f"seed {match.seed.key}: seat {trial.game.seats[seat]!r} can tell a draw that is hidden from it: "
            f"it saw {differs[0]!r}, and {differs[1]!r} had {other!r} been drawn"
        )
