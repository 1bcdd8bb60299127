"""Walk every branch of a game by replaying it, and write the tree down as arrays.

Chance and asks are effects that the driver answers, so a game that branches nowhere else is walked by answering each of them in
every way: depth first, one replay from the start for each leaf.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from socratic.errors import GameError, GameTooLarge
from socratic.game.calls import Clerk, check_answer
from socratic.game.contract import Game, Params
from socratic.game.driving import next_effect, options_of
from socratic.game.table import Appeal, Ledger, Lines, Question, Table
from socratic.records import SELF, Answer, Judgement, Line

# A finite game of up to 100,000 leaves has no branch near this long; a game that never ends has.
MAX_DEPTH = 2000
# Enough to walk a small game's branch by hand, and still one line.
MAX_STEPS_SHOWN = 20
CHANCE_SLOT = -1  # the edge is chance's
NO_SLOT = -1  # the seat has not moved yet


@dataclass(frozen=True, kw_only=True, slots=True)
class InformationState:
    """What a seat knows when it is to move; where `t.same` merged positions, as the first path to it showed it."""

    index: int
    seat: int
    view: tuple[Line, ...]
    legal: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class TreeArrays:
    """A tree as arrays.

    E edges, sorted by level and parent; L leaves; S seats; I information states. A *slot* is one move at one information state:
    those of state i are `start_I[i]` to `start_I[i + 1]`.
    """

    num_nodes: int
    level_bounds: tuple[tuple[int, int], ...]  # where the edges of each level begin and end
    parent_E: NDArray[np.int64]
    child_E: NDArray[np.int64]
    slot_E: NDArray[np.int64]  # CHANCE_SLOT where chance moves
    chance_E: NDArray[np.float64]  # 1 where a seat moves
    leaf_L: NDArray[np.int64]
    scores_LS: NDArray[np.float64]
    last_slot_LS: NDArray[np.int64]  # each seat's last move before the leaf
    start_I: NDArray[np.int64]  # one longer than I
    seat_I: NDArray[np.int64]
    last_slot_I: NDArray[np.int64]  # the same seat's move before this state
    num_nodes_I: NDArray[np.int64]  # how many nodes the seat cannot tell apart
    is_merged: bool


class Walker:
    """One walk over all branches of a game."""

    def __init__(self, game: Game, params: Params | None, *, max_leaves: int, merge: bool, clerk: Clerk) -> None:
        self.game = game
        self.params = game.complete(params)
        self.max_leaves = max_leaves
        self.merge = merge
        self._clerk = clerk
        self.states: list[InformationState] = []
        self._lines = Lines()
        self._own_lines: dict[str, Line] = {}
        self._state_of_key: dict[Hashable, int] = {}
        self._start: list[int] = [0]
        self._last_slot_of_state: list[int] = []
        self._num_nodes_of_state: list[int] = []
        self._num_nodes = 0
        self._edges: list[tuple[int, int, int, float]] = []  # parent, child, slot, chance
        self._leaves: list[tuple[int, tuple[float, ...], tuple[int, ...]]] = []  # node, scores, last slots
        # The branch being walked: node, its information state (CHANCE_SLOT: chance), its options and where among them we are.
        self._path_node: list[int] = []
        self._path_state: list[int] = []
        self._path_options: list[Sequence[int]] = []
        self._path_chances: list[Sequence[float] | None] = []
        self._path_at: list[int] = []
        self._num_replays = 0
        self._num_untried = 0  # options on the path that no replay has taken yet: each takes one at least
        self._depth = 0
        self._last_slots: list[int] = []
        self._node_of_same: dict[Hashable, int] = {}
        self._waiting_same: list[Hashable] = []
        self._is_cut = False
        self._has_merged = False

    def walk(self) -> TreeArrays:
        """Walk the whole tree.

        Raises:
            GameTooLarge: more leaves than the cap, an ask without a list, or a branch without an end.
            GameError: the game breaks its contract.
        """
        while True:
            self._check_room(1)
            self._replay()
            self._num_replays += 1
            while self._path_at and self._path_at[-1] + 1 == len(self._path_options[-1]):
                for column in (self._path_node, self._path_state, self._path_options, self._path_chances, self._path_at):
                    column.pop()
            if not self._path_at:
                return self._arrays()
            self._path_at[-1] += 1
            self._num_untried -= 1

    def _replay(self) -> None:
        """Play one branch: as the path says while it lasts, then the first option of everything."""
        views: tuple[list[Line], ...] = tuple([] for _ in self.game.seats)
        ledger = Ledger(views=views, lines=self._lines, on_same=self._on_same if self.merge else None)
        table = Table(ledger, self._roll, name=self.game.name, seats=self.game.seats, zero_sum=self.game.zero_sum, bounds=self.game.bounds)
        self._depth = 0
        self._last_slots = [NO_SLOT] * len(views)
        self._waiting_same.clear()
        self._is_cut = False
        coroutine = self.game.play(table, **self.params)
        answer: object = None
        try:
            while True:
                effect = next_effect(self.game, table, coroutine, answer, self._told_how)
                if self._is_cut:
                    coroutine.close()
                    return
                if isinstance(effect, Appeal):
                    answer = self._result(effect)
                else:
                    answer = self._answer(effect.questions, ledger, is_single=effect.is_single)
        except StopIteration as end:
            if not self._is_cut:
                node = self._new_node()
                self._leaves.append((node, self.game.checked_scores(end.value), tuple(self._last_slots)))

    def _result(self, appeal: Appeal[object]) -> Answer:
        """Have a program run: it always comes to the same."""
        if isinstance(appeal.call, Judgement):
            raise GameTooLarge(
                f"{self.game.name} {self.params} asks a critic {appeal.call.question!r}: what it scores is no rule, so it has no tree"
            )
        [answer] = self._clerk.answer([appeal.call])
        check_answer(self.game.name, appeal.call, answer)
        return answer

    def _answer(self, questions: tuple[Question, ...], ledger: Ledger, *, is_single: bool) -> object:
        """Answer one ask; where it is simultaneous, one seat after the other, none of them seeing the others."""
        replies = {}
        for question in questions:
            view = ledger.views[question.seat]
            view.append(self._lines[question.prompt])
            reply = self._decide(question, view)
            ledger.said.append(reply)
            line = self._own_lines.get(reply)
            if line is None:
                line = self._own_lines[reply] = Line(speaker=SELF, text=reply)
            view.append(line)
            replies[question.seat] = reply
        return next(iter(replies.values())) if is_single else replies

    def _decide(self, question: Question, view: list[Line]) -> str:
        depth = self._depth
        seat = question.seat
        if depth == len(self._path_at):
            options = options_of(self.game, question)
            if options is None:
                raise GameTooLarge(
                    f"{self.game.name} asks seat {self.game.seats[seat]!r} {question.prompt!r} without a list of options: "
                    f"it has no finite tree"
                )
            state = self._state(seat, view, options)
            self._extend(state, range(len(options)), None)
        state = self._path_state[depth]
        at = self._path_at[depth]
        self._last_slots[seat] = self._start[state] + at
        self._depth = depth + 1
        return self.states[state].legal[at]

    def _roll(self, options: Sequence[object], weights: Sequence[float] | None) -> int:
        if self._is_cut:
            return 0
        depth = self._depth
        if depth == len(self._path_at):
            if weights is None:
                self._check_room(len(options))
                self._extend(CHANCE_SLOT, range(len(options)), (1.0 / len(options),) * len(options))
            else:
                total = sum(weights)
                possible = [index for index, weight in enumerate(weights) if weight > 0]
                if not possible:
                    raise GameError(f"{self.game.name} chose with weights {weights!r}, expected a positive sum")
                self._extend(CHANCE_SLOT, possible, [weights[index] / total for index in possible])
        self._depth = depth + 1
        return self._path_options[depth][self._path_at[depth]]

    def _state(self, seat: int, view: list[Line], options: tuple[str, ...]) -> int:
        """Return the index of the information state, new or known.

        The seat's last slot is part of the key, so that no seat ever forgets what it knew and did. Lines are made once in a
        walk, so their ids stand for them.
        """
        key = (seat, self._last_slots[seat], options, tuple(map(id, view)))
        state = self._state_of_key.get(key)
        if state is None:
            state = self._state_of_key[key] = len(self.states)
            self.states.append(InformationState(index=state, seat=seat, view=tuple(view), legal=options))
            self._start.append(self._start[-1] + len(options))
            self._last_slot_of_state.append(self._last_slots[seat])
            self._num_nodes_of_state.append(0)
        self._num_nodes_of_state[state] += 1
        return state

    def _extend(self, state: int, options: Sequence[int], chances: Sequence[float] | None) -> None:
        if len(self._path_at) == MAX_DEPTH:
            raise GameTooLarge(f"{self.game.name} {self.params} has a branch of more than {MAX_DEPTH} moves; does it end?")
        self._check_room(len(options))
        self._num_untried += len(options) - 1
        self._path_node.append(self._new_node())
        self._path_state.append(state)
        self._path_options.append(options)
        self._path_chances.append(chances)
        self._path_at.append(0)

    def _check_room(self, num_options: int) -> None:
        """Give up as soon as the options ahead are more than the leaves allowed, not when all of them have been walked."""
        if self._num_replays + self._num_untried + num_options > self.max_leaves:
            raise GameTooLarge(
                f"{self.game.name} {self.params} has more than {self.max_leaves} leaves; "
                f"take a lower level, raise max_leaves, or merge equal positions with t.same"
            )

    def _told_how(self) -> str:
        """Return how to come here again."""
        steps = list(zip(self._path_state[:MAX_STEPS_SHOWN], self._path_options, self._path_at, strict=False))
        branch = [f"draw {options[at]}" if state == CHANCE_SLOT else repr(self.states[state].legal[at]) for state, options, at in steps]
        more = f" and {len(self._path_at) - len(steps)} more" if len(self._path_at) > len(steps) else ""
        return f"enumerated with {self.params}, on the branch {', '.join(branch) or 'without a choice'}{more}"

    def _new_node(self) -> int:
        node = self._num_nodes
        self._num_nodes += 1
        for key in self._waiting_same:
            self._node_of_same[key] = node
        self._waiting_same.clear()
        self._link(node)
        return node

    def _link(self, child: int) -> None:
        """Write down the edge from the end of the path to `child`."""
        if self._path_at:
            state, at, chances = self._path_state[-1], self._path_at[-1], self._path_chances[-1]
            slot = CHANCE_SLOT if state == CHANCE_SLOT else self._start[state] + at
            self._edges.append((self._path_node[-1], child, slot, 1.0 if chances is None else chances[at]))

    def _on_same(self, key: Hashable) -> None:
        """Cut the branch where it reaches a position that is known, and link it there."""
        if self._is_cut or self._depth < len(self._path_at):
            return
        node = self._node_of_same.get(key)
        if node is None:
            self._waiting_same.append(key)
            return
        if node in self._path_node:
            raise GameTooLarge(f"{self.game.name} comes back to the position {key!r}: its tree does not end")
        self._link(node)
        self._is_cut = self._has_merged = True

    def _arrays(self) -> TreeArrays:
        parent_E, child_E, slot_E = (np.array([edge[at] for edge in self._edges], dtype=np.int64) for at in range(3))
        chance_E = np.array([edge[3] for edge in self._edges], dtype=np.float64)
        level_E = self._levels(parent_E, child_E)[parent_E]
        order = np.lexsort((slot_E, parent_E, level_E))
        bounds = np.searchsorted(level_E[order], np.arange(level_E.max(initial=-1) + 2))
        num_seats = len(self.game.seats)
        return TreeArrays(
            num_nodes=self._num_nodes,
            level_bounds=tuple((int(begin), int(end)) for begin, end in pairwise(bounds)),
            parent_E=parent_E[order],
            child_E=child_E[order],
            slot_E=slot_E[order],
            chance_E=chance_E[order],
            leaf_L=np.array([leaf[0] for leaf in self._leaves], dtype=np.int64),
            scores_LS=np.array([leaf[1] for leaf in self._leaves], dtype=np.float64).reshape(-1, num_seats),
            last_slot_LS=np.array([leaf[2] for leaf in self._leaves], dtype=np.int64).reshape(-1, num_seats),
            start_I=np.array(self._start, dtype=np.int64),
            seat_I=np.array([state.seat for state in self.states], dtype=np.int64),
            last_slot_I=np.array(self._last_slot_of_state, dtype=np.int64),
            num_nodes_I=np.array(self._num_nodes_of_state, dtype=np.int64),
            is_merged=self._has_merged,
        )

    def _levels(self, parent_E: NDArray[np.int64], child_E: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the longest way from the root to each node, so that every edge leads to a higher level."""
        levels = [0] * self._num_nodes
        edges = list(zip(parent_E.tolist(), child_E.tolist(), strict=True))
        changed = True
        # One pass does for a tree, whose edges are in order; merged positions take a few more.
        while changed:
            changed = False
            for parent, child in edges:
                if levels[child] <= levels[parent]:
                    levels[child] = levels[parent] + 1
                    changed = True
        return np.array(levels, dtype=np.int64)
