"""What the code of somebody else's game is known to raise, and the one line that is made of it."""

from socratic.errors import GameError, IllegalMove

# Our own errors are no part of it: they say what they mean already.
GAME_FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    IllegalMove,
    ImportError,
    LookupError,
    MemoryError,
    NameError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


def game_failure(failed: str, error: Exception, remedy: str) -> GameError:
    """Return the error that says what failed, as which exception, and what makes it happen again; raise it from `error`."""
    reason = (str(error).strip().splitlines() or ["no message"])[0]
    return GameError(f"{failed}: {type(error).__name__}: {reason}; {remedy}")
