"""Kuhn poker: the smallest game of bluff."""

from socratic.errors import ConfigError
from socratic.game import Scores, Table, game

CARDS = ("2", "3", "4", "5", "6", "7", "8", "9", "10", "J", "Q", "K")
WORDS = ("pass", "bet")
# What has been said when the cards are shown, and what is then at stake.
SHOWDOWNS = {("pass", "pass"): 1, ("bet", "bet"): 2, ("pass", "bet", "bet"): 2}


def value(*, cards: int) -> float | None:
    """Return the first seat's value where it is known in closed form."""
    return -1 / 18 if cards == 3 else None


@game(
    seats=("first", "second"),
    zero_sum=True,
    bounds=(-2.0, 2.0),
    levels=({"cards": 3}, {"cards": 5}, {"cards": 12}),
    optimum=value,
)
async def kuhn_poker(t: Table, *, cards: int = 3) -> Scores:
    """Each antes 1 and gets one of `cards` cards. A bet puts in 1 more; a pass after a bet folds; else the high card wins.

    They are the highest so many, up to twelve. With three the first seat's value is -1/18 (H. W. Kuhn, "A simplified two-person
    poker", 1950).
    """
    if not 2 <= cards <= len(CARDS):
        raise ConfigError(f"kuhn_poker: cards is {cards}, expected 2 to {len(CARDS)}")
    pack = CARDS[-cards:]
    held = t.deal(pack, 2, hidden_from=(1, 0))
    t.tell(None, f"Kuhn poker: the high card of {' '.join(pack)} wins. Say pass or bet.")
    for seat in (0, 1):
        t.tell(seat, f"Your card: {held[seat]}.")
        t.secret(f"Your card: {held[seat]}.", keep_from=1 - seat)
    said: tuple[str, ...] = ()
    seat = 0
    while said not in SHOWDOWNS and said[-2:] != ("bet", "pass"):
        said = (*said, await t.ask(seat, "You:", WORDS))
        t.tell(1 - seat, f"They {said[-1]}.")
        seat = 1 - seat
    if said[-1] == "pass" and said not in SHOWDOWNS:
        return t.win(seat, by=1)
    return t.win(max((0, 1), key=lambda holder: pack.index(held[holder])), by=SHOWDOWNS[said])
