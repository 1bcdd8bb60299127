"""The Socratic loop: play, judge, learn, examine, publish; and beside it, someone who watches.

                       ┌──────────────── the closed system ────────────────┐
    curriculum ──▶ rollout ──▶ critic ──▶ learner ──▶ guard ──▶ agent ──┐  │
        ▲                                                               │  │
        └────────────────── the next weights play ◀─────────────────────┘  │
                       └───────────────────┬───────────────────────────────┘
                                           │ a copy, one way
                                        observer ──▶ trackers

Two records say who may shape the agent: what is in `ClosedSystem` may, what is in `Outside` may not. `advance` gets the first
only, and `watch` returns nothing.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from socratic.errors import PolicyError
from socratic.protocols import Agent, AgentCopy, Critic, Curriculum, Guard, League, Learner, Observer, Rollout, Tracker
from socratic.records import Generation, LostAssessment, Metrics, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class ClosedSystem:
    """All that may shape what the agent becomes."""

    curriculum: Curriculum
    league: League
    rollout: Rollout
    critic: Critic
    learner: Learner
    guard: Guard
    agent: Agent


@dataclass(frozen=True, kw_only=True, slots=True)
class Outside:
    """All that may look, and nothing else."""

    observer: Observer
    tracker: Tracker


def advance(index: int, system: ClosedSystem) -> Generation:
    """Play, judge, learn from and publish one generation.

    Raises:
        PolicyError: the guard held the update back.
        PlayError: every game has broken its contract.
    """
    clock = _Clock()
    with clock("play"):
        for due in system.rollout.due(index):  # this generation; with a lag a later one, to be played while this one is learned from
            matches = system.league.seat(due, system.curriculum.choose(due, system.agent.version))
            system.rollout.start(due, matches)
        played = system.rollout.finish(index)
    broken = system.curriculum.drop(played.breakages)
    episodes = played.episodes
    with clock("judge"):
        judged = system.critic.judge(index, episodes)
    feedback = judged.feedback
    with clock("learn"):
        update = system.learner.learn(index, episodes, feedback)
    with clock("guard"):
        verdict = system.guard.examine(index, episodes, feedback, update)
    if not verdict.is_healthy:
        raise PolicyError(f"generation {index} is held back: {_last_note(verdict)}")
    rated = system.league.revise(index, episodes, feedback)
    with clock("sync"):
        published = system.agent.publish(index, update, verdict)
    revised = system.curriculum.revise(episodes, feedback, verdict)
    return Generation(
        index=index,
        version=update.version,
        metrics={**verdict.metrics, **update.metrics, **judged.metrics, **rated, **published, **revised, **clock.metrics()},
        notes=(*update.notes, *verdict.notes),
        episodes=episodes,
        feedback=feedback,
        breakages=broken,
        events=judged.events,
    )


def watch(generation: Generation, agent: AgentCopy, outside: Outside) -> None:
    """Record a generation and probe a copy of the agent where that is due."""
    outside.tracker.record_generation(generation)
    for breakage in generation.breakages:
        message = f"{breakage.message}; the run goes on without {breakage.game}"
        outside.tracker.record_event(generation.index, "game-broken", message)
    for event in generation.events:
        outside.tracker.record_event(generation.index, event.kind, event.message)
    if outside.observer.is_due(generation.index):
        report(outside)
        outside.observer.probe(generation.index, agent)


def report(outside: Outside) -> None:
    """Record every assessment that was started; one that failed is an event, for who only looks may not end a run."""
    for found in outside.observer.collect():
        if isinstance(found, LostAssessment):
            outside.tracker.record_event(found.generation, "observer-failed", found.message)
        else:
            outside.tracker.record_assessment(found)


def run(
    first: int,
    last: int,
    system: ClosedSystem,
    outside: Outside,
    agent: AgentCopy,
    after: Callable[[Generation], bool],
) -> None:
    """Run generations `first` to `last` - 1; leave early where `after` says so.

    Args:
        first: 0, or where a resumed run goes on; t0 itself is probed before generation 0.
        last: one past the last generation.
        system: what may shape the agent.
        outside: what may look.
        agent: where the observer gets its copies.
        after: called with each finished generation (it checkpoints); False ends the run.
    """
    if first == 0 and outside.observer.is_due(-1):
        outside.observer.probe(-1, agent)
    for index in range(first, last):
        generation = advance(index, system)
        watch(generation, agent, outside)
        if not after(generation):
            break
    report(outside)


def _last_note(verdict: Verdict) -> str:
    return verdict.notes[-1] if verdict.notes else "the guard gave no reason"


class _Clock:
    """Seconds of each stage, as metrics."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._seconds[f"time/{stage}_s"] = time.perf_counter() - start

    def metrics(self) -> Metrics:
        return self._seconds
