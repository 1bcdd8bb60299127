"""Twenty questions against the best tree of questions."""

import pytest

from socratic.errors import ConfigError
from socratic.game import LiveMatch, Params
from socratic.game.check import check_game
from socratic.game.tree import enumerate_tree
from socratic.seeds import Seed
from socratic_games.twenty_questions import ATTRIBUTES, THINGS, twenty_questions


@pytest.mark.parametrize(
    ("params", "known"),
    [
        # Without cost, q questions tell 2**q things apart.
        ({}, 1.0),
        ({"things": 4, "questions": 1}, 1 / 2),
        ({"things": 5, "questions": 2}, 4 / 5),
        ({"things": 5, "questions": 3}, 1.0),
        ({"things": 8, "questions": 2}, 1 / 2),
        ({"things": 2, "questions": 1}, 1.0),
        # By hand: four leaves at depth 2; depths 1, 2, 2; one question, because two more at depth 2 gain nothing; none.
        ({"things": 4, "questions": 2, "cost": 0.1}, 0.8),
        ({"things": 3, "questions": 3, "cost": 0.2}, (0.8 + 0.6 + 0.6) / 3),
        ({"things": 4, "questions": 2, "cost": 0.4}, 1.2 / 4),
        ({"things": 4, "questions": 1, "cost": 0.7}, 1 / 4),
    ],
)
def test_the_best_tree_of_questions_scores_as_declared(params: Params, known: float) -> None:
    tree = enumerate_tree(twenty_questions, params)
    assert tree.best_response(tree.uniform(), 0)[0] == pytest.approx(known)
    assert twenty_questions.best_score(params) == pytest.approx(known)


def test_scores_lie_between_0_and_1() -> None:
    assert [twenty_questions.bounds] == [(0, 1)]


def test_sixteen_questions_are_the_most() -> None:
    assert LiveMatch(twenty_questions, {"things": 16, "questions": 16}, Seed(0)).requests()


def test_random_questions_find_a_thing_by_chance_alone() -> None:
    tree = enumerate_tree(twenty_questions)
    assert (tree.num_leaves, len(tree.information_states)) == (64, 17)
    assert tree.values(tree.uniform()) == pytest.approx((1 / 4,))


def test_as_many_attributes_as_bits_tell_all_things_apart() -> None:
    assert len(set(THINGS) | set(ATTRIBUTES)) == 20
    for level, bits in zip(twenty_questions.levels, (2, 3, 4, 4), strict=True):
        match = LiveMatch(twenty_questions, level, Seed(2))
        table = match.view(0)[0].text.split(": ")[1].rstrip(".").split(", ")
        rows = {row.split()[0]: tuple(row.split()[1:]) for row in table}
        assert list(rows) == list(THINGS[: len(rows)])
        assert len(set(rows.values())) == len(rows) == 2**bits
        (request,) = match.requests()
        assert request.legal == (*ATTRIBUTES[:bits], *(["guess"] if level.get("cost") else []))


@pytest.mark.parametrize("seed", range(4))
def test_answers_are_those_of_the_table(seed: int) -> None:
    match = LiveMatch(twenty_questions, {}, Seed(seed))
    thing = str(match.truths["thing"])
    assert match.view(0)[0].text == "Find my thing in 2 questions: cup, key red, sun big, fish red big."
    red = "yes" if thing in ("key", "fish") else "no"
    big = "yes" if thing in ("sun", "fish") else "no"
    assert match.requests()[0].prompt == "Ask"
    match.submit({0: "big"})
    assert match.requests()[0].prompt == f"Ask big {big}"
    match.submit({0: "red"})
    (request,) = match.requests()
    assert (request.prompt, request.legal) == (f"Guess big {big} red {red}", THINGS[:4])
    match.submit({0: thing})
    assert match.scores == (1.0,)
    assert match.probes == {"found": 1.0, "questions": 2.0}


@pytest.mark.parametrize(("num_questions", "score"), [(0, 1.0), (1, 0.75), (2, 0.5), (3, 0.25)])
def test_each_question_costs_and_a_wrong_guess_scores_nothing(num_questions: int, score: float) -> None:
    for is_right in (True, False):
        match = LiveMatch(twenty_questions, {"things": 5, "questions": 3, "cost": 0.25}, Seed(7))
        thing = str(match.truths["thing"])
        for _ in range(num_questions):
            match.submit({0: "old" if "old" in (match.requests()[0].legal or ()) else "red"})
        if num_questions < 3:
            match.submit({0: "guess"})
        match.submit({0: thing if is_right else next(name for name in THINGS if name != thing)})
        assert match.scores == (score if is_right else 0.0,)
        assert match.probes["questions"] == num_questions


@pytest.mark.parametrize(
    "params", [{"things": 1}, {"things": 17}, {"questions": 0}, {"questions": 17}, {"cost": -0.1}, {"cost": 0.6}, {"cost": float("nan")}]
)
def test_parameters_that_make_no_game_are_refused(params: Params) -> None:
    with pytest.raises(ConfigError, match="twenty_questions: .*expected"):
        LiveMatch(twenty_questions, params, Seed(0))
    with pytest.raises(ConfigError, match="twenty_questions"):
        twenty_questions.best_score(params)


@pytest.mark.parametrize("params", [twenty_questions.level(0), twenty_questions.level(1), {"things": 4, "questions": 2, "cost": 0.2}])
def test_it_keeps_the_contract(params: Params) -> None:
    report = check_game(twenty_questions, params)
    assert report.passed, report.findings
