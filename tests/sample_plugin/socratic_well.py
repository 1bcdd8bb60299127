"""The well: a common good that lasts while nobody takes too much."""

from socratic.errors import ConfigError
from socratic.game import Bot, Params, Scores, Table, game

MOST_BUCKETS, MOST_ROUNDS = 5, 20


def babbler(params: Params) -> Bot:
    """Return a player that draws at random, and says a word where it may say anything."""
    del params
    return lambda request, seed: request.legal[seed.integer(len(request.legal))] if request.legal else "well"


@game(
    seats=("ann", "bob", "cleo"),
    bounds=(0.0, 1.0),
    levels=({"rounds": 1}, {"rounds": 2}, {"rounds": 2, "buckets": 3}, {"rounds": 6, "talk": True}),
    bots={"random": babbler},
)
async def well(t: Table, *, rounds: int = 2, buckets: int = 2, talk: bool = False) -> Scores:
    """All three draw 0 to `buckets` at once, `rounds` times; a well that is asked for more than it holds is dry for good.

    It holds 2 `buckets` each round. A score is the share of `rounds` times `buckets` that a seat has drawn. Each gains by drawing
    more, and all lose when all do (G. Hardin, "The tragedy of the commons", 1968).
    """
    if not (1 <= rounds <= MOST_ROUNDS and 1 <= buckets <= MOST_BUCKETS):
        raise ConfigError(f"well: {rounds} rounds of {buckets} buckets, expected 1 to {MOST_ROUNDS} rounds and 1 to {MOST_BUCKETS} buckets")
    held, drawn = 2 * buckets, [0, 0, 0]
    t.tell(None, f"Well of {held} for three. Over {held} it is dry.")
    for _ in range(rounds):
        if talk:
            said = await t.ask_all(dict.fromkeys(range(3), "Say one line:"))
            t.tell(None, " ".join(f"{name}: {said[seat]}" for seat, name in enumerate(well.seats)))
        asked = await t.ask_all({seat: ("Draw", [str(amount) for amount in range(buckets + 1)]) for seat in range(3)})
        amounts = [int(asked[seat]) for seat in range(3)]
        t.probe(asked=float(sum(amounts)))
        if sum(amounts) > held:
            t.tell(None, "Dry.")
            break
        drawn = [before + amount for before, amount in zip(drawn, amounts, strict=True)]
        t.tell(None, f"Drawn {sum(amounts)}")
    return tuple(amount / (rounds * buckets) for amount in drawn)
