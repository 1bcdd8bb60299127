"""Players that need no model: a game's own, and those that its tree says are optimal."""

import pytest

from socratic.errors import ConfigError, GameError
from socratic.game import Bot, Game, LiveMatch, Params, Scores, Table, game
from socratic.game.check import check_game
from socratic.game.random_play import played
from socratic.policy.scripted import ScriptedPlayers
from socratic.protocols import TurnRequest
from socratic.records import Line, Match, ParameterValue
from socratic.registry import load_game
from socratic.seeds import Seed

OPTIMAL = "scripted:optimal"


def match_of(made: Game, seed: int = 0, **params: ParameterValue) -> Match:
    seats = (OPTIMAL,) * len(made.seats)
    return Match(episode_id="0", game=made.name, params=made.complete(params), seed=seed, draw_seed=seed, seats=seats, version=0)


def score_of(made: Game, seed: int, **params: ParameterValue) -> float:
    """Return seat 0's score where every seat plays optimally."""
    match = match_of(made, seed, **params)
    player = ScriptedPlayers(lambda name: made).player(OPTIMAL, match)
    live = LiveMatch(made, match.params, Seed(seed))
    while not live.done:
        asked = [
            TurnRequest(match=match, seat=request.seat, turn=request.turn, view=request.view, own_turns=(), legal=request.legal)
            for request in live.requests()
        ]
        live.submit({turn.seat: turn.reply for turn in player.reply(asked)})
    assert live.scores is not None
    return live.scores[0]


@pytest.mark.parametrize("name", ["signal", "relay", "relay_4", "story"])
def test_seats_with_one_aim_share_the_plan_that_reaches_the_optimum(name: str) -> None:
    made = load_game(name)
    assert made.best_score() == 1.0
    assert [score_of(made, seed) for seed in range(8)] == [1.0] * 8


def test_whoever_plays_alone_plays_the_best_reply() -> None:
    assert [score_of(load_game("guess_number"), seed, high=2, guesses=2) for seed in range(4)] == [1.0] * 4


async def _meet(t: Table) -> Scores:
    said = await t.ask_all({0: ("Say:", ["x", "y"]), 1: ("Say:", ["x", "y"])})
    return t.share(0.5 * (said[0] == said[1]) + 0.5 * (said[0] == said[1] == "x"))


@pytest.mark.parametrize(
    ("optimum", "said"),
    [
        (None, "meet declares no optimum that says whether a joint plan is the best"),
        (1.5, "meet has the optimum 1.5, and the best joint plan that was found is worth 1"),
    ],
)
def test_a_plan_that_is_not_known_to_be_the_best_is_no_optimal_player(optimum: float | None, said: str) -> None:
    made = game(seats=("a", "b"), bounds=(0.0, 2.0), optimum=optimum)(_meet)
    made.name = "meet"
    with pytest.raises(ConfigError, match=f"^meet has no scripted:optimal player: {said}$"):
        ScriptedPlayers(lambda name: made).player(OPTIMAL, match_of(made))


def test_a_worse_plan_that_nobody_leaves_alone_is_not_taken() -> None:
    made = game(seats=("a", "b"), bounds=(0.0, 2.0), optimum=1.0)(_meet)
    # Both saying y is worth a half, and neither gains by leaving it.
    assert score_of(made, 0) == 1.0


def test_seats_with_different_aims_have_none() -> None:
    made = load_game("deal")
    with pytest.raises(ConfigError, match="deal has no scripted:optimal player: deal has 2 seats with different aims"):
        ScriptedPlayers(lambda name: made).player(OPTIMAL, match_of(made))


async def _say(t: Table) -> Scores:
    return t.share(float(await t.ask(0, "Say:") == "x"))


def _made(name: str, bot: object) -> Game:
    def make(params: Params) -> Bot:
        return bot  # type: ignore[return-value]  # whatever a stranger's game may hand over

    made = game(seats=("speaker",), bots={name: make})(_say)
    made.name = "clumsy"
    return made


@pytest.mark.parametrize(
    ("bot", "said"),
    [
        (lambda request, seed: str(1 // request.turn), "ZeroDivisionError: integer"),
        (lambda request, seed: None, "it replied None, expected a text"),
        (lambda request: "x", "TypeError: "),
    ],
)
def test_a_bot_that_fails_is_the_games_failure_wherever_it_plays(bot: object, said: str) -> None:
    with pytest.raises(GameError) as at_random:
        played(_made("random", bot), {}, seed=5)
    made = _made("optimal", bot)
    match = match_of(made, 5)
    asked = TurnRequest(match=match, seat=0, turn=0, view=(Line(speaker="game", text="Say:"),), own_turns=(), legal=None)
    with pytest.raises(GameError) as seated:
        ScriptedPlayers(lambda name: made).player(OPTIMAL, match).reply([asked])
    for name, raised in (("random", at_random), ("optimal", seated)):
        assert str(raised.value).startswith(f"clumsy's bot('{name}') failed in seat 'speaker': {said}")
        assert str(raised.value).endswith("; played with {}, seed 5, turn 0")


def test_a_bot_that_cannot_be_made_is_the_games_failure() -> None:
    def make(params: Params) -> Bot:
        raise ZeroDivisionError("boom")

    made = game(seats=("speaker",), bots={"optimal": make, "random": make})(_say)
    made.name = "clumsy"
    with pytest.raises(GameError, match=r"clumsy's bot\('optimal'\) could not be made: ZeroDivisionError: boom; it was asked with {}"):
        ScriptedPlayers(lambda name: made).player(OPTIMAL, match_of(made))
    report = check_game(made, seeds=(0,))
    broken = {finding.rule: finding.detail for finding in report.findings if not finding.passed}
    assert "clumsy's bot('random') could not be made: ZeroDivisionError: boom" in broken["random play is legal"]
