"""The words of TextArena's games, from the dictionary in its own wheel.

Its word games ask nltk for lists that nltk downloads on first use. A stand-in takes nltk's place while their modules are
imported, and in what they imported before: nobody else's nltk changes, and no two machines play with different words.
"""

import re
import sys
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from types import ModuleType
from typing import Literal, Protocol

# Hunspell's format: a word, and a letter for each of its endings.
ENTRY = re.compile(r"([a-z]+)(?:/(\w*))?")
# The ending 's: what has it is a noun.
NOUN_ENDING = "M"
# Stands for nltk's 850 words of Basic English: short nouns with at least this many endings are everyday words.
MIN_ENDINGS = 4
SHORT = range(3, 8)


class TheirDictionary(Protocol):
    """What is read of TextArena's `EnglishDictionary`."""

    keep_proper_nouns: bool
    keep_non_alpha: bool
    _load_dic: Callable[..., set[str]]


class Corpus:
    """Stands for `nltk.corpus.words`."""

    def words(self, name: str = "en") -> list[str]:
        """Return all words, or the everyday ones; a new list, because it is the caller's to change."""
        return list(_everyday() if name == "en-basic" else _endings())


class InPlaceOfNltk:
    """While it is entered, whoever imports nltk gets the stand-in."""

    def __enter__(self) -> None:
        """Hide nltk."""
        self._hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if name == "nltk" or name.startswith("nltk.")}
        sys.modules |= {"nltk": STAND_IN, "nltk.corpus": STAND_IN_CORPUS}

    def __exit__(self, *error: object) -> Literal[False]:
        """Bring nltk back, if it was there."""
        del sys.modules["nltk"], sys.modules["nltk.corpus"]
        sys.modules.update(self._hidden)
        return False


def supply_words(module: ModuleType) -> None:
    """Put the stand-in into a module that was imported with nltk itself."""
    for name, ours in (("nltk", STAND_IN), ("words", STAND_IN_CORPUS.words), ("pos_tag", _pos_tag)):
        if hasattr(module, name):
            setattr(module, name, ours)


def keep_dictionaries(kind: type["TheirDictionary"]) -> None:
    """Let TextArena's dictionary read each of its files once: it does so for every game, which takes a second."""
    read, kept = kind._load_dic, dict[tuple[object, ...], set[str]]()

    def read_once(dictionary: TheirDictionary, *names: str) -> set[str]:
        key = (names, dictionary.keep_proper_nouns, dictionary.keep_non_alpha)
        if key not in kept:
            kept[key] = read(dictionary, *names)
        return kept[key]

    kind._load_dic = read_once


@cache
def _endings() -> dict[str, str]:
    """Return every lower-case word with its endings, in the dictionary's order."""
    text = files("textarena.envs.utils.data").joinpath("en_US.dic").read_text(encoding="utf-8")
    return {entry[1]: entry[2] or "" for entry in map(ENTRY.fullmatch, text.splitlines()) if entry}


@cache
def _everyday() -> tuple[str, ...]:
    return tuple(
        word for word, endings in _endings().items() if NOUN_ENDING in endings and len(endings) >= MIN_ENDINGS and len(word) in SHORT
    )


def _pos_tag(tokens: Sequence[str]) -> list[tuple[str, str]]:
    """Stand for `nltk.pos_tag`, which the games ask for nouns and nothing else."""
    return [(token, "NN" if NOUN_ENDING in _endings().get(token, "") else "X") for token in tokens]


def _download(*names: object, **options: object) -> bool:
    """Stand for `nltk.download`: there is nothing to fetch."""
    del names, options
    return True


STAND_IN = ModuleType("nltk")
STAND_IN_CORPUS = ModuleType("nltk.corpus")
vars(STAND_IN_CORPUS)["words"] = Corpus()
vars(STAND_IN).update(corpus=STAND_IN_CORPUS, download=_download, pos_tag=_pos_tag)
