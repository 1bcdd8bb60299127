"""verifiers' agents with our players as their models: the only door to the library.

An environment of verifiers is a coroutine that lets agents talk. Here it runs on a loop of its own; an agent's turn becomes a
question to a seat, and the run stops there until the reply is in. No runtime, no harness program, no endpoint: a turn is one
message to the player and the reply as text.
"""

import inspect
from asyncio import Future
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple, NoReturn

from pydantic import TypeAdapter
from verifiers import v1 as vf
from verifiers.v1.session import hook_boundary
from verifiers.v1.state import state_cls

from socratic.bridges.still_loop import StillLoop
from socratic.bridges.surroundings import Surroundings
from socratic.errors import GameError
from socratic.seeds import Seed

MESSAGE: TypeAdapter[vf.Message] = TypeAdapter(vf.Message)
# What an agent may name as its harness: the default, and the plain chat loop. Any other is a program of its own.
CHAT_HARNESSES = frozenset({"bash", "null"})


# Kept until they are closed: the collector would end the coroutines of a match that is dropped in any order.
_open: "set[Session]" = set()


class Asked(NamedTuple):
    """One turn of a seat: what it is shown, and then asked."""

    lines: tuple[str, ...]
    prompt: str


class NoRuntime:
    """Stands where verifiers has a container or a process."""

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse whatever is asked of it."""
        raise GameError(f"the task uses its runtime ({name}), which needs a process or a container; only chat is played here")


class Session:
    """One episode of an environment, run from question to question."""

    def __init__(self, environment: vf.Env, task: vf.Task, seats: Sequence[str], seed: Seed) -> None:
        """Start the episode; nothing runs yet."""
        self._environment = environment
        self._task = task
        self._seats = seats
        self._surroundings = Surroundings(seed)
        self._loop = StillLoop()  # type: ignore[abstract]  # asyncio's methods are not: those left raise NotImplementedError
        self._waiting: dict[int, deque[tuple[Asked, Callable[[str], None]]]] = {seat: deque() for seat in range(len(seats))}
        self.episode = vf.Episode(env=vf.EnvInfo(id=environment.config.env_id), task=recorded_task(task))
        self._root = self._loop.create_task(self._run())
        _open.add(self)

    def questions(self) -> dict[int, Asked]:
        """Run until the episode waits for players, and return the first question to each seat; empty when it is over.

        Raises:
            GameError: the environment failed, or waits for something that nobody here does.
        """
        with self._surroundings:
            self._loop.run_ready(lambda: any(self._waiting.values()))
        asked = {seat: waiting[0][0] for seat, waiting in self._waiting.items() if waiting}
        if asked or not self._root.done():
            if not asked:
                raise GameError(f"{self._name} waits for something other than its agents")
            if not self._root.done():
                return asked
        error = None if self._root.cancelled() else self._root.exception()
        if isinstance(error, GameError):
            raise error
        if error is not None:
            raise GameError(f"{self._name} failed: {type(error).__name__}: {error}") from error
        return {}

    def reply(self, replies: dict[int, str]) -> None:
        """Hand in the reply of each seat that was asked."""
        for seat, reply in replies.items():
            _, take = self._waiting[seat].popleft()
            take(reply)

    def scores(self) -> tuple[float, ...]:
        """Return each seat's reward: the mean over its traces, where it has several."""
        rewards = {name: [trace.reward for trace in traces] for name, traces in self.episode.by_agent.items()}
        missing = [name for name in self._seats if name not in rewards]
        if missing:
            raise GameError(f"{self._name} ended without a trace of {', '.join(missing)}")
        return tuple(sum(rewards[name]) / len(rewards[name]) for name in self._seats)

    def metrics(self) -> dict[str, float]:
        """Return what the traces measured, by seat and metric."""
        return {f"{trace.agent.name}_{name}": float(value) for trace in self.episode.traces for name, value in trace.metrics.items()}

    def close(self) -> None:
        """Stop whatever still runs."""
        with self._surroundings:
            self._loop.close()
        _open.discard(self)

    @property
    def _name(self) -> str:
        return f"verifiers' {self._environment.config.env_id}"

    async def ask(self, seat: int, asked: Asked) -> str:
        """Put a question to a seat and return its reply."""
        future: Future[str] = self._loop.create_future()
        self._waiting[seat].append((asked, future.set_result))
        return await future

    async def _run(self) -> None:
        config = self._environment.config
        agents = vf.Agents(config, lambda name, spec: SeatAgent(self, self._seats.index(name), name, spec))
        await self._environment.setup(agents)
        await self._environment.run(self._task, agents)
        await self._environment.finalize(self._task, self.episode)


class SeatAgent:
    """What an environment calls of an agent, played by a seat."""

    def __init__(self, session: Session, seat: int, name: str, config: vf.AgentConfig) -> None:
        """Sit an agent of `config` on a seat."""
        self.config = config
        self.trainable = True
        self._session = session
        self._seat = seat
        self._name = name

    async def run(self, task: vf.Task, **given: object) -> vf.Trace:
        """Let the seat answer the task's prompt, score it, and return the trace."""
        self._refuse(given)
        conversation = self._open(task, given)
        await conversation.turn()
        conversation.trace.stop("agent_completed")
        return await conversation.close()

    @asynccontextmanager
    async def interaction(self, task: vf.Task, **given: object) -> "AsyncIterator[Conversation]":
        """Keep a conversation with the seat open; leaving it scores it."""
        self._refuse(given)
        conversation = self._open(task, given)
        # Where the environment fails inside, nothing is scored.
        yield conversation
        await conversation.close()

    def provision(self, task: vf.Task | None = None) -> NoReturn:
        """Refuse: there is no container to lend."""
        del task
        raise GameError(f"{self._name} provisions a runtime, which needs a process or a container; only chat is played here")

    def _open(self, task: vf.Task, given: dict[str, object]) -> "Conversation":
        if reason := why_not(task):
            raise GameError(f"{self._name}'s task {reason}")
        info = vf.AgentInfo(config=self.config, name=self._name, trainable=self.trainable)
        trace = vf.Trace(task=recorded_task(task), state=state_cls(type(task))(), agent=info)
        if callable(watch := given.get("on_trace")):
            watch(trace)
        return Conversation(self._session, self._seat, task, trace, self.config.max_turns)

    def _refuse(self, given: dict[str, object]) -> None:
        for name in ("runtime", "tools", "collect_artifacts"):
            if given.get(name):
                raise GameError(f"{self._name} runs with {name}=, which needs a process or a container; only chat is played here")


class Conversation:
    """An agent's conversation, held open turn by turn: the caller is its user."""

    def __init__(self, session: Session, seat: int, task: vf.Task, trace: vf.Trace, max_turns: int | None) -> None:
        """Open it; the task's prompt, where it has one, is the first message."""
        self.trace = trace
        self._session = session
        self._seat = seat
        self._task = task
        self._max_turns = max_turns
        self._stops = task.hooks("stop")
        self._is_set_up = False
        self._is_closed = False

    async def turn(self, message: str | Sequence[object] | None = None) -> vf.Segment:
        """Send a message and return the reply; a segment that is `terminated` where a limit or a stop ended it before."""
        first = not self.trace.nodes
        prompt = self._task.data.prompt if first else None
        if (prompt is None) == (message is None):
            expected = "a bare turn() for the task's own prompt" if message is not None else "a message"
            raise GameError(f"{self._task.data.name or type(self._task).__name__} got turn({message!r}), expected {expected}")
        if not self._is_set_up:
            self._is_set_up = True
            await _called(self._task.setup, trace=self.trace, runtime=NoRuntime())
        if await self._is_over():
            return vf.Segment(messages=[], terminated=True)
        system = self._task.data.system_prompt if first else None
        told = [vf.SystemMessage(content=system)] if system else []
        told += _messages(message if prompt is None else prompt)
        *lines, asked = [_text(one) for one in told]
        for one in told:
            self._record(one, is_sampled=False)
        reply = await self._session.ask(self._seat, Asked(tuple(lines), asked))
        said = vf.AssistantMessage(content=reply)
        self._record(said, is_sampled=True)
        return vf.Segment(messages=[said])

    async def close(self) -> vf.Trace:
        """Finish: the task's own rewards and metrics are worked out, and the trace joins the episode."""
        if not self._is_closed:
            self._is_closed = True
            self.trace.stop("user_closed")
            await _called(self._task.finalize, trace=self.trace, runtime=NoRuntime())
            await self._task.score(self.trace)
            self.trace.ok = True
            self._session.episode.traces.append(self.trace)
        return self.trace

    async def _is_over(self) -> bool:
        if self._max_turns is not None and self.trace.num_turns >= self._max_turns:
            self.trace.stop("max_turns")
        for stop in self._stops:
            if self.trace.stop_condition is None and await _result(stop(self.trace)):
                self.trace.stop(stop.__name__)
        return self.trace.stop_condition is not None

    def _record(self, message: vf.Message, *, is_sampled: bool) -> None:
        parent = len(self.trace.nodes) - 1 if self.trace.nodes else None
        self.trace.nodes.append(vf.MessageNode(parent=parent, message=message, sampled=is_sampled))


def why_not(task: vf.Task) -> str:
    """Return what keeps a task from being played by chat alone; empty where nothing does."""
    needed = (
        (task.NEEDS_CONTAINER or task.data.image, "needs a container"),
        (task.toolsets(task.config), "brings tools, which are served over the network"),
        (task.config.judges, "is scored by a judge, which is a model over the network"),
        (task.data.skills, "brings skills, which are programs"),
        (_with_runtime(task), f"scores with its runtime ({', '.join(_with_runtime(task))}), which needs a process or a container"),
        (_on_the_wire(task), f"looks into the requests to its model ({', '.join(_on_the_wire(task))}); here is only text"),
    )
    return next((reason for is_so, reason in needed if is_so), "")


def made(environment: str, taskset: str, settings: Mapping[str, object]) -> vf.Env:
    """Return the environment of that id, paired with the taskset, its configuration set.

    Raises:
        GameError: an agent of it runs a program, or its tasks bring tools.
    """
    config = vf.resolve_env_config(_nested({**settings, "id": environment, "taskset.id": taskset}))
    found = vf.load_environment(config)
    for name in seats_of(found):
        harness = getattr(config, name).harness
        if harness is not None and harness.id not in CHAT_HARNESSES:
            raise GameError(f"its agent {name} rides the harness {harness.id!r}, which runs a program")
    if vf.default_harness_id(taskset) not in CHAT_HARNESSES:
        raise GameError(f"the taskset {taskset} has a harness of its own, which runs a program")
    if found.taskset.toolsets(found.taskset.config):
        raise GameError(f"the taskset {taskset} brings tools, which are served over the network")
    return found


def try_out(environment: vf.Env, task: vf.Task) -> None:
    """Run a task up to its first questions, to see whether it gets there.

    Raises:
        GameError: the environment failed, or needs something that is not here.
    """
    session = Session(environment, task, seats_of(environment), Seed(0))
    try:
        session.questions()
    finally:
        session.close()


def seats_of(environment: vf.Env) -> tuple[str, ...]:
    """Return the names of an environment's agents."""
    return tuple(name for name, field in environment.config if isinstance(field, vf.AgentConfig))


def _nested(dotted: Mapping[str, object]) -> dict[str, object]:
    """Return `{"a.b": 1}` as `{"a": {"b": 1}}`."""
    nested: dict[str, object] = {}
    for path, value in dotted.items():
        *folders, last = path.split(".")
        inner = nested
        for folder in folders:
            deeper = inner.setdefault(folder, {})
            inner = deeper if isinstance(deeper, dict) else {}
        inner[last] = value
    return nested


def recorded_task(task: vf.Task) -> vf.TraceTask:
    """Return a task as episodes and traces record it."""
    return vf.TraceTask(type=type(task).__name__, data=task.data, key=task.key, hash=task.hash)


def _with_runtime(task: vf.Task) -> list[str]:
    signatures = {hook.__name__: inspect.signature(hook) for kind in ("reward", "metric") for hook in task.hooks(kind)}
    return [
        name
        for name, signature in signatures.items()
        if "runtime" in signature.parameters and signature.parameters["runtime"].default is inspect.Parameter.empty
    ]


def _on_the_wire(task: vf.Task) -> list[str]:
    hooks = [hook.__name__ for hook in task.hooks("stop") if hook_boundary(hook, allow_trace=True) is not vf.Trace]
    return hooks + [name for name in dir(type(task)) if getattr(getattr(type(task), name), "intercept", False)]


async def _called(hook: Callable[..., object], **available: object) -> object:
    """Return what a hook returns for those of the arguments that it takes."""
    return await _result(hook(**{name: value for name, value in available.items() if name in inspect.signature(hook).parameters}))


async def _result(found: object) -> object:
    return await found if inspect.isawaitable(found) else found


def _messages(message: str | Sequence[object] | None) -> list[vf.Message]:
    if message is None or isinstance(message, str):
        return [vf.UserMessage(content=message or "")]
    return [MESSAGE.validate_python(one) for one in message]


def _text(message: vf.Message) -> str:
    """Return what the seat is shown of a message."""
    content = message.content
    if isinstance(content, list):
        if any(part.type != "text" for part in content):
            raise GameError("a message carries something other than text; only chat is played here")
        content = "\n".join(part.text for part in content)
    return str(content or "") if message.role in {"user", "system"} else f"{message.role}: {content or ''}"
