"""Legal moves as a trie over their tokens: what a mask allows after each beginning of a reply.

A draw under the mask walks the trie. Where only one token may follow, nothing is drawn and the log-probability is 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

Tokens = tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A beginning of a reply after which at least two tokens may follow."""

    beginning: Tokens
    allowed: Tokens  # ascending


@dataclass(frozen=True, kw_only=True, slots=True)
class OptionTrie:
    """The legal replies as token ids, and the places where a draw has to choose."""

    options: tuple[Tokens, ...]  # end of text included
    choices: tuple[Choice, ...]  # shortest beginning first
    paths: tuple[tuple[tuple[int, int], ...], ...]  # for each option: (choice, place among its allowed), in order
    allowed: tuple[tuple[Tokens, ...], ...]  # for each option, what the mask allows at each of its positions


@lru_cache(maxsize=4096)
def option_trie(options: tuple[Tokens, ...]) -> OptionTrie:
    """Build the trie of `options`, each ending with the end of text so that none is the beginning of another.

    Raises:
        ValueError: there is no option, two are the same tokens, or one begins another.
    """
    if not options or len(set(options)) != len(options):
        raise ValueError(f"{len(options)} options, {len(set(options))} distinct; expected at least one, all distinct")
    follows: dict[Tokens, set[int]] = {}
    for option in options:
        for length, token in enumerate(option):
            follows.setdefault(option[:length], set()).add(token)
    if any(option in follows for option in options):
        raise ValueError("an option begins another; end each with the end of text")
    ordered = sorted((b for b, tokens in follows.items() if len(tokens) > 1), key=lambda b: (len(b), b))
    choices = tuple(Choice(beginning=b, allowed=tuple(sorted(follows[b]))) for b in ordered)
    places = {choice.beginning: place for place, choice in enumerate(choices)}
    return OptionTrie(
        options=options,
        choices=choices,
        paths=tuple(
            tuple(
                (places[option[:length]], choices[places[option[:length]]].allowed.index(token))
                for length, token in enumerate(option)
                if option[:length] in places
            )
            for option in options
        ),
        allowed=tuple(tuple(tuple(sorted(follows[option[:n]])) for n in range(len(option))) for option in options),
    )


def walk(trie: OptionTrie, probabilities: Sequence[Sequence[float]], uniforms: Sequence[float]) -> int:
    """Draw an option choice by choice and return its index.

    `probabilities[c][k]` belongs to the k-th token allowed at choice c; the i-th choice on the way uses `uniforms[i]`.
    """
    alive = list(range(len(trie.options)))
    step = 0
    while len(alive) > 1:
        choice = trie.paths[alive[0]][step][0]
        picked = pick(probabilities[choice][: len(trie.choices[choice].allowed)], uniforms[step])
        alive = [option for option in alive if trie.paths[option][step] == (choice, picked)]
        step += 1
    return alive[0]


def pick(probabilities: Sequence[float], uniform: float) -> int:
    """Return the index at which the cumulative sum passes `uniform` times the total."""
    threshold = uniform * sum(probabilities)
    for index, probability in enumerate(probabilities):
        threshold -= probability
        if threshold < 0:
            return index
    return max(range(len(probabilities)), key=lambda index: probabilities[index])
