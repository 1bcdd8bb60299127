"""Proof: who is paid for what, what the verifier may see, and how well both can do."""

import numpy as np
import pytest

from socratic.errors import ConfigError
from socratic.game import LiveMatch, Params
from socratic.game.check import check_game
from socratic.game.tree import Strategy, Tree, enumerate_tree
from socratic.seeds import Seed
from socratic_games.proof import proof


def played(role: str, numbers: list[int], sums: list[int], checks: list[int], verdict: str, base: int = 2) -> LiveMatch:
    """Return a match with that role and those numbers, played so."""
    params = {"steps": len(numbers), "checks": len(checks), "base": base}
    matches = (LiveMatch(proof, params, Seed(seed)) for seed in range(10_000))
    match = next(match for match in matches if match.requests()[0].prompt.split()[0] == role and _drawn(match) == numbers)
    for said in sums:
        match.submit({0: str(said)})
    for step in checks:
        match.submit({1: str(step)})
    match.submit({1: verdict})
    return match


def _drawn(match: LiveMatch) -> list[int]:
    return [int(draw.options[draw.chosen]) for draw in match.chance[1:]]


@pytest.mark.parametrize(
    ("role", "sums", "verdict", "scores"),
    [
        ("honest", [1, 0], "accept", (1, 1)),
        ("honest", [1, 0], "reject", (0, 0)),
        ("honest", [1, 1], "accept", (0, 0)),
        ("honest", [1, 1], "reject", (0, 1)),
        ("sneaky", [1, 1], "accept", (1, 0)),
        ("sneaky", [1, 1], "reject", (0, 1)),
        ("sneaky", [1, 0], "accept", (0, 1)),
        ("sneaky", [1, 0], "reject", (0, 0)),
        # Two wrong steps make a true sum again.
        ("honest", [0, 0], "accept", (1, 1)),
    ],
)
def test_each_is_paid_by_its_role(role: str, sums: list[int], verdict: str, scores: tuple[float, ...]) -> None:
    match = played(role, [1, 1], sums, [1], verdict)
    assert match.scores == scores
    assert match.truths["is_right"] == (sums[-1] == 0)
    assert match.probes == {"lied": float(sums[-1] != 0)}


def test_the_verifier_hears_the_sums_and_what_it_looks_at() -> None:
    match = played("sneaky", [3, 2, 2], [3, 1, 3], [3, 1], "accept", base=4)
    assert [line.text for line in match.view(1)] == [
        "Sums of 3 numbers modulo 4. Checks: 2.",
        "Sums: 3 1 3.",
        "Check step",
        "3",
        "Step 3 is right.",
        "Check step",
        "1",
        "Step 1 is right.",
        "Verdict after right right",
        "accept",
    ]
    assert match.scores == (0, 1)


def test_a_wrong_step_is_seen_where_it_was_taken_and_nowhere_else() -> None:
    # 1 + 1 = 0, said as 1; then 1 + 0 = 1 follows from what was said.
    for step, found in ((1, "right"), (2, "wrong"), (3, "right")):
        match = played("sneaky", [1, 1, 0], [1, 1, 1], [step], "reject")
        assert match.view(1)[4].text == f"Step {step} is {found}."
        assert match.view(1)[5].text == f"Verdict after {found}"


def test_the_prover_is_told_its_role_its_last_sum_and_the_next_number() -> None:
    match = played("honest", [1, 0], [0, 1], [2], "accept")
    assert [line.text for line in match.view(0)] == [
        "Sums of 2 numbers modulo 2. Checks: 1.",
        "honest 0 plus 1",
        "0",
        "honest 0 plus 0",
        "1",
    ]


def test_a_step_is_looked_at_once() -> None:
    match = LiveMatch(proof, {"steps": 3, "checks": 2}, Seed(0))
    for _ in range(3):
        match.submit({0: "0"})
    assert match.requests()[0].legal == ("1", "2", "3")
    match.submit({1: "2"})
    assert match.requests()[0].legal == ("1", "3")


@pytest.mark.parametrize(
    ("params", "prover", "verifier"),
    [({}, 0.75, 0.75), ({"steps": 3}, 5 / 6, 2 / 3), ({"steps": 2, "checks": 2}, 0.5, 1.0), ({"base": 3, "sneaky": 0.25}, 0.875, 0.875)],
)
def test_one_wrong_step_at_random_is_the_best_lie_and_looking_at_random_the_best_answer(
    params: Params, prover: float, verifier: float
) -> None:
    tree = enumerate_tree(proof, params)
    strategy = _known(tree)
    assert tree.values(strategy) == pytest.approx((prover, verifier))
    assert proof.best_score(params) == pytest.approx(prover)
    assert tree.nash_conv(strategy) == pytest.approx(0, abs=1e-12)


def test_where_most_lie_nothing_is_believed_and_no_optimum_is_declared() -> None:
    assert proof.best_score({"sneaky": 0.7}) is None
    assert proof.best_score({"sneaky": 2 / 3}) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "params",
    [{"steps": 0, "checks": 0}, {"checks": 0}, {"checks": 3}, {"steps": 21}, {"base": 1}, {"base": 11}, {"sneaky": 0.0}, {"sneaky": 1.0}],
)
def test_parameters_that_make_no_game_are_refused(params: Params) -> None:
    with pytest.raises(ConfigError, match="proof: .*expected"):
        LiveMatch(proof, params, Seed(0))
    with pytest.raises(ConfigError, match="proof"):
        proof.best_score(params)


def test_roles_come_as_often_as_declared() -> None:
    roles = [LiveMatch(proof, {"sneaky": 0.25}, Seed(seed)).requests()[0].prompt.split()[0] for seed in range(400)]
    # Three standard deviations of 400 draws.
    assert 0.25 - 0.065 < roles.count("sneaky") / 400 < 0.25 + 0.065


@pytest.mark.parametrize("level", [0, 1])
def test_it_keeps_the_contract(level: int) -> None:
    report = check_game(proof, proof.level(level))
    assert report.passed, report.findings


def _known(tree: Tree) -> Strategy:
    """Return truth for the honest, one wrong step at random for the sneaky; checks at random, belief unless a fault was found."""
    steps, base = int(tree.params["steps"]), int(tree.params["base"])
    rows = []
    for state in tree.information_states:
        lines = [line.text for line in state.view]
        words = lines[-1].split()
        row = np.full(len(state.legal), 1 / len(state.legal))
        if words[0] in {"honest", "sneaky"}:
            asked = [line.split() for line in lines[1::2]]
            said = [int(reply) for reply in lines[2::2]]
            true = [(int(before) + int(number)) % base for _, before, _, number in asked]
            is_due = words[0] == "sneaky" and all(a == b for a, b in zip(said, true, strict=False))
            wrong = 1 / (steps - len(said)) if is_due else 0.0
            row = np.full(base, wrong / (base - 1))
            row[true[-1]] = 1 - wrong
        elif words[0] == "Verdict":
            row = np.array([0.0, 1.0]) if "wrong" in words else np.array([1.0, 0.0])
        rows.append(row)
    return rows
