"""Relay: a message through a narrow pipe."""

from socratic.errors import ConfigError
from socratic.game import Game, Params, Scores, Table, game

MESSAGES = ("sun", "cup", "fish", "tree", "bell", "ring", "lamp", "boat", "star", "rope", "coin", "leaf", "drum", "bird", "shoe", "key")
LETTERS = ("ka", "mo", "ti", "zu")
LEVELS: tuple[Params, ...] = (
    {},
    {"messages": 4, "budget": 2},
    {"messages": 6, "budget": 2},
    {"messages": 16, "letters": 4, "budget": 2},
)
MAX_BUDGET = 16


def best(*, messages: int, letters: int, budget: int) -> float:
    """Return the best expected score: words of `budget` letters tell letters**budget messages apart, the rest are lost."""
    _check(messages, letters, budget)
    return float(min(1.0, letters**budget / messages))


def chain(name: str, passers: int) -> Game:
    """Return the game with so many seats between the sender and the receiver."""
    seats = ("sender", *(f"passer_{index}" for index in range(1, passers + 1)), "receiver")

    async def play(t: Table, *, messages: int = 2, letters: int = 2, budget: int = 1) -> Scores:
        """The sender sees a message and says a few letters; each next seat hears only those and says as many; the last names the message.

        All score 1 if it is right, else 0. The optimum is letters**budget / messages, at most 1: a pipe carries no more than the
        logarithm of the words that fit through it (C. E. Shannon, "A mathematical theory of communication", 1948, section 1).
        """
        _check(messages, letters, budget)
        things, alphabet = MESSAGES[:messages], LETTERS[:letters]
        t.tell(None, f"Messages: {' '.join(things)}. Letters: {' '.join(alphabet)}. Words: {budget}.")
        heard = message = t.choose(things, hidden_from=range(1, len(seats)))
        t.truth(message=message)
        for seat in range(len(seats) - 1):
            said = [await t.ask(seat, f"Letter {index + 1} for {heard}", alphabet) for index in range(budget)]
            heard = " ".join(said)
        named = await t.ask(len(seats) - 1, f"Message for {heard}", things)
        return t.share(1.0 if named == message else 0.0)

    play.__name__ = name
    return game(seats=seats, bounds=(0.0, 1.0), levels=LEVELS, optimum=best)(play)


def _check(messages: int, letters: int, budget: int) -> None:
    if not (2 <= messages <= len(MESSAGES) and 1 <= letters <= len(LETTERS) and 1 <= budget <= MAX_BUDGET):
        raise ConfigError(
            f"relay: {messages} messages, {letters} letters, budget {budget}; expected 2 to {len(MESSAGES)} messages, "
            f"1 to {len(LETTERS)} letters and a budget of 1 to {MAX_BUDGET}"
        )


relay = chain("relay", 0)
relay_3 = chain("relay_3", 1)
relay_4 = chain("relay_4", 2)
relay_5 = chain("relay_5", 3)
