"""The game contract: what a game is, the table it touches, and a match being played.

`socratic.game.tree` (exact values and best responses) and `socratic.game.check` are imported on their own: they need more.
"""

from socratic.game.calls import Clerk, NoClerk, RecordedClerk, settle
from socratic.game.chance import Chance
from socratic.game.contract import Bot, Game, Parameter, Params, Reference, game
from socratic.game.live_match import LiveMatch
from socratic.game.random_play import NOBODY
from socratic.game.step_game import CHANCE, StepGame
from socratic.game.table import Legal, Request, Scores, Secret, StepReward, Table
from socratic.seeds import Seed

__all__ = [
    "CHANCE",
    "NOBODY",
    "Bot",
    "Chance",
    "Clerk",
    "Game",
    "Legal",
    "LiveMatch",
    "NoClerk",
    "Parameter",
    "Params",
    "RecordedClerk",
    "Reference",
    "Request",
    "Scores",
    "Secret",
    "Seed",
    "StepGame",
    "StepReward",
    "Table",
    "game",
    "settle",
]
