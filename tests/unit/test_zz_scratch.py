"""x."""
from socratic_games.sticks import sticks
reveal_type(sticks)
sticks.nothing
