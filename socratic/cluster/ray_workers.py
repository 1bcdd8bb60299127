"""Workers in Ray actors: who has which call, for how long, and what happens when an actor is lost.

This module loads ray; it is imported once a `RayExecutor` starts.

One call at a time is given to each actor by who waits for the results: a call takes tenths of a second or more and its way
there a thousandth. Calls that are started for later stand in line at an actor, which makes them one after the other. Either way
a lost actor has one suspect, the first call that it has not answered. It is replaced by a new one and not restarted by Ray:
without Ray's own retries, calls to an actor that restarts are refused, while calls to a new one wait for it.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, cast

import ray
from ray.actor import ActorHandle
from ray.exceptions import (
    GetTimeoutError,
    NodeDiedError,
    ObjectLostError,
    OutOfMemoryError,
    RayActorError,
    RayTaskError,
    WorkerCrashedError,
)

from socratic.cluster.host import Host
from socratic.cluster.leases import Call, OnEvent
from socratic.cluster.ray_session import first_line
from socratic.errors import DoorLost, PlayError, SocraticError
from socratic.protocols import Door, Pending

LOST = (NodeDiedError, ObjectLostError, OutOfMemoryError, RayActorError, WorkerCrashedError)


Returned = TypeVar("Returned")


class Remote(Protocol, Generic[Returned]):
    """A method of an actor."""

    def remote(self, *arguments: object) -> "ray.ObjectRef[Returned]":
        """Send a call."""
        ...


class HostActor(Protocol):
    """A `Host` seen from outside; Ray's own type for it forgets the methods."""

    place: Remote[int]
    build: Remote[None]
    call: Remote[object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Crew:
    """What all workers of one name have in common."""

    name: str
    factory: Callable[[], object]
    count: int
    threads: int
    cpus: float  # what each actor reserves; bookkeeping, not a limit
    gpus: float  # what each actor reserves; without any, Ray hides the GPUs from it
    lease_s: float
    placement_s: float
    on_event: OnEvent


class Post:
    """A place for one actor; when that is lost, the next one takes its place."""

    def __init__(self, crew: Crew) -> None:
        """Ask Ray for the first actor."""
        self._crew = crew
        self.number = 0
        self.fill()

    def fill(self) -> None:
        """Ask Ray for an actor and have it build its worker; returns before either has happened."""
        options = {
            "num_cpus": self._crew.cpus,
            "num_gpus": self._crew.gpus,
            "max_restarts": 0,
            "max_task_retries": 0,
            "scheduling_strategy": "SPREAD",
        }
        self._actor = cast("HostActor", ray.remote(Host).options(**options).remote(self._crew.threads))
        self.number += 1
        self.is_built = False
        self.deadline = time.monotonic() + self._crew.placement_s
        self._backlog: list[ray.ObjectRef[object]] = []
        self._placed = self._actor.place.remote()
        self._is_placed = False
        self.built: ray.ObjectRef[None] = self._actor.build.remote(self._crew.factory)

    def door(self, post: int) -> "RayDoor":
        """Return the way to the present actor for workers elsewhere; `post` says at which of the crew's posts it is."""
        crew = self._crew
        return RayDoor(
            name=crew.name,
            actor=self._actor,
            built=[self.built],
            building_s=crew.placement_s + crew.lease_s,
            lease_s=crew.lease_s,
            post=post,
            number=self.number,
        )

    def send(self, call: Call) -> "ray.ObjectRef[object]":
        """Send a call; the actor makes it after those that it already has."""
        ref: ray.ObjectRef[object] = self._actor.call.remote(call.method, call.item, *call.shared)
        self._backlog.append(ref)
        return ref

    def num_waiting(self) -> int:
        """Return how many calls the actor has not answered."""
        if self._backlog:
            _, self._backlog = ray.wait(self._backlog, num_returns=len(self._backlog), timeout=0, fetch_local=False)
        return len(self._backlog)

    def lease(self) -> float:
        """Return until when the last call may take: those before it have their time too."""
        return time.monotonic() + self._crew.lease_s * max(1, self.num_waiting())

    def is_building(self) -> bool:
        """Say whether the actor has a place and is still within the time that building may take.

        Raises:
            PlayError: the actor found no place in time.
        """
        if self._is_placed:
            return False
        if not ray.wait([self._placed], timeout=0)[0]:
            raise PlayError(self._describe_wait())
        self._is_placed = True
        self.deadline = time.monotonic() + self._crew.lease_s
        return True

    def empty(self) -> None:
        """Kill the actor, dead or alive."""
        ray.kill(cast("ActorHandle[Host]", self._actor), no_restart=True)

    def _describe_wait(self) -> str:
        total: float = ray.cluster_resources().get("CPU", 0.0)
        free: float = ray.available_resources().get("CPU", 0.0)
        crew = self._crew
        return (
            f"a worker of {crew.name!r} has waited {crew.placement_s:g} s for {crew.cpus:g} CPU; Ray has {free:g} of {total:g} free. "
            f"{crew.name!r} asks for {crew.count} x {crew.cpus:g}: use fewer actors or threads, or add nodes"
        )


@dataclass(slots=True, kw_only=True)
class Running:
    """A call that was sent, and to whom."""

    call: Call
    post: Post
    ref: "ray.ObjectRef[object]"
    number: int  # of the actor at the post when it was sent
    lease: float | None = None  # until when it may take; None until its worker is built

    @property
    def deadline(self) -> float:
        """When somebody must look."""
        return self.post.deadline if self.lease is None else self.lease


class RayWorkers:
    """Identical workers, each in an actor of its own.

    Arguments and results are copied; numpy arrays in a shared payload arrive read-only and share the node's memory.
    """

    def __init__(self, crew: Crew, await_ray: Callable[[], None]) -> None:
        """Remember who is wanted; `hire` asks for them."""
        self._crew = crew
        self._await_ray = await_ray
        self._posts: list[Post] = []
        self._is_closed = False

    def hire(self) -> None:
        """Ask Ray for the actors; returns before they are there."""
        self._posts = [Post(self._crew) for _ in range(self._crew.count)]

    def share(self, payload: object) -> object:
        """Place a payload in Ray's object store; handles given to `map` and `submit` arrive as the payload."""
        self._await_ray()
        return ray.put(payload)

    def map(self, method: str, items: Sequence[object], *shared: object) -> list[object]:
        """Return `worker.method(item, *shared)` for each item, in the order of the items; whoever is free takes the next one.

        Raises:
            WorkerLost: an item lost its worker on every try; it has the item's `index`.
            PlayError: no worker found a place.
        """
        self._await_ray()
        waiting = deque(Call(index=index, method=method, item=item, shared=shared) for index, item in enumerate(items))
        results: list[object] = [None] * len(items)
        running: list[Running] = []
        while waiting or running:
            busy = [one.post for one in running]
            idle = [post for post in self._posts if post not in busy]
            running += [self._send(waiting.popleft(), post) for post in idle[: len(waiting)]]
            for one, result in self.advance(running):
                results[one.call.index] = result
                running.remove(one)
        return results

    def start(self, method: str, items: Sequence[object], *shared: object) -> Pending:
        """Send a call for each item at once, to whoever has the fewest before it."""
        self._await_ray()
        lines = {post: post.num_waiting() for post in self._posts}
        running = []
        for index, item in enumerate(items):
            post = min(lines, key=lambda each: lines[each])
            lines[post] += 1
            running.append(self._send(Call(index=index, method=method, item=item, shared=shared), post))
        return RayStarted(self, running)

    def submit(self, method: str, item: object, *shared: object) -> Pending:
        """Start one call on the first worker; it runs whether or not anybody waits."""
        self._await_ray()
        return RayPending(self, self._send(Call(index=0, method=method, item=item, shared=shared), self._posts[0]))

    def door(self) -> Door:
        """Return the way to the first post's present actor."""
        self._await_ray()
        return self._posts[0].door(0)

    def mend(self, lost: DoorLost) -> None:
        """Put a new actor in the place of a lost one, where that is still the one that is there."""
        if lost.crew == self._crew.name and self._posts[lost.post].number == lost.number:
            self._posts[lost.post].empty()
            self._posts[lost.post].fill()
            self._crew.on_event("worker-lost", f"{lost}; it was asked by another worker")

    def close(self) -> None:
        """Kill the actors, in whatever they are doing."""
        self._is_closed = True
        for post in self._posts:
            post.empty()
        self._posts = []

    def advance(self, running: Sequence[Running]) -> list[tuple[Running, object]]:
        """Wait until something happens; return the calls that ended and what they returned, or raise what one raised."""
        refs: set[ray.ObjectRef[object]] = {one.ref for one in running}
        refs |= {cast("ray.ObjectRef[object]", one.post.built) for one in running if one.lease is None}
        patience = max(0.0, min(one.deadline for one in running) - time.monotonic())
        ready = set(ray.wait(list(refs), timeout=patience)[0])
        ended = []
        for one in running:
            try:
                if one.lease is None and not ready.isdisjoint((one.ref, one.post.built)):
                    ray.get(one.post.built)  # before the call's own result: what building raised is the better story
                    one.post.is_built = True
                    one.lease = one.post.lease()
                if one.ref in ready:
                    ended.append((one, ray.get(one.ref)))
                elif time.monotonic() >= one.deadline and not (one.lease is None and one.post.is_building()):
                    self._replace(one, f"no answer within its lease of {self._crew.lease_s:g} s")
            except LOST as error:
                self._replace(one, _in_words(error))
            except RayTaskError as error:
                if isinstance(error.cause, SocraticError):
                    raise error.cause from error
                raise
        return ended

    def _send(self, call: Call, post: Post) -> Running:
        if self._is_closed:
            raise PlayError(f"{self._crew.name}: {call.method} was asked for after the workers were closed")
        one = Running(call=call, post=post, ref=post.send(call), number=post.number)
        if post.is_built:
            one.lease = post.lease()
        return one

    def _replace(self, one: Running, reason: str) -> None:
        """Put a new actor in the place of a lost one, and give it the call; one that stood in line behind another is not to blame."""
        if one.number == one.post.number:
            one.post.empty()
            one.post.fill()
            one.call.lose(self._crew.name, reason, self._crew.on_event)
        one.ref, one.number, one.lease = one.post.send(one.call), one.post.number, None


@dataclass(frozen=True, kw_only=True, slots=True)
class RayDoor:
    """The way from one actor to another; it travels with a call."""

    name: str
    actor: HostActor
    built: "list[ray.ObjectRef[None]]"  # in a list, so that Ray hands on the handle and not what building returned
    building_s: float  # what finding a place and building may take
    lease_s: float
    post: int
    number: int

    def call(self, method: str, item: object, *shared: object) -> object:
        """Return `worker.method(item, *shared)`, once the worker is built and has served those who came before.

        Raises:
            DoorLost: the actor died, or its lease ran out.
        """
        try:
            ray.get(self.built[0], timeout=self.building_s)
            return ray.get(self.actor.call.remote(method, item, *shared), timeout=self.lease_s)
        except GetTimeoutError:
            raise self._lost(f"no answer within its lease of {self.lease_s:g} s") from None
        except LOST as error:
            raise self._lost(_in_words(error)) from None
        except RayTaskError as error:
            if isinstance(error.cause, SocraticError):
                raise error.cause from error
            raise

    def _lost(self, reason: str) -> DoorLost:
        return DoorLost(reason, self.name, self.post, self.number)


class RayPending:
    """A call that runs in the first worker."""

    def __init__(self, workers: RayWorkers, running: Running) -> None:
        """Remember whom to ask."""
        self._workers = workers
        self._running = running
        self._results: list[object] = []

    def result(self) -> object:
        """Wait for the call, as often as it must be made, and return what it returned."""
        while not self._results:
            self._results = [result for _, result in self._workers.advance([self._running])]
        return self._results[0]


class RayStarted:
    """Calls that stand in line at the workers."""

    def __init__(self, workers: RayWorkers, running: Sequence[Running]) -> None:
        """Remember whom to ask, in the order in which they were sent."""
        self._workers = workers
        self._running = list(running)
        self._results: list[object] = [None] * len(self._running)

    def result(self) -> object:
        """Wait for the calls and return what they returned, in their order.

        Only the first of each line is looked at: it is the one that its actor makes, and the one to blame where that is lost.

        Raises:
            WorkerLost: an item lost its worker on every try; it has the item's `index`.
        """
        while self._running:
            first = {one.post: one for one in reversed(self._running)}
            for one, result in self._workers.advance(list(first.values())):
                self._results[one.call.index] = result
                self._running.remove(one)
        return self._results


def _in_words(error: Exception) -> str:
    if isinstance(error, OutOfMemoryError):
        return "the machine ran out of memory and Ray killed it; use fewer play.actors, a smaller play.block or a smaller policy"
    if isinstance(error, NodeDiedError | ObjectLostError):
        return f"its node or data was lost ({first_line(error)})"
    return "its process died: killed from outside, by the system for want of memory, or by a crash in native code"
