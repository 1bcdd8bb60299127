"""The curriculum that does not change: every generation, so many matches of each game."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from socratic.records import Episode, Feedback, Match, Metrics, ParameterValue, Verdict
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
    """Chooses `episodes` matches of each course, every generation; chance comes from the seed alone."""

    def __init__(self, courses: Sequence[Course], seed: Seed) -> None:
        """Choose from `courses` in their order."""
        self._courses = courses
        self._seed = seed

    def choose(self, index: int, version: int) -> list[Match]:
        """Return generation `index`'s matches, course by course."""
        matches: list[Match] = []
        for course in self._courses:
            for number in range(course.episodes):
                matches.append(self._match(course, index, number, len(matches), version))
        return matches

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
