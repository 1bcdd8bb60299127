"""Kuhn poker: the smallest game of bluff."""

from socratic.game import Scores, Table, game

CARDS = ("J", "Q", "K")
WORDS = ("pass", "bet")
# What has been said when the cards are shown, and what is then at stake.
SHOWDOWNS = {("pass", "pass"): 1, ("bet", "bet"): 2, ("pass", "bet", "bet"): 2}


@game(seats=("first", "second"), zero_sum=True, bounds=(-2.0, 2.0), levels=({},), optimum=-1 / 18)
async def kuhn_poker(t: Table) -> Scores:
    """Each antes 1 and gets one of three cards. A bet puts in 1 more; a pass after a bet folds; else the high card wins.

    The first seat's value is -1/18 (H. W. Kuhn, "A simplified two-person poker", 1950).
    """
    cards = t.deal(CARDS, 2, hidden_from=(1, 0))
    t.tell(None, "Kuhn poker: the high card of J Q K wins. Say pass or bet.")
    for seat in (0, 1):
        t.tell(seat, f"Your card: {cards[seat]}.")
        t.secret(f"Your card: {cards[seat]}.", keep_from=1 - seat)
    said: tuple[str, ...] = ()
    seat = 0
    while said not in SHOWDOWNS and said[-2:] != ("bet", "pass"):
        said = (*said, await t.ask(seat, "You:", WORDS))
        t.tell(1 - seat, f"They {said[-1]}.")
        seat = 1 - seat
    if said[-1] == "pass" and said not in SHOWDOWNS:
        return t.win(seat, by=1)
    return t.win(max((0, 1), key=lambda holder: CARDS.index(cards[holder])), by=SHOWDOWNS[said])
