"""A game as a verifiers taskset and environment."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack

from verifiers import v1 as vf

from socratic.bridges.exports import Export
from socratic.game import LiveMatch, Request
from socratic.records import GAME
from socratic.seeds import Seed


class MatchData(vf.TaskData):  # type: ignore[misc]  # verifiers ships no types
    """Which match a task is."""

    seed: int


class MatchTask(vf.Task[MatchData, vf.State, vf.TaskConfig]):  # type: ignore[misc]  # verifiers ships no types
    """One match of a game; the game opens the conversations, and its scores are recorded as rewards."""


def plugin(export: Export) -> tuple[type[vf.Taskset], type[vf.Env]]:
    """Return the taskset and the environment of a game, ready to be named in a module's `__all__`."""
    names = _agent_names(export.game.seats)
    # A conversation and no tools: verifiers' plain chat loop, which needs no container.
    fields = {name: vf.AgentConfig(harness={"id": "null"}, runtime={"type": "subprocess"}) for name in names}
    config = type("MatchConfig", (vf.EnvConfig,), {**fields, "__annotations__": dict.fromkeys(names, vf.AgentConfig)})

    class MatchSet(vf.Taskset[MatchTask, vf.TasksetConfig]):  # type: ignore[misc]  # verifiers ships no types
        """One task for each seed from 0 on."""

        INFINITE = True

        def load(self) -> Iterator[MatchTask]:
            """Yield the tasks."""
            seed = 0
            while True:
                yield MatchTask(MatchData(name=f"{export.game.name}#{seed}", seed=seed), self.config.task)
                seed += 1

    class Matches(vf.Env[config]):  # type: ignore[misc]  # verifiers ships no types
        """Plays a match; one agent for each seat."""

        async def run(self, task: MatchTask, agents: vf.Agents) -> None:
            """Play the task's match between the agents and record the scores."""
            await _played(export, task, [getattr(agents, name) for name in names])

    return MatchSet, Matches


async def _played(export: Export, task: MatchTask, agents: Sequence[vf.Agent]) -> None:
    match = export.start(Seed(task.data.seed))
    scores = None
    async with AsyncExitStack() as stack:
        seats = [await stack.enter_async_context(agent.interaction(task)) for agent in agents]
        seen = [0] * len(seats)
        while not match.done:
            requests = match.requests()
            segments = await asyncio.gather(*(seats[request.seat].turn(_news(request, seen)) for request in requests))
            silent = [request.seat for request, segment in zip(requests, segments, strict=True) if segment.terminated]
            if silent:
                # A limit of the agent's own ended its run: it has no move.
                scores = export.game.forfeit_scores(silent)
                break
            export.submit(match, {request.seat: segment.last_reply for request, segment in zip(requests, segments, strict=True)})
    _record([seat.trace for seat in seats], match, match.scores if scores is None else scores)


def _news(request: Request, seen: list[int]) -> str:
    """Return what the game has told the seat since its last turn, the prompt last."""
    lines = [line.text for line in request.view[seen[request.seat] :] if line.speaker == GAME]
    seen[request.seat] = len(request.view)
    return "\n".join(lines)


def _record(traces: Sequence[vf.Trace], match: LiveMatch, scores: Sequence[float] | None) -> None:
    for trace, score in zip(traces, scores or (), strict=True):
        trace.record_reward("score", score)
        trace.record_metrics(match.probes)
        trace.info["ending"] = match.ending or "forfeit"


def _agent_names(seats: Sequence[str]) -> list[str]:
    """Return the seats as names of configuration fields."""
    names = [re.sub(r"\W", "_", seat) for seat in seats]
    return [f"{name}_seat" if name in vf.EnvConfig.model_fields or not name.isidentifier() else name for name in names]
