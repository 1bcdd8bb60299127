"""Tic-tac-toe: all is seen, and nothing is won by force."""

from functools import cache
from typing import TypedDict

from socratic.errors import ConfigError
from socratic.game import CHANCE, Bot, Params, Request, Scores, Seed, StepGame

LINES = ((0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6))
MARKS = "xo"
EMPTY = "123456789"
# Up to here at most one cell wins at a move of chance's, so that another is always left.
MAX_DRAWN_TO = 6


class Position(TypedDict):
    """The nine cells in order, an empty one as its number, and how many moves chance has still to make."""

    cells: str
    drawn: int  # below 0: chance has still to say how many, at most as many as this is below 0


def value(*, opening: str, drawn: int, varied: bool) -> float:
    """Return the first seat's score under optimal play from there on."""
    cells = _opened(opening, drawn)
    numbers = range(drawn + 1) if varied else [drawn]
    return sum(_value(cells, number) for number in numbers) / len(numbers)


class TicTacToe(StepGame[Position]):
    """Put your mark in a cell in turn; three in a line win, and a full board is a draw.

    `opening`: the cells taken before the match, x first; `drawn`: how many more chance takes, none of which wins; `varied`: chance
    takes that many or fewer, every number alike, so that play begins anywhere. From the empty board the value is 0 (M. Gardner,
    "The Scientific American book of mathematical puzzles and diversions", 1959).
    """

    seats = ("x", "o")
    zero_sum = True
    levels: tuple[Params, ...] = ({"opening": "513", "drawn": 1}, {"opening": "51", "drawn": 2}, {"drawn": 2}, {})
    optimum = staticmethod(value)

    def start(self, *, opening: str = "", drawn: int = 0, varied: bool = False) -> Position:
        """Return the position after the opening."""
        return {"cells": _opened(opening, drawn), "drawn": -drawn if varied else drawn}

    def to_act(self, state: Position) -> int | None:
        """Return the seat to act, chance while it opens, or None when the game is over."""
        cells = state["cells"]
        if _has_line(cells) or not _empty(cells):
            return None
        return CHANCE if state["drawn"] else _mover(cells)

    def observe(self, state: Position, seat: int) -> str:
        """Return the cells in order: marks, and the numbers of empty ones."""
        return f"Tic-tac-toe, you are {MARKS[seat]}: {' '.join(state['cells'])}"

    def legal(self, state: Position) -> list[str]:
        """Return the empty cells; for chance those that do not win, or how many it may take."""
        cells = state["cells"]
        if state["drawn"] < 0:
            return [str(number) for number in range(1 - state["drawn"])]
        return _quiet(cells) if state["drawn"] else _empty(cells)

    def act(self, state: Position, move: str) -> Position:
        """Return the position with the mover's mark in a cell."""
        if state["drawn"] < 0:
            return {"cells": state["cells"], "drawn": int(move)}
        return {"cells": _after(state["cells"], move), "drawn": max(0, state["drawn"] - 1)}

    def scores(self, state: Position) -> Scores:
        """Return the scores of a position that is over."""
        score = _first_score(state["cells"])
        return score, -score

    def bot(self, name: str, params: Params | None = None) -> Bot | None:
        """Return the player that moves uniformly among the best moves, by the name of `optimal`."""
        del params
        return _best_move if name == "optimal" else None


def _best_move(request: Request, seed: Seed) -> str:
    cells = "".join(request.prompt.split()[-len(EMPTY) :])
    sign = 1 if _mover(cells) == 0 else -1
    worth = {move: sign * _value(_after(cells, move), 0) for move in _empty(cells)}
    best = [move for move, value_ in worth.items() if value_ == max(worth.values())]
    return best[seed.integer(len(best), 0)]


@cache
def _value(cells: str, drawn: int) -> float:
    """Return the first seat's score when both play best after `drawn` moves of chance."""
    if _has_line(cells) or not _empty(cells):
        return _first_score(cells)
    values = [_value(_after(cells, move), max(0, drawn - 1)) for move in (_quiet(cells) if drawn else _empty(cells))]
    if drawn:
        return sum(values) / len(values)
    return max(values) if _mover(cells) == 0 else min(values)


def _opened(opening: str, drawn: int) -> str:
    cells = EMPTY
    for move in opening:
        if move not in _empty(cells) or _has_line(cells):
            raise ConfigError(f"tic_tac_toe: the opening is {opening!r}, expected numbers of empty cells and nobody to have won")
        cells = _after(cells, move)
    if _has_line(cells) or not _empty(cells):
        raise ConfigError(f"tic_tac_toe: the opening {opening!r} ends the game; expected it to leave a move")
    if drawn < 0 or (drawn and len(opening) + drawn > MAX_DRAWN_TO):
        raise ConfigError(
            f"tic_tac_toe: drawn is {drawn} after an opening of {len(opening)}, expected 0 or more, and at most {MAX_DRAWN_TO} in all"
        )
    return cells


def _empty(cells: str) -> list[str]:
    return [cell for cell in cells if cell not in MARKS]


def _quiet(cells: str) -> list[str]:
    """Return the empty cells that do not win."""
    return [move for move in _empty(cells) if not _has_line(_after(cells, move))]


def _mover(cells: str) -> int:
    return len(EMPTY) - len(_empty(cells)) & 1


def _after(cells: str, move: str) -> str:
    return cells.replace(move, MARKS[_mover(cells)])


@cache
def _has_line(cells: str) -> bool:
    return any(cells[a] == cells[b] == cells[c] for a, b, c in LINES)


def _first_score(cells: str) -> float:
    """Return the first seat's score of a position that is over: who is next did not make the line."""
    if not _has_line(cells):
        return 0.0
    return 1.0 if _mover(cells) == 1 else -1.0


tic_tac_toe = TicTacToe()
