"""Liar's dice: bids on what nobody sees whole."""

from socratic.errors import ConfigError
from socratic.game import Scores, Table, game

LIAR = "liar"
MAX_FACES = 9
# A bid is two digits.
MAX_DICE_IN_ALL = 9
# The first of two seats' value by dice and faces: the linear program over the whole tree, as the fraction it comes to.
VALUES = {(1, 2): 1 / 2, (1, 3): 1 / 9, (1, 4): 1 / 16, (1, 5): 1 / 125, (1, 6): -7 / 258, (2, 2): 7 / 8}


def value(*, dice: int, faces: int) -> float | None:
    """Return the first of two seats' score under optimal play, where it was worked out."""
    _check(dice, faces, 2)
    return VALUES.get((dice, faces))


@game(
    seats=("first", "second"),
    zero_sum=True,
    levels=({"faces": 3}, {"faces": 4}, {"faces": 6}, {"dice": 2, "faces": 6}),
    optimum=value,
)
async def liars_dice(t: Table, *, dice: int = 1, faces: int = 3) -> Scores:
    """In turn bid higher on how many of all dice show a face, or challenge the last bid; who was wrong loses.

    The highest face is wild: it counts as any. A bid is higher by its number, or with the same number by its face. The rules are
    those of OpenSpiel's liars_dice (M. Lanctot and others, "OpenSpiel: a framework for reinforcement learning in games", 2019).
    """
    return await _play(t, 2, dice, faces)


@game(
    seats=("first", "second", "third"),
    zero_sum=True,
    levels=({"faces": 2}, {"faces": 3}, {"faces": 6}, {"dice": 2, "faces": 6}),
)
async def liars_dice_3(t: Table, *, dice: int = 1, faces: int = 2) -> Scores:
    """Liar's dice for three: the loser of the challenge pays the two others alike."""
    return await _play(t, 3, dice, faces)


async def _play(t: Table, num_seats: int, dice: int, faces: int) -> Scores:
    _check(dice, faces, num_seats)
    seats = range(num_seats)
    t.tell(
        None,
        f"Liar's dice: {dice * num_seats} dice, faces 1 to {faces}, {faces} is any. Bid 12 says 1 die shows 2. Bid higher or say {LIAR}.",
    )
    hands = []
    for holder in seats:
        others = [seat for seat in seats if seat != holder]
        hands.append(sorted(t.choose(range(1, faces + 1), hidden_from=others) for _ in range(dice)))
    t.truth(hands=hands)
    bids = [f"{num}{face}" for num in range(1, dice * num_seats + 1) for face in range(1, faces + 1)]
    said: list[str] = []
    while not said or said[-1] != LIAR:
        seat = len(said) % num_seats
        # What the others said since this seat's last bid; its dice come last, because its move hangs on them.
        heard = said[-num_seats + 1 :]
        higher = bids[bids.index(said[-1]) + 1 :] if said else bids
        prompt = " ".join([*(["Over", *heard] if heard else ["Bid"]), "with", *map(str, hands[seat])])
        said.append(await t.ask(seat, prompt, [*higher, LIAR] if said else higher))
    num, face = map(int, said[-2])
    is_true = sum(die in (face, faces) for hand in hands for die in hand) >= num
    t.probe(bids=len(said) - 1, last_bid_true=is_true)
    challenger, bidder = (len(said) - 1) % num_seats, (len(said) - 2) % num_seats
    loser = challenger if is_true else bidder
    return [-1.0 if seat == loser else 1 / (num_seats - 1) for seat in seats]


def _check(dice: int, faces: int, num_seats: int) -> None:
    if not (1 <= dice * num_seats <= MAX_DICE_IN_ALL and 2 <= faces <= MAX_FACES):
        raise ConfigError(
            f"liars_dice: {dice} dice for each of {num_seats} with {faces} faces, expected 1 to {MAX_DICE_IN_ALL // num_seats} dice "
            f"and 2 to {MAX_FACES} faces"
        )
