"""How much of the machine a program may take.

All but the time are counted by the interpreter and met at the same place each time; how far a program comes in its time, the
machine decides. So the time is a guard against what never ends, several times what honest programs take, and no rule of a game.
"""

from dataclasses import dataclass, fields

from socratic.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What one program may take, and a game from source between two questions."""

    time_s: float = 2.0  # of wall time: the interpreter counts no steps
    memory: int = 64 << 20  # bytes of its own objects
    output: int = 1 << 16  # characters printed, and again as many of the value as JSON
    suspensions: int = 1000  # calls to what is outside: of a program to the system (each is refused), of a game to its table
    depth: int = 500  # of calls within calls

    def __post_init__(self) -> None:
        """Refuse what would let nothing run.

        Raises:
            ConfigError: a limit is not positive.
        """
        for limit in fields(self):
            value = getattr(self, limit.name)
            if not value > 0:
                raise ConfigError(f"sandbox limit {limit.name} is {value}, expected more than 0")
