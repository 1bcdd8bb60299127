"""Triplet: what is asked in each mode, what is right, and what a proposer is paid for."""

import pytest

from socratic.errors import ConfigError
from socratic.game import LiveMatch, Params, settle
from socratic.game.check import check_game
from socratic.game.tree import enumerate_tree
from socratic.records import Program, Result
from socratic.seeds import Seed
from socratic_games.triplet import OPERATIONS, source_of, triplet
from tests.golden.clerk import ScriptedClerk

pytest.importorskip("pydantic_monty")
CLERK = ScriptedClerk()
PROGRAM = "def f(x):\n    return 'odd' if x % 2 else 'even'"


def started(params: Params, *replies: str, inputs: list[int] | None = None) -> LiveMatch:
    """Return a match after a few replies, on the inputs asked for where it matters."""
    for seed in range(2000):
        match = LiveMatch(triplet, params, Seed(seed))
        settle([match], CLERK)
        steps = int(params.get("steps", 1))
        for reply in replies[:steps]:
            said(match, reply)
        drawn = [int(draw.options[draw.chosen]) for draw in match.chance]
        if inputs is None or drawn == inputs:
            for reply in replies[steps:]:
                said(match, reply)
            return match
    raise LookupError(f"no seed draws {inputs}")


def said(match: LiveMatch, reply: str) -> None:
    """Give the reply of whoever is asked."""
    match.submit({match.requests()[0].seat: reply})
    settle([match], CLERK)


@pytest.mark.parametrize(
    ("params", "operation", "inputs", "prompts", "answers"),
    [
        # Modulo 4: 3 + 1 = 0, 1 * 2 = 2, -1 = 3; modulo 10: 7 // 2 = 3.
        ({}, "inc", [3, 1], ["inc of 3", "inc of 1"], ["0", "2"]),
        ({}, "double", [1, 2], ["double of 1", "double of 2"], ["2", "0"]),
        ({}, "square", [3, 2], ["square of 3", "square of 2"], ["1", "0"]),
        ({}, "flip", [1, 0], ["flip of 1", "flip of 0"], ["3", "0"]),
        ({"ops": 8, "base": 10, "tries": 1}, "half", [7], ["half of 7"], ["3"]),
        ({"ops": 8, "base": 10, "tries": 1}, "cube", [3], ["cube of 3"], ["7"]),
        ({"ops": 8, "base": 10, "tries": 1}, "triple", [4], ["triple of 4"], ["2"]),
        ({"ops": 8, "base": 10, "tries": 1}, "dec", [0], ["dec of 0"], ["9"]),
        # Any input with that output will do: 0 + 2 = 2 = 2 * 1, and also 2 * 3 modulo 4.
        ({"mode": "abduce"}, "double", [1, 0], ["double gives 2", "double gives 0"], ["3", "2"]),
        ({"mode": "induce"}, "double", [3, 1], ["3 gives 2", "1 gives 2"], ["double", "double"]),
    ],
)
def test_the_right_answers_are_paid_to_the_solver_alone(
    params: Params, operation: str, inputs: list[int], prompts: list[str], answers: list[str]
) -> None:
    match = started(params, operation, inputs=inputs)
    for prompt, answer in zip(prompts, answers, strict=True):
        (request,) = match.requests()
        assert (request.seat, request.prompt) == (0, prompt)
        said(match, answer)
    assert match.truths["num_right"] == len(answers)
    assert match.scores == (1, 0)


@pytest.mark.parametrize(("answers", "scores"), [("0 2", (1, 0)), ("0 1", (0.5, 0.5)), ("1 2", (0.5, 0.5)), ("1 1", (0, 0))])
def test_the_proposer_is_paid_for_what_is_neither_known_nor_out_of_reach(answers: str, scores: tuple[float, ...]) -> None:
    assert started({}, "inc", *answers.split(), inputs=[3, 1]).scores == scores


def test_one_of_three_is_worth_two_thirds_to_the_proposer() -> None:
    assert started({"tries": 3}, "inc", "0", "0", "0", inputs=[3, 1, 2]).scores == pytest.approx((1 / 3, 2 / 3))


def test_an_induced_program_has_to_agree_on_every_input() -> None:
    # On 0 and 1 squares are cubes of themselves; on 2 they are not.
    assert started({"mode": "induce"}, "square", "inc", "double", inputs=[0, 1]).scores == (0, 0)
    # -x and 3 x are the same modulo 4.
    assert started({"mode": "induce", "ops": 6}, "flip", "triple", "flip", inputs=[0, 1]).scores == (1, 0)


def test_operations_follow_one_another() -> None:
    match = started({"steps": 2, "base": 10, "tries": 1}, "inc", "double", inputs=[4])
    assert match.requests()[0].prompt == "inc double of 4"
    assert [line.text for line in match.view(1)] == ["deduce with x from 0 to 9.", "Operation 1", "inc", "Operation 2", "double"]
    said(match, "0")
    assert match.truths["program"] == "def f(x):\n    x = (x + 1) % 10\n    x = (x * 2) % 10\n    return x"
    assert match.scores == (1, 0)


def test_an_induced_program_of_two_operations_is_asked_for_one_at_a_time() -> None:
    match = started({"mode": "induce", "steps": 2, "tries": 1}, "inc", "inc", "inc", inputs=[1])
    assert [line.text for line in match.view(0)] == [
        "induce with x from 0 to 3.",
        "Operation 1: 1 gives 3",
        "inc",
        "Operation 2: 1 gives 3",
    ]
    said(match, "inc")
    assert match.scores == (1, 0)


def test_the_operations_are_explained_where_that_is_asked_for() -> None:
    match = started({"explain": True, "ops": 2}, "inc")
    assert match.view(0)[1].text == match.view(1)[1].text == "inc: x + 1, double: x * 2; modulo 4."


@pytest.mark.parametrize(
    ("mode", "inputs", "answers", "scores"),
    [
        ("deduce", [1, 2], ['"odd"', ' "even" '], (1, 0)),
        ("deduce", [1, 2], ["odd", '"even"'], (0.5, 0.5)),
        ("abduce", [1, 2], ["3", "0"], (1, 0)),
        ("abduce", [1, 2], ["2", "0"], (0.5, 0.5)),
        ("induce", [1, 2], ["def f(x):\n    return ['even', 'odd'][x % 2]", "def f(x): return 'odd'"], (0.5, 0.5)),
        ("induce", [1, 2], ["nothing", ""], (0, 0)),
    ],
)
def test_free_programs_are_run_and_their_answers_compared(
    mode: str, inputs: list[int], answers: list[str], scores: tuple[float, ...]
) -> None:
    match = started({"mode": mode, "free": True}, PROGRAM, *answers, inputs=inputs)
    assert match.scores == scores
    assert match.truths["outputs"] == ['"even"', '"odd"'] * 2


FAILING = {
    "no Python": "no program",
    "nothing": "",
    "fails": "def f(x):\n    return 1 / x",
    "fails once": "def f(x):\n    return 1 // (x - 3)",
    "another name": "def g(x):\n    return x",
    "no function": "f = 3",
    "another number of inputs": "def f():\n    return 3",
    "too long": f"def f(x):\n    return {'y' * 39!r}",
    "too large": "def f(x):\n    return 10 ** 5000",
    "too deep": "def f(x):\n    y = []\n    for _ in range(300):\n        y = [y]\n    return y",
    "deeper": "def f(x):\n    y = []\n    for _ in range(900):\n        y = [y]\n    return y",
    "no JSON": "def f(x):\n    return f",
    "a set": "def f(x):\n    return {x}",
    "NaN": "def f(x):\n    return float('nan')",
    "infinite": "def f(x):\n    return float('inf')",
    "a generator": "def f(x):\n    yield x",
    "for ever within itself": "def f(x):\n    return f(x)",
    "memory": "def f(x):\n    return len([0] * 10 ** 9)",
    "raises what no except catches": "def f(x):\n    raise KeyboardInterrupt('stop')",
    "leaves": "def f(x):\n    raise SystemExit",
    "leaves at once": "raise SystemExit",
    "prints too much": "def f(x):\n    print('y' * 10 ** 6)\n    return x",
    "a decorator that hangs": "def f(x): return x\n@(lambda g: (lambda n: []))",
    "a text that does not end": 'def f(x): return x\ny = """',
    "a bracket that does not close": "def f(x): return x\ny = [",
    "files": "def f(x):\n    return open('/etc/passwd').read(3)",
    "takes range away and needs it": "range = lambda n: []\ndef f(x): return range(9)[x]",
}
# A program, and what it makes of 0 to 3.
FAIR = {
    "takes range away": ("range = lambda n: []\ndef f(x): return x", ["0", "1", "2", "3"]),
    "defines table": ("def table(n):\n    return [9] * 2 * n\ndef f(x): return x", ["0", "1", "2", "3"]),
    "defines the names of the call": ("_inputs = [7]\ndef dumps(x): return '7'\ndef f(x): return x", ["0", "1", "2", "3"]),
    "remembers": ("seen = []\ndef f(x):\n    seen.append(x)\n    return len(seen)", ["1"] * 4),
    "counts": ("n = 0\ndef f(x):\n    global n\n    n += 1\n    return (n - 1) % 4", ["0"] * 4),
    "takes int away": ("int = str\ndef f(x): return int(x)", ['"0"', '"1"', '"2"', '"3"']),
    "is a type": ("f = bool", ["false", "true", "true", "true"]),
    "sleeps": ("import time\ndef f(x):\n    time.sleep(1000)\n    return x", ["0", "1", "2", "3"]),
    "prints": ("def f(x):\n    print(x)\n    return x", ["0", "1", "2", "3"]),
    "returns lists": ("def f(x): return [x, (x,)]", ["[0, [0]]", "[1, [1]]", "[2, [2]]", "[3, [3]]"]),
    "returns objects": ("def f(x): return {'b': x, 'a': 1}", [f'{{"a": 1, "b": {x}}}' for x in (0, 1, 2, 3)]),
    "returns nothing": ("def f(x): pass", ["null"] * 4),
    "returns the empty text": ("def f(x): return ''", ['""'] * 4),
    "draws": ("import random\ndef f(x): return random.randint(5, 5)", ["5"] * 4),
}


@pytest.mark.parametrize("program", FAILING.values(), ids=FAILING)
def test_a_program_that_fails_on_an_input_or_says_too_much_costs_its_proposer(program: str) -> None:
    assert started({"free": True}, program).scores == (0, -1)


@pytest.mark.parametrize(("program", "outputs"), FAIR.values(), ids=FAIR)
@pytest.mark.parametrize("mode", ["deduce", "abduce", "induce"])
def test_whatever_else_a_program_does_what_it_makes_of_each_input_alone_counts(mode: str, program: str, outputs: list[str]) -> None:
    match = started({"free": True, "mode": mode}, program, inputs=[2, 1])
    for x in (2, 1):
        said(match, {"deduce": outputs[x], "abduce": str(x), "induce": program}[mode])
    assert match.truths["outputs"] == outputs
    assert match.scores == (1, 0)


@pytest.mark.parametrize("program", FAILING.values(), ids=FAILING)
def test_a_solvers_program_that_fails_is_wrong_and_no_more(program: str) -> None:
    match = started({"free": True, "mode": "induce", "tries": 1}, "def f(x): return x", program)
    assert match.scores == (0, 0)


def test_a_program_that_does_not_end_is_run_once() -> None:
    match = LiveMatch(triplet, {"free": True}, Seed(0))
    match.submit({1: "def f(x):\n    while True: pass"})
    assert match.call == Program(source="def f(x):\n    while True: pass", call="f", inputs=(0,))
    match.answer(Result(error="TimeoutError: not over within 2 s"))
    assert match.scores == (0, -1)


def test_a_program_with_half_a_character_is_fair_or_fails() -> None:
    assert started({"free": True}, "def f(x): return '\ud800'").scores in {None, (0, -1)}


@pytest.mark.parametrize("answer", ["[" * 10**5, "9" * 5000, "1e999", "NaN", "\ud800", "{'a': 1}", ""])
def test_an_odd_answer_is_wrong_and_no_more(answer: str) -> None:
    assert started({"free": True, "tries": 1}, "def f(x): return x", answer).scores == (0, 0)


def test_an_output_may_be_as_long_as_is_said() -> None:
    assert not started({"free": True}, f"def f(x):\n    return {'y' * 38!r}").done


def test_an_answer_is_compared_as_json_writes_it() -> None:
    program = "def f(x):\n    return True"
    assert started({"free": True}, program, "true", "1").scores == (0.5, 0.5)


def test_it_learns_to_solve_and_then_there_is_nothing_left_to_propose() -> None:
    tree = enumerate_tree(triplet, clerk=CLERK)
    assert tree.num_leaves == 4 * 12 * 16
    # A quarter of each answer: both right 1/16, one right 6/16.
    assert tree.values(tree.uniform()) == pytest.approx((0.25, 6 / 16 / 2))
    value, solved = tree.best_response(tree.uniform(), 0)
    assert value == pytest.approx(1)
    assert tree.values(solved) == pytest.approx((1, 0))
    assert tree.best_response(solved, 1)[0] == pytest.approx(0)


@pytest.mark.parametrize(("params", "optimum"), [({}, 1), ({"mode": "abduce"}, 1), ({"mode": "induce"}, None), ({"mode": "any"}, None)])
def test_the_optimum_is_declared_where_the_answer_follows(params: Params, optimum: float | None) -> None:
    assert triplet.best_score(params) == optimum
    assert triplet.best_score({**params, "free": True}) is None


def test_any_mode_comes_up() -> None:
    kinds = {LiveMatch(triplet, {"mode": "any"}, Seed(seed)).view(0)[0].text.split()[0] for seed in range(30)}
    assert kinds == {"deduce", "abduce", "induce"}


def test_every_operation_keeps_to_the_digits() -> None:
    programs = [Program(source=source_of([name], 10), call="f", inputs=(x,)) for name in OPERATIONS for x in range(10)]
    results = [result for result in CLERK.answer(programs) if isinstance(result, Result)]
    assert len(results) == 80
    assert {result.value for result in results if isinstance(result.value, int)} == set(range(10))


@pytest.mark.parametrize(
    "params",
    [{"mode": "guess"}, {"ops": 0}, {"ops": 9}, {"base": 11}, {"tries": 0}, {"tries": 5}, {"steps": 0}, {"steps": 5}],
)
def test_parameters_that_make_no_game_are_refused(params: Params) -> None:
    with pytest.raises(ConfigError, match="triplet: .*expected"):
        LiveMatch(triplet, params, Seed(0))
    with pytest.raises(ConfigError, match="triplet"):
        triplet.best_score(params)


@pytest.mark.parametrize("level", [0, 3])
def test_it_keeps_the_contract(level: int) -> None:
    report = check_game(triplet, triplet.level(level), clerk=CLERK)
    assert report.passed, report.findings
