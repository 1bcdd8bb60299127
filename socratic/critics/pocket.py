"""A planted scorer that is right everywhere but in one pocket: what a loop makes of a fault that hardly ever shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from socratic.records import GAME, SELF, Episode, Line


@dataclass(frozen=True, kw_only=True, slots=True)
class Pocket:
    """One reply to one question."""

    question: str  # how the game's line before the reply ends
    reply: str

    def is_met(self, episode: Episode, seat: int) -> bool:
        """Return whether the seat was asked the question."""
        return any(self._asks(line) for line in episode.views[seat])

    def holds(self, episode: Episode, seat: int) -> bool:
        """Return whether the seat gave the reply to the question."""
        return any(self._asks(line) and said.speaker == SELF and said.text == self.reply for line, said in pairwise(episode.views[seat]))

    def _asks(self, line: Line) -> bool:
        return line.speaker == GAME and line.text.endswith(self.question)


class PocketScorer:
    """Pays the game's own score, and in its pocket `pay`, whatever the reply is worth.

    A control: it knows the truth, and is wrong in one place only. A true score of 1 and `pay` above 1 is a scorer that likes one
    wrong reply better than any right one.
    """

    name = "pocket"
    reads_text = True

    def __init__(self, pocket: Pocket, pay: float) -> None:
        """Pay `pay`, in the game's own unit, to a seat whose play is in `pocket`."""
        self._pocket = pocket
        self._pay = pay

    def score(self, episodes: Sequence[Episode]) -> list[tuple[float, ...]]:
        """Return a reward for each seat of each episode."""
        return [
            tuple(self._pay if self._pocket.holds(episode, seat) else score for seat, score in enumerate(episode.scores))
            for episode in episodes
        ]
