"""Our games for others: as a Gymnasium environment, a PettingZoo AEC environment, a verifiers taskset with its environment.

Each is a `LiveMatch` underneath: the same seed and replies give the same views and scores as here. A library is imported when
its function is called; one that is missing is a `ConfigError` that names the extra.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from socratic.errors import ConfigError, GameError, GameTooLarge, PlayError
from socratic.game import Bot, Game, LiveMatch, Params, Request
from socratic.game.calls import Clerk, NoClerk, settle
from socratic.game.live_match import MAX_TURNS
from socratic.game.time_limit import TimeIsUp, time_limit
from socratic.records import SELF, Answer, Call, Judgement, Line, Program
from socratic.registry import load_game
from socratic.seeds import Seed

if TYPE_CHECKING:
    import gymnasium
    from pettingzoo import AECEnv
    from verifiers.v1 import Env, Taskset

    from socratic.sandbox import Sandbox

# Walked in a second or two where a match is cheap; the time is for games where it is not.
MAX_LEAVES = 2_000
WALK_LIMIT_S = 3.0
# To see whether a game that is too large to walk lists its options. Where one question that none of these met does not, its
# options are none, and a text is taken.
NUM_RANDOM_MATCHES = 4
MAX_QUESTIONS = 200
SAMPLE_LIMIT_S = 5.0
# What a game may list at once and an index still name, where it does not say itself.
MAX_PLACES = 4096
SOME_WORDS = ("yes", "no", "0", "1", "2", "3", "a", "b", "pass")


class SandboxClerk:
    """Has programs run in the sandbox, started with the first of them; judgements nobody answers."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._sandbox: Sandbox | None = None

    def answer(self, calls: Sequence[Call]) -> Sequence[Answer]:
        """Return the programs' results.

        Raises:
            PlayError: the game asks a critic.
            ConfigError: the sandbox is not installed.
        """
        if judgements := [call for call in calls if isinstance(call, Judgement)]:
            return NoClerk().answer(judgements)
        if self._sandbox is None:
            from socratic.sandbox import Sandbox

            self._sandbox = Sandbox()
        return self._sandbox.run([call for call in calls if isinstance(call, Program)])


@dataclass(frozen=True, kw_only=True)
class Places:
    """Actions that are places: the i-th of the options that the question lists."""

    size: int


@dataclass(frozen=True, kw_only=True)
class Export:
    """What is exported: a game with its parameters, and how its matches are played."""

    game: Game
    params: Params
    clerk: Clerk = field(default_factory=SandboxClerk)
    retries: int = 0
    max_turns: int = MAX_TURNS

    def start(self, seed: Seed) -> LiveMatch:
        """Return a match that waits for a seat, or is done."""
        match = LiveMatch(self.game, self.params, seed, retries=self.retries, max_turns=self.max_turns)
        settle([match], self.clerk)
        return match

    def submit(self, match: LiveMatch, replies: Mapping[int, str]) -> frozenset[int]:
        """Give the replies, answer what the game asks of nobody at the table, and return the seats whose reply was no move."""
        refused = match.submit(replies)
        settle([match], self.clerk)
        return refused

    def bot(self, name_or_bot: str | Bot) -> Bot:
        """Return a scripted player of the game.

        Raises:
            ConfigError: the game has none of that name.
        """
        if not isinstance(name_or_bot, str):
            return name_or_bot
        bot = self.game.bot(name_or_bot, self.params)
        if bot is None and name_or_bot != "random":
            raise ConfigError(f"{self.game.name} has no scripted player {name_or_bot!r}; expected 'random' or a function of a request")
        return bot or random_reply

    def actions(self) -> tuple[str, ...] | Places | None:
        """Return every option of the game in the order found, places where there are too many to find, None where there are no lists."""
        from socratic.game.tree import enumerate_tree

        try:
            with time_limit(WALK_LIMIT_S):
                tree = enumerate_tree(self.game, self.params, MAX_LEAVES, clerk=self.clerk)
        except (GameTooLarge, TimeIsUp):
            return Places(size=min(MAX_PLACES, int(getattr(self.game, "max_options", MAX_PLACES)))) if self._lists_options() else None
        return tuple(dict.fromkeys(option for state in tree.information_states for option in state.legal))

    def _lists_options(self) -> bool:
        """Whether the questions of some random matches carry lists; what cannot be played here says nothing."""
        random = self.bot("random")
        num = 0
        try:
            with time_limit(SAMPLE_LIMIT_S):
                for index in range(NUM_RANDOM_MATCHES):
                    seed = Seed(index)
                    match = self.start(seed)
                    while num < MAX_QUESTIONS and (requests := match.requests()):
                        num += 1
                        if any(request.legal is None for request in requests):
                            return False
                        self.submit(match, {request.seat: random(request, seed.child("players", request.turn)) for request in requests})
        except (TimeIsUp, PlayError, GameError):
            return num > 0
        return True


def to_gymnasium(
    game: str | Game,
    params: Params | None = None,
    *,
    seat: int = 0,
    opponents: str | Bot = "random",
    clerk: Clerk | None = None,
    retries: int = 0,
    max_turns: int = MAX_TURNS,
) -> "gymnasium.Env[str, str]":
    """Return a game as an environment of one seat: a text in, a text out.

    The observation is all that the seat has seen; `info["legal"]` has the options where the game lists them. The reward is the
    score, at the end. `reset(seed=s)` starts the match of `Seed(s)`.

    Args:
        game: A game, or what `load_game` takes.
        params: Its parameters; defaults fill what is left out.
        seat: Whose view and replies these are.
        opponents: Who sits elsewhere: a scripted player of the game by name, or a function of request and seed.
        clerk: Answers what the game asks of a critic or of the sandbox; default: programs run in the sandbox, and a game that
            asks a critic needs a clerk of yours, anything with `answer(calls)` as in `socratic.game.Clerk`.
        retries: How often a seat may try again after an illegal reply, before it forfeits.
        max_turns: How many replies the match may have; then it is truncated.

    Raises:
        ConfigError: gymnasium is not installed, or the game has no such seat, parameter or player.
    """
    export = _export(game, params, clerk, retries, max_turns)
    if not 0 <= seat < len(export.game.seats):
        raise ConfigError(f"{export.game.name} has no seat {seat}, expected 0 to {len(export.game.seats) - 1}")
    try:
        from socratic.bridges.exports_gymnasium import GymnasiumSeat
    except ModuleNotFoundError as error:
        raise missing("gymnasium", error) from error
    return GymnasiumSeat(export, seat, export.bot(opponents))


def to_pettingzoo(
    game: str | Game,
    params: Params | None = None,
    *,
    moves: Sequence[str] | None = None,
    clerk: Clerk | None = None,
    retries: int = 0,
    max_turns: int = MAX_TURNS,
) -> "AECEnv[str, object, object]":
    """Return a game as an AEC environment: seats in turn, simultaneous questions one after another.

    Where all questions carry lists, an action is a number and the observation has an `action_mask`; elsewhere it is a text. The
    number is an index into `moves`, all options of the game, where these are given or the tree is small enough to find them
    (2,000 leaves, walked within 3 s). In a larger game it is a place: i stands for the i-th option that the question now lists,
    which `info["legal"]` has; there are as many places as the game says (`max_options`, OpenSpiel's number of distinct actions)
    and at most 4096. A text is taken as an action everywhere, also for an option that has no number. Nobody sees another's reply
    to a simultaneous question before all are in.

    Args:
        game: A game, or what `load_game` takes.
        params: Its parameters; defaults fill what is left out.
        moves: All options of the game; default: those of its tree. One that is not among them is masked out.
        clerk: Answers what the game asks of a critic or of the sandbox; default: programs run in the sandbox, and a game that
            asks a critic needs a clerk of yours, anything with `answer(calls)` as in `socratic.game.Clerk`.
        retries: How often a seat may try again after an illegal reply, before it forfeits.
        max_turns: How many replies the match may have; then it is truncated.

    Raises:
        ConfigError: pettingzoo is not installed, or the game has no such parameter.
    """
    export = _export(game, params, clerk, retries, max_turns)
    try:
        from socratic.bridges.exports_pettingzoo import PettingZooGame
    except ModuleNotFoundError as error:
        raise missing("pettingzoo", error) from error
    return PettingZooGame(export, tuple(moves) if moves is not None else export.actions())


def to_verifiers(
    game: str | Game, params: Params | None = None, *, clerk: Clerk | None = None, retries: int = 0
) -> "tuple[type[Taskset], type[Env]]":
    """Return a taskset, one task for each seed from 0 on, and an environment with one agent for each seat.

    verifiers loads a module by its `__all__`; so this is a whole plugin, and its id is the module's name:

        from socratic.bridges.exports import to_verifiers

        KuhnTaskset, KuhnEnv = to_verifiers("kuhn_poker")
        __all__ = ["KuhnEnv", "KuhnTaskset"]

    Each seat's score is its trace's reward `score`; the game's probes are metrics.

    Raises:
        ConfigError: verifiers is not installed, or the game has no such parameter.
    """
    export = _export(game, params, clerk, retries)
    try:
        from socratic.bridges.exports_verifiers import plugin
    except ModuleNotFoundError as error:
        raise missing("verifiers", error) from error
    return plugin(export)


def random_reply(request: Request, seed: Seed) -> str:
    """Return an option, all alike; some word where there is no list."""
    options = request.legal or SOME_WORDS
    return options[seed.integer(len(options), request.attempt)]


def shown(view: Sequence[Line]) -> str:
    """Return a view as one text: the game's lines, and the seat's own after `> `."""
    return "\n".join(f"> {line.text}" if line.speaker == SELF else line.text for line in view)


def missing(library: str, error: ModuleNotFoundError) -> ConfigError:
    """Return what to say where a library is not installed."""
    return ConfigError(f"{error.name} is not installed; pip install 'socratic-loop[{library}]'")


class Seeding:
    """The seeds of match after match: the one that is given, and from there on its children."""

    def __init__(self) -> None:
        """Start with seed 0."""
        self._first = Seed(0)
        self._num = 0

    def next(self, seed: int | None) -> Seed:
        """Return the seed of the next match."""
        if seed is not None:
            self._first, self._num = Seed(seed), 0
            return self._first
        self._num += 1
        return self._first.child("match", self._num)


def _export(game: str | Game, params: Params | None, clerk: Clerk | None, retries: int, max_turns: int = MAX_TURNS) -> Export:
    found = load_game(game) if isinstance(game, str) else game
    return Export(game=found, params=found.complete(params), clerk=clerk or SandboxClerk(), retries=retries, max_turns=max_turns)
