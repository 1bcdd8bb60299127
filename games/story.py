"""Story: two tell each other, sentence by sentence, what each knows of one world."""

import re
from collections.abc import Collection, Mapping, Sequence
from math import prod

from socratic.errors import ConfigError
from socratic.game import Bot, Params, Scores, Table, game

PEOPLE = ("ann", "bob", "cid", "dan", "eve", "fay")
PLACES = ("garden", "kitchen", "cellar", "attic", "office", "hall", "barn", "yard")
LINE = re.compile(r"[^\n]{1,160}")
WORD = re.compile(r"[a-z]+(?:['\u2019]t)?")
DENIALS = ("no", "not", "never", "nobody", "nor", "neither", "nowhere", "cannot")
UNSAID = "unsaid"
WHERE = f"Where does the sentence say that {{}} is? If it denies anything, or is not clear, it is {UNSAID}."
# The order of people (p) and places (x) in a sentence that is clear, and in one claim of it.
CLEAR = re.compile(r"(p+x)+|(xp+)+")
GROUP = re.compile(r"p+x|xp+")
MAX_SENTENCES = 50


def claims(sentence: str, people: Collection[str], places: Sequence[str]) -> dict[str, str]:
    """Return where a sentence says that each person is whom it names; `UNSAID` where it denies anything, or does not say clearly.

    It says so by people before their place ("ann and bob are in the hall, cid is in the barn") or each after it ("the hall hides ann").
    """
    words = [word.replace("\u2019", "'") for word in WORD.findall(sentence.lower())]
    found = [word for word in words if word in people or word in places]
    order = "".join("x" if word in places else "p" for word in found)
    if not CLEAR.fullmatch(order) or any(word in DENIALS or word.endswith("n't") for word in words):
        return dict.fromkeys((word for word in found if word in people), UNSAID)
    said: dict[str, str] = {}
    for group in GROUP.finditer(order):
        (place,) = (word for word in found[group.start() : group.end()] if word in places)
        for person in found[group.start() : group.end()]:
            if person in people:
                said[person] = place if said.get(person, place) == place else UNSAID
    return said


def agrees(sentence: str, facts: Mapping[str, str], places: Sequence[str] = PLACES) -> bool:
    """Return whether a sentence says where somebody is, and nothing of anybody but what is so."""
    said = claims(sentence, facts, places)
    return bool(said) and all(facts[person] == place for person, place in said.items())


def best(*, known: int, sentences: int, places: int, free: bool, judged: bool) -> float | None:
    """Return 1 where there is a sentence for each fact and no critic to please: all is told as it is, and believed."""
    del free
    _check(known, sentences, places)
    return 1.0 if sentences >= known and not judged else None


def babbler(params: Params) -> Bot:
    """Return a player of random moves that says of somebody that they are somewhere."""
    lines = [f"{person} is in the {place}" for person in PEOPLE[: 2 * int(params["known"])] for place in PLACES[: int(params["places"])]]
    return lambda request, seed: (request.legal or lines)[seed.integer(len(request.legal or lines))]


@game(
    seats=("first", "second"),
    bounds=(0.0, 1.0),
    levels=(
        {"known": 1, "sentences": 1, "places": 4},
        {"known": 2, "sentences": 2, "places": 4},
        {"known": 3, "sentences": 3, "places": 8},
        {"known": 3, "sentences": 3, "places": 8, "free": True},
    ),
    optimum=best,
    bots={"random": babbler},
)
async def story(t: Table, *, known: int = 1, sentences: int = 1, places: int = 4, free: bool = False, judged: bool = False) -> Scores:
    """Each knows where `known` people are; in turn each tells `sentences` sentences; then each says where the other's people are.

    Both score half the share of right answers and half the story's truth: the share of sentences that say where somebody is,
    and of nobody what is not so; a sentence that denies says nothing. What each says of whom it names is found by `claims` or, if
    `judged`, by a critic. Sentences come from a list or are `free`. The optimum is 1.

    The world is that of J. Weston et al., "Towards AI-complete question answering: a set of prerequisite toy tasks", 2015.
    """
    _check(known, sentences, places)
    cast, listed = (PEOPLE[:known], PEOPLE[known : 2 * known]), PLACES[:places]
    own = [{person: t.choose(listed, hidden_from=1 - seat) for person in cast[seat]} for seat in (0, 1)]
    facts = {**own[0], **own[1]}
    t.truth(facts=facts)
    t.tell(None, "Tell where your people are, then say where theirs are.")
    if free:
        t.tell(None, "A sentence is true if it says where somebody is and all that it says is so; one that denies counts as false.")
    told: list[str] = []
    for turn in range(2 * sentences):
        told.append(await _sentence(t, turn % 2, own[turn % 2], listed, free=free))
        t.tell(1 - turn % 2, told[-1])
    num_right = 0
    for asked in zip(cast[1], cast[0], strict=True):
        answers = await t.ask_all({seat: (f"Where is {person}", listed) for seat, person in enumerate(asked)})
        num_right += sum(answers[seat] == facts[person] for seat, person in enumerate(asked))
    right = num_right / (2 * known)
    truth = exact = sum(agrees(sentence, facts, listed) for sentence in told) / len(told)
    t.truth(exact=exact)
    t.probe(right=right, exact=exact)
    if judged:
        truth = await _judged(t, facts, listed, told)
        t.probe(critic=truth)
    return t.share((right + truth) / 2)


async def _sentence(t: Table, seat: int, own: Mapping[str, str], places: Sequence[str], *, free: bool) -> str:
    """Return what a seat tells, true or not; where there is one person to speak of, only the place is asked."""
    known = " ".join(f"{person} {place}" for person, place in own.items())
    if free:
        return await t.ask(seat, f"Tell: {known}", LINE)
    if len(own) > 1:
        return await t.ask(seat, f"Tell: {known}", [f"{person} is in the {place}" for person in own for place in places])
    return f"{next(iter(own))} is in the {await t.ask(seat, f'Tell: {known}', places)}"


async def _judged(t: Table, facts: Mapping[str, str], places: Sequence[str], told: Sequence[str]) -> float:
    """Return the mean share by which a critic finds that a sentence says what is so, of all whom it names."""
    total = 0.0
    for sentence in told:
        named = claims(sentence, facts, places)
        shares = [(await t.judge(WHERE.format(person), sentence, (*places, UNSAID)))[facts[person]] for person in named]
        total += prod(shares) if shares else 0.0
    return total / len(told)


def _check(known: int, sentences: int, places: int) -> None:
    if not (1 <= known <= len(PEOPLE) // 2 and 1 <= sentences <= MAX_SENTENCES and 2 <= places <= len(PLACES)):
        raise ConfigError(
            f"story: {known} people known, {sentences} sentences, {places} places; expected 1 to {len(PEOPLE) // 2} people, "
            f"1 to {MAX_SENTENCES} sentences and 2 to {len(PLACES)} places"
        )
