"""A seat of a game as a Gymnasium environment."""

import string

import gymnasium
from gymnasium.spaces import Text

from socratic.bridges.exports import Export, Seeding, shown
from socratic.errors import GameError
from socratic.game import Bot, LiveMatch
from socratic.game.live_match import TURN_LIMIT

# A space needs a bound; no view of a match comes near it.
MAX_TEXT = 10_000_000
MAX_DRAWN = 20


class Words(Text):
    """Any text; what is drawn from it is short and printable."""

    def __init__(self) -> None:
        """Take every character, also those that are never drawn."""
        super().__init__(MAX_TEXT, min_length=0, charset=string.ascii_letters + string.digits + string.punctuation + " ")

    def contains(self, x: object) -> bool:
        """Whether `x` is a text."""
        return isinstance(x, str) and len(x) <= MAX_TEXT

    def sample(self, mask: object = None, probability: object = None) -> str:
        """Return a short text; masks are for spaces that list their texts."""
        del mask, probability
        return super().sample((int(self.np_random.integers(1, MAX_DRAWN)), None))


class GymnasiumSeat(gymnasium.Env[str, str]):
    """One seat of a game; scripted players sit elsewhere."""

    metadata = {"render_modes": ["ansi"]}  # noqa: RUF012  (gymnasium's own form)

    def __init__(self, export: Export, seat: int, opponents: Bot) -> None:
        """Make both spaces; `reset` starts a match."""
        self.observation_space = Words()
        self.action_space = Words()
        self.render_mode = None
        self.match: LiveMatch | None = None
        self._export = export
        self._seat = seat
        self._opponents = opponents
        self._seeding = Seeding()

    def reset(self, *, seed: int | None = None, options: dict[str, object] | None = None) -> tuple[str, dict[str, object]]:
        """Start a match; without a seed, the next after the last one that had a seed."""
        super().reset(seed=seed)
        self.match = self._export.start(self._seeding.next(seed))
        self._play_others()
        return self._observed()

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, object]]:
        """Reply, and let the others play until the seat is asked again or the match is done."""
        match = self._running()
        if not match.done:
            self._submit(match, action)
            self._play_others()
        observation, info = self._observed()
        reward = match.scores[self._seat] if match.scores else 0.0
        is_cut = match.ending == TURN_LIMIT
        return observation, reward, match.done and not is_cut, is_cut, info

    def render(self) -> str:
        """Return all that the seat has seen."""
        return shown(self._running().view(self._seat))

    def _play_others(self) -> None:
        """Play until the seat is asked or the match is done."""
        match = self._running()
        while not match.done and all(request.seat != self._seat for request in match.requests()):
            self._submit(match, None)

    def _submit(self, match: LiveMatch, action: str | None) -> None:
        draws = match.seed.child("opponents")
        self._export.submit(
            match,
            {
                request.seat: action
                if action is not None and request.seat == self._seat
                else self._opponents(request, draws.child("turn", request.turn))
                for request in match.requests()
            },
        )

    def _observed(self) -> tuple[str, dict[str, object]]:
        match = self._running()
        asked = [request for request in match.requests() if request.seat == self._seat]
        info: dict[str, object] = {
            "legal": list(asked[0].legal) if asked and asked[0].legal is not None else None,
            "attempt": asked[0].attempt if asked else 0,
        }
        if match.done:
            info |= {"scores": list(match.scores or ()), "ending": match.ending, "forfeiter": match.forfeiter, **match.probes}
        return shown(match.view(self._seat)), info

    def _running(self) -> LiveMatch:
        if self.match is None:
            raise GameError(f"{self._export.game.name} has no match yet; call reset first")
        return self.match
