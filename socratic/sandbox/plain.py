"""What crosses the border of the sandbox: how large it is, its fingerprint, and texts that may be shown."""

import marshal
from hashlib import blake2b
from typing import Any

# Of each number, text and container, beside its characters.
PER_ITEM = 16
# A call outside and an answer to it, as characters.
MAX_CROSSING = 4_000_000
MAX_SHOWN = 500


def size_of(value: object, most: int) -> int:
    """Return about how many characters it takes to write a value down; past `most`, no more of it is looked at.

    A list that holds another a thousand times is small in memory and large when it is gone through: each time counts.
    """
    size, left = PER_ITEM, [value]
    while left and size <= most:
        at = left.pop()
        if isinstance(at, (str, bytes)):
            size += len(at)
        elif isinstance(at, int):
            size += at.bit_length() // 3
        elif isinstance(at, (dict, list, tuple, set, frozenset)):
            size += PER_ITEM * len(at) * (2 if isinstance(at, dict) else 1)
            if size <= most:
                left += at
                left += at.values() if isinstance(at, dict) else ()
    return size


def fingerprint(*values: object) -> bytes:
    """Return a hash that tells 1 from True and 1.0.

    Raises:
        ValueError: a value is not plain, holds itself, or is too large or too deep.
    """
    if size_of(values, MAX_CROSSING) > MAX_CROSSING:
        raise ValueError(f"more than {MAX_CROSSING} characters")
    written: Any = values  # it says itself what it cannot write
    # Version 2 writes each value by what it holds, not by which others hold it too.
    return blake2b(marshal.dumps(written, 2), digest_size=16).digest()


def one_line(text: str) -> str:
    """Return a text that can be shown anywhere: on one line, of some length, without what a terminal obeys."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())[:MAX_SHOWN]
