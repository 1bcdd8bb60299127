"""What a game may declare, and what it says of itself."""

import subprocess
import sys
from pathlib import Path

import pytest

from socratic.errors import ConfigError, GameError
from socratic.game import Game, Params, Scores, Table, game
from socratic.registry import load_game


@game(
    seats=("first", "second"),
    zero_sum=True,
    bounds=(-3.0, 3.0),
    levels=({"heap": 4}, {"ratio": 1}),
    optimum=lambda **params: params["ratio"],
)
async def counted(t: Table, *, heap: int = 15, ratio: float = 0.5, is_open: bool = False, colour: str = "red") -> Scores:
    """Count."""
    return t.draw()


class NimTwoHeaps(Game):
    """Take from one heap."""

    seats = ("first", "second")
    zero_sum = True

    async def play(self, t: Table, *, heap: int = 2) -> Scores:
        return t.win(0)

    def solve(self, params: Params | None = None) -> float | None:
        return 1.0


def test_a_decorated_coroutine_is_a_game_with_its_declaration() -> None:
    assert isinstance(counted, Game)
    assert (counted.name, counted.seats, counted.zero_sum, counted.bounds) == ("counted", ("first", "second"), True, (-3.0, 3.0))
    assert counted.rules == "Count."
    types = {name: parameter.type for name, parameter in counted.parameters.items()}
    assert types == {"heap": int, "ratio": float, "is_open": bool, "colour": str}
    assert "async def counted" in counted.source


def test_a_class_is_a_game_with_hooks() -> None:
    nim = NimTwoHeaps()
    assert (nim.name, nim.rules, nim.solve()) == ("nim_two_heaps", "Take from one heap.", 1.0)
    assert nim.complete({}) == {"heap": 2}


def test_parameters_are_completed_and_whole_numbers_serve_as_floats() -> None:
    assert counted.complete({"ratio": 2}) == {"heap": 15, "ratio": 2.0, "is_open": False, "colour": "red"}


def test_an_unknown_parameter_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="counted has no parameter 'heaps'; did you mean 'heap'"):
        counted.complete({"heaps": 3})


@pytest.mark.parametrize("params", [{"heap": "3"}, {"heap": 3.0}, {"heap": True}, {"is_open": 1}, {"colour": 1}, {"ratio": True}])
def test_a_value_of_another_type_is_refused(params: Params) -> None:
    with pytest.raises(ConfigError, match="expected"):
        counted.complete(params)


def test_a_level_past_the_last_is_the_last() -> None:
    assert counted.level(0)["heap"] == 4
    assert counted.level(7) == counted.level(1)
    with pytest.raises(ConfigError, match="levels start at 0"):
        counted.level(-1)


def test_an_optimum_may_depend_on_the_parameters() -> None:
    assert counted.best_score({"ratio": 0.25}) == 0.25


def test_an_optimum_that_fails_is_the_game_s_fault_and_one_that_refuses_says_so() -> None:
    def inverse(*, heap: int) -> float:
        if heap > 9:
            raise ConfigError("too many")
        return 1 / heap

    @game(seats=("a",), optimum=inverse)
    async def inverted(t: Table, *, heap: int = 1) -> Scores:
        return t.draw()

    with pytest.raises(GameError, match=r"inverted's optimum failed: ZeroDivisionError: .*; it was asked with {'heap': 0}") as failed:
        inverted.best_score({"heap": 0})
    assert isinstance(failed.value.__cause__, ZeroDivisionError)
    with pytest.raises(ConfigError, match="^too many$"):
        inverted.best_score({"heap": 10})


@pytest.mark.parametrize(
    ("declaration", "complaint"),
    [
        ({"seats": ()}, "seats"),
        ({"seats": ("a", "a")}, "seats"),
        ({"seats": ("a",), "bounds": (1.0, 0.0)}, "bounds"),
        ({"seats": ("a",), "bounds": (0.0, float("inf"))}, "bounds"),
        ({"seats": ("a",), "zero_sum": True}, "zero-sum"),
        ({"seats": ("a", "b"), "zero_sum": True, "bounds": (-2.0, 1.0)}, "room for the others"),
        ({"seats": ("a",), "bounds": (1.0, 2.0)}, "forfeit"),
        ({"seats": ("a",), "levels": ({"nothing": 1},)}, "no parameter"),
    ],
)
def test_a_declaration_that_does_not_hold_together_is_refused(declaration: dict[str, object], complaint: str) -> None:
    async def play(t: Table) -> Scores:
        return t.draw()

    with pytest.raises((GameError, ConfigError), match=complaint):
        game(**declaration)(play)  # type: ignore[arg-type]  # the declarations are wrong on purpose


def test_a_parameter_needs_a_type_and_a_default() -> None:
    async def play(t: Table, *, heap: list[int]) -> Scores:
        return t.draw()

    with pytest.raises(GameError, match="'heap' of play needs a type"):
        game(seats=("a",))(play)


def test_a_game_that_is_no_coroutine_is_refused() -> None:
    def play(t: Table) -> Scores:
        return t.draw()

    with pytest.raises(GameError, match="async def play"):
        game(seats=("a",))(play)  # type: ignore[arg-type]  # not a coroutine on purpose


@pytest.mark.parametrize(
    ("bounds", "num_seats", "forfeiters", "scores"),
    [
        ((-1.0, 1.0), 2, [0], (-1.0, 1.0)),
        ((-2.0, 2.0), 2, [1], (2.0, -2.0)),
        ((-1.0, 1.0), 3, [2], (0.5, 0.5, -1.0)),
        ((-1.0, 1.0), 2, [0, 1], (0.0, 0.0)),
        ((-1.0, 1.0), 2, [], (0.0, 0.0)),
        ((-1.0, 1.0), 3, [0, 1], (-0.5, -0.5, 1.0)),
    ],
)
def test_a_zero_sum_forfeit_is_shared_among_the_others(
    bounds: tuple[float, float], num_seats: int, forfeiters: list[int], scores: tuple[float, ...]
) -> None:
    made = game(seats=tuple(map(str, range(num_seats))), zero_sum=True, bounds=bounds)(_draw)
    assert made.forfeit_scores(forfeiters) == scores


def test_elsewhere_the_others_get_the_declared_forfeit_score() -> None:
    made = game(seats=("a", "b"), bounds=(-1.0, 2.0), forfeit=0.5)(_draw)
    assert made.forfeit_scores([0]) == (-1.0, 0.5)
    assert made.forfeit_scores([]) == (0.5, 0.5)


@pytest.mark.parametrize("scores", [None, 1.0, (1.0,), (1.0, 1.0), (2.0, -2.0), (float("nan"), 0.0), ("1", "-1")])
def test_scores_that_break_the_declaration_are_refused(scores: object) -> None:
    with pytest.raises(GameError):
        game(seats=("a", "b"), zero_sum=True)(_draw).checked_scores(scores)


def test_the_version_follows_the_source(tmp_path: Path) -> None:
    text = (
        "from socratic.game import Scores, Table, game\n\n\n@game(seats=('a',))\nasync def one(t: Table) -> Scores:\n    return (LEFT,)\n"
    )
    versions = []
    for number, tail in enumerate(("LEFT = 0.0\n", "LEFT = 0.0\n", "LEFT = 1.0\n")):
        file = tmp_path / f"one_{number}.py"
        file.write_text(text + tail)
        versions.append(load_game(str(file)).version)
    # What stands beside the coroutine counts too.
    assert versions[0] == versions[1] != versions[2]


def test_importing_the_contract_loads_no_numpy() -> None:
    code = "import sys, socratic.game, socratic.registry; sys.exit(bool({'numpy', 'scipy', 'torch'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def _draw(t: Table) -> Scores:
    return t.draw()
