"""A block of matches played side by side: the turns of all live matches go to each player together.

An episode is a pure function of (weights, match, block): nothing else is remembered from one block to the next. A game that
breaks its contract ends its own match, and no other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from socratic.errors import ConfigError, GameError
from socratic.game import NOBODY, Clerk, Game, LiveMatch, Request
from socratic.game.time_limit import TimeIsUp, time_limit
from socratic.protocols import Player, Speaker, TurnRequest
from socratic.records import Breakage, Episode, Match, Played, Turn
from socratic.seeds import Seed


@dataclass(frozen=True, kw_only=True, slots=True)
class PlayRules:
    """The run's policy on replies that are not moves, and on matches that do not end."""

    retries: int = 0
    max_turns: int = 200
    # How long a game may think from one question to the next: rules in code answer in milliseconds.
    step_limit_s: float = 10.0


def play_block(
    block: Sequence[Match],
    game_of: Callable[[str], Game],
    player_of: Callable[[str, Match], tuple[str, Player]],
    rules: PlayRules,
    clerk: Clerk = NOBODY,
) -> Played:
    """Play every match of the block to its end; return the episodes in the order of the matches.

    Args:
        block: the matches; they share forward passes.
        game_of: the game of a name.
        player_of: for who sits in a seat and the match, a key that equal players share and the player.
        rules: what happens to illegal replies and endless matches.
        clerk: who answers what games ask of critics and of the sandbox.
    """
    tables = [_Seated(place, match, game_of(match.game), rules) for place, match in enumerate(block)]
    _go_on(tables, clerk)
    desks: dict[str, _Desk] = {}
    asking = [table for table in tables if table.is_waiting]
    while asking or any(desk.is_busy for desk in desks.values()):
        for table in asking:
            for request in table.live.requests():
                key, player = player_of(table.match.seats[request.seat], table.match)
                desks.setdefault(key, _Desk(player)).ask(table, request)
        spoken = {table.place: table for _, desk in sorted(desks.items()) for table in desk.advance()}
        asking = [table for _, table in sorted(spoken.items()) if table.is_answered]
        _go_on(asking, clerk)
        asking = [table for table in asking if table.is_waiting]
    return Played(
        episodes=tuple(table.episode() for table in tables if table.breakage is None),
        breakages=tuple(table.breakage for table in tables if table.breakage is not None),
    )


def _go_on(tables: Sequence["_Seated"], clerk: Clerk) -> None:
    """Run every game up to its next question: on from the replies, and on from the answers to what it called for."""
    _run_each([(table, table.submit) for table in tables])
    calling = [table for table in tables if table.breakage is None and table.live.call is not None]
    while calling:
        calls = [call for table in calling if (call := table.live.call) is not None]
        answers = clerk.answer(calls)
        _run_each([(table, partial(table.live.answer, answer)) for table, answer in zip(calling, answers, strict=True)])
        calling = [table for table in calling if table.breakage is None and table.live.call is not None]


def _run_each(steps: Sequence[tuple["_Seated", Callable[[], None]]]) -> None:
    """Run one step of every game; what a game breaks is written down, and time is up for one that neither asks nor ends."""
    at = 0
    broken: dict[str, Breakage] = {}
    while at < len(steps):
        limit_s = steps[at][0].rules.step_limit_s
        try:
            with time_limit(limit_s) as begin_anew:
                for table, step in steps[at:]:
                    begin_anew()
                    # What one match shows of a game need not be waited for in the others.
                    table.breakage = broken.get(table.match.game)
                    if table.breakage is None:
                        table.take_step(step)
                    if table.breakage is not None:
                        broken[table.match.game] = table.breakage
                    at += 1
        except TimeIsUp:
            table, _ = steps[at]
            table.run_out_of_time()
            if table.breakage is not None:
                broken[table.match.game] = table.breakage
            at += 1


class _Desk:
    """What a player was asked and has not answered. One that speaks as it pleases is asked turn by turn, another for all at once."""

    def __init__(self, player: Player) -> None:
        self._player = player
        self._asked: dict[int, _Seated] = {}
        self._at_once: list[tuple[_Seated, Request]] = []

    @property
    def is_busy(self) -> bool:
        return bool(self._asked or self._at_once)

    def ask(self, table: "_Seated", request: Request) -> None:
        if isinstance(self._player, Speaker):
            self._asked[self._player.ask(table.turn_request(request))] = table
        else:
            self._at_once.append((table, request))

    def advance(self) -> list["_Seated"]:
        """Have the next turns taken, all of them or the first that are ready; return the tables that have taken one."""
        if isinstance(self._player, Speaker):
            ready = self._player.advance() if self._asked else []
            spoken = [(self._asked.pop(ticket), turn) for ticket, turn in ready]
        else:
            asked, self._at_once = self._at_once, []
            try:
                turns = self._player.reply([table.turn_request(request) for table, request in asked]) if asked else []
            except GameError as error:  # a player that the game itself brought
                for table, _ in asked:
                    table.break_off(str(error))
                return []
            spoken = [(table, turn) for (table, _), turn in zip(asked, turns, strict=True)]
        for table, turn in spoken:
            table.take(turn)
        return [table for table, _ in spoken]


class _Seated:
    """A live match with the turns its seats have taken."""

    live: LiveMatch

    def __init__(self, place: int, match: Match, game: Game, rules: PlayRules) -> None:
        self.place = place
        self.match = match
        self.breakage: Breakage | None = None
        self._game = game
        self.rules = rules
        self._is_begun = False
        self._turns: list[Turn] = []
        self._own: dict[int, list[Turn]] = {seat: [] for seat in range(len(game.seats))}
        self._taken: dict[int, Turn] = {}

    @property
    def is_waiting(self) -> bool:
        """Whether a seat is to reply."""
        return self.breakage is None and not self.live.done

    @property
    def is_answered(self) -> bool:
        """Whether all seats that were to reply have."""
        return self.is_waiting and len(self._taken) == len(self.live.requests())

    def take_step(self, step: Callable[[], None]) -> None:
        """Run the game's own code; write down what it breaks."""
        try:
            step()
        except (GameError, ConfigError) as error:
            # The parameters were in order when the run began: a refusal now is the game's own.
            self.break_off(str(error) if self.match.game in str(error) else f"{self._game.name}: {error}; {self._told_how()}")

    def run_out_of_time(self) -> None:
        """Break off a game that neither asks nor ends."""
        last = f" after it asked seat {self.live.last_asked!r}" if hasattr(self, "live") and self.live.last_asked else ""
        self.break_off(f"{self._game.name} neither asked nor ended within {self.rules.step_limit_s:g} s{last}; {self._told_how()}")

    def _told_how(self) -> str:
        num_replies = len(self.live.replies) if hasattr(self, "live") else 0
        return f"played with {dict(self.match.params)}, seed {self.match.seed}, after {num_replies} replies"

    def break_off(self, message: str) -> None:
        """End the match for what its game did."""
        self.breakage = Breakage(game=self.match.game, episode_id=self.match.episode_id, message=message)

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
        if not self._is_begun:
            self._is_begun = True
            rules = self.rules
            self.live = LiveMatch(self._game, self.match.params, Seed(self.match.seed), retries=rules.retries, max_turns=rules.max_turns)
            return
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
            calls=live.calls,
        )
