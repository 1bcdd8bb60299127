"""`socratic play`: people at the terminal, a reply a line, against scripted players."""

import shlex
import shutil
import sys
import textwrap
from collections.abc import Sequence
from math import isnan
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from socratic.cli.clerk import standard_clerk
from socratic.cli.games import GameName, Level, Param, chosen_params
from socratic.cli.output import print_json, typed
from socratic.errors import ConfigError, PlayError, SocraticError
from socratic.game import Bot, Clerk, Game, LiveMatch, Params, Request, settle
from socratic.game.bots import own_player
from socratic.game.contract import TOLERANCE
from socratic.records import SELF, Match
from socratic.registry import load_game
from socratic.seeds import Seed
from socratic.tracker.sanitise import sanitise

if TYPE_CHECKING:
    from socratic.protocols import Player

RANDOM, OPTIMAL = "random", "optimal"
FIRST, EVERYBODY = "0", "all"
# People mistype; the turn limit of a match still holds.
RETRIES = 1000
MAX_OPTIONS_SHOWN = 24
MAX_TEXT_SHOWN = 4000
# A reply of several lines is written between these two.
BLOCK, END_OF_BLOCK = "<<<", ">>>"
HOW_TO_BLOCK = f"(A reply of several lines: {BLOCK} alone in a line, the reply, {END_OF_BLOCK} alone in a line.)"


def play(
    name: GameName,
    seat: Annotated[str, typer.Option(help="Your seat, by name or number; all: you play every seat.")] = FIRST,
    vs: Annotated[str, typer.Option(help="Who plays the other seats: random or optimal.")] = RANDOM,
    param: Param = None,
    level: Level = None,
    seed: Annotated[int, typer.Option(help="The key of the match's chance and of the others' play.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the match as JSON; the talk goes to standard error.")] = False,
) -> None:
    """Play a game yourself; replies come from standard input, one a line, or several lines of free text between <<< and >>>."""
    game = load_game(name)
    params = chosen_params(game, level, param)
    people = _people(game, seat)
    clerk = standard_clerk()
    others = _opponent(game, params, vs, seed, clerk) if len(people) < len(game.seats) else None
    live = LiveMatch(game, params, Seed(seed), retries=RETRIES)
    terminal = Terminal(live, people, sys.stderr if as_json else sys.stdout)
    terminal.open(vs, seed)
    settle([live], clerk)
    while not live.done:
        replies = {}
        for request in live.requests():
            if others is None or request.seat in people:
                replies[request.seat] = terminal.ask(request)
            else:
                replies[request.seat] = others(request, Seed(seed).child("players", request.turn))
        live.submit(replies)
        settle([live], clerk)
    terminal.close()
    if as_json:
        print_json(_facts(live, people, vs))
    else:
        print(f"\nanother match: {typed(_again(name, seat, vs, level, param, seed + 1))}")


class Terminal:
    """Shows people what their seats see, as it comes, and reads their replies."""

    def __init__(self, live: LiveMatch, people: frozenset[int], out: TextIO) -> None:
        """Show the match `live` to the seats `people` on `out`."""
        self._live = live
        self._game = live.game
        self._people = people
        self._out = out
        self._shown = dict.fromkeys(people, 0)
        self._last: int | None = None
        self._is_told_how_to_block = False

    def open(self, vs: str, seed: int) -> None:
        """Say what is played, and by whom."""
        who = [f"{name} ({'you' if seat in self._people else vs})" for seat, name in enumerate(self._game.seats)]
        self._print(f"{self._game.name}, seed {seed}. Seats: {', '.join(who)}. Ctrl-C leaves.")
        self._print("")
        for line in _wrapped(self._game.rules, shutil.get_terminal_size().columns):
            self._print(line)
        self._print("")

    def ask(self, request: Request) -> str:
        """Show what is new to a seat, and return its reply.

        Raises:
            PlayError: the input ended.
        """
        seat = request.seat
        self._turn_to(seat)
        self._show(seat, len(request.view) - 1)
        self._shown[seat] = len(request.view)
        self._print(f"{request.prompt} {_options(request.legal)}".rstrip())
        if request.legal is None and not self._is_told_how_to_block:
            self._print(HOW_TO_BLOCK)
            self._is_told_how_to_block = True
        while True:
            line = self._read(request).strip()
            reply = self._read_block(request) if request.legal is None and line == BLOCK else line
            if reply.strip():
                return _as_option(reply, request.legal)

    def close(self) -> None:
        """Show what is new at the end, and the scores."""
        for seat in sorted(self._people):
            unseen = self._live.view(seat)[self._shown[seat] :]
            if any(line.speaker != SELF for line in unseen):
                self._turn_to(seat)
            self._show(seat, len(self._live.view(seat)))
        self._print("")
        if self._live.ending != "finished":
            self._print(f"The match ended by {(self._live.ending or '').replace('_', ' ')}.")
        for seat, score in enumerate(self._live.scores or ()):
            who = f"{self._game.seats[seat]} (you)" if seat in self._people else self._game.seats[seat]
            self._print(f"{who} {_outcome(self._game, score)}")
        if self._live.truths:
            self._print("It was so: " + ", ".join(f"{name} {value}" for name, value in self._live.truths.items()))

    def _turn_to(self, seat: int) -> None:
        """Say whose lines follow, where several people share the terminal."""
        if len(self._people) > 1 and seat != self._last:
            self._print(f"--- {self._game.seats[seat]} ---")
        self._last = seat

    def _show(self, seat: int, upto: int) -> None:
        for line in self._live.view(seat)[self._shown[seat] : upto]:
            if line.speaker != SELF:
                self._print(line.text)
        self._shown[seat] = upto

    def _read_block(self, request: Request) -> str:
        lines: list[str] = []
        while (line := self._read(request)).strip() != END_OF_BLOCK:
            lines.append(line)
        return "\n".join(lines)

    def _read(self, request: Request) -> str:
        """Return the next line of the input, which a terminal has shown already."""
        print("> ", end="", file=self._out, flush=True)
        try:
            line = sys.stdin.readline()
        except UnicodeDecodeError as error:
            raise PlayError(f"the input is no text: {error}; give it as {sys.stdin.encoding}") from None
        if not line:
            self._print("")
            raise PlayError(
                f"the input ended at question {len(self._live.replies) + 1}, while seat {self._game.seats[request.seat]!r} "
                f"was asked {request.prompt!r}; give it a line for each reply, and {END_OF_BLOCK} after one of several lines"
            )
        if not sys.stdin.isatty():
            self._print(line.rstrip())
        return line.rstrip()

    def _print(self, text: str) -> None:
        # A game's text may have lines, a board for one; nothing in them may move the cursor.
        for line in text.split("\n"):
            print(sanitise(line, MAX_TEXT_SHOWN), file=self._out)


def _people(game: Game, seat: str) -> frozenset[int]:
    """Return the seats that people play.

    Raises:
        ConfigError: there is no such seat.
    """
    seats = range(len(game.seats))
    if seat in game.seats:
        return frozenset({game.seats.index(seat)})
    if seat == EVERYBODY:
        return frozenset(seats)
    if seat in map(str, seats):
        return frozenset({int(seat)})
    known = ", ".join(f"{index} {name}" for index, name in enumerate(game.seats))
    raise ConfigError(f"{game.name} has no seat {seat!r}; its seats: {known}; or {EVERYBODY}")


def _opponent(game: Game, params: Params, vs: str, seed: int, clerk: Clerk) -> Bot:
    """Return who plays the seats that no person plays.

    Raises:
        ConfigError: there is no such player.
    """
    if vs not in {RANDOM, OPTIMAL}:
        raise ConfigError(f"--vs is {vs!r}, expected {RANDOM} or {OPTIMAL}")
    own = own_player(game, vs, params)
    if own is not None:
        return lambda request, draws: own.reply(request, draws, seed)
    return _random_bot(game) if vs == RANDOM else _solved_bot(game, params, seed, clerk)


def _random_bot(game: Game) -> Bot:
    def reply(request: Request, seed: Seed) -> str:
        if request.legal is None:
            raise ConfigError(
                f"{game.name} asks seat {game.seats[request.seat]!r} for free text, and has no bot('random') that answers; "
                f"play every seat yourself with --seat {EVERYBODY}"
            )
        return request.legal[seed.integer(len(request.legal))]

    return reply


def _solved_bot(game: Game, params: Params, seed: int, clerk: Clerk) -> Bot:
    from socratic.policy.scripted import ScriptedPlayers
    from socratic.protocols import TurnRequest

    name = f"scripted:{OPTIMAL}"
    match = Match(episode_id="play", game=game.name, params=params, seed=seed, draw_seed=seed, seats=(name,) * len(game.seats), version=0)
    try:
        player: Player = ScriptedPlayers(lambda _: game, clerk).player(name, match)
    except SocraticError as error:
        raise ConfigError(f"{error}; play it with --vs {RANDOM}, or every seat yourself with --seat {EVERYBODY}") from None

    def reply(request: Request, seed: Seed) -> str:
        del seed  # the strategy draws from the match's own
        (turn,) = player.reply(
            [TurnRequest(match=match, seat=request.seat, turn=request.turn, view=request.view, own_turns=(), legal=request.legal)]
        )
        return turn.reply

    return reply


def _wrapped(text: str, width: int) -> list[str]:
    """Return the lines of a text as wide as the terminal; a paragraph with lists or boards keeps its own lines."""
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        own = paragraph.splitlines()
        is_prose = not any(line.startswith((" ", "-", "*", "|")) for line in own)
        for piece in [" ".join(own)] if is_prose else own:
            lines += textwrap.wrap(piece, width, subsequent_indent=piece[: len(piece) - len(piece.lstrip())])
        lines.append("")
    return lines[:-1]


def _options(legal: Sequence[str] | None) -> str:
    """Return the options as they are typed; a long list by its ends."""
    if legal is None:
        return ""
    if len(legal) <= MAX_OPTIONS_SHOWN:
        return f"[{', '.join(legal)}]"
    half = MAX_OPTIONS_SHOWN // 2
    return f"[{', '.join(legal[:half])}, ... {', '.join(legal[-half:])}: {len(legal)} options]"


def _as_option(reply: str, legal: Sequence[str] | None) -> str:
    """Return the one option that a reply is but for capitals, else the reply."""
    if legal is None or reply in legal:
        return reply
    meant = [option for option in legal if option.casefold() == reply.casefold()]
    return meant[0] if len(meant) == 1 else reply


def _outcome(game: Game, score: float) -> str:
    if isnan(score):
        return "has no score: a critic could not say"
    if not game.zero_sum:
        return f"scored {score:g} ({game.bounds[0]:g} to {game.bounds[1]:g})"
    return "drew 0" if abs(score) <= TOLERANCE else f"{'won' if score > 0 else 'lost'} {score:+g}"


def _facts(live: LiveMatch, people: frozenset[int], vs: str) -> dict[str, object]:
    return {
        "game": live.game.name,
        "version": live.game.version,
        "params": live.params,
        "seed": live.seed.key,
        "players": {name: "human" if seat in people else vs for seat, name in enumerate(live.game.seats)},
        "ending": live.ending,
        "scores": dict(zip(live.game.seats, live.scores or (), strict=True)),
        "replies": list(live.replies),
    }


def _again(name: str, seat: str, vs: str, level: int | None, param: Sequence[str] | None, seed: int) -> str:
    """Return the words of the command for the next match."""
    words = ["play", name]
    words += ["--seat", seat] if seat != FIRST else []
    words += ["--vs", vs] if vs != RANDOM else []
    words += ["--level", str(level)] if level is not None else []
    for given in param or []:
        words += ["-p", given]
    return shlex.join([*words, "--seed", str(seed)])
