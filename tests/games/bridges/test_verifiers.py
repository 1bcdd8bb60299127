"""verifiers' chat environments as games."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from socratic.bridges.still_loop import StillLoop
from socratic.errors import BrokenPlugin, ConfigError, GameError, UnknownGame
from socratic.game import Game, LiveMatch
from socratic.game.check import check_game
from socratic.seeds import Seed

pytest.importorskip("verifiers")

TASKSET = """
import random
import verifiers.v1 as vf

class Data(vf.TaskData):
    answer: str

class Echo(vf.Task[Data]):
    {extra}
    @vf.reward(weight=0.75)
    async def exact(self, task, trace):
        return float(trace.last_reply == task.answer)

    @vf.reward(weight=0.25)
    async def short(self, trace):
        return float(len(trace.last_reply) < 4)

    @vf.metric
    async def length(self, trace):
        return len(trace.last_reply)

class EchoSet(vf.Taskset[Echo, vf.TasksetConfig]):
    def load(self):
        for word in {words}:
            yield Echo(Data(prompt=f"Say {{word}}", system_prompt="Obey.", answer=word, **{data}), self.config.task)

__all__ = ["EchoSet"]
"""

DUEL = """
import asyncio
import random
import verifiers.v1 as vf

class Duels(vf.Taskset[vf.Task, vf.TasksetConfig]):
    def load(self):
        yield vf.Task(vf.TaskData(prompt="A number?"), self.config.task)

class Config(vf.EnvConfig):
    left: vf.AgentConfig = vf.AgentConfig()
    right: vf.AgentConfig = vf.AgentConfig()

class Duel(vf.Env[Config]):
    async def run(self, task, agents):
        async with agents.left.interaction(task) as left, agents.right.interaction(task) as right:
            async with asyncio.timeout(1):
                a, b = await asyncio.gather(left.turn(), right.turn())
            await asyncio.sleep(1000)
            extra = random.randint(1, 10**6)
            last = await left.turn(f"They said {b.last_reply}, the dice {extra}. Change?")
        won = 2 * (int(last.last_reply) > int(b.last_reply)) - 1
        left.trace.record_reward("won", {stake} * won)
        right.trace.record_reward("won", -{stake} * won)

__all__ = ["Duels", "Duel"]
"""


@pytest.fixture
def taskset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return what writes the module of a taskset, and returns its id."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name: str, text: str = "", *, extra: str = "", words: str = "('cat', 'mouse')", data: str = "{}", stake: str = "1.0") -> str:
        source = text.replace("{stake}", stake) if text else TASKSET.format(extra=extra, words=words, data=data)
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    return write


def loaded(rest: str) -> Game:
    """Return a game of the bridge."""
    from socratic.bridges.verifiers import load

    return load(rest)


def test_a_single_turn_task_asks_its_prompt_and_scores_its_own_weighted_rewards(taskset: Callable[..., str]) -> None:
    game = loaded(taskset("echo"))
    assert (game.seats, game.bounds, game.zero_sum) == (("agent",), (0.0, 1.0), False)
    for reply, score in (("mouse", 0.75), ("cat", 0.25), ("mice!", 0.0)):
        match = LiveMatch(game, {"task": 1}, Seed(0))
        assert [line.text for line in match.view(0)] == ["Obey.", "Say mouse"]
        match.submit({0: reply})
        assert match.scores == (score,)
        assert match.probes == {"agent_length": len(reply)}


def test_which_task_is_played_comes_from_the_tables_chance(taskset: Callable[..., str]) -> None:
    game = loaded(taskset("echo_chance"))
    assert {LiveMatch(game, None, Seed(seed)).requests()[0].prompt for seed in range(20)} == {"Say cat", "Say mouse"}
    with pytest.raises(ConfigError, match="less than 2"):
        LiveMatch(game, {"task": 2}, Seed(0))


def test_agents_that_talk_at_once_are_asked_at_once_and_time_does_not_pass_while_they_think(taskset: Callable[..., str]) -> None:
    game = loaded(taskset("duel", DUEL) + "?zero_sum=true")
    assert (game.seats, game.bounds) == (("left", "right"), (-1.0, 1.0))
    match = LiveMatch(game, None, Seed(4))
    assert [request.seat for request in match.requests()] == [0, 1]
    match.submit({0: "5", 1: "7"})
    (request,) = match.requests()
    assert request.seat == 0
    assert request.prompt.startswith("They said 7, the dice ")
    assert "They" not in str(match.view(1))
    match.submit({0: "9"})
    assert match.scores == (1.0, -1.0)


def test_what_an_environment_draws_itself_is_the_matchs_own(taskset: Callable[..., str]) -> None:
    game = loaded(taskset("duel_dice", DUEL))
    said = []
    for seed in (4, 4, 5):
        match = LiveMatch(game, None, Seed(seed))
        match.submit({0: "5", 1: "7"})
        assert LiveMatch.load(game, match.save()).digest() == match.digest()
        said.append(match.requests()[0].prompt)
    assert said[0] == said[1] != said[2]


@pytest.mark.parametrize(
    ("rest", "seats"), [("echo_check", 1), ("user-sim+echo_check?user.max_turns=2", 2), ("best-of-n+echo_check?n=2", 1)]
)
def test_the_check_passes(taskset: Callable[..., str], rest: str, seats: int) -> None:
    taskset("echo_check", words="('yes',)")
    game = loaded(rest)
    assert len(game.seats) == seats
    report = check_game(game, seeds=range(4))
    # Who says anything at random says little that is right.
    assert {finding.rule for finding in report.findings if not finding.passed} <= {"choices matter"}


def test_the_bundled_user_opens_and_ends_the_conversation(taskset: Callable[..., str]) -> None:
    game = loaded(f"user-sim+{taskset('echo_user')}")
    assert game.seats == ("assistant", "user")
    match = LiveMatch(game, {"task": 1}, Seed(0))
    for seat, prompt, reply in (
        (1, "Hello! How can I help you today?", "Say the animal"),
        (0, "Say the animal", "mouse"),
        (1, "mouse", "###DONE###"),
    ):
        (request,) = match.requests()
        assert (request.seat, request.prompt) == (seat, prompt)
        match.submit({seat: reply})
    assert match.scores == (0.75, 0.0)
    # The scenario is the user's alone.
    assert "Say mouse" in str(match.view(1))
    assert "Say mouse" not in str(match.view(0))


def test_a_limit_on_an_agents_turns_ends_the_conversation(taskset: Callable[..., str]) -> None:
    match = LiveMatch(loaded(f"user-sim+{taskset('echo_limit')}?user.max_turns=1"), None, Seed(0))
    match.submit({1: "hello"})
    match.submit({0: "cat"})
    assert match.done
    assert match.probes["assistant_user_turns"] == 1.0


def test_the_mean_counts_where_a_seat_has_several_conversations(taskset: Callable[..., str]) -> None:
    match = LiveMatch(loaded(f"best-of-n+{taskset('echo_twice')}?n=2"), {"task": 0}, Seed(0))
    match.submit({0: "cat"})
    match.submit({0: "lion"})
    assert match.scores == (0.5,)
    assert match.probes["agent_pass_at_n"] == 1.0


@pytest.mark.parametrize(
    ("extra", "data", "reason"),
    [
        ("NEEDS_CONTAINER = True", "{}", "a container"),
        ("", "{'image': 'python:3.12'}", "a container"),
        ("@vf.reward\n    async def ran(self, runtime): return 1.0", "{}", r"its runtime \(ran\)"),
        ("async def setup(self, trace, runtime): await runtime.write('a', b'')", "{}", r"its runtime \(write\)"),
        ("@vf.stop\n    async def cut(self, request: vf.Request) -> bool: return True", "{}", r"requests to its model \(cut\)"),
    ],
)
def test_what_needs_more_than_chat_is_refused_with_the_reason(taskset: Callable[..., str], extra: str, data: str, reason: str) -> None:
    with pytest.raises(BrokenPlugin, match=reason):
        loaded(taskset("echo_refused", extra=extra, data=data))


@pytest.mark.parametrize("environment", ["agentic-judge", "shared-agentic-judge", "isolated-verifier"])
def test_the_bundled_environments_that_need_a_container_are_refused(taskset: Callable[..., str], environment: str) -> None:
    with pytest.raises(BrokenPlugin, match="a process or a container"):
        loaded(f"{environment}+{taskset('echo_boxed')}")


def test_a_wrong_name_or_setting_is_told_in_a_line(taskset: Callable[..., str]) -> None:
    with pytest.raises(UnknownGame, match=r"verifiers:json: the module names no Taskset in its `__all__`"):
        loaded("json")
    with pytest.raises(UnknownGame, match="no_such_taskset"):
        loaded("no_such_taskset")
    name = taskset("echo_settings")
    with pytest.raises(ConfigError, match="foo: Extra inputs are not permitted"):
        loaded(f"{name}?foo=1")
    with pytest.raises(ConfigError, match="expected numbers"):
        loaded(f"{name}?low=much")
    with pytest.raises(BrokenPlugin, match="empty"):
        loaded(taskset("echo_empty", words="()"))


def test_rewards_past_the_bounds_ask_for_bounds_in_the_name(taskset: Callable[..., str]) -> None:
    name = taskset("duel_stakes", DUEL, stake="3.0")
    match = LiveMatch(loaded(name), None, Seed(0))
    match.submit({0: "5", 1: "7"})
    with pytest.raises(GameError, match=r"\?low=\.\.\.&high=\.\.\."):
        match.submit({0: "9"})
    match = LiveMatch(loaded(f"{name}?low=-3&high=3&zero_sum=true"), None, Seed(0))
    match.submit({0: "5", 1: "7"})
    match.submit({0: "6"})
    assert match.scores == (-3.0, 3.0)


def test_an_environment_that_fails_names_itself_and_its_error(taskset: Callable[..., str]) -> None:
    match = LiveMatch(loaded(taskset("duel_fails", DUEL)), None, Seed(0))
    match.submit({0: "5", 1: "7"})
    with pytest.raises(GameError, match="duel_fails failed: ValueError: invalid literal"):
        match.submit({0: "nine"})


def test_a_match_that_is_left_leaves_nothing_behind(taskset: Callable[..., str]) -> None:
    # A coroutine that was never awaited, or a task that was never done, is a warning, and so an error here.
    match = LiveMatch(loaded(taskset("duel_left", DUEL)), None, Seed(0), max_turns=2)
    match.submit({0: "5", 1: "7"})
    assert match.ending == "turn_limit"


def test_the_version_tells_the_tasks_apart(taskset: Callable[..., str]) -> None:
    assert loaded(taskset("echo_one")).version != loaded(taskset("echo_other", words="('dog',)")).version


def test_a_still_loop_runs_timers_in_order_and_threads_at_once() -> None:
    loop = StillLoop()  # type: ignore[abstract]  # asyncio's methods are not: those left raise NotImplementedError
    order: list[object] = []

    async def step(name: str, delay: float) -> None:
        await asyncio.sleep(delay)
        order.append((name, asyncio.get_running_loop().time()))

    async def all_of_them() -> None:
        await asyncio.gather(step("late", 50), step("early", 5), asyncio.to_thread(order.append, "thread"))

    task = loop.create_task(all_of_them())
    loop.run_ready(lambda: False)
    assert order == ["thread", ("early", 5.0), ("late", 50.0)]
    assert task.done()
    loop.close()


def test_a_still_loop_opens_no_connection() -> None:
    loop = StillLoop()  # type: ignore[abstract]  # asyncio's methods are not: those left raise NotImplementedError
    task = loop.create_task(asyncio.open_connection("localhost", 80))
    loop.run_ready(lambda: False)
    assert isinstance(task.exception(), NotImplementedError)
    loop.close()
