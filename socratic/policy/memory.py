"""What a seat remembers when it is to reply: its whole dialogue, or its newest question alone.

Where the question shows all that matters, as a board does, the shorter context makes one place of the many histories that lead there.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

from socratic.records import SELF, Line

Memory: TypeAlias = Literal["all", "question"]


def remembered(
    view: Sequence[Line], replies_ids: Sequence[Sequence[int]], memory: Memory
) -> tuple[Sequence[Line], Sequence[Sequence[int]]]:
    """Return what `chat.render` is given of a view that ends with a question, and of the seat's own replies in it."""
    return (view, replies_ids) if memory == "all" else (view[-1:], ())


def episodes_of_memory(view: Sequence[Line], memory: Memory) -> list[tuple[Line, ...]]:
    """Return a seat's view of a whole match as it was read: at once, or each question with the reply to it."""
    if memory == "all":
        return [tuple(view)]
    return [tuple(view[at - 1 : at + 1]) for at, line in enumerate(view) if at and line.speaker == SELF]
