"""The game contract: what a game is, the table it touches, and a match being played.

`socratic.game.tree` (exact values and best responses) and `socratic.game.check` are imported on their own: they need more.
"""

from socratic.game.contract import Bot, Game, Parameter, Params, Reference, game
from socratic.game.live_match import Chance, LiveMatch
from socratic.game.step_game import CHANCE, StepGame
from socratic.game.table import Legal, Request, Scores, Secret, StepReward, Table

__all__ = [
    "CHANCE",
    "Bot",
    "Chance",
    "Game",
    "Legal",
    "LiveMatch",
    "Parameter",
    "Params",
    "Reference",
    "Request",
    "Scores",
    "Secret",
    "StepGame",
    "StepReward",
    "Table",
    "game",
]
