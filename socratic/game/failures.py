"""What the code of somebody else's game may raise, and the one line that is made of it."""

from socratic.errors import GameError


class Through(BaseException):
    """Base of what we raise through a game's own code, past whatever handlers it has."""


# What is not the game's: the operator's interrupt, and what we sent through it ourselves.
PASSING: tuple[type[BaseException], ...] = (KeyboardInterrupt, Through)
# A game is a plugin: what it may raise is not ours to name.
GAME_FAILURES: tuple[type[Exception], ...] = (Exception,)
# It may even be SystemExit; catch PASSING before.
ANYTHING: tuple[type[BaseException], ...] = (BaseException,)


def game_failure(failed: str, error: BaseException, remedy: str) -> GameError:
    """Return the error that says what failed, as which exception, and what makes it happen again; raise it from `error`."""
    return GameError(f"{failed}: {type(error).__name__}: {first_line(error)}; {remedy}")


def first_line(error: BaseException) -> str:
    """Return the first line of what an exception says, which may itself be the game's code."""
    try:
        return (str(error).strip().splitlines() or ["no message"])[0]
    except PASSING:
        raise
    except ANYTHING:
        return "no message"
