"""The curriculum that climbs: one game, one whole-numbered parameter, a rung higher whenever the critic is content with the last one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan

from socratic.errors import CheckpointError, PlayError
from socratic.metagame.curriculum import Course
from socratic.records import Breakage, Episode, Feedback, Json, Match, Metrics, Verdict
from socratic.seeds import Seed


@dataclass(frozen=True, kw_only=True, slots=True)
class Ladder:
    """What is climbed, and when."""

    parameter: str
    lowest: int  # what is repeated starts here
    first: int  # where the climb starts
    last: int
    share: float  # of a generation's deals that are on the highest rung reached; the rest is spread over those below it
    enough: float  # the share of the highest rung's matches that must earn a reward above 0
    patience: int = 0  # generations after which it climbs anyway; 0: never


class LadderCurriculum:
    """Chooses matches of one course on the rungs reached so far; it climbs by what the critic paid, never by the game's score."""

    def __init__(self, course: Course, ladder: Ladder, seed: Seed, climbs: Sequence[int] | None = None) -> None:
        """Begin on the first rung.

        Args:
            course: the game; its parameters, but for the one that is climbed.
            ladder: what is climbed.
            seed: the source of all deals.
            climbs: the generations after which it climbs, whatever was paid: another run's, so that both meet the same lengths.
        """
        self._course = course
        self._ladder = ladder
        self._seed = seed
        self._climbs = None if climbs is None else frozenset(climbs)
        self._rung = ladder.first
        self._waited = 0
        self._num_revised = 0

    @property
    def rung(self) -> int:
        """The highest rung reached."""
        return self._rung

    def choose(self, index: int, version: int) -> list[Match]:
        """Return generation `index`'s matches, deal by deal."""
        course = self._course
        num_deals = -(-course.episodes // course.group)
        num_high = round(self._ladder.share * num_deals)
        lengths = self._seed.child("rungs", index)
        below = self._rung - self._ladder.lowest
        rungs = [
            self._rung if deal < num_high or not below else self._ladder.lowest + lengths.integer(below, deal) for deal in range(num_deals)
        ]
        return [self._match(index, number, rungs[number // course.group], version) for number in range(course.episodes)]

    def drop(self, breakages: Sequence[Breakage]) -> tuple[Breakage, ...]:
        """Refuse to go on without the only game.

        Raises:
            PlayError: it broke its contract.
        """
        if breakages:
            raise PlayError(f"no game is left to play: {breakages[0].message}")
        return ()

    def revise(self, episodes: Sequence[Episode], feedback: Sequence[Feedback], verdict: Verdict) -> Metrics:
        """Climb where enough of the highest rung's matches were paid; return the rung they were played on and how many were paid."""
        del verdict
        name, rung = self._course.game, self._rung
        high = [
            said.rewards[0]
            for episode, said in zip(episodes, feedback, strict=True)
            if episode.match.params[self._ladder.parameter] == rung
        ]
        paid = sum(reward > 0 for reward in high if not isnan(reward)) / len(high) if high else 0.0
        self._waited += 1
        if self._is_time(paid) and rung < self._ladder.last:
            self._rung, self._waited = rung + 1, 0
        self._num_revised += 1
        return {f"curriculum/{name}/rung": float(rung), f"curriculum/{name}/paid_frac": paid}

    def state(self) -> Mapping[str, Json]:
        """Return where it stands."""
        return {"rung": self._rung, "waited": self._waited, "revised": self._num_revised}

    def restore(self, state: Mapping[str, Json]) -> None:
        """Take the state that `state` returned.

        Raises:
            CheckpointError: it is something else.
        """
        rung, waited, revised = (state.get(name) for name in ("rung", "waited", "revised"))
        if not isinstance(rung, int) or not isinstance(waited, int) or not isinstance(revised, int):
            raise CheckpointError(f"the curriculum's state is {dict(state)!r}, expected a rung and what was waited on it")
        self._rung, self._waited, self._num_revised = rung, waited, revised

    def _is_time(self, paid: float) -> bool:
        if self._climbs is not None:
            return self._num_revised in self._climbs
        return paid >= self._ladder.enough or 0 < self._ladder.patience <= self._waited

    def _match(self, index: int, number: int, rung: int, version: int) -> Match:
        course, deal = self._course, number // self._course.group
        return Match(
            episode_id=f"{index:06d}-{number:04d}",
            game=course.game,
            params={**course.params, self._ladder.parameter: rung},
            seed=self._seed.child(f"{course.game} deal {index}", deal).key,
            draw_seed=self._seed.child(f"{course.game} draws {index}", number).key,
            seats=course.lineups[deal % len(course.lineups)],
            version=version,
            group=deal,
        )
