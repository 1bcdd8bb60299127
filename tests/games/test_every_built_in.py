"""What holds of every built-in game, at every level, whoever plays and whatever is said."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socratic.errors import ConfigError
from socratic.game import Clerk, Game, LiveMatch, Seed, settle
from socratic.game.random_play import ODD_REPLIES, random_replies
from socratic.records import GAME, ParameterValue
from socratic.registry import list_games, load_game
from tests.golden.clerk import ScriptedClerk

NAMES = [plugin.name for plugin in list_games() if plugin.value.startswith("socratic_games.")]
LEVELS = [(name, level) for name in NAMES for level in range(len(load_game(name).levels))]
# Far above the longest match of a built-in game.
MAX_TURNS = 200
FEW = settings(max_examples=8, deadline=None)


@pytest.fixture(scope="module")
def clerk() -> Clerk:
    return ScriptedClerk()


def _played(game: Game, params: dict[str, ParameterValue], key: int, odd_share: float, clerk: Clerk) -> LiveMatch:
    match = LiveMatch(game, params, Seed(key), retries=1, max_turns=MAX_TURNS)
    settle([match], clerk)
    while not match.done:
        match.submit(random_replies(match, key, odd_share))
        settle([match], clerk)
    return match


@pytest.mark.parametrize(("name", "level"), LEVELS)
@FEW
@given(key=st.integers(0, 2**32), odd_share=st.sampled_from([0.0, 0.1, 0.5]))
def test_a_match_ends_within_bounds_and_replays(clerk: Clerk, name: str, level: int, key: int, odd_share: float) -> None:
    game = load_game(name)
    match = _played(game, game.level(level), key, odd_share, clerk)
    assert match.scores is not None
    assert game.checked_scores(match.scores) == match.scores
    assert match.ending != "turn_limit"
    if odd_share == 0.0:
        assert match.ending == "finished"
    again = LiveMatch.load(game, json.loads(json.dumps(match.save())))
    assert again.digest() == match.digest()


@pytest.mark.parametrize(("name", "level"), LEVELS)
@FEW
@given(key=st.integers(0, 2**32))
def test_what_is_secret_is_shown_to_nobody_it_is_kept_from(clerk: Clerk, name: str, level: int, key: int) -> None:
    match = _played(load_game(name), load_game(name).level(level), key, 0.0, clerk)
    for secret in match.secrets:
        for seat in secret.keep_from:
            assert not [line for line in match.view(seat) if line.speaker == GAME and secret.text in line.text]


@pytest.mark.parametrize("name", NAMES)
def test_level_0_is_one_that_a_small_policy_can_learn(clerk: Clerk, name: str) -> None:
    # Every move listed, few turns, few words: what a policy of 0.1 M parameters from scratch is trained on.
    game = load_game(name)
    for key in range(20):
        match = LiveMatch(game, game.level(0), Seed(key))
        settle([match], clerk)
        while not match.done:
            for request in match.requests():
                assert request.legal is not None
                assert all(len(option.split()) == 1 for option in request.legal)
                assert sum(len(line.text.split()) for line in request.view) <= 60
            match.submit(random_replies(match, key, 0.0))
            settle([match], clerk)
        assert len(match.replies) <= 12


@pytest.mark.parametrize("name", NAMES)
def test_a_forfeit_costs_the_forfeiter_and_nobody_else_in_a_zero_sum_game(clerk: Clerk, name: str) -> None:
    game = load_game(name)
    match = LiveMatch(game, game.level(0), Seed(3))
    settle([match], clerk)
    asked = match.requests()
    replies = random_replies(match, 3, 0.0)
    match.submit({**replies, asked[0].seat: ODD_REPLIES[4]})
    assert (match.ending, match.forfeiter) == ("forfeit", asked[0].seat)
    assert match.scores is not None
    assert match.scores[asked[0].seat] == game.bounds[0] == min(match.scores)
    if game.zero_sum:
        assert sum(match.scores) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
@given(value=st.one_of(st.text(max_size=3), st.floats(), st.none(), st.booleans(), st.integers(-(10**9), 10**9)))
@FEW
def test_a_parameter_of_another_kind_or_size_is_one_clear_error(clerk: Clerk, name: str, value: ParameterValue) -> None:
    game = load_game(name)
    for parameter in game.parameters:
        said = _refusal(game, {parameter: value}, clerk)
        assert said is None or (name.partition("_")[0] in said and "expected" in said)


def _refusal(game: Game, params: dict[str, ParameterValue], clerk: Clerk) -> str | None:
    try:
        settle([LiveMatch(game, params, Seed(1))], clerk)
    except ConfigError as refusal:
        return str(refusal)
    return None
