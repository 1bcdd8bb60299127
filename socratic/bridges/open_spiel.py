"""OpenSpiel's games as ours: `openspiel:kuhn_poker`, `openspiel:kuhn_poker(players=3)`; needs the extra `openspiel`.

What a seat is shown makes its view its information state, as OpenSpiel has it:

- perfect information, and games of one seat: the observation string when it is asked, and every move and draw of the others;
- hidden information: the information-state string when it is asked, or, where the game has none, every new observation string;
- one simultaneous move with nothing drawn before: the position itself, which says the payoffs of a matrix game.

Nothing is cut off. A long text that only goes on from what the seat was last shown is shown from there, after `...`.
Draws go through the table with OpenSpiel's weights. A game that draws inside itself is played with its `rng_seed` drawn by the
table instead, anew for each match. A seat without a say at a simultaneous move is not asked.
"""

import difflib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Protocol, cast

from socratic.bridges.open_spiel_protocols import SpielGame, SpielMoves, SpielState, SpielType
from socratic.bridges.surroundings import QuietErrors
from socratic.errors import ConfigError, GameError, IllegalMove, UnknownGame
from socratic.game import Bot, Game, Params, Request, Scores, Table
from socratic.game.contract import TOLERANCE
from socratic.seeds import Seed

SCHEME = "openspiel"
# Two draws of this many make a seed: enough that no two matches meet, and the tree refuses to walk them.
SEED_DIGITS = 10_000
# The table takes no longer list.
MAX_LISTED = 100_000
# More than this many moves would drown the position.
MAX_MOVES_SHOWN = 40
NUM_EXAMPLES = 12
# A shorter text is shown whole each time: it is easier to read than its end.
LONG = 200
GOES_ON = "... "
# A long list of moves is given by number too, so that whoever cannot see it can still play.
NUMBERED = re.compile(r"#([1-9][0-9]*)")
NUM_MOVES = re.compile(r"Choose one of (\d+) moves")
MAX_REASON = 200
# To reach a game's first move: always the same card would be dealt for ever in some. More than any game needs.
MAX_DRAWS_TRIED = 1000
# Positions of these depend on nothing but what they print and who moves: a test walks small ones and holds them to it.
PRINT_ALL = frozenset({"breakthrough", "clobber", "connect_four", "hex", "mnk", "nim", "tic_tac_toe"})


class Library(Protocol):
    """What the bridge calls of `pyspiel`."""

    def load_game(self, name: str, parameters: Mapping[str, object] = ..., /) -> SpielGame:
        """Return the game of that name; in text form the name may carry its parameters."""
        ...

    def registered_games(self) -> Sequence[SpielType]:
        """Return what is declared of every game."""
        ...


class OpenSpielGame(Game):
    """One of OpenSpiel's games."""

    def __init__(self, rest: str, spiel: SpielGame) -> None:
        """Take seats, bounds and rules of view from what OpenSpiel declares.

        Raises:
            ConfigError: the game cannot be played here; the message says why.
        """
        kind = spiel.get_type()
        self._spiel = spiel
        self._draws_inside = kind.chance_mode.name == "SAMPLED_STOCHASTIC"
        _check_playable(rest, spiel)
        self.name = f"{SCHEME}:{rest}"
        # The longest list that a question can carry.
        self.max_options = max(1, spiel.num_distinct_actions())
        num_seats = spiel.num_players()
        low, high = spiel.min_utility(), spiel.max_utility()
        self.seats = tuple(f"player{seat}" for seat in range(num_seats))
        self.bounds = (low, high)
        # Constant sums other than 0 do not count, nor does a solo form of a game for more.
        is_zero_sum = kind.utility.name == "ZERO_SUM"
        self.zero_sum = is_zero_sum and num_seats > 1 and low < 0 < high and -low / (num_seats - 1) <= high + TOLERANCE
        self.forfeit = min(max(0.0, low), high)
        self.rules = f"{kind.long_name}, as OpenSpiel plays it."
        self.version = _version(rest)
        self._is_open = kind.information.name == "PERFECT_INFORMATION"
        self._shows = _what_is_shown(kind, num_seats)
        self._shows_all = self._shows == "observation" and not self._is_open
        self._prints_all = kind.short_name in PRINT_ALL
        super().__init__()

    def bot(self, name: str, params: Params | None = None) -> Bot | None:
        """Return the player that moves at random, also where there are too many moves to list."""
        del params
        return _random_move if name == "random" else None

    async def play(self, t: Table) -> Scores:
        """Play from OpenSpiel's first position to its end.

        Raises:
            GameError: the match is longer than OpenSpiel says it can be.
        """
        state = self._first_state(t)
        shown = [""] * len(self.seats)
        for seat, name in enumerate(self.seats):
            t.tell(seat, f"{self._spiel.get_type().long_name}. You are {name}.")
        num_moves = 0
        while not state.is_terminal():
            if self._prints_all:
                t.same((state.current_player(), str(state)))
            if state.is_chance_node():
                self._draw(t, state)
                continue
            num_moves += 1
            if num_moves > self._spiel.max_game_length():
                raise GameError(f"{self.name} was not over after its own limit of {self._spiel.max_game_length()} moves")
            await self._move(t, state, shown)
        t.truth(history=state.history())
        return tuple(state.returns())

    def _first_state(self, t: Table) -> SpielState:
        if not self._draws_inside:
            return self._spiel.new_initial_state()
        seed = t.choose(range(SEED_DIGITS)) * SEED_DIGITS + t.choose(range(SEED_DIGITS))
        parameters = {**self._spiel.get_parameters(), "rng_seed": seed}
        return _library().load_game(self._spiel.get_type().short_name, parameters).new_initial_state()

    def _draw(self, t: Table, state: SpielState) -> None:
        """Let chance move, in sight of all where nothing is hidden."""
        outcomes = state.chance_outcomes()
        outcome = t.choose([outcome for outcome, _ in outcomes], [weight for _, weight in outcomes])
        if self._is_open and len(outcomes) > 1:
            t.tell(None, f"Chance: {' '.join(state.action_to_string(state.current_player(), outcome).split())}")
        state.apply_action(outcome)

    async def _move(self, t: Table, state: SpielState, shown: list[str]) -> None:
        """Ask those who are to move, and move; `shown` is what each seat was last shown."""
        moves = self._moves(state)
        prompts: dict[int, str] = {}
        for seat in moves if not self._shows_all else range(len(self.seats)):
            text = self._text(state, seat)
            news = _news(text, shown[seat])
            if seat in moves:
                prompts[seat] = f"{_told_moves(moves[seat])}\n{news}".rstrip()
            elif text != shown[seat]:
                t.tell(seat, news)
            shown[seat] = text
        # A list that is too long would cost more than the game; where one seat's is, all are read alike.
        if max(map(len, moves.values())) > MAX_LISTED:
            replies = await t.ask_all({seat: (prompts[seat], _reader(moves[seat])) for seat in moves})
        else:
            replies = await t.ask_all({seat: (prompts[seat], tuple(moves[seat])) for seat in moves})
        if self._is_open:
            for mover, reply in replies.items():
                t.tell([seat for seat in range(len(self.seats)) if seat != mover], f"{self.seats[mover]}: {reply}")
        if state.is_simultaneous_node():
            # 0 is OpenSpiel's action of a seat that has none.
            state.apply_actions([moves[seat][replies[seat]] if seat in moves else 0 for seat in range(len(self.seats))])
        else:
            (mover,) = moves
            state.apply_action(moves[mover][replies[mover]])

    def _moves(self, state: SpielState) -> dict[int, dict[str, int]]:
        """Return the moves, in words, of each seat that has a say.

        Raises:
            GameError: none has.
        """
        seats = range(len(self.seats)) if state.is_simultaneous_node() else (state.current_player(),)
        moves = {seat: named_moves(state, seat) for seat in seats}
        moves = {seat: named for seat, named in moves.items() if named}
        if not moves:
            raise GameError(f"{self.name} is not over and nobody has a move: {str(state)[:MAX_REASON]!r}")
        return moves

    def _text(self, state: SpielState, seat: int) -> str:
        if self._shows == "position":
            return str(state).strip("\n")
        return (state.observation_string if self._shows == "observation" else state.information_state_string)(seat).strip("\n")


def load(rest: str) -> OpenSpielGame:
    """Return the game that OpenSpiel knows by this name, with its parameters in OpenSpiel's own syntax.

    Raises:
        ConfigError: OpenSpiel is not installed, the parameters do not fit, or the game cannot be played here.
        UnknownGame: OpenSpiel has no such game; the message names the nearest.
    """
    library = _library()
    names = sorted(kind.short_name for kind in library.registered_games())
    short_name = rest.partition("(")[0].strip()
    if short_name not in names:
        nearest = difflib.get_close_matches(short_name, names, n=3, cutoff=0.5)
        known = f"did you mean {' or '.join(nearest)}?" if nearest else f"it has {len(names)}, among them {', '.join(names[:NUM_EXAMPLES])}"
        raise UnknownGame(f"OpenSpiel has no game {short_name!r}; {known}")
    try:
        with QuietErrors():
            return OpenSpielGame(rest, library.load_game(rest))
    except RuntimeError as error:
        raise ConfigError(f"OpenSpiel cannot load {rest!r}: {_reason(error)}") from None


def playable_names() -> tuple[str, ...]:
    """Return every game that OpenSpiel loads by its name alone; some of them `load` refuses.

    Raises:
        ConfigError: OpenSpiel is not installed.
    """
    return tuple(sorted(kind.short_name for kind in _library().registered_games() if kind.default_loadable))


def named_moves(state: SpielMoves, seat: int) -> dict[str, int]:
    """Return a seat's moves by their words, in OpenSpiel's order.

    Words that name several moves, or none, get the action's number, so that each is one text without spaces around it.
    """
    actions = state.legal_actions(seat)
    texts = [" ".join(state.action_to_string(seat, action).split()) for action in actions]
    count = Counter(texts)
    named = {
        text if text and count[text] == 1 else f"{text} (action {action})".strip(): action
        for text, action in zip(texts, actions, strict=True)
    }
    return named if len(named) == len(actions) else {f"action {action}": action for action in actions}


def _library() -> Library:
    try:
        import pyspiel
    except ModuleNotFoundError:
        raise ConfigError("OpenSpiel is not installed: pip install 'socratic-loop[openspiel]'") from None
    return cast("Library", pyspiel)


def _check_playable(rest: str, spiel: SpielGame) -> None:
    """Refuse what has no seats, no words, or chance that nobody can play again."""
    kind = spiel.get_type()
    refused = f"openspiel:{rest} cannot be played"
    if kind.dynamics.name not in {"SEQUENTIAL", "SIMULTANEOUS"}:
        raise ConfigError(f"{refused}: a mean-field game is played by a crowd, and has no seats")
    if kind.chance_mode.name == "SAMPLED_STOCHASTIC" and "rng_seed" not in spiel.get_parameters():
        raise ConfigError(f"{refused}: it draws chance inside itself and takes no rng_seed, so that no match can be replayed")
    if not (kind.provides_information_state_string or kind.provides_observation_string):
        raise ConfigError(f"{refused}: it has neither information-state strings nor observation strings to show")
    state = spiel.new_initial_state()
    try:
        for draw in range(MAX_DRAWS_TRIED):
            if not state.is_chance_node():
                break
            outcomes = state.chance_outcomes()
            state.apply_action(outcomes[Seed(0).weighted([weight for _, weight in outcomes], draw)][0])
        if not (state.is_terminal() or state.is_chance_node()):
            state.legal_actions(max(0, state.current_player()))
    except RuntimeError as error:
        raise ConfigError(f"{refused}: {_reason(error)}") from None


def _what_is_shown(kind: SpielType, num_seats: int) -> str:
    if kind.information.name == "ONE_SHOT" and kind.chance_mode.name == "DETERMINISTIC":
        return "position"
    is_enough = kind.information.name == "PERFECT_INFORMATION" or num_seats == 1
    if kind.provides_observation_string and (is_enough or not kind.provides_information_state_string):
        return "observation"
    return "information"


def _version(rest: str) -> str:
    source = "".join(path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("open_spiel*.py")))
    return blake2b(f"{source}\0{version('open_spiel')}\0{rest}".encode(), digest_size=8).hexdigest()


def _reason(error: RuntimeError) -> str:
    """Return a message of OpenSpiel's as one line, without the place in its source."""
    lines = [re.sub(r"^\S+\.(cc|h):\d+ ", "", line.strip()) for line in str(error).splitlines()]
    return "; ".join(filter(None, lines))[:MAX_REASON]


def _news(text: str, shown: str) -> str:
    """Return what to show of a text: all of it, or how it goes on where that is all that is new."""
    if len(text) > LONG and shown and text.startswith(shown):
        return GOES_ON + text[len(shown) :].strip("\n")
    return text


def _told_moves(moves: Mapping[str, int]) -> str:
    words = tuple(moves)
    if len(words) <= MAX_MOVES_SHOWN:
        return f"Choose: {', '.join(words)}."
    numbers = f" (or its number, #1 to #{len(words)})" if len(words) > MAX_LISTED else ""
    return f"Choose one of {len(words)} moves{numbers}, such as {', '.join(words[:NUM_EXAMPLES])}."


def _reader(moves: Mapping[str, int]) -> Callable[[str], str]:
    """Return a parser for moves that are too many to list: by their words or by their place."""

    def read(text: str) -> str:
        if text in moves:
            return text
        number = NUMBERED.fullmatch(text)
        # More digits than the number of moves has are no place, and too many would not even be read.
        if number and len(number[1]) <= len(str(len(moves))) and int(number[1]) <= len(moves):
            return tuple(moves)[int(number[1]) - 1]
        raise IllegalMove(_told_moves(moves))

    return read


def _random_move(request: Request, seed: Seed) -> str:
    if request.legal is not None:
        return request.legal[seed.integer(len(request.legal), 1)]
    told = NUM_MOVES.search(request.prompt)
    return f"#{seed.integer(int(told[1]), 1) + 1}" if told else "#1"
