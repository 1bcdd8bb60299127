"""A seat that reads its newest question alone: in play, in its first reading, and as the observer measures it."""

from functools import cache
from math import exp

import pytest

from socratic.build import ObserverFactory, PlayFactory, draft, random_play
from socratic.cli.preflight import game_facts
from socratic.config import Config
from socratic.errors import ConfigError
from socratic.game.tree import enumerate_tree
from socratic.metagame.curriculum import Course, FixedCurriculum
from socratic.observer.exploitability import exact_metrics, read_strategy
from socratic.policy.engine import Engine
from socratic.policy.memory import remembered
from socratic.policy.recipe import PolicyRecipe, make_policy
from socratic.policy.scratch import transcripts
from socratic.records import GAME, SELF, Json, Line
from socratic.registry import load_game
from socratic.seeds import Seed
from tests.system.small import small_config

NAME = "tic_tac_toe"
PLAYED: dict[str, Json] = {"opening": "51", "drawn": 1, "varied": True}
# Another order of the same marks: nothing of this is played.
ASSESSED: dict[str, Json] = {"opening": "315", "drawn": 0}
DIALOGUE = (Line(speaker=GAME, text="Board 1"), Line(speaker=SELF, text="5"), Line(speaker=GAME, text="Board 2"))


@cache
def _recipe() -> PolicyRecipe:
    return draft(_config("question"))


def _config(memory: str, **observer: Json) -> Config:
    games: dict[str, Json] = {NAME: {"params": PLAYED, "assessed": ASSESSED}}
    policy: dict[str, Json] = {"hidden": 16, "layers": 1, "heads": 2, "init_std": 0.5}
    return small_config(games=games, policy=policy, play={"memory": memory}, observer={"opponents": ["scripted:optimal"], **observer})


def _engine() -> Engine:
    return Engine(make_policy(_recipe()), temperature=1.0, max_new_tokens=4, pack_tokens=512)


def test_all_is_read_or_the_newest_question() -> None:
    assert remembered(DIALOGUE, [(7, 8)], "all") == (DIALOGUE, [(7, 8)])
    assert remembered(DIALOGUE, [(7, 8)], "question") == (DIALOGUE[-1:], ())


def test_the_first_reading_is_cut_as_it_will_be_read() -> None:
    episodes = random_play(_config("question"))
    whole, cut = transcripts(episodes), transcripts(episodes, "question")
    assert {tuple(line.speaker for line in part) for part in cut} == {(GAME, SELF, GAME)}
    assert len(cut) == sum(line.speaker == SELF for view in whole for line in view)


def test_a_move_is_drawn_as_the_observer_reads_it() -> None:
    config, engine = _config("question"), _engine()
    weights = engine.policy.weights(0)
    tree = enumerate_tree(load_game(NAME), {"opening": "51"})
    read = read_strategy(tree, engine, weights, is_masked=True, memory="question").strategy
    course = Course(game=NAME, params={"opening": "51"}, lineups=(("agent", "agent"),), episodes=6, group=1)
    matches = FixedCurriculum([course], Seed(0)).choose(0, 0)
    episodes = PlayFactory(config=config, recipe=_recipe())().play(matches, {"agent": weights}).episodes
    chances = {}
    for state, row in zip(tree.information_states, read, strict=True):
        chances.update({(state.view[-1].text, move): chance for move, chance in zip(state.legal, row, strict=True)})
    num_later = 0
    for episode in episodes:
        for seat, view in enumerate(episode.views):
            own = [turn for turn in episode.turns if turn.seat == seat]
            asked = [line.text for line in view if line.speaker == GAME]
            for turn, question in zip(own, asked, strict=True):
                assert exp(sum(turn.logprobs)) == pytest.approx(chances[question, turn.reply], abs=1e-5)
            num_later += len(own) - 1
    assert num_later > 0


@pytest.mark.parametrize("memory", ["all", "question"])
def test_what_is_assessed_is_exact_at_parameters_of_its_own(memory: str) -> None:
    config, engine = _config(memory), _engine()
    weights = engine.policy.weights(0)
    found = ObserverFactory(config=config, recipe=_recipe())().assess(0, {"agent": weights, "t0": weights}).metrics
    tree = enumerate_tree(load_game(NAME), {"opening": "315", "drawn": 0})
    # Every path has its own place here; to who remembers the question alone, those to one board are read alike.
    own = read_strategy(tree, engine, weights, is_masked=True, memory=config.play.memory)
    wanted = exact_metrics(load_game(NAME), tree, own, {"scripted:optimal": lambda: tree.solve()[0]})
    for metric in ("draw_rate_vs_optimal/x", "draw_rate_vs_optimal/o", "score_vs_optimal/x", "exploitability", "value"):
        assert found[f"observer/{NAME}/{metric}"] == pytest.approx(wanted[metric], abs=1e-6)


def test_positions_are_joined_for_who_reads_the_question_alone() -> None:
    weights = make_policy(_recipe()).weights(0)
    num_boards = len(enumerate_tree(load_game(NAME), {"opening": "315"}, merge=True).information_states)
    kinds = []
    for memory in ("all", "question"):
        config = _config(memory, max_states=num_boards, episodes=4)
        found = ObserverFactory(config=config, recipe=_recipe())().assess(0, {"agent": weights, "t0": weights}).metrics
        kinds.append(f"observer/{NAME}/exploitability" in found)
    assert kinds == [False, True]


def test_parameters_of_assessment_that_the_game_does_not_have_are_refused() -> None:
    with pytest.raises(ConfigError, match="tic_tac_toe"):
        game_facts(small_config(games={NAME: {"assessed": {"drown": 1}}}))
