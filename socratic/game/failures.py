"""What the code of somebody else's game may raise, and the one line that is made of it."""

from socratic.errors import GameError

# A game is a plugin: what it may raise is not ours to name. Our own errors say what they mean already and are caught before.
GAME_FAILURES: tuple[type[Exception], ...] = (Exception,)


def game_failure(failed: str, error: Exception, remedy: str) -> GameError:
    """Return the error that says what failed, as which exception, and what makes it happen again; raise it from `error`."""
    reason = (str(error).strip().splitlines() or ["no message"])[0]
    return GameError(f"{failed}: {type(error).__name__}: {reason}; {remedy}")
