"""The sandbox: runs source that nobody vouches for, programs and whole games, where nothing of this machine can be reached.

The only door to pydantic-monty, an interpreter of a subset of Python in worker processes. It needs the extra `sandbox`.
"""

from socratic.sandbox.declaration import Declaration, read_declaration
from socratic.sandbox.limits import Limits
from socratic.sandbox.sandbox import Sandbox
from socratic.sandbox.source_game import SourceGame, game_from_source

__all__ = ["Declaration", "Limits", "Sandbox", "SourceGame", "game_from_source", "read_declaration"]
