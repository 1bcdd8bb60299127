"""What every driver of a game does alike: run it to its next question, read its options, read a reply."""

import ctypes
import re
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence

from socratic.errors import ConfigError, GameError, GameTooLarge, IllegalMove
from socratic.game.contract import Game
from socratic.game.failures import ANYTHING, PASSING, first_line, game_failure
from socratic.game.table import HALVES, Appeal, Ask, Legal, Question, Scores, Table, is_writable

# Enough for a small game's moves; a longer list would drown the prompt.
MAX_OPTIONS_SHOWN = 12
# Each question copies and checks its list: past this, that is all that a game would do. A pattern or a parser costs nothing.
MAX_OPTIONS = 100_000
# Short lists come again and again, and are checked once.
MAX_REMEMBERED = 64
MAX_LISTS = 4096
MAX_LETTERS = 2000

# What ends a step of a game that did nothing wrong.
OVER: tuple[type[BaseException], ...] = (StopIteration, GameTooLarge, *PASSING)

_checked_lists: dict[tuple[object, ...], tuple[str, ...]] = {}


def read_reply(reply: str, legal: Legal) -> object:
    """Return the move that a reply is.

    Whatever ends a line (U+2028, a form feed, ...) is a line feed to the game: what asks for one line gets one, and no player can forge a
    second one by a character that the game did not think of.

    Raises:
        IllegalMove: it is none.
    """
    text = reply.strip()
    if not isinstance(legal, (list, tuple)):
        text = "\n".join(text.splitlines())
    if legal is None:
        return text
    if isinstance(legal, re.Pattern):
        if legal.fullmatch(text):
            return text
        raise IllegalMove
    if callable(legal):
        try:
            return legal(text)
        except ValueError as error:
            raise IllegalMove(str(error)) from error
    if text in legal:
        return text
    shown = ", ".join(legal[:MAX_OPTIONS_SHOWN]) + (", ..." if len(legal) > MAX_OPTIONS_SHOWN else "")
    raise IllegalMove(f"Choose: {shown}.")


def options_of(game: Game, question: Question) -> tuple[str, ...] | None:
    """Return the options where `legal` is a list, None where it is something else.

    Raises:
        GameError: `legal` is not what a question may carry.
    """
    # A game is not held to its types: what it hands over is checked here.
    legal: object = question.legal
    if isinstance(legal, (list, tuple)) and len(legal) <= MAX_REMEMBERED:
        key = tuple(legal)
        try:
            known = _checked_lists.get(key)
        except TypeError:
            known = None  # something in it that cannot even be looked up: refused below
        if known is not None:
            return known
    asked = f"{game.name} asked seat {game.seats[question.seat]!r}"
    if legal is None or isinstance(legal, re.Pattern) or callable(legal):
        return None
    if isinstance(legal, str) or not isinstance(legal, Sequence) or not legal:
        raise GameError(f"{asked} with legal={legal!r}, expected a list of options, a compiled pattern, a parser or None")
    if len(legal) > MAX_OPTIONS:
        raise GameError(f"{asked} with {len(legal)} options, expected at most {MAX_OPTIONS}; give a compiled pattern or a parser instead")
    options = [_checked_option(option, asked) for option in legal]
    if len(set(options)) != len(options):
        twice = next(option for option, num in Counter(options).items() if num > 1)
        raise GameError(f"{asked} with the option {twice!r} twice")
    if len(options) <= MAX_REMEMBERED and sum(map(len, options)) <= MAX_LETTERS:
        if len(_checked_lists) >= MAX_LISTS:
            _checked_lists.clear()
        _checked_lists[tuple(options)] = tuple(options)
    return tuple(options)


def _checked_option(option: object, asked: str) -> str:
    if not isinstance(option, str) or not option or option != option.strip():
        raise GameError(f"{asked} with the option {option!r}, expected a text without spaces around it")
    if not is_writable(option):
        raise GameError(f"{asked} with the option {option!r}, which cannot be written down; {HALVES}")
    return option


def next_effect(
    game: Game, table: Table, coroutine: Coroutine[object, object, Scores], answer: object, told_how: Callable[[], str]
) -> Ask[object] | Appeal[object]:
    """Run a game up to what it awaits next; `told_how` says how to come here again.

    Raises:
        StopIteration: the game returned its scores.
        GameError: it failed, or awaited something other than its table.
    """
    try:
        asked = coroutine.send(answer)
    except OVER:
        raise  # the game is over, or whoever walks it has seen enough
    except ConfigError as error:
        # Parameters are refused as a match begins; later it is no caller's mistake.
        if table.is_begun:
            raise game_failure(f"{game.name} failed {last_asked(game, table)}", error, told_how()) from error
        raise
    except GameError as error:
        said = first_line(error)
        named = said if game.name in said else f"{game.name} failed {last_asked(game, table)}: {said}"
        raise GameError(f"{named}; {told_how()}") from error
    except ANYTHING as error:
        # What asyncio says where no loop runs, and none ever does here.
        if isinstance(error, RuntimeError) and "running event loop" in str(error):
            raise GameError(f"{_foreign_await(game, table, str(error))}; {told_how()}") from error
        raise game_failure(f"{game.name} failed {last_asked(game, table)}", error, told_how()) from error
    if isinstance(asked, (Ask, Appeal)) and asked.table is table:
        table.is_begun = True
        return asked
    close(coroutine)
    raise GameError(f"{_foreign_await(game, table, repr(asked))}; {told_how()}")


def close(coroutine: Coroutine[object, object, Scores]) -> bool:
    """End a game's coroutine where it stands; False where it will not end, because it catches what it cannot name."""
    try:
        coroutine.close()
    except PASSING:
        raise
    except ANYTHING:
        # Python would try again as it lets go of it, at the end of the process too, where the game may loop for ever: it is kept.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(coroutine))
        return False
    return True


def last_asked(game: Game, table: Table) -> str:
    """Return where a game is, by whom it asked last."""
    seat = table.last_asked
    return "before its first question" if seat is None else f"after it asked seat {game.seats[seat]!r}"


def _foreign_await(game: Game, table: Table, found: str) -> str:
    after = last_asked(game, table)
    return (
        f"{game.name} awaited something other than its table {after} ({found}); only t.ask, t.ask_all, t.judge and t.execute may be awaited"
    )
