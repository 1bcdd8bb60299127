"""What the observer makes of a game whose judge lives elsewhere: no measure, and the reason once."""

import logging

import pytest

from socratic.build import ObserverFactory, draft
from socratic.config import make_config
from socratic.game import Scores, Table, game
from socratic.policy.recipe import make_policy


@game(seats=("one", "two"), zero_sum=True)
async def saying(t: Table) -> Scores:
    """Each says a word; a critic finds who said the better one."""
    first = await t.ask(0, "Word:", ["tea", "rum"])
    second = await t.ask(1, "Word:", ["tea", "rum"])
    shares = await t.judge("Which is better?", f"one {first}\ntwo {second}", ("one", "two"))
    return t.win(0, by=2 * shares["one"] - 1)


@pytest.mark.parametrize("method", ["auto", "play"])
def test_a_game_whose_judge_is_elsewhere_is_not_assessed_and_why_is_said_once(method: str, caplog: pytest.LogCaptureFixture) -> None:
    config = make_config(
        {
            "policy": {"hidden": 16, "layers": 1, "heads": 2},
            "games": {"sticks": {"params": {"heap": 3}}, f"{__name__}:saying": {}},
            "feedback": {"judge": "model"},
            "observer": {"method": method, "episodes": 4, "opponents": ["t0"]},
        }
    )
    recipe = draft(config)
    weights = make_policy(recipe).weights(0)
    observer = ObserverFactory(config=config, recipe=recipe)()
    with caplog.at_level(logging.WARNING):
        found = [observer.assess(index, {"agent": weights, "t0": weights}) for index in range(2)]
    assert {metric.split("/")[1] for each in found for metric in each.metrics} == {"sticks"}
    said = [record.getMessage() for record in caplog.records if "is not assessed" in record.getMessage()]
    assert len(said) == 1
    assert "saying is not assessed: it asks a critic 'Which is better?'" in said[0]
    assert "give the game a parameter judged" in said[0]
