"""The curriculum that does not change: every generation, so many matches of each game."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from socratic.errors import CheckpointError, PlayError
from socratic.records import Breakage, Episode, Feedback, Json, Match, Metrics, ParameterValue, Verdict
from socratic.seeds import Seed


@dataclass(frozen=True, kw_only=True, slots=True)
class Course:
    """One game of the curriculum."""

    game: str
    params: Mapping[str, ParameterValue] = field(default_factory=dict)
    lineups: tuple[tuple[str, ...], ...]  # who sits where, taken in turn
    episodes: int
    group: int  # matches in a row that share one deal


class FixedCurriculum:
    """Chooses `episodes` matches of each course, every generation; chance comes from the seed alone.

    A game that breaks its contract is dropped, and the others go on as they were.
    """

    def __init__(self, courses: Sequence[Course], seed: Seed) -> None:
        """Choose from `courses` in their order."""
        self._courses = courses
        self._seed = seed
        self._dropped: list[str] = []

    def choose(self, index: int, version: int) -> list[Match]:
        """Return generation `index`'s matches, course by course."""
        matches: list[Match] = []
        for course in self._courses:
            if course.game in self._dropped:
                continue
            for number in range(course.episodes):
                matches.append(self._match(course, index, number, len(matches), version))
        return matches

    def drop(self, breakages: Sequence[Breakage]) -> tuple[Breakage, ...]:
        """Choose the games of `breakages` no more; return the first of each game.

        Raises:
            PlayError: none is left.
        """
        first: dict[str, Breakage] = {}
        for breakage in breakages:
            first.setdefault(breakage.game, breakage)
        self._dropped += sorted(first.keys() - set(self._dropped))
        if all(course.game in self._dropped for course in self._courses):
            last = next(reversed(first.values()), None)
            raise PlayError(f"no game is left to play: {last.message if last else 'all were dropped before'}")
        return tuple(first.values())

    def state(self) -> Mapping[str, Json]:
        """Return the dropped games."""
        return {"dropped": list(self._dropped)}

    def restore(self, state: Mapping[str, Json]) -> None:
        """Take the state that `state` returned.

        Raises:
            CheckpointError: it is something else.
        """
        dropped = state.get("dropped")
        if not isinstance(dropped, list):
            raise CheckpointError(f"the curriculum's state is {dict(state)!r}, expected the games that were dropped")
        self._dropped = [str(name) for name in dropped]

    def revise(self, episodes: Sequence[Episode], feedback: Sequence[Feedback], verdict: Verdict) -> Metrics:
        """Change nothing."""
        return {}

    def _match(self, course: Course, index: int, number: int, place: int, version: int) -> Match:
        group = number // course.group
        deal = self._seed.child(f"{course.game} deal {index}", group)
        return Match(
            episode_id=f"{index:06d}-{place:04d}",
            game=course.game,
            params=course.params,
            seed=deal.key,
            draw_seed=self._seed.child(f"{course.game} draws {index}", number).key,
            seats=course.lineups[group % len(course.lineups)],
            version=version,
            group=group,
        )
