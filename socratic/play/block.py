"""A block of matches played side by side: the turns of all live matches go to each player in one call.

An episode is a pure function of (weights, match, block): nothing else is remembered from one block to the next.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from socratic.game import Game, LiveMatch, Request
from socratic.protocols import Player, TurnRequest
from socratic.records import Episode, Match, Turn
from socratic.seeds import Seed


@dataclass(frozen=True, kw_only=True, slots=True)
class PlayRules:
    """The run's policy on replies that are not moves, and on matches that do not end."""

    retries: int = 0
    max_turns: int = 200


def play_block(
    block: Sequence[Match],
    game_of: Callable[[str], Game],
    player_of: Callable[[str, Match], tuple[str, Player]],
    rules: PlayRules,
) -> list[Episode]:
    """Play every match of the block to its end; return the episodes in the order of the matches.

    Args:
        block: the matches; they share forward passes.
        game_of: the game of a name.
        player_of: for who sits in a seat and the match, a key that equal players share and the player.
        rules: what happens to illegal replies and endless matches.
    """
    tables = [_Seated(match, game_of(match.game), rules) for match in block]
    live = tables
    while live:
        waiting: dict[str, list[tuple[_Seated, Request]]] = {}
        players: dict[str, Player] = {}
        for table in live:
            for request in table.live.requests():
                key, player = player_of(table.match.seats[request.seat], table.match)
                players[key] = player
                waiting.setdefault(key, []).append((table, request))
        for key in sorted(waiting):
            asked = [table.turn_request(request) for table, request in waiting[key]]
            for (table, _), turn in zip(waiting[key], players[key].reply(asked), strict=True):
                table.take(turn)
        for table in live:
            table.submit()
        live = [table for table in live if not table.live.done]
    return [table.episode() for table in tables]


class _Seated:
    """A live match with the turns its seats have taken."""

    def __init__(self, match: Match, game: Game, rules: PlayRules) -> None:
        self.match = match
        self.live = LiveMatch(game, match.params, Seed(match.seed), retries=rules.retries, max_turns=rules.max_turns)
        self._turns: list[Turn] = []
        self._own: dict[int, list[Turn]] = {seat: [] for seat in range(len(game.seats))}
        self._taken: dict[int, Turn] = {}

    def turn_request(self, request: Request) -> TurnRequest:
        return TurnRequest(
            match=self.match,
            seat=request.seat,
            turn=request.turn,
            view=request.view,
            own_turns=self._own[request.seat],
            legal=request.legal,
        )

    def take(self, turn: Turn) -> None:
        self._taken[turn.seat] = turn

    def submit(self) -> None:
        refused = self.live.submit({seat: turn.reply for seat, turn in self._taken.items()})
        for seat, turn in sorted(self._taken.items()):
            kept = replace(turn, is_legal=False) if seat in refused else turn
            self._turns.append(kept)
            self._own[seat].append(kept)
        self._taken = {}

    def episode(self) -> Episode:
        live = self.live
        assert live.scores is not None
        assert live.ending is not None
        return Episode(
            match=self.match,
            scores=live.scores,
            turns=tuple(self._turns),
            views=tuple(live.view(seat) for seat in self._own),
            ending=live.ending,
            forfeiter=live.forfeiter,
            probes=dict(live.probes),
        )
