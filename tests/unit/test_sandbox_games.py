"""Games from source: the same game as the file outside, and no way out."""

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from socratic.errors import ConfigError, GameError, GameTooLarge
from socratic.game import Game, LiveMatch, settle
from socratic.game.random_play import played, random_replies
from socratic.game.tree import enumerate_tree
from socratic.records import Answer, Call, Judgement
from socratic.registry import load_game
from socratic.seeds import Seed

pytest.importorskip("pydantic_monty")

from socratic.sandbox import Limits, Sandbox, SourceGame, game_from_source, source_game
from socratic.sandbox.berths import KnownSteps, PausedGame
from socratic.sandbox.door import Called, Ended, ProgramFailed
from socratic.sandbox.plain import size_of

GAMES = Path(__file__).parents[2] / "games"
BUILT_IN = ("guess_number", "kuhn_poker", "secret", "signal", "sticks")
LOADS = ("elenchus", "guess_number", "kuhn_poker", "proof", "secret", "signal", "sticks", "twenty_questions")
HEAD = (
    "from socratic.game import Scores, Table, game\n\n"
    "@game(seats=('first', 'second'), zero_sum=True)\nasync def wild(t: Table) -> Scores:\n    "
)

TOO_MUCH = "gave its table more than 4000000 characters in one match"

# Bodies of a game, each with what is said of it.
WILD = {
    "endless loop": ("while True: pass", "TimeoutError: not over within 1 s"),
    "endless loop that catches all": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "TimeoutError: not over within 1 s",
    ),
    "endless chance": ("while True: t.choose((1, 2))", "called its table 200 times between two questions"),
    "endless chance that takes its time": ("while True: t.choose((sum(range(10**7)), 2))", "TimeoutError: not at its next question within"),
    "endless talk": ("while True: t.tell(None, 'x')", "Error: "),
    "endless questions to the system": (
        "while True:\n    try: open('x')\n    except OSError: pass",
        "it asked the system for something 200 times",
    ),
    "memory bomb": ("x = 'a'\nwhile True: x += x", "MemoryError: more than 32 MiB"),
    "a long line": (
        "t.tell(0, 'x' * 4001)\nt.draw()",
        "shows a line of 4001 characters ('xxxxxxxxxxxxxxxxxxxx'...), expected at most 4000",
    ),
    "a long prompt": ("await t.ask(0, 'x' * 4001)", "shows a line of 4001 characters"),
    "a long prompt among others": ("await t.ask_all({0: 'x', 1: ('x' * 4001, ['a'])})", "shows a line of 4001 characters"),
    "a long option": ("await t.ask(0, 'x', ['a', 'x' * 4001])", "shows a line of 4001 characters"),
    "long talk": ("while True:\n    for _ in range(10): t.tell(0, 'x' * 4000)\n    t.draw()", TOO_MUCH),
    "many facts": ("for n in range(100):\n    t.truth(**{str(n): ['x' * 10**5, {'y': 'x' * 10**5}]})\n    t.draw()", TOO_MUCH),
    "facts that share much": ("x = ['x']\nfor _ in range(7): x = [x] * 1000\nt.truth(x=1)\nt._said[0][2]['x'] = x\nt.draw()", TOO_MUCH),
    "long keys": ("for n in range(100): t.same(('x' * 10**5, n))\nt.draw()", TOO_MUCH),
    "long reasons": ("for n in range(100): t.reward(0, 1, why='x' * 10**5)\nt.draw()", TOO_MUCH),
    "long secrets": ("for n in range(100): t.secret('x' * 10**5, keep_from=0)\nt.draw()", TOO_MUCH),
    "long options of chance": ("for n in range(100): t.choose(['x' * 10**5, 'y'])", TOO_MUCH),
    "long cards": ("for n in range(100): t.deal(['x' * 10**5, 'y'], 1)", TOO_MUCH),
    "many questions": ("while True: await t.ask(0, 'x' * 4000, ['a', 'b' * 4000])", TOO_MUCH),
    "long lists": ("while True: await t.ask(0, 'x', [str(n) for n in range(10**4)])", TOO_MUCH),
    "refusals that are caught": ("while True:\n    try: t.win(7)\n    except Exception: pass", "called its table 200 times"),
    "recursion": ("def f(): return f()\nf()", "RecursionError: maximum recursion depth exceeded"),
    "long shuffle": ("t.shuffle(range(10**9))", "drew from more than 2000000 options"),
    "another call outside": ("_ask_outside([('__init__', (), {})])", "called '__init__' outside, expected what a table has"),
    "a call outside of another form": ("_ask_outside(1)", "called 'int' outside"),
    "nothing outside": ("_ask_outside([])", "called 'list' outside"),
    "a private attribute of the table outside": ("_ask_outside([('_ledger', (), {})])", "called '_ledger' outside"),
    "silence as an answered call": ("_ask_outside([('choose', ([1, 2],), {}), ('draw', (), {})])", "called 'choose' outside"),
    "junk instead of what was said": ("t._said = 'junk'\nreturn (0, 0)", "called 'junk' outside"),
    "a huge number": ("t.choose([10**5000, 1])", "something else than texts, numbers of some size"),
    "nested options": ("x = []\nfor _ in range(20): x = [x]\nt.choose([x, 1])", "something else than texts, numbers of some size"),
    "a pattern": ("import re\nawait t.ask(0, 'x', re.compile('a'))", "legal is a Pattern; expected a list of options or None"),
    "a parser": ("await t.ask(0, 'x', int)", "legal is a type; expected a list of options or None"),
    "a parser in ask_all": ("await t.ask_all({0: ('x', int)})", "legal is a type; expected a list of options or None"),
    "a function as an option": ("t.choose([len, max])", "t.choose was given a "),
    "an unknown seat": ("t.tell(7, 'x')\nt.draw()", "wild names seat 7, expected 0 to 1"),
    "no such method": ("t.peek(1)", "AttributeError: "),
    "scores of another length": ("return (0.0,)", "expected 2 scores"),
    "scores that are none": ("return 'ab'", "something else than scores"),
    "scores that are not numbers": ("return (None, 1)", "something else than scores"),
    "huge scores": ("return (10**5000, -10**5000)", "something else than scores"),
    "scores out of bounds": ("return (2.0, -2.0)", "expected finite scores in [-1.0, 1.0]"),
    "scores that are not finite": ("return (float('nan'), 0.0)", "expected finite scores"),
    "a plain bug": ("return 1 / 0", "ZeroDivisionError: division by zero"),
    "a foreign await": ("import asyncio\nawait asyncio.gather(t.ask(0, 'x'))", "import of asyncio"),
}


class SetClerk:
    """Judges always alike, and runs programs."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def answer(self, calls: Sequence[Call]) -> Sequence[Answer]:
        return [(0.75, 0.25) if isinstance(call, Judgement) else self.sandbox.run([call])[0] for call in calls]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox(Limits(time_s=1.0, memory=32 << 20, suspensions=200))
    yield sandbox
    sandbox.close()


@pytest.fixture(scope="module")
def patient() -> Iterator[Sandbox]:
    sandbox = Sandbox(Limits(time_s=20.0))
    yield sandbox
    sandbox.close()


def from_file(name: str, sandbox: Sandbox) -> SourceGame:
    return game_from_source((GAMES / f"{name}.py").read_text(encoding="utf-8"), sandbox)


def tree_of(game: Game) -> tuple[object, ...]:
    tree = enumerate_tree(game, game.level(0))
    values = tree.values(tree.uniform())
    return (tree.information_states, tuple(values), tuple(tree.best_response(tree.uniform(), seat)[0] for seat in range(len(game.seats))))


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_source_declares_what_its_file_declares(patient: Sandbox, name: str) -> None:
    inside, outside = from_file(name, patient), load_game(name)
    for attribute in ("name", "version", "source", "seats", "zero_sum", "bounds", "forfeit", "levels", "parameters", "rules"):
        assert getattr(inside, attribute) == getattr(outside, attribute), attribute


@pytest.mark.parametrize("name", BUILT_IN)
def test_random_play_inside_is_random_play_outside(patient: Sandbox, name: str) -> None:
    inside, outside = from_file(name, patient), load_game(name)
    for level in (0, 1):
        for seed, illegal_share in ((0, 0.0), (1, 0.0), (2, 0.3)):
            params = outside.level(level)
            assert played(inside, params, seed, illegal_share).digest() == played(outside, params, seed, illegal_share).digest()


@pytest.mark.parametrize("name", ["kuhn_poker", "signal", "guess_number"])
def test_the_tree_inside_is_the_tree_outside(patient: Sandbox, name: str) -> None:
    assert tree_of(from_file(name, patient)) == tree_of(load_game(name))


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_optimum_is_worked_out_inside(patient: Sandbox, name: str) -> None:
    inside, outside = from_file(name, patient), load_game(name)
    assert inside.best_score(inside.level(0)) == outside.best_score(outside.level(0))


def test_parameters_that_do_not_fit_are_a_config_error_as_outside(patient: Sandbox) -> None:
    for game in (from_file("sticks", patient), load_game("sticks")):
        with pytest.raises(ConfigError, match="sticks: heap is 0 and take is 3, expected 1 to 10000 each"):
            LiveMatch(game, {"heap": 0}, Seed(0))
    with pytest.raises(ConfigError, match="sticks: heap is 0"):
        from_file("sticks", patient).best_score({"heap": 0})


def test_a_match_saved_inside_loads_outside_and_forks(patient: Sandbox) -> None:
    inside, outside = from_file("sticks", patient), load_game("sticks")
    match = LiveMatch(inside, {}, Seed(5))
    match.submit({0: "3"})
    assert LiveMatch.load(outside, match.save()).requests() == match.requests() == match.fork().requests()


def test_all_that_a_table_has_can_be_said_inside(patient: Sandbox) -> None:
    source = (GAMES.parent / "tests" / "unit" / "sandbox_everything.py").read_text(encoding="utf-8")
    from tests.unit.sandbox_everything import everything as outside

    inside = game_from_source(source, patient)
    matches = [LiveMatch(game, {"turns": 2}, Seed(3)) for game in (inside, outside)]
    for match in matches:
        while not match.done:
            settle([match], SetClerk(patient))
            if not match.done:
                match.submit(random_replies(match, 3, 0.0))
    assert matches[0].digest() == matches[1].digest()
    assert matches[0].truths == matches[1].truths
    assert matches[0].probes == matches[1].probes
    assert matches[0].rewards == matches[1].rewards
    assert matches[0].secrets == matches[1].secrets
    assert matches[0].calls == matches[1].calls


@pytest.mark.parametrize("wild", WILD)
def test_a_wild_game_is_one_clear_line_and_the_others_go_on(sandbox: Sandbox, wild: str) -> None:
    body, said = WILD[wild]
    with pytest.raises(GameError) as caught:
        _played(HEAD + body.replace("\n", "\n    "), sandbox)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert played(from_file("kuhn_poker", sandbox), {}, 0).done


def test_many_live_matches_share_two_workers(patient: Sandbox) -> None:
    game, outside = from_file("kuhn_poker", patient), load_game("kuhn_poker")
    matches = [LiveMatch(game, None, Seed(seed)) for seed in range(60)]
    while waiting := [match for match in matches if not match.done]:
        for match in waiting:
            match.submit(random_replies(match, match.seed.key, 0.0))
    assert [match.digest() for match in matches] == [played(outside, {}, seed).digest() for seed in range(60)]
    assert len(patient.berths._inside) <= patient.workers


def test_a_match_whose_worker_is_killed_goes_on(patient: Sandbox) -> None:
    match = LiveMatch(from_file("sticks", patient), None, Seed(0))
    match.submit({0: "1"})
    for paused in list(patient.berths._inside.values()):
        assert paused._session is not None
        assert paused._session.worker is not None
        os.kill(paused._session.worker, signal.SIGKILL)
    match.submit({1: "2"})
    assert "12 left." in match.requests()[0].prompt


def test_a_match_goes_on_after_the_sandbox_was_closed(patient: Sandbox) -> None:
    match = LiveMatch(from_file("sticks", patient), None, Seed(0))
    match.submit({0: "1"})
    patient.close()
    match.submit({1: "2"})
    assert "12 left." in match.requests()[0].prompt


def test_matches_that_are_dropped_leave_their_workers(patient: Sandbox) -> None:
    game = from_file("kuhn_poker", patient)
    for seed in range(6):
        match = LiveMatch(game, None, Seed(seed))
        assert match.requests()
        match._coroutine.close()
    assert not patient.berths._inside


def _played(source: str, sandbox: Sandbox) -> None:
    match = LiveMatch(game_from_source(source, sandbox), None, Seed(0))
    while not match.done:
        match.submit(random_replies(match, 0, 0.0))


def test_what_is_known_to_follow_needs_no_worker(patient: Sandbox) -> None:
    game, outside = from_file("kuhn_poker", patient), load_game("kuhn_poker")
    first = tree_of(game)
    patient.close()
    assert tree_of(game) == first == tree_of(outside)
    assert patient.berths._door._pool is None


def test_the_steps_longest_unused_are_forgotten() -> None:
    known = KnownSteps(most=3 * size_of((0, "x" * 10), 1000))
    steps = [Called(args=(number, "x" * 10)) for number in range(4)]
    for number, step in enumerate(steps):
        known.add(bytes([number]), step)
        assert known.get(b"\0") == steps[0]  # and so it is not the one longest unused
    assert [known.get(bytes([number])) for number in range(4)] == [steps[0], None, steps[2], steps[3]]
    known.add(b"odd", Ended(value="x" * 1000))
    assert known.get(b"odd") is None
    assert known.get(b"\3") == steps[3]


def test_the_built_ins_that_load_from_source_are_those_that_the_module_names(sandbox: Sandbox) -> None:
    names = [path.stem for path in sorted(GAMES.glob("*.py")) if not path.stem.startswith("_")]
    assert tuple(name for name in names if _loads(name, sandbox)) == LOADS
    said = source_game.__doc__ or ""
    assert all(name in said for name in names)


def _loads(name: str, sandbox: Sandbox) -> bool:
    try:
        return from_file(name, sandbox).name == name
    except GameError:
        return False


CATCHES = """from socratic.game import Scores, Table, game


@game(seats=("first", "second"), zero_sum=True)
async def careful(t: Table) -> Scores:
    for attempt in range(4):
        try:
            if attempt == 0:
                t.win(17)
            elif attempt == 1:
                t.choose([])
            elif attempt == 2:
                await t.ask(7, "x")
            else:
                t.deal([1], 2)
        except Exception as error:
            t.tell(None, f"Refused: {error}")
    return t.win(0)
"""


def test_what_the_table_refuses_can_be_caught_inside_as_outside(patient: Sandbox) -> None:
    outside: dict[str, Game] = {}
    exec(CATCHES, outside)
    matches = [LiveMatch(game, None, Seed(0)) for game in (game_from_source(CATCHES, patient), outside["careful"])]
    assert matches[0].view(0) == matches[1].view(0)
    assert matches[0].view(0)[0].text == "Refused: careful names seat 17, expected 0 to 1"
    assert len(matches[0].view(0)) == 4
    assert matches[0].done


@pytest.mark.parametrize("body", ["t.win(17)", "t.choose([])", "await t.ask(7, 'x')", "t.win('a')", "t.shuffle(5)"])
def test_what_the_table_refuses_comes_out_as_it_was_raised(patient: Sandbox, body: str) -> None:
    match = "wild (names|chose)|TypeError: '<=' not supported|options are a int"
    with pytest.raises(GameError, match=match) as caught:
        _played(HEAD + body, patient)
    assert "RuntimeError" not in str(caught.value)


def test_a_game_that_holds_the_tree_up_is_not_asked_whether_it_minds(patient: Sandbox) -> None:
    body = "while True:\n        try: t.choose([1, 2])\n        except Exception: return (0, 0)"
    with pytest.raises(GameTooLarge):
        enumerate_tree(game_from_source(HEAD + body, patient), {}, max_leaves=10)


def test_an_error_message_holds_nothing_that_a_terminal_obeys(sandbox: Sandbox) -> None:
    with pytest.raises(GameError) as caught:
        _played(HEAD + "raise ValueError('a\\x1b[31m\\nb')", sandbox)
    assert "ValueError: a[31m b" in str(caught.value)


ODD = [object(), [object()], [[]] * 10**6]
ODD[2][0] = ODD[2]  # type: ignore[index]


@pytest.mark.parametrize("number", range(len(ODD)))
def test_an_answer_that_is_not_plain_is_a_failure_of_the_source(sandbox: Sandbox, number: int) -> None:
    paused = PausedGame(sandbox.berths, "", "_ask_outside([])", {})
    assert paused.start() == Called(args=([],))
    with pytest.raises(ProgramFailed, match="TypeError: what it is given is not plain"):
        paused.resume(ODD[number])
    paused.close()
    with pytest.raises(ProgramFailed, match="TypeError: what it is given is not plain"):
        PausedGame(sandbox.berths, "", "1", {"x": ODD[number]}).start()


def test_a_huge_number_is_an_answer_like_any_other(sandbox: Sandbox) -> None:
    paused = PausedGame(sandbox.berths, "", "_ask_outside(x)", {"x": 10**5000})
    assert paused.start() == Called(args=(10**5000,))
    assert paused.resume(-(10**5000)) == Ended(value=-(10**5000))


def test_programs_that_a_game_runs_for_ever_come_to_an_end(patient: Sandbox) -> None:
    source = HEAD + 'while True: await t.execute("def f(): return \'x\' * 50000", "f")'
    match = LiveMatch(game_from_source(source, patient), None, Seed(0))
    with pytest.raises(GameError, match=TOO_MUCH):
        settle([match], SetClerk(patient))
