"""Several policies that learn as one agent: all answer the same problems, and each learns what most of their answers agree on.

A policy alone agrees with itself on what it gets wrong always alike. Policies that were taught apart get different things wrong, so that
their common answer is seldom a wrong one: majority voting among independently trained models, arXiv:2502.01612, section 5.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from statistics import fmean
from typing import Protocol

from socratic.protocols import Agent, AgentCopy, Learner, Rollout
from socratic.records import Episode, Feedback, Match, Metrics, Played, Update, Verdict


class Published(Agent, AgentCopy, Protocol):
    """An agent that can be copied and read from outside."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One policy of the committee, with what plays and what learns for it."""

    rollout: Rollout
    learner: Learner
    agent: Published


class Committee:
    """The loop's rollout, learner and agent at once; the matches go to its members in turn, so that a group of them meets every member."""

    def __init__(self, members: Sequence[Member]) -> None:
        """Play with `members`; each generation has as many matches for one as for another."""
        self._members = tuple(members)
        self._updates: tuple[Update, ...] = ()

    @property
    def version(self) -> int:
        """The version that plays: all members learn at the same pace."""
        return self._members[0].agent.version

    def due(self, index: int) -> Sequence[int]:
        """Return the generations to start before generation `index` is finished: what each member says, and all say the same."""
        return self._members[0].rollout.due(index)

    def start(self, index: int, matches: Sequence[Match]) -> None:
        """Deal the matches to the members in turn."""
        for place, member in enumerate(self._members):
            member.rollout.start(index, matches[place :: len(self._members)])

    def finish(self, index: int) -> Played:
        """Return the episodes in the order of the matches; none where the game broke its contract for a member."""
        parts = [member.rollout.finish(index) for member in self._members]
        breakages = tuple(chain.from_iterable(part.breakages for part in parts))
        if breakages:
            return Played(episodes=(), breakages=breakages)
        turns = zip(*(part.episodes for part in parts), strict=True)
        return Played(episodes=tuple(chain.from_iterable(turns)), breakages=())

    def learn(self, index: int, episodes: Sequence[Episode], feedback: Sequence[Feedback]) -> Update:
        """Let every member learn from all members' episodes; what is measured is told as the members' mean."""
        self._updates = tuple(member.learner.learn(index, episodes, feedback) for member in self._members)
        return Update(
            version=self._updates[0].version,
            fingerprint=sha256("".join(update.fingerprint for update in self._updates).encode()).hexdigest(),
            metrics=_means([update.metrics for update in self._updates]),
            notes=tuple(dict.fromkeys(chain.from_iterable(update.notes for update in self._updates))),
        )

    def publish(self, index: int, update: Update, verdict: Verdict) -> Metrics:
        """Hand every member's new weights to what plays for it."""
        del update  # each member's own says what its weights are
        return _means([member.agent.publish(index, own, verdict) for member, own in zip(self._members, self._updates, strict=True)])


def _means(found: Sequence[Metrics]) -> dict[str, float]:
    names = dict.fromkeys(chain.from_iterable(found))
    return {name: fmean(each[name] for each in found if name in each) for name in names}
