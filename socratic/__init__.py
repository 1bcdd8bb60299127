"""Transformers that improve themselves by playing language games in a closed loop.

This module has the names that a reader of records needs, loaded when they are first asked for, so that `import socratic` is
cheap. The decorator `game` is not among them: `socratic.game` is the module that has it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from socratic.game import Scores, Table
    from socratic.records import Episode, Match
    from socratic.seeds import Seed

__version__ = "0.1.0"
__all__ = ["Episode", "Match", "Scores", "Seed", "Table", "__version__"]

HOMES = {
    "Episode": "socratic.records",
    "Match": "socratic.records",
    "Scores": "socratic.game",
    "Seed": "socratic.seeds",
    "Table": "socratic.game",
}


def __getattr__(name: str) -> object:
    """Load a public name from its home.

    Raises:
        AttributeError: there is no such public name.
    """
    if name not in HOMES:
        raise AttributeError(f"module 'socratic' has no attribute {name!r}; it has {', '.join(sorted(HOMES))}")
    return getattr(import_module(HOMES[name]), name)
