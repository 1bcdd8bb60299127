"""Every error Socratic raises on purpose, as one tree.

SocraticError              one clear line: what was found, what was expected, what to do
├── ConfigError            a configuration that cannot run
├── GameError              a game that breaks its contract
│   ├── UnknownGame        no game, plugin, module or file of that name
│   ├── BrokenPlugin       a plugin that was found and cannot be loaded
│   ├── GameTooLarge       a game whose tree is past the cap, or is not finite
│   └── ReplayMismatch     a saved match that does not replay to the same views
├── PolicyError            weights, tokenizer or chat template that cannot serve
│   ├── ModelMissing       a model that is not on this machine
│   └── SyncError          weights that did not arrive as they were sent
├── PlayError              episodes that could not be played
│   ├── WorkerLost         a call that lost its worker every time it was tried
│   └── DoorLost           a worker of another crew that was lost while a worker asked it
├── RunError               a run that cannot be started, found or written
│   ├── RunExists          a second run of the same name
│   └── CheckpointError    a checkpoint that is missing, incomplete or altered
└── Interrupted            the operator asked the run to leave; it was checkpointed

IllegalMove                raised by a game's own parser: the reply is not a move
"""


class SocraticError(Exception):
    """Base of all errors raised on purpose; the command line prints it as one line."""

    exit_code = 1


class ConfigError(SocraticError):
    """A configuration that cannot run."""

    exit_code = 2


class GameError(SocraticError):
    """A game that breaks its contract."""


class UnknownGame(GameError):
    """No game, plugin, module or file of that name."""

    exit_code = 2


class BrokenPlugin(GameError):
    """A plugin that was found and cannot be loaded."""


class GameTooLarge(GameError):
    """A game whose tree is past the cap, or cannot be enumerated."""


class ReplayMismatch(GameError):
    """A saved match that does not replay to the same views."""


class PolicyError(SocraticError):
    """Weights, tokenizer or chat template that cannot serve."""


class ModelMissing(PolicyError):
    """A model that is not on this machine."""


class SyncError(PolicyError):
    """Weights that did not arrive as they were sent."""


class PlayError(SocraticError):
    """Episodes that could not be played."""


class WorkerLost(PlayError):
    """A call that lost its worker every time it was tried.

    The caller knows what the item holds: it may split it, or name the episode that is the culprit.
    """

    def __init__(self, message: str, index: int) -> None:
        """Keep the position of the item among those of its `map`."""
        super().__init__(message)
        self.index = index


class DoorLost(PlayError):
    """A worker of another crew that was lost while a worker asked it; whoever holds both crews replaces it and asks again."""

    def __init__(self, reason: str, crew: str, post: int, number: int) -> None:
        """Keep which worker it was: its crew, its place there, and the how-manieth at that place."""
        super().__init__(reason, crew, post, number)
        self.crew = crew
        self.post = post
        self.number = number

    def __str__(self) -> str:
        """Return who was lost, and why."""
        return f"{self.crew}: {self.args[0]}"


class RunError(SocraticError):
    """A run that cannot be started, found or written."""


class RunExists(RunError):
    """A second run of the same name."""


class CheckpointError(RunError):
    """A checkpoint that is missing, incomplete or altered."""


class Interrupted(SocraticError):
    """The operator asked the run to leave; everything up to here is checkpointed."""

    exit_code = 130


class IllegalMove(Exception):
    """Raised by a game's own parser when a reply is not a move."""
