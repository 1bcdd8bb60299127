"""The game of the comparisons: a long question, a free answer, a score that anybody can count. One turn, or a dialogue of several."""

from socratic.game import Scores, Table, game

WORDS = [
    "river",
    "stone",
    "window",
    "garden",
    "letter",
    "market",
    "winter",
    "candle",
    "bridge",
    "forest",
    "silver",
    "harbor",
    "meadow",
    "engine",
    "ribbon",
    "castle",
    "thunder",
    "pencil",
    "orchard",
    "lantern",
    "mirror",
    "valley",
    "basket",
    "copper",
    "feather",
    "island",
    "ladder",
    "needle",
    "planet",
    "rocket",
    "saddle",
    "temple",
]
ASKED = "Write one short sentence about these things, in plain words, and do not stop before it says what they have to do with each other:"
NUM_WORDS = 44


def counted(reply: str) -> float:
    """Return the share of vowels among a reply's letters; 0 for none."""
    letters = [letter for letter in reply.lower() if letter.isalpha()]
    return sum(letter in "aeiou" for letter in letters) / len(letters) if letters else 0.0


@game(seats=("writer",), bounds=(0.0, 1.0))
async def letters(t: Table, *, turns: int = 1, words: int = NUM_WORDS) -> Scores:
    """Answer freely, `turns` times; the score is the mean share of vowels."""
    total = 0.0
    for _ in range(turns):
        chosen = " ".join(t.choose(WORDS) for _ in range(words))
        reply = await t.ask(0, f"{ASKED} {chosen}.", None)
        total += counted(reply)
    return t.share(total / turns)
