"""reasoning-gym's tasks as games."""

import ast
import inspect
import json
import random
import signal
import textwrap
from collections.abc import Callable, Iterator

import pytest

from socratic.bridges.inert import (
    CHECKS,
    is_bounded,
    is_few_moves,
    is_inert_arithmetic,
    is_inert_literal,
    is_inert_polynomial,
    is_inert_sum,
    is_small_fraction,
    is_small_proposition,
)
from socratic.bridges.reasoning_gym import load
from socratic.errors import BrokenPlugin, ConfigError, UnknownGame
from socratic.game import LiveMatch, Params
from socratic.game.check import check_game
from socratic.seeds import Seed

reasoning_gym = pytest.importorskip("reasoning_gym")


def played(task: str, reply: str | None, seed: int = 3, params: Params | None = None) -> LiveMatch:
    """Return a match of one reply; without one, the stored answer's."""
    game = load(task)
    match = LiveMatch(game, params, Seed(seed))
    optimal = game.bot("optimal", match.params)
    (request,) = match.requests()
    match.submit({0: optimal(request, Seed(0)) if reply is None and optimal else reply or ""})
    return match


@pytest.mark.parametrize("task", ["chain_sum", "caesar_cipher", "simple_equations", "n_queens", "countdown", "string_insertion"])
def test_the_stored_answer_scores_1_and_nonsense_less(task: str) -> None:
    assert played(task, None).scores == (1.0,)
    assert max(played(task, "nonsense").scores or (1.0,)) < 0.1


def test_the_item_is_that_of_the_library_with_the_seed_that_the_table_drew() -> None:
    match = LiveMatch(load("chain_sum"), {"min_terms": 3, "max_terms": 3}, Seed(8))
    high, low = (draw.chosen for draw in match.chance)
    item = reasoning_gym.create_dataset("chain_sum", seed=high * 10_000 + low, size=1, min_terms=3, max_terms=3)[0]
    assert match.requests()[0].prompt == item["question"]
    assert match.truths["answer"] == item["answer"]


def test_a_score_between_0_and_1_is_the_librarys() -> None:
    # countdown gives 0.05 to arithmetic with other numbers, and 0.01 to text that it cannot read.
    assert played("countdown", "1 + 1").scores == (0.05,)


def test_another_object_of_the_game_replays_a_match_alike() -> None:
    for task in ("chain_sum", "pool_matrix", "codeio"):
        match = played(task, "7")
        assert LiveMatch.load(load(task), match.save()).scores == match.scores


def test_the_global_generators_are_where_they_were() -> None:
    before = random.getstate()
    # pool_matrix draws from numpy's global generator.
    first, second = played("pool_matrix", "1"), played("pool_matrix", "1")
    assert random.getstate() == before
    assert first.digest() == second.digest()


def test_a_level_sets_every_attribute_of_the_curriculum() -> None:
    game = load("chain_sum")
    # Eleven levels of terms and ten of digits: past its last level, digits stay there.
    assert len(game.levels) == 11
    assert game.level(0) == {"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 1, "allow_negation": False}
    assert (game.level(10)["max_terms"], game.level(10)["max_digits"]) == (12, 10)


def test_a_list_in_a_configuration_is_a_parameter_as_json() -> None:
    game = load("simple_equations")
    assert game.parameters["operators"].default == '["+", "-", "*"]'
    assert len(game.levels) == 4
    prompt = LiveMatch(game, {"operators": '["+"]', "operators_weights": "[1.0]"}, Seed(1)).requests()[0].prompt
    equation = prompt.partition(":")[2].partition("\n")[0]
    assert "-" not in equation
    with pytest.raises(ConfigError, match="as JSON"):
        LiveMatch(game, {"operators": "+"}, Seed(1))


def test_a_level_that_the_task_refuses_is_left_out_and_a_refused_range_shrinks_to_the_levels_own() -> None:
    # caesar_cipher rotates by 1 to 25, and its curriculum goes past that with the fourth level.
    game = load("caesar_cipher")
    rotations = [(level["min_rotation"], level["max_rotation"]) for level in map(game.level, range(len(game.levels)))]
    assert rotations == [(5, 15), (5, 25), (15, 25)]
    assert load("knight_swap").levels == ()


def test_the_check_passes_but_for_random_play_that_knows_no_sum() -> None:
    assert {finding.rule for finding in check_game(load("chain_sum")).findings if not finding.passed} <= {"choices matter"}


def test_a_scorer_that_raises_gives_0_and_says_so() -> None:
    match = played("prime_factorization", "nonsense")
    assert match.scores == (0.0,)
    assert match.probes["scorer_failed"] == 1.0
    assert played("prime_factorization", None).probes["scorer_failed"] == 0.0


@pytest.mark.parametrize("task", ["string_insertion", "spiral_matrix", "binary_matrix", "n_queens", "countdown", "puzzle24"])
def test_a_reply_is_never_run_as_python(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr("os.unlink", ran.append)
    match = played(task, "__import__('os').unlink('it')")
    assert match.scores == (0.0,)
    assert match.probes["reply_refused"] == 1.0
    assert not ran


def test_a_scorers_own_variables_are_out_of_reach() -> None:
    # reasoning-gym's string_insertion evaluates the reply where `oracle_answer` is in scope, and gives 0.1 for it.
    assert played("string_insertion", "oracle_answer").scores == (0.0,)


def test_literals_and_text_that_is_no_python_reach_a_scorer_that_evaluates() -> None:
    match = LiveMatch(load("string_insertion"), None, Seed(3))
    answer = str(match.truths["answer"])
    assert played("string_insertion", str(list(answer))).scores == (0.1,)
    assert is_inert_literal("[[0, 1], [2, 3]]")
    assert is_inert_literal("_ Q _\nQ _ _")
    assert not is_inert_literal("[].append(1)")
    assert not is_inert_literal("answer")


@pytest.mark.parametrize("reply", ["(8 - 2) * 4", "-2*X**9 + 7*X**8 + C", "2*(2 - 8*x)**(3/2)/3 + C", "exp(x)*sin(3*x)", "x**(-1)"])
def test_arithmetic_is_inert(reply: str) -> None:
    assert is_inert_arithmetic(reply)


@pytest.mark.parametrize(
    "reply",
    [
        "9**9**9",
        "(9**99)**99",
        "2**(99*99)",
        "x.diff()",
        "f(x)",
        "[1]",
        "'a'*9",
        "lambda: 1",
        "_",
        "9!",
        "1" * 1001,
        "2**(1/0)",
        "x**101",
        "True",
        "1e99999999",
        "1e1000",
        "1e999*1e999",
        "sin(1e9999999)",
        "10**10**10",
        "factorial(99)",
        "1_000",
        "0xff",
        "2j",
        "x**0x7f",
        "'9'",
        "-" * 900 + "1",
        "(" * 400 + "1" + ")" * 400,
        "\u0661**2",
        "exp(exp(9**99))",
        "exp(exp(x))",
        "sin(9**99)",
        "Integral(x**x, x)",
        "(x + sin(x) + cos(x))**99",
        "+".join(f"1/(x + {num})" for num in range(9)),
        "*".join(f"sin({num}*x)" for num in range(1, 6)),
    ],
)
def test_more_than_arithmetic_of_a_bounded_size_is_not_inert(reply: str) -> None:
    assert not is_inert_arithmetic(reply)


def test_five_tasks_give_their_own_answer_less_than_1_and_four_of_them_store_none() -> None:
    # Measured with reasoning-gym 0.1.25; such a task has no optimal player.
    for task in ("boxnet", "graph_color", "propositional_logic", "rubiks_cube", "rush_hour"):
        assert load(task).bot("optimal") is None


def test_an_unknown_task_names_the_nearest_and_one_without_a_default_says_why() -> None:
    with pytest.raises(UnknownGame, match="reasoning_gym:chain_sum"):
        load("chain_sums")
    with pytest.raises(BrokenPlugin, match="at least one dataset"):
        load("composite")


def test_a_parameter_that_the_task_refuses_is_named() -> None:
    with pytest.raises(ConfigError, match="max_terms must be >= min_terms"):
        LiveMatch(load("chain_sum"), {"min_terms": 9}, Seed(0))


def test_the_version_tells_tasks_apart() -> None:
    assert load("chain_sum").version != load("products").version
    assert load("chain_sum").version == load("chain_sum").version


def test_a_plain_sum_takes_no_names_and_no_functions_and_a_polynomial_no_functions() -> None:
    assert is_inert_sum("(8 - 2) * 4 / 1.5e1")
    assert not is_inert_sum("x + 1")
    assert not is_inert_sum("sqrt(4)")
    assert is_inert_polynomial("x**2 + 3*x*y - 1")
    assert not is_inert_polynomial("sqrt(x)")


@pytest.mark.parametrize(
    "reply",
    [
        "1e9999",
        "1.E+9999",
        "1e9_999",
        "\u0661e\u0669\u0669\u0669\u0669",
        "9" * 2001,
        "a" * 10_001,
        "nan",
        "-inf",
        "[NaN, NaN]",
        "1+nanj",
        "Infinity",
    ],
)
def test_no_scorer_sees_a_reply_without_bound(reply: str) -> None:
    assert not is_bounded(reply, "1")


def test_long_replies_to_long_answers_and_words_among_words_are_scored() -> None:
    assert is_bounded("a" * 40_000, "b" * 10_000)
    assert not is_bounded("a" * 40_001, "b" * 10_000)
    for reply in ("9" * 2000, "1e999", "Nan is a knight", "e", "", "banana"):
        assert is_bounded(reply, "1")


def test_a_count_that_is_carried_out_is_small() -> None:
    assert is_few_moves("F R2 U' L1000"[:8])
    assert is_few_moves("A+1000")
    assert not is_few_moves("A+1001")
    assert not is_few_moves("F600 R600")
    assert not is_few_moves("F99999999999")
    assert not is_few_moves("9" * 1999)


def test_a_proposition_has_few_variables_whatever_they_are_called() -> None:
    assert is_small_proposition("(P ∧ ¬Q) → R")
    assert not is_small_proposition(" ∨ ".join("abcdefghijklmnopqrstuvwxyz"))
    assert not is_small_proposition("¬" * 501)


def test_a_fraction_has_no_long_power_of_ten_behind_its_commas() -> None:
    assert is_small_fraction("1,000/3,000")
    assert is_small_fraction("1e999")
    assert not is_small_fraction("1e9,999,999")
    assert not is_small_fraction("1e9_999")


@pytest.fixture
def soon() -> Iterator[None]:
    """End a test whose scorer is at work for long, where it can be ended at all."""

    def ring(number: int, frame: object) -> None:
        del number, frame
        raise AssertionError("a scorer took too long")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(
    ("task", "reply"),
    [
        # Each of these once took seconds to for ever, all memory, or scored 1.
        ("puzzle24", "1e99999999"),
        ("countdown", "1e99999999"),
        ("countdown", "exp(exp(9**99))"),
        ("simple_integration", "x*sin(1e9999999)"),
        ("coin_flip", "1e9999999"),
        ("coin_flip", "1e9,999,999"),
        ("rubiks_cube", "F999999999"),
        ("rush_hour", "A+999999999999"),
        ("propositional_logic", " ∨ ".join("abcdefghijklmnopqrstuvwxyz")),
        ("codeio", json.dumps({str(num): "y" * 20 for num in range(300)})),
        ("simple_integration", "*".join(f"sin({num}*x)" for num in range(1, 30))),
        ("complex_arithmetic", "nan"),
        ("complex_arithmetic", "nani"),
        ("chain_sum", "1e99999999"),
        ("chain_sum", "a" * 100_000),
    ],
)
def test_a_hostile_reply_is_refused_before_the_scorer_sees_it(task: str, reply: str) -> None:
    match = played(task, reply)
    assert match.scores == (0.0,)
    assert match.probes["reply_refused"] == 1.0


def test_a_sorted_list_of_no_numbers_is_no_answer() -> None:
    answer = str(LiveMatch(load("number_sorting"), None, Seed(3)).truths["answer"])
    reply = json.dumps([float("nan")] * len(ast.literal_eval(answer)))
    match = played("number_sorting", reply)
    assert (match.scores, match.probes["reply_refused"]) == ((0.0,), 1.0)


def test_a_scorer_past_its_time_gives_0(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(self: object, answer: str, entry: object) -> float:
        while True:
            pass

    monkeypatch.setattr(reasoning_gym.factory.DATASETS["chain_sum"][0], "score_answer", endless)
    monkeypatch.setattr("socratic.bridges.reasoning_gym.SCORER_LIMIT_S", 0.05)
    match = played("chain_sum", "7")
    assert (match.scores, match.probes["scorer_failed"]) == ((0.0,), 1.0)


RUNS = {"eval", "exec", "parse_expr", "sympify", "Fraction", "literal_eval"}
# These run what the task itself wrote: the problem, the stored answer; or have a parser of that name.
OWN = {"bitwise_arithmetic", "number_sorting"}


def called(function: Callable[..., object]) -> set[str]:
    """Return the names of all that a scorer calls, with what it calls of its own module and class."""
    tree = ast.parse(inspect.getsource(inspect.getmodule(function) or function))
    bodies = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    names: set[str] = set()
    todo = [ast.parse(textwrap.dedent(inspect.getsource(function)))]
    while todo:
        for node in ast.walk(todo.pop()):
            if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
                name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                if name in bodies and name not in names:
                    todo.append(ast.Module(body=[bodies[name]], type_ignores=[]))
                names.add(name)
    return names


def test_every_scorer_that_runs_what_it_is_given_has_a_check() -> None:
    scorers = {task: inspect.getattr_static(kinds[0], "score_answer") for task, kinds in reasoning_gym.factory.DATASETS.items()}
    running = {task for task, scorer in scorers.items() if called(scorer) & RUNS}
    assert running - OWN <= set(CHECKS)
    assert len(running) >= 12
    assert set(CHECKS) <= set(scorers)


def test_a_name_with_parameters_says_where_they_go() -> None:
    with pytest.raises(UnknownGame, match=r"reasoning_gym:chain_sum and give 'min_terms=3' as parameters: `-p name=value`"):
        load("chain_sum(min_terms=3)")
