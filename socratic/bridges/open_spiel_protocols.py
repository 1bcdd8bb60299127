"""What the bridge uses of OpenSpiel, written down because the library ships no types."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class Named(Protocol):
    """A member of one of OpenSpiel's enumerations."""

    @property
    def name(self) -> str:
        """Its name, such as `ZERO_SUM`."""
        ...


class SpielType(Protocol):
    """What OpenSpiel declares of a game."""

    short_name: str
    long_name: str
    default_loadable: bool
    dynamics: Named
    chance_mode: Named
    information: Named
    utility: Named
    provides_information_state_string: bool
    provides_observation_string: bool


class SpielMoves(Protocol):
    """The moves of a position."""

    def legal_actions(self, player: int) -> list[int]:
        """Return what a seat may do; empty where it has no say."""
        ...

    def action_to_string(self, player: int, action: int) -> str:
        """Return an action in words."""
        ...


class SpielState(SpielMoves, Protocol):
    """A position; `apply_action` and `apply_actions` change it."""

    def is_terminal(self) -> bool:
        """Whether the game is over."""
        ...

    def is_chance_node(self) -> bool:
        """Whether chance moves next."""
        ...

    def is_simultaneous_node(self) -> bool:
        """Whether all seats move at once."""
        ...

    def current_player(self) -> int:
        """Who moves; negative where that is no seat."""
        ...

    def chance_outcomes(self) -> list[tuple[int, float]]:
        """Return each outcome with its probability."""
        ...

    def apply_action(self, action: int) -> None:
        """Move, or let chance move."""
        ...

    def apply_actions(self, actions: Sequence[int]) -> None:
        """Move for all seats at once."""
        ...

    def observation_string(self, player: int) -> str:
        """Return what a seat sees now."""
        ...

    def information_state_string(self, player: int) -> str:
        """Return all that a seat has seen and done."""
        ...

    def returns(self) -> list[float]:
        """Return each seat's score so far."""
        ...

    def history(self) -> list[int]:
        """Return every action so far, chance's too."""
        ...


class SpielGame(Protocol):
    """A game of OpenSpiel's, with its parameters."""

    def get_type(self) -> SpielType:
        """Return what is declared of it."""
        ...

    def get_parameters(self) -> Mapping[str, object]:
        """Return its parameters with their values."""
        ...

    def num_players(self) -> int:
        """Return how many seats it has."""
        ...

    def min_utility(self) -> float:
        """Return the lowest score."""
        ...

    def max_utility(self) -> float:
        """Return the highest score."""
        ...

    def num_distinct_actions(self) -> int:
        """Return how many actions there are; no position has more."""
        ...

    def max_game_length(self) -> int:
        """Return how many times seats are asked at most; all at once is one time."""
        ...

    def new_initial_state(self) -> SpielState:
        """Return the first position."""
        ...
