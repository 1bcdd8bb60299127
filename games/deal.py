"""Deal: two share a few things that each values in its own way."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from typing import TypeAlias

from socratic.errors import ConfigError
from socratic.game import Bot, Params, Scores, Table, game

ITEMS = ("hat", "ball", "cup", "book", "key", "lamp")
LINE = re.compile(r"[^\n]{1,160}")
WORD = re.compile(r"[a-z]+(?:['\u2019]t)?")
DENIALS = ("no", "not", "never", "none", "nothing", "nor", "neither", "cannot", "without", "dont")
# What a line wants that names several things, none, or denies.
UNCLEAR = "unclear"
# The splits are listed at every proposal.
MAX_SPLITS = 256
MAX_LINES = 100
MAX_ROUNDS = 100

Split: TypeAlias = tuple[int, ...]  # how many of each item the first seat keeps


@lru_cache(maxsize=64)
def valuations(items: int) -> tuple[Split, ...]:
    """Return all values of `items` things that are 1 or more each and sum to twice their number."""
    return tuple(values for values in product(range(1, items + 2), repeat=items) if sum(values) == 2 * items)


@lru_cache(maxsize=64)
def splits(items: int, copies: int) -> tuple[Split, ...]:
    """Return all ways to share `copies` of each item in which both get something."""
    ways = product(range(copies, -1, -1), repeat=items)
    return tuple(split for split in ways if 0 < sum(split) < items * copies)


def gains(values: Sequence[Split], copies: int, split: Split) -> tuple[float, float]:
    """Return the share of all that it values which each seat gets."""
    kept = sum(value * num for value, num in zip(values[0], split, strict=True)) / (sum(values[0]) * copies)
    given = sum(value * (copies - num) for value, num in zip(values[1], split, strict=True)) / (sum(values[1]) * copies)
    return kept, given


def frontier(values: Sequence[Split], copies: int) -> list[Split]:
    """Return the Pareto-efficient splits: none gives one seat more and the other no less."""
    of_split = {split: gains(values, copies, split) for split in splits(len(values[0]), copies)}

    def is_beaten(mine: tuple[float, float]) -> bool:
        return any(other != mine and other[0] >= mine[0] and other[1] >= mine[1] for other in of_split.values())

    return [split for split, mine in of_split.items() if not is_beaten(mine)]


def bargain(values: Sequence[Split], copies: int) -> Split:
    """Return the split with the greatest product of gains; of several, the one that gives the first seat the most of the first item.

    Source: J. F. Nash, "The bargaining problem", 1950, with no deal at (0, 0).
    """

    def product_of_gains(split: Split) -> float:
        kept, given = gains(values, copies, split)
        return kept * given

    return max(splits(len(values[0]), copies), key=product_of_gains)


def wanted(line: str, items: int) -> str:
    """Return the one of the first `items` things that a line names; `UNCLEAR` where it names several or none, or denies anything."""
    words = {word.replace("\u2019", "'") for word in WORD.findall(line.lower())}
    named = [item for item in ITEMS[:items] if item in words or f"{item}s" in words]
    is_denial = any(word in DENIALS or word.endswith("n't") for word in words)
    return named[0] if len(named) == 1 and not is_denial else UNCLEAR


def honesty(lines: Sequence[str], values: Split) -> float:
    """Return the share of lines that say they want one thing, and one that the speaker values most."""
    return sum(wanted(line, len(values)) in _favourites(values) for line in lines) / len(lines)


def _favourites(values: Split) -> list[str]:
    return [item for item, value in zip(ITEMS, values, strict=False) if value == max(values)]


def best(*, items: int, copies: int, rounds: int, talk: int, free: bool, talk_weight: float, judged: bool) -> float | None:
    """Return the first seat's score in equilibrium where it is known: with one proposal, and no critic to please.

    Every proposal leaves the other something, so the last one is accepted; the proposer keeps all but one of what it values least.
    Talk is then free of consequence, and honest where it scores.
    """
    del free
    _check(items, copies, rounds, talk, talk_weight)
    if rounds > 1 or (talk and judged):
        return None
    known = valuations(items)
    kept = sum(1 - min(values) / (sum(values) * copies) for values in known) / len(known)
    return (1 - talk_weight) * kept + talk_weight if talk else kept


def babbler(params: Params) -> Bot:
    """Return a player of random moves that says it wants some thing where talk is free."""
    lines = [f"i want {item}" for item in ITEMS[: int(params["items"])]]
    return lambda request, seed: (request.legal or lines)[seed.integer(len(request.legal or lines))]


@game(
    seats=("first", "second"),
    bounds=(0.0, 1.0),
    levels=(
        {"items": 2},
        {"items": 3},
        {"items": 3, "rounds": 2, "talk": 2},
        {"items": 3, "copies": 2, "rounds": 4, "talk": 4, "free": True},
    ),
    optimum=best,
    bots={"random": babbler},
)
async def deal(
    t: Table,
    *,
    items: int = 2,
    copies: int = 1,
    rounds: int = 1,
    talk: int = 0,
    free: bool = False,
    talk_weight: float = 0.25,
    judged: bool = False,
) -> Scores:
    """Propose in turn what you keep of `copies` of each item, at most `rounds` times, until one accepts; no deal scores 0.

    Each seat's values are private; a deal scores the share of all that the seat values. Before that come `talk` lines in turn, from a
    list or `free`; a seat that spoke has `talk_weight` of its score from the share of its lines that are honest: that want one thing,
    deny nothing, and no thing is worth more to it. What a line wants is found by `wanted` or, if `judged`, by a critic. With one
    proposal the equilibrium is known; with more only what is efficient (`frontier`, `bargain`).

    M. Lewis et al., "Deal or no deal? End-to-end learning for negotiation dialogues", 2017.
    """
    _check(items, copies, rounds, talk, talk_weight)
    values = [t.choose(valuations(items), hidden_from=1 - seat) for seat in (0, 1)]
    worth = [" ".join(f"{item} {value}" for item, value in zip(ITEMS, own, strict=False)) for own in values]
    t.truth(values=values)
    t.tell(None, f"Share {copies} each of {' '.join(ITEMS[:items])}. No deal scores 0.")
    if talk:
        t.tell(None, f"Honest lines score: name just what you value most{', and deny nothing' if free else ''}.")
    spoken = await _talk(t, worth, talk, ITEMS[:items] if not free else None)
    split = await _bargaining(t, worth, rounds, copies)
    scores = gains(values, copies, split) if split else (0.0, 0.0)
    t.probe(deal=split is not None, efficient=split in frontier(values, copies), bargain=split == bargain(values, copies))
    if not talk:
        return scores
    exact = [honesty(lines, own) if lines else 1.0 for lines, own in zip(spoken, values, strict=True)]
    t.truth(exact=exact)
    shares = [await _judged(t, lines, own) for lines, own in zip(spoken, values, strict=True)] if judged else exact
    speakers = [seat for seat in (0, 1) if spoken[seat]]
    t.probe(exact=sum(exact[seat] for seat in speakers) / len(speakers))
    if judged:
        t.probe(critic=sum(shares[seat] for seat in speakers) / len(speakers))
    weights = [talk_weight if lines else 0.0 for lines in spoken]
    return [(1 - weight) * dealt + weight * share for dealt, share, weight in zip(scores, shares, weights, strict=True)]


async def _talk(t: Table, worth: Sequence[str], talk: int, things: tuple[str, ...] | None) -> tuple[list[str], list[str]]:
    """Return what each seat says; the seats speak in turn."""
    spoken: tuple[list[str], list[str]] = ([], [])
    for turn in range(talk):
        seat = turn % 2
        said = await t.ask(seat, f"Say what you want. Worth {worth[seat]}", things or LINE)
        spoken[seat].append(f"i want {said}" if things else said)
        t.tell(1 - seat, f"They say {spoken[seat][-1]}")
    return spoken


async def _bargaining(t: Table, worth: Sequence[str], rounds: int, copies: int) -> Split | None:
    """Return what the first seat keeps, None without a deal."""
    offers = _offers(len(worth[0].split()) // 2, copies)
    seat, kept = 0, await t.ask(0, f"Keep what? Worth {worth[0]}", list(offers))
    for left in range(rounds - 1, -1, -1):
        answers = ["accept", *(offers if left else ["reject"])]
        reply = await t.ask(1 - seat, f"They keep {kept}. Worth {worth[1 - seat]}", answers)
        if reply == "accept":
            split = offers[kept]
            return split if seat == 0 else tuple(copies - num for num in split)
        seat, kept = 1 - seat, reply
    return None


async def _judged(t: Table, lines: Sequence[str], values: Split) -> float:
    """Return the mean share by which a critic finds that a line wants what its speaker values most; 1 where a seat has none."""
    question = f"Which one thing does the line say its speaker wants? One that names several, or none, or denies, is {UNCLEAR}."
    options = (*ITEMS[: len(values)], UNCLEAR)
    found = [await t.judge(question, line, options) for line in lines]
    return sum(shares[item] for shares in found for item in _favourites(values)) / len(lines) if lines else 1.0


@lru_cache(maxsize=64)
def _offers(items: int, copies: int) -> dict[str, Split]:
    """Return each split by the words for what is kept."""
    kept = {split: [item for item, num in zip(ITEMS, split, strict=False) for _ in range(num)] for split in splits(items, copies)}
    return {" ".join(words): split for split, words in kept.items()}


def _check(items: int, copies: int, rounds: int, talk: int, talk_weight: float) -> None:
    if not (2 <= items <= len(ITEMS) and copies >= 1 and (copies + 1) ** items <= MAX_SPLITS):
        raise ConfigError(f"deal: {copies} each of {items} items, expected 2 to {len(ITEMS)} items in at most {MAX_SPLITS} splits")
    if not (1 <= rounds <= MAX_ROUNDS and 0 <= talk <= MAX_LINES and 0 <= talk_weight <= 1):
        raise ConfigError(
            f"deal: {rounds} rounds, {talk} lines of talk at a weight of {talk_weight}; expected 1 to {MAX_ROUNDS} rounds, "
            f"0 to {MAX_LINES} lines and a weight from 0 to 1"
        )
