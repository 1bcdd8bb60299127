"""The form of a game as pure functions on a state."""

from collections.abc import Sequence

import pytest

from socratic.errors import ConfigError, GameError
from socratic.game import CHANCE, LiveMatch, Scores, StepGame
from socratic.game.tree import enumerate_tree
from socratic.seeds import Seed


class Race(StepGame[dict[str, int]]):
    """Roll, then stop or roll again; past `limit` all is lost."""

    seats = ("only",)
    bounds = (0.0, 10.0)

    def start(self, *, limit: int = 3) -> dict[str, int]:
        return {"sum": 0, "limit": limit, "turn": 0}

    def to_act(self, state: dict[str, int]) -> int | None:
        if state["sum"] > state["limit"] or state["turn"] < 0:
            return None
        return CHANCE if state["turn"] % 2 == 0 else 0

    def observe(self, state: dict[str, int], seat: int) -> str:
        return f"You have {state['sum']}. Roll or stop:"

    def legal(self, state: dict[str, int]) -> Sequence[str]:
        return ["1", "2"] if state["turn"] % 2 == 0 else ["roll", "stop"]

    def weights(self, state: dict[str, int]) -> Sequence[float]:
        return [3.0, 1.0]

    def act(self, state: dict[str, int], move: str) -> dict[str, int]:
        if move == "stop":
            return {**state, "turn": -1}
        return {**state, "sum": state["sum"] + (0 if move == "roll" else int(move)), "turn": state["turn"] + 1}

    def scores(self, state: dict[str, int]) -> Scores:
        return [0.0 if state["sum"] > state["limit"] else float(state["sum"])]


def test_the_parameters_are_those_of_start() -> None:
    assert Race().complete({"limit": 2}) == {"limit": 2}
    with pytest.raises(ConfigError, match="race has no parameter"):
        Race().complete({"limits": 2})


def test_it_plays_like_any_game() -> None:
    match = LiveMatch(Race(), {}, Seed(1))
    (request,) = match.requests()
    first = match.chance[0]
    assert (first.options, first.weights) == (("1", "2"), (3.0, 1.0))
    assert request.prompt == f"You have {first.options[first.chosen]}. Roll or stop:"
    match.submit({0: "stop"})
    assert match.scores == (float(first.options[first.chosen]),)


def test_its_tree_is_merged_by_state() -> None:
    tree = enumerate_tree(Race(), merge=True)
    # By sum and turn: 1 and 2 after one roll, 2 and 3 after two, 3 after three.
    assert len(tree.information_states) == 5
    whole = enumerate_tree(Race())
    assert len(whole.information_states) > 5
    # By hand: at 3 stop; at 2, rolling gives 3 * .75 = 2.25; at 1, rolling gives 2.25 * .75 + 3 * .25 = 2.4375.
    best = 0.75 * 2.4375 + 0.25 * 2.25
    for made in (tree, whole):
        assert made.best_response(made.uniform(), 0)[0] == pytest.approx(best)


def test_a_step_game_without_a_start_is_refused() -> None:
    class Empty(StepGame[int]):
        """Nothing."""

        seats = ("a",)

    with pytest.raises(GameError, match="def start"):
        Empty()
