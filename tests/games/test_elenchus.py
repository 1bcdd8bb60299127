"""Elenchus: what halving finds, what a question costs, and what the questioner is told."""

import pytest

from socratic.errors import ConfigError
from socratic.game import LiveMatch, Params
from socratic.game.check import check_game
from socratic.game.tree import enumerate_tree
from socratic.seeds import Seed
from socratic_games.elenchus import elenchus


@pytest.mark.parametrize(
    ("params", "optimum"),
    [
        # Two of three suspects take two questions, and one of them one: (0.9 + 0.8 + 0.8) / 3.
        ({"steps": 3}, 2.5 / 3),
        # Four suspects take two questions each, eight take three, sixteen four.
        ({"steps": 4}, 0.8),
        ({"steps": 8}, 0.7),
        ({"steps": 16, "largest": 20, "minus": True}, 0.6),
        ({"steps": 16, "cost": 0.0}, 1.0),
        # One question leaves two of four, of which one is named.
        ({"steps": 4, "questions": 1}, 0.45),
        # Where a question costs as much as it finds, none is put.
        ({"steps": 2, "questions": 1, "cost": 0.75}, 0.5),
        ({"steps": 5, "cost": 0.0, "questions": 2}, 0.8),
    ],
)
def test_the_optimum_is_what_halving_finds_less_its_cost(params: Params, optimum: float) -> None:
    assert elenchus.best_score(params) == pytest.approx(optimum)


@pytest.mark.parametrize("params", [{}, {"steps": 4}, {"steps": 3, "cost": 0.4}, {"steps": 2, "largest": 2, "minus": True}])
def test_the_optimum_agrees_with_the_tree(params: Params) -> None:
    tree = enumerate_tree(elenchus, params)
    assert tree.best_response(tree.uniform(), 0)[0] == pytest.approx(elenchus.best_score(params))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("level", range(len(elenchus.levels)))
def test_bisection_finds_the_false_step_by_the_values_that_are_off(level: int, seed: int) -> None:
    match = LiveMatch(elenchus, elenchus.level(level), Seed(seed))
    told = match.view(0)[0].text.removeprefix("From 0: ").split(". ")[0].split()
    steps = dict(zip(told[::3], [int(sign + size) for sign, size in zip(told[1::3], told[2::3], strict=True)], strict=True))
    names = list(steps)
    low, high = 0, len(names) - 1
    while low < high:
        middle = (low + high) // 2
        match.submit({0: names[middle]})
        name, _, said = match.view(0)[-2 if match.requests()[0].prompt in ("Ask", "False") else -1].text.split()
        assert name == names[middle]
        if int(said) == sum(list(steps.values())[: middle + 1]):
            low = middle + 1
        else:
            high = middle
    if match.requests()[0].prompt == "Ask":
        match.submit({0: "done"})
    match.submit({0: names[low]})
    assert names[low] == match.truths["false"]
    assert match.probes["found"] == 1
    assert match.scores == pytest.approx((1 - 0.1 * match.probes["questions"],))


def test_an_early_answer_costs_fewer_questions_and_a_wrong_one_scores_nothing() -> None:
    for questions in (0, 1, 2):
        for is_right in (True, False):
            match = LiveMatch(elenchus, {"steps": 4, "cost": 0.2}, Seed(questions))
            false = str(match.truths["false"])
            for name in "abcd"[:questions]:
                match.submit({0: name})
            if questions < 2:
                match.submit({0: "done"})
            match.submit({0: false if is_right else "abcd".replace(false, "")[0]})
            assert match.scores == pytest.approx((1 - 0.2 * questions if is_right else 0,))
            assert dict(match.probes) == {"found": float(is_right), "questions": float(questions)}


def test_a_step_is_asked_once_and_every_step_may_be_false() -> None:
    match = LiveMatch(elenchus, {"steps": 4}, Seed(0))
    assert match.requests()[0].legal == ("a", "b", "c", "d", "done")
    match.submit({0: "c"})
    assert match.requests()[0].legal == ("a", "b", "d", "done")
    match.submit({0: "a"})
    assert (match.requests()[0].prompt, match.requests()[0].legal) == ("False", ("a", "b", "c", "d"))
    falses = {LiveMatch(elenchus, {"steps": 4}, Seed(seed)).truths["false"] for seed in range(40)}
    assert falses == set("abcd")


def test_all_values_after_the_slip_are_off_by_the_same() -> None:
    slips = set()
    for seed in range(60):
        match = LiveMatch(elenchus, {"steps": 5, "largest": 2}, Seed(seed))
        told = match.view(0)[0].text.removeprefix("From 0: ").split(". ")[0].split()
        true = [sum(map(int, told[2 : 3 * step + 3 : 3])) for step in range(5)]
        claimed = match.truths["claimed"]
        assert isinstance(claimed, list)
        off = [value - right for value, right in zip(claimed, true, strict=True)]
        false = "abcde".index(str(match.truths["false"]))
        assert off == [0] * false + [off[-1]] * (5 - false)
        slips.add(off[-1])
        assert {int(size) for size in told[2::3]} <= {1, 2}
        assert set(told[1::3]) == {"+"}
    assert slips == {-2, -1, 1, 2}


def test_with_minus_steps_go_both_ways() -> None:
    views = [LiveMatch(elenchus, {"steps": 8, "minus": True}, Seed(seed)).view(0)[0].text for seed in range(4)]
    assert any(" - 1" in view and " + 1" in view for view in views)
    assert not any(" 0 " in view or " 0." in view for view in views)


def test_it_says_what_its_player_needs_in_few_words() -> None:
    match = LiveMatch(elenchus, {}, Seed(0))
    match.submit({0: "b"})
    texts = [line.text for line in match.requests()[0].view]
    assert texts[:3] == ["From 0: a + 1 b + 1 c + 1. One step is false. Ask values, then name it.", "Ask", "b"]
    assert texts[3] in {"b is 1", "b is 2", "b is 3"}
    assert texts[4:] == ["Ask"]


@pytest.mark.parametrize(
    "params",
    [{"steps": 1}, {"steps": 27}, {"questions": -1}, {"steps": 4, "questions": 5}, {"cost": -0.1}, {"cost": 0.51}],
)
def test_parameters_that_make_no_game_are_refused(params: Params) -> None:
    with pytest.raises(ConfigError, match="elenchus: .*expected"):
        LiveMatch(elenchus, params, Seed(0))
    with pytest.raises(ConfigError, match="elenchus: .*expected"):
        elenchus.best_score(params)


@pytest.mark.parametrize("largest", [0, 1001])
def test_a_step_that_does_nothing_or_too_much_is_refused(largest: int) -> None:
    with pytest.raises(ConfigError, match="elenchus: largest is .*expected 1 to 1000"):
        LiveMatch(elenchus, {"largest": largest}, Seed(0))


def test_the_largest_games_that_are_allowed_can_be_played() -> None:
    for params in ({"steps": 26, "questions": 10, "cost": 0.1}, {"steps": 2, "largest": 1000}, {"cost": 0.5}):
        assert LiveMatch(elenchus, params, Seed(0)).requests()


@pytest.mark.parametrize("level", [0, 1])
def test_it_keeps_the_contract(level: int) -> None:
    report = check_game(elenchus, elenchus.level(level))
    assert report.passed, report.findings
