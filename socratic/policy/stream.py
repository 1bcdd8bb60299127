"""Free text as a stream: replies are asked for at any time, and each comes when it has ended."""

from collections.abc import Sequence
from typing import Protocol

from socratic.policy.drawing import Drawn, Prompt
from socratic.policy.fast.lane import Lane, Pace
from socratic.policy.fast.shelf import Shelf
from socratic.policy.fast.wardrobe import Wardrobe
from socratic.policy.plain import PlainDraw
from socratic.policy.weights import PolicyWeights


class Stream(Protocol):
    """Draws replies that are asked for one by one."""

    @property
    def is_busy(self) -> bool:
        """Whether a reply is still to come."""
        ...

    def ask(self, ticket: int, prompt: Prompt, version: int) -> None:
        """Have a reply drawn by the version at a place among the stream's."""
        ...

    def advance(self) -> list[tuple[int, Drawn]]:
        """Return the next replies that end, by ticket; none where none was asked for."""
        ...


class FastStream:
    """A stream over lanes: one where versions are adapters, one for each version where they are whole models."""

    def __init__(self, wardrobe: Wardrobe, versions: Sequence[PolicyWeights | None], pace: Pace, kept_bytes: int) -> None:
        """Draw with `versions`; for what conversations have read between turns there are `kept_bytes`."""
        self._wardrobe = wardrobe
        self._versions = versions
        self._pace = pace
        self._kept_bytes = kept_bytes
        self._lanes: dict[int, Lane] = {}

    @property
    def is_busy(self) -> bool:
        """Whether a reply is still to come."""
        return any(lane.is_busy for lane in self._lanes.values())

    def ask(self, ticket: int, prompt: Prompt, version: int) -> None:
        """Have a reply drawn by the version at a place among the stream's."""
        mixes = self._wardrobe.mixes_versions
        key = 0 if mixes else version
        if key not in self._lanes:
            worn_by = self._versions if mixes else [self._versions[version]]
            model, worn = self._wardrobe.dress(worn_by)
            kept_bytes = self._kept_bytes if mixes else self._kept_bytes // len(self._versions)
            self._lanes[key] = Lane(model, worn, len(worn_by), self._pace, Shelf(kept_bytes // model.bytes_per_place))
        self._lanes[key].ask(ticket, prompt, version if mixes else 0)

    def advance(self) -> list[tuple[int, Drawn]]:
        """Step until something ends."""
        ended: list[tuple[int, Drawn]] = []
        while not ended and self.is_busy:
            for _, lane in sorted(self._lanes.items()):
                if lane.is_busy:
                    ended += lane.step()
        return ended


class PlainStream:
    """A stream over a model's own passes: all that was asked for is drawn to its end at once."""

    def __init__(self, draw: PlainDraw, versions: Sequence[PolicyWeights | None]) -> None:
        """Draw with `versions`."""
        self._draw = draw
        self._versions = versions
        self._waiting: list[tuple[int, Prompt, int]] = []

    @property
    def is_busy(self) -> bool:
        """Whether a reply is still to come."""
        return bool(self._waiting)

    def ask(self, ticket: int, prompt: Prompt, version: int) -> None:
        """Have a reply drawn by the version at a place among the stream's."""
        self._waiting.append((ticket, prompt, version))

    def advance(self) -> list[tuple[int, Drawn]]:
        """Draw everything that waits."""
        asked, self._waiting = self._waiting, []
        if not asked:
            return []
        drawn = self._draw([prompt for _, prompt, _ in asked], [self._versions[version] for _, _, version in asked])
        return [(ticket, reply) for (ticket, _, _), reply in zip(asked, drawn, strict=True)]
