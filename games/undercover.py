"""Undercover: one of the players has another word, and nobody knows who; for 4, 5 or 6 seats."""

import re
from collections import Counter

from socratic.errors import ConfigError
from socratic.game import Bot, Game, Params, Scores, Table, game

NAMES = ("ann", "bob", "cid", "dan", "eve", "fay")
# What is true of each word.
TRAITS = {
    "cat": ("purr", "fur", "legs", "tail", "small"),
    "dog": ("bark", "fur", "legs", "tail"),
    "owl": ("hoot", "wings", "legs", "tail"),
    "fish": ("swim", "tail", "small"),
    "cow": ("milk", "legs", "tail", "big"),
    "bee": ("buzz", "wings", "legs", "small"),
    "frog": ("jump", "swim", "legs", "small"),
    "horse": ("ride", "jump", "legs", "tail", "big"),
}
WORDS = tuple(TRAITS)
# The first of them tell the first words apart.
CLUES = ("purr", "bark", "hoot", "swim", "milk", "buzz", "jump", "ride", "fur", "legs", "tail", "wings", "small", "big")
MAX_ROUNDS = 10


def babbler(params: Params) -> Bot:
    """Return a player of random moves that gives a clue from the list where any word will do."""
    del params
    return lambda request, seed: (request.legal or CLUES)[seed.integer(len(request.legal or CLUES))]


def make(num_seats: int) -> Game:
    """Return the game for 4, 5 or 6 seats."""

    def best(*, words: int, clues: int, rounds: int, together: bool, free: bool) -> float | None:
        """Return (seats - 2) / seats where clues are given together.

        A clue that tells the words apart gives the odd seat away, each seat is the odd one as often as another, and nobody gains by a
        clue that misleads before it knows what it is. In turn, the odd seat hears that it is odd and hides: not worked out.
        """
        del free
        _check(words, clues, rounds)
        return (num_seats - 2) / num_seats if together else None

    async def undercover(t: Table, *, words: int = 2, clues: int = 2, rounds: int = 1, together: bool = True, free: bool = False) -> Scores:
        """Each has a word, one another than the rest; clues are given, true or false, then all vote for the odd one at once.

        Nobody is told whether its word is the odd one. If the odd seat alone has the most votes it scores -1 and the others 1; after a
        tie or a wrong vote it scores 1 and they -1. Clues are given `together` or in turn, from a list or `free`. The party game "Who
        is the undercover"; its kin: A. Ushan, "Spyfall", 2014.
        """
        _check(words, clues, rounds)
        common, odd = t.deal(WORDS[:words], 2)
        spy = t.choose(range(num_seats))
        held = [odd if seat == spy else common for seat in range(num_seats)]
        t.truth(spy=NAMES[spy], common=common, odd=odd)
        t.secret(f"Clue for {common}", keep_from=spy)
        t.secret(f"Clue for {odd}", keep_from=[seat for seat in range(num_seats) if seat != spy])
        t.tell(None, f"One of {num_seats} has another word. Give clues, then vote for the odd one.")
        for seat, name in enumerate(NAMES[:num_seats]):
            t.tell(seat, f"You are {name}.")
        given = [clue for _ in range(rounds) for clue in await _clues(t, held, CLUES[:clues], together=together, free=free)]
        voters = NAMES[:num_seats]
        ballots = {seat: ("Odd one", [name for name in voters if name != voters[seat]]) for seat in range(num_seats)}
        votes = Counter((await t.ask_all(ballots)).values())
        against = votes.pop(NAMES[spy], 0)
        is_caught = against > max(votes.values(), default=0)
        true = [clue in TRAITS[held[index % num_seats]] for index, clue in enumerate(given)]
        t.probe(caught=is_caught, true_clues=sum(true) / len(true))
        return tuple(1.0 if (seat == spy) != is_caught else -1.0 for seat in range(num_seats))

    undercover.__name__ = "undercover" if num_seats == 4 else f"undercover_{num_seats}"
    return game(
        seats=NAMES[:num_seats],
        levels=(
            {"words": 2, "clues": 2},
            {"words": 4, "clues": 8},
            {"words": 8, "clues": 14, "rounds": 2, "together": False},
            {"words": 8, "clues": 14, "rounds": 2, "together": False, "free": True},
        ),
        optimum=best,
        bots={"random": babbler},
    )(undercover)


async def _clues(t: Table, held: list[str], listed: tuple[str, ...], *, together: bool, free: bool) -> list[str]:
    """Return a round's clues, by seat; all have seen them."""
    # A free clue is any one word but the speaker's own.
    asks = {seat: (f"Clue for {word}", re.compile(rf"(?!{word}$)[a-z]{{1,16}}") if free else listed) for seat, word in enumerate(held)}
    if together:
        said = list((await t.ask_all(asks)).values())
        t.tell(None, " ".join(f"{name} {clue}" for name, clue in zip(NAMES, said, strict=False)))
        return said
    said = []
    for seat, (prompt, legal) in asks.items():
        said.append(await t.ask(seat, prompt, legal))
        t.tell(None, f"{NAMES[seat]} {said[-1]}")
    return said


def _check(words: int, clues: int, rounds: int) -> None:
    if not (2 <= words <= len(WORDS) and words <= clues <= len(CLUES) and 1 <= rounds <= MAX_ROUNDS):
        raise ConfigError(
            f"undercover: {words} words, {clues} clues, {rounds} rounds; expected 2 to {len(WORDS)} words, no fewer clues and at most "
            f"{len(CLUES)}, and 1 to {MAX_ROUNDS} rounds"
        )


undercover, undercover_5, undercover_6 = (make(num_seats) for num_seats in (4, 5, 6))
