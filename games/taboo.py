"""Taboo: describe a thing without the words that say it best; or make the other say it."""

import re
from math import comb

from socratic.errors import ConfigError
from socratic.game import Bot, Params, Request, Scores, Seed, Table, game

THINGS = ("cup", "key", "sun", "fish", "tree", "bell", "ring", "lamp")
# Thing i has the second word of pair j where i and j + 1 share an odd number of bits, so each word is true of half of them.
PAIRS = (("red", "blue"), ("big", "small"), ("round", "flat"), ("old", "new"), ("warm", "cool"), ("soft", "hard"), ("wet", "dry"))
# As many pairs as tell the things apart, by number of things.
MIN_PAIRS = {4: 2, 8: 4}
ONE_WORD = re.compile(r"[A-Za-z]{1,20}")
GUESS = "guess"
# A line that guesses; "guess", "guess so", "guess not" and "guess the" are chat.
GUESSING = re.compile(r"(?:i )?guess (?!(?:so|not|the|an?)$)(?:(?:the|an?) )?(\S+)")


def best(*, things: int, attributes: int, forbidden: int, clues: int, free: bool) -> float | None:
    """Return the best expected score with one clue from the list; None elsewhere.

    The guesser can take each of the 2 * `attributes` words for one thing. A thing that owns k words is found unless all of them are
    forbidden, which helps less with each word: so the best code spreads the words evenly.
    """
    _check(things, attributes, forbidden, clues)
    if clues > 1 or free:
        return None
    fewest, num_more = divmod(2 * attributes, things)
    counts = [fewest + 1] * num_more + [fewest] * (things - num_more)
    lost = sum(comb(attributes - count, forbidden - count) for count in counts if count <= forbidden)
    return 1 - lost / things / comb(attributes, forbidden)


def random_player(params: Params) -> Bot:
    """Return the player that says any option, and where none are listed any word of the games."""
    del params
    words = [*THINGS, *(word for pair in PAIRS for word in pair)]

    def say(request: Request, seed: Seed) -> str:
        options = request.legal or words
        return options[seed.integer(len(options), 0)]

    return say


@game(
    seats=("describer", "guesser"),
    bounds=(0.0, 1.0),
    levels=(
        {},
        {"clues": 2},
        {"things": 8, "attributes": 5, "forbidden": 2, "clues": 3},
        {"things": 8, "attributes": 5, "forbidden": 3, "clues": 2, "free": True},
    ),
    optimum=best,
    bots={"random": random_player},
)
async def taboo(t: Table, *, things: int = 4, attributes: int = 3, forbidden: int = 1, clues: int = 1, free: bool = False) -> Scores:
    """Describe a thing in single words, none of them forbidden; after each the guesser names a thing. Both score 1 / words if found.

    Clues are words that are true of the thing; `free`: any word, and one that contains a forbidden word or the thing's name ends the
    match with 0. With one clue the best code is a matter of counting (see `best`). After the party game Taboo (B. Hersch, 1989).
    """
    _check(things, attributes, forbidden, clues)
    names = THINGS[:things]
    rows = [" ".join([name, *_words_of(index, attributes)]) for index, name in enumerate(names)]
    t.tell(None, f"Find the thing by {clues} word{'s' * (clues > 1)}: {', '.join(rows)}.")
    # A second question, or none, tells the guesser something of the thing.
    hidden = 1 if clues == 1 and not free else None
    target = t.choose(range(things), hidden_from=hidden)
    own = _words_of(target, attributes)
    banned = t.deal(own, forbidden, hidden_from=(hidden,) * forbidden)
    t.secret(f"Clue for {names[target]}", keep_from=1)
    t.truth(thing=names[target], forbidden=banned)
    if free:
        banned = [*banned, names[target]]
    if banned:
        t.secret(f"Forbidden: {' '.join(banned)}.", keep_from=1)
        t.tell(0, f"Forbidden: {' '.join(banned)}.")
    said: list[str] = []
    left = list(names)
    while len(said) < clues:
        allowed = [word for word in own if word not in (*banned, *said)]
        said.append(await t.ask(0, f"Clue for {names[target]}", ONE_WORD if free else allowed))
        if free and any(word in said[-1].lower() for word in banned):
            break
        guess = await t.ask(1, f"Thing for {said[-1]}", left)
        if guess == names[target]:
            return t.share(1 / len(said))
        left.remove(guess)
        t.tell(0, f"Not {guess}.")
    return t.share(0.0)


def value(*, words: int, talk: bool, rounds: int) -> float | None:
    """Return the attacker's score under optimal play without talk.

    With m words left the defender's say survives with (m - 1) / m whatever the attacker did, and m falls by 2 to the next; at one
    word it guesses right, at two it is even. The attacker holds it to that by dropping words at random.
    """
    _check_words(words, rounds)
    if talk:
        return None
    survives, left = 1.0, words - 1
    while left > 1:
        survives *= (left - 1) / left
        left -= 2
    return 1 - 2 * survives


@game(
    seats=("attacker", "defender"),
    zero_sum=True,
    levels=({"words": 4}, {"words": 5}, {"words": 7}, {"words": 8, "talk": True}),
    optimum=value,
    bots={"random": random_player},
)
async def taboo_adversarial(t: Table, *, words: int = 4, talk: bool = False, rounds: int = 4) -> Scores:
    """The attacker knows a word and wins if the defender says it. Whoever says it first loses; the defender may guess it instead.

    Without talk each says a listed word that was not said before. With `talk` each says anything, and whole words count, in capitals
    or not; the defender guesses by the reply `guess WORD` (`I guess the WORD` will do, `guess` alone is talk), and after `rounds` it
    is a draw. After Y. Yao and others, "Adversarial language games for advanced natural language intelligence", 2021 (arXiv 2019), and
    P. Cheng and others, "Self-playing adversarial language game enhances LLM reasoning", 2024.
    """
    _check_words(words, rounds)
    listed = list(THINGS[:words])
    word = t.choose(listed)  # hidden from the defender by its text alone: that the match goes on tells something of the word
    t.truth(word=word)
    t.secret(f"count: {word}" if talk else f"not {word}", keep_from=1)
    if talk:
        return await _talk(t, word, rounds)
    t.tell(None, f"In turn say a new word of {' '.join(listed)}. Who says the attacker's word loses; the defender may {GUESS} it.")
    heard = "Say"
    while True:
        said = await t.ask(0, f"{heard}, not {word}", listed)
        if said == word:
            return t.win(1)
        listed.remove(said)
        said = await t.ask(1, f"After {said}", [*listed, GUESS])
        if said == GUESS:
            return t.win(1 if await t.ask(1, "Guess", listed) == word else 0)
        if said == word:
            return t.win(0)
        listed.remove(said)
        heard = f"After {said}"


async def _talk(t: Table, word: str, rounds: int) -> Scores:
    t.tell(0, f"Make the other say your word within {rounds} replies, without saying it; whole words count: {word}.")
    t.tell(1, f"The other wants you to say a word (whole words count). Talk {rounds} times without, or guess it once: '{GUESS} WORD'.")
    for _ in range(rounds):
        said = await t.ask(0, "You:")
        if word in _spoken(said):
            return t.win(1)
        t.tell(1, f"They said: {_in_a_line(said)}")
        answer = await t.ask(1, "You:")
        guess = GUESSING.fullmatch(" ".join(_spoken(answer)))
        if guess:
            return t.win(1 if guess[1] == word else 0)
        if word in _spoken(answer):
            return t.win(0)
        t.tell(0, f"They said: {_in_a_line(answer)}")
    return t.draw()


def _in_a_line(text: str) -> str:
    """Return a text on one line, so that nobody says what looks like a line of the game."""
    return " ".join(text.split())


def _spoken(text: str) -> list[str]:
    """Return the words of a text in small letters, without punctuation."""
    return re.findall(r"[^\W_]+", text.lower())


def _words_of(index: int, attributes: int) -> list[str]:
    return [pair[(index & (at + 1)).bit_count() % 2] for at, pair in enumerate(PAIRS[:attributes])]


def _check(things: int, attributes: int, forbidden: int, clues: int) -> None:
    if things not in MIN_PAIRS or not MIN_PAIRS[things] <= attributes < things:
        raise ConfigError(f"taboo: {things} things with {attributes} attributes, expected 4 with 2 or 3, or 8 with 4 to 7")
    if not (forbidden >= 0 and 1 <= clues <= attributes - forbidden):
        raise ConfigError(
            f"taboo: {clues} clues and {forbidden} forbidden words of {attributes}, expected 1 clue or more and an allowed word for each"
        )


def _check_words(words: int, rounds: int) -> None:
    if not (2 <= words <= len(THINGS) and 1 <= rounds <= 100):
        raise ConfigError(f"taboo_adversarial: {words} words and {rounds} rounds, expected 2 to {len(THINGS)} words and 1 to 100 rounds")
