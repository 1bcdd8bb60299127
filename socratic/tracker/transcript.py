"""An episode as lines to read: what each seat was told, what it replied, who got what."""

from collections.abc import Iterator

from socratic.records import SELF, Episode
from socratic.tracker.sanitise import sanitise


def transcript(episode: Episode, most_lines: int = 40) -> list[str]:
    """Return an episode in the order of its turns, each seat's view shown to where it spoke; long ones lose their middle."""
    match = episode.match
    seats = ", ".join(f"seat {seat} {name}" for seat, name in enumerate(match.seats))
    head = f"{sanitise(match.episode_id)}: {sanitise(match.game)} with {sanitise(seats)}"
    lines = list(_lines(episode))
    if len(lines) > most_lines:
        half = most_lines // 2
        lines = [*lines[:half], f"  ... {len(lines) - 2 * half} lines left out ...", *lines[-half:]]
    scores = ", ".join(f"seat {seat} {score:+g}" for seat, score in enumerate(episode.scores))
    scores = "no score: a critic could not say" if episode.is_undecided else scores
    forfeit = "" if episode.forfeiter is None else f" by seat {episode.forfeiter}"
    return [head, *lines, f"  {sanitise(episode.ending)}{forfeit}: {scores}"]


def _lines(episode: Episode) -> Iterator[str]:
    read = [0] * len(episode.views)
    for turn in episode.turns:
        yield from _told(episode, turn.seat, read)
        mark = "" if turn.is_legal else "  (illegal)"
        yield f"  seat {turn.seat} says: {sanitise(turn.reply) or '(nothing)'}{mark}"
    for seat in range(len(episode.views)):
        yield from _told(episode, seat, read)


def _told(episode: Episode, seat: int, read: list[int]) -> Iterator[str]:
    """Yield what a seat was told up to its next reply, and move on past that reply."""
    view = episode.views[seat]
    while read[seat] < len(view):
        line = view[read[seat]]
        read[seat] += 1
        if line.speaker == SELF:
            return
        yield f"  to seat {seat}: {sanitise(line.text)}"
