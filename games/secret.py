"""Secret: a cipher out of nothing."""

from socratic.errors import ConfigError
from socratic.game import Scores, Table, game

KEYS = ("red", "blue", "green", "gold", "pink", "grey", "black", "white")
WORDS = ("cup", "sun", "fish", "tree", "bell", "ring", "lamp", "boat")
SYMBOLS = ("ka", "mo", "ti", "zu", "ne", "ri", "po", "lu")


def best(*, words: int, keys: int, joined: bool) -> float:
    """Return the best expected score of sender and receiver against the best eavesdropper.

    With as many keys as words the receiver is always right and the eavesdropper at chance: a one-time pad. An eavesdropper can
    always guess the key and read as the receiver does, so fewer keys hide less, and more could not help.
    """
    del joined
    _check(words, keys or words)
    return 1 - 1 / (keys or words)


@game(
    seats=("sender", "receiver", "eavesdropper"),
    levels=({"words": 2, "joined": True}, {"words": 2}, {"words": 3}, {"words": 4, "keys": 3}, {"words": 8}),
    optimum=best,
)
async def secret(t: Table, *, words: int = 2, keys: int = 0, joined: bool = False) -> Scores:
    """The sender knows a word and says a symbol; receiver and eavesdropper guess the word; sender and receiver share a key.

    Sender and receiver score 1 if the receiver is right, less 1 if the eavesdropper is; the eavesdropper scores 1 if right, else 0.
    `keys` 0: as many as words. `joined`: key and word are written as one, for a small policy that cannot yet combine two. The
    optimum is 1 - 1 / keys: a one-time pad (C. E. Shannon, "Communication theory of secrecy systems", 1949). The game: M. Abadi and
    D. G. Andersen, "Learning to protect communications with adversarial neural cryptography", 2016.
    """
    keys = keys or words
    _check(words, keys)
    listed, symbols = WORDS[:words], SYMBOLS[:words]
    t.tell(None, f"Words: {' '.join(listed)}. Symbols: {' '.join(symbols)}. Keys: {' '.join(KEYS[:keys])}, unknown to the eavesdropper.")
    key = t.choose(KEYS[:keys], hidden_from=2)
    word = t.choose(listed, hidden_from=(1, 2))
    t.truth(key=key, word=word)
    gap = "" if joined else " "
    said = await t.ask(0, f"Symbol for {key}{gap}{word}", symbols)
    guesses = await t.ask_all({1: (f"Word for {key}{gap}{said}", listed), 2: (f"Word for {said}", listed)})
    received, overheard = (float(guesses[seat] == word) for seat in (1, 2))
    t.probe(received=received, overheard=overheard)
    return received - overheard, received - overheard, overheard


def _check(words: int, keys: int) -> None:
    if not 2 <= keys <= words <= len(WORDS):
        raise ConfigError(f"secret: {words} words and {keys} keys, expected 2 to {len(WORDS)} words and 2 to as many keys")
