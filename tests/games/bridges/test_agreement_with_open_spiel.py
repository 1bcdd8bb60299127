"""Our games and our tree against OpenSpiel's: the same value, and the same NashConv of the same policies, to 1e-9.

OpenSpiel's best responses (`TabularBestResponseMDP`) share no code with ours. Information states are matched by playing the same
histories on both sides, or by OpenSpiel's own strings.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from socratic.bridges.open_spiel import load, named_moves
from socratic.bridges.open_spiel_protocols import SpielState as SpielPosition
from socratic.game import Game, LiveMatch
from socratic.game.tree import Tree, enumerate_tree
from socratic.records import ParameterValue
from socratic.seeds import Seed
from socratic_games.kuhn_poker import kuhn_poker
from socratic_games.liars_dice import liars_dice
from socratic_games.sticks import sticks
from socratic_games.tic_tac_toe import tic_tac_toe

pyspiel = pytest.importorskip("pyspiel")

NUM_POLICIES = 10
EXACT = 1e-9
# Nine deals, and one in nine at each seed: a deal is left out once in 10**20.
NUM_SEEDS = 400
CARDS = "JQK"

Strategy: TypeAlias = list[NDArray[np.float64]]
Policy: TypeAlias = dict[str, list[tuple[int, float]]]


class BestResponses(Protocol):
    """What OpenSpiel finds about a policy."""

    nash_conv: float
    br_values: list[float]
    on_policy_values: list[float]


class SpielState(SpielPosition, Protocol):
    """A position that can be branched from."""

    def child(self, action: int) -> "SpielState":
        """Return the position after an action."""
        ...


class SpielGame(Protocol):
    """What is used here of a game of OpenSpiel's."""

    def new_initial_state(self) -> SpielState:
        """Return the first position."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Sides:
    """A game on both sides, and how to say the same thing there."""

    game: Game
    params: Mapping[str, ParameterValue]
    spiel: str
    spiel_params: Mapping[str, object]
    num_deals: int  # how many different draws begin a match
    drawn: Callable[[str], str]  # one of our draws as OpenSpiel says it
    said: Callable[[str], str]  # one of our moves as OpenSpiel says it


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """OpenSpiel's name of an information state of ours, and its action for each of our moves."""

    name: str
    actions: tuple[int, ...]


SIDES = (
    Sides(
        game=kuhn_poker,
        params={},
        spiel="kuhn_poker",
        spiel_params={},
        num_deals=6,
        drawn=lambda card: f"Deal:{CARDS.index(card)}",
        said=str.capitalize,
    ),
    Sides(
        game=liars_dice,
        params={"dice": 1, "faces": 3},
        spiel="liars_dice",
        spiel_params={"dice_sides": 3},
        num_deals=9,
        drawn=lambda die: f"Roll {die}",
        said=lambda word: "Liar" if word == "liar" else f"{word[0]}-{word[1]}",
    ),
    # OpenSpiel's nim sets no limit to what is taken: neither does this.
    Sides(
        game=sticks,
        params={"heap": 7, "take": 7},
        spiel="nim",
        spiel_params={"pile_sizes": "7", "is_misere": False},
        num_deals=1,
        drawn=str,
        said=lambda word: f"pile:1, take:{word};",
    ),
)


@pytest.mark.parametrize("sides", SIDES, ids=lambda sides: str(sides.game.name))
def test_ours_agrees_in_value_and_in_nash_conv_of_ten_random_policies(sides: Sides) -> None:
    spiel = pyspiel.load_game(sides.spiel, sides.spiel_params)
    tree = enumerate_tree(sides.game, sides.params)
    _check_agreement(tree, spiel, _matched(sides, tree, spiel))


def test_sticks_agrees_with_the_game_of_its_rules_written_for_open_spiel() -> None:
    tree = enumerate_tree(sticks, {"heap": 8, "take": 3})
    spiel = _sticks_for_open_spiel(8, 3)
    sides = Sides(
        game=sticks, params={"heap": 8, "take": 3}, spiel="", spiel_params={}, num_deals=1, drawn=str, said=lambda word: f"take {word}"
    )
    _check_agreement(tree, spiel, _matched(sides, tree, spiel))


@pytest.mark.parametrize(
    ("name", "value", "uniform_nash_conv"),
    [
        # H. W. Kuhn, 1950; NashConv in OpenSpiel's exploitability_test.py.
        ("kuhn_poker", -1 / 18, 11 / 12),
        # The value in OpenSpiel's sequence_form_lp_test.py, to the twelve places it gives; NashConv in exploitability_test.py.
        ("leduc_poker", -0.085606424078, 4.747222222222222),
        # Our own linear program; that its equilibrium is one is what OpenSpiel confirms here.
        ("liars_dice(dice_sides=3)", 1 / 9, None),
    ],
)
def test_our_tree_of_theirs_agrees_too(name: str, value: float, uniform_nash_conv: float | None) -> None:
    pytest.importorskip("scipy")
    tree = enumerate_tree(load(name))
    spiel = pyspiel.load_game(name)
    theirs = {
        state.information_state_string(state.current_player()): named_moves(state, state.current_player()) for state in _decisions(spiel)
    }
    known = []
    for state in tree.information_states:
        text = state.view[-1].text.partition("\n")[2]
        assert state.legal == tuple(theirs[text])
        known.append(Known(name=text, actions=tuple(theirs[text].values())))
    assert {each.name for each in known} == set(theirs)
    assert tree.solve()[1] == pytest.approx(value, abs=EXACT)
    if uniform_nash_conv is not None:
        assert tree.nash_conv(tree.uniform()) == pytest.approx(uniform_nash_conv, abs=EXACT)
    _check_agreement(tree, spiel, known)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_tic_tac_toe_agrees_position_by_position() -> None:
    # Ours merges the paths to a position, and OpenSpiel's information states are paths: a row of ours plays on all its paths.
    tree = enumerate_tree(tic_tac_toe, {}, merge=True)
    spiel = pyspiel.load_game("tic_tac_toe")
    state_of = {_board(state.view[-1].text): state for state in tree.information_states}
    paths = {}
    for state in _decisions(spiel):
        ours = state_of[str(state)]
        assert tuple(int(cell) - 1 for cell in ours.legal) == tuple(state.legal_actions(state.current_player()))
        paths[state.information_state_string(state.current_player())] = ours
    assert {state.index for state in paths.values()} == {state.index for state in tree.information_states}
    assert tree.solve()[1] == 0
    for strategy in (tree.solve()[0], *_random_strategies(tree)):
        rows = {
            state.index: [(int(cell) - 1, float(share)) for cell, share in zip(state.legal, strategy[state.index], strict=True)]
            for state in tree.information_states
        }
        _compare(tree, strategy, spiel, {path: rows[state.index] for path, state in paths.items()})


def _matched(sides: Sides, tree: Tree, spiel: SpielGame) -> list[Known]:
    """Return what each of our information states is over there, found by playing every history of every deal on both sides."""
    deals: dict[tuple[str, ...], Seed] = {}
    for key in range(NUM_SEEDS):
        match = LiveMatch(sides.game, sides.params, Seed(key))
        deals.setdefault(tuple(draw.options[draw.chosen] for draw in match.chance), Seed(key))
    assert len(deals) == sides.num_deals
    known: dict[int, Known] = {}
    for deal, seed in deals.items():
        histories: list[tuple[str, ...]] = [()]
        while histories:
            replies = histories.pop()
            match, state = _played_on_both_sides(sides, spiel, deal, seed, replies)
            if match.done:
                assert state.is_terminal()
                assert match.scores == tuple(state.returns())
                continue
            (request,) = match.requests()
            ours = tree.state_of(request)
            moves = named_moves(state, state.current_player())
            assert ours is not None
            assert state.current_player() == request.seat
            assert [sides.said(word) for word in ours.legal] == list(moves)
            theirs = Known(name=state.information_state_string(request.seat), actions=tuple(moves.values()))
            assert known.setdefault(ours.index, theirs) == theirs
            histories += [(*replies, word) for word in ours.legal]
    assert len({each.name for each in known.values()}) == len(tree.information_states)
    return [known[state.index] for state in tree.information_states]


def _played_on_both_sides(
    sides: Sides, spiel: SpielGame, deal: Sequence[str], seed: Seed, replies: Sequence[str]
) -> tuple[LiveMatch, SpielState]:
    match = LiveMatch(sides.game, sides.params, seed)
    state = spiel.new_initial_state()
    for word in (*map(sides.drawn, deal), *map(sides.said, replies)):
        state.apply_action(named_moves(state, state.current_player())[word])
    for reply in replies:
        match.submit({match.requests()[0].seat: reply})
    return match, state


def _check_agreement(tree: Tree, spiel: SpielGame, known: Sequence[Known]) -> None:
    """Hold an equilibrium of ours and ten random policies to OpenSpiel's values and best responses."""
    pytest.importorskip("scipy")
    solution, value = tree.solve()
    found = _compare(tree, solution, spiel, _policy(solution, known))
    # What nobody can better by OpenSpiel's own best responses has the value of the game.
    assert found.nash_conv == pytest.approx(0, abs=EXACT)
    assert found.on_policy_values == pytest.approx([value, -value], abs=EXACT)
    for strategy in _random_strategies(tree):
        _compare(tree, strategy, spiel, _policy(strategy, known))


def _compare(tree: Tree, strategy: Strategy, spiel: SpielGame, policy: Policy) -> BestResponses:
    # By name, because OpenSpiel's best response does not keep its policy alive.
    their_policy = pyspiel.TabularPolicy(policy)
    found: BestResponses = pyspiel.TabularBestResponseMDP(spiel, their_policy).nash_conv()
    assert tree.values(strategy) == pytest.approx(found.on_policy_values, abs=EXACT)
    assert [tree.best_response(strategy, seat)[0] for seat in (0, 1)] == pytest.approx(found.br_values, abs=EXACT)
    assert tree.nash_conv(strategy) == pytest.approx(found.nash_conv, abs=EXACT)
    return found


def _policy(strategy: Strategy, known: Sequence[Known]) -> Policy:
    return {each.name: list(zip(each.actions, row.tolist(), strict=True)) for each, row in zip(known, strategy, strict=True)}


def _random_strategies(tree: Tree) -> Iterator[Strategy]:
    for index in range(NUM_POLICIES):
        draws = Seed(7).child("policy", index)
        rows = [
            np.array([draws.child("state", state.index).uniform(move) for move in range(len(state.legal))])
            for state in tree.information_states
        ]
        yield [row / row.sum() for row in rows]


def _decisions(spiel: SpielGame) -> Iterator[SpielState]:
    """Yield every state of OpenSpiel's at which a seat is to move, once for each history."""
    left = [spiel.new_initial_state()]
    while left:
        state = left.pop()
        if state.is_terminal():
            continue
        if not state.is_chance_node():
            yield state
        left += [state.child(action) for action in state.legal_actions(state.current_player())]


def _board(prompt: str) -> str:
    """Return our nine cells as OpenSpiel prints them."""
    cells = ["." if cell.isdigit() else cell for cell in prompt.split()[-9:]]
    return "\n".join("".join(cells[row : row + 3]) for row in (0, 3, 6))


def _sticks_for_open_spiel(heap: int, take: int) -> SpielGame:
    """Return sticks as a game of OpenSpiel's, which has only nim, where any number may be taken."""
    observation = pytest.importorskip("open_spiel.python.observation")
    kinds = pyspiel.GameType
    kind = kinds(
        short_name="sticks",
        long_name="Sticks",
        dynamics=kinds.Dynamics.SEQUENTIAL,
        chance_mode=kinds.ChanceMode.DETERMINISTIC,
        information=kinds.Information.PERFECT_INFORMATION,
        utility=kinds.Utility.ZERO_SUM,
        reward_model=kinds.RewardModel.TERMINAL,
        max_num_players=2,
        min_num_players=2,
        provides_information_state_string=True,
        provides_information_state_tensor=False,
        provides_observation_string=False,
        provides_observation_tensor=False,
        parameter_specification={},
    )
    figures = pyspiel.GameInfo(
        num_distinct_actions=take,
        max_chance_outcomes=0,
        num_players=2,
        min_utility=-1.0,
        max_utility=1.0,
        utility_sum=0.0,
        max_game_length=heap,
    )

    class SpielSticks(pyspiel.Game):  # type: ignore[misc, name-defined]  # the library ships no types
        def __init__(self, params: object = None) -> None:
            super().__init__(kind, figures, params or {})

        def new_initial_state(self) -> "SticksState":
            return SticksState(self)

        def make_py_observer(self, kind_of_view: object = None, params: object = None) -> object:
            return observation.IIGObserverForPublicInfoGame(kind_of_view, params)

    class SticksState(pyspiel.State):  # type: ignore[misc, name-defined]  # the library ships no types
        def __init__(self, game: SpielSticks) -> None:
            super().__init__(game)
            self.left, self.mover = heap, 0

        def current_player(self) -> int:
            return self.mover if self.left else int(pyspiel.PlayerId.TERMINAL)

        def _legal_actions(self, player: int) -> list[int]:
            del player
            return list(range(min(take, self.left)))

        def _apply_action(self, action: int) -> None:
            self.left -= action + 1
            self.mover = 1 - self.mover

        def _action_to_string(self, player: int, action: int) -> str:
            del player
            return f"take {action + 1}"

        def is_terminal(self) -> bool:
            return not self.left

        def __str__(self) -> str:
            return f"{self.left} left after {self.history()}"

        def returns(self) -> list[float]:
            # Who is next did not take the last one.
            return [0.0, 0.0] if self.left else [2.0 * self.mover - 1, 1 - 2.0 * self.mover]

    game: SpielGame = SpielSticks()
    return game
