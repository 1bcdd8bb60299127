"""Rows of free text that grow side by side: one pass a step draws a token for every row, and reads whoever comes new in the same pass.

A row that ends leaves at once, and the next in waiting takes its place. What a row has read is kept for a while, so that the next turn
of the same conversation reads only what is new. All of it depends on the order in which rows were asked for, never on time.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from socratic.policy.drawing import Drawn, Prompt
from socratic.policy.fast.graphs import StepGraphs
from socratic.policy.fast.looks import RowsLook, TreeLook, paths_of
from socratic.policy.fast.passes import Beside, FastModel, Look, Worn
from socratic.policy.fast.sampling import draw_tokens
from socratic.policy.fast.shelf import Shelf
from socratic.policy.fast.slots import Slots
from socratic.policy.options import Tokens
from socratic.policy.token_tree import pack_token_trees

# Nodes of the trees that newcomers bring to a pass.
PASS_NODES = 2048
# Memory of the rows that grow at a time; what finds no room waits.
CACHE_BYTES = {"cpu": 2 << 30, "cuda": 16 << 30}


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How rows are drawn."""

    temperature: float
    max_new_tokens: int
    max_rows: int  # that grow at a time
    pack_tokens: int  # nodes of a tree of contexts that are read for the first time
    ends: frozenset[int]


@dataclass(kw_only=True, slots=True)
class _Row:
    """A reply that grows."""

    ticket: int
    prompt: Prompt
    version: int
    length: int = 0  # places of it in the cache
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)

    def add(self, token: int, logprob: float) -> None:
        """Take the token that was drawn; the one before it has been read by now."""
        self.length += bool(self.tokens)
        self.tokens.append(token)
        self.logprobs.append(logprob)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reading:
    """Tokens that newcomers bring to a pass, and where each newcomer's last token is among them."""

    look: Look
    tokens: Sequence[int]
    positions: Sequence[int]
    versions: Sequence[int]
    lasts: Sequence[int]
    rows: Sequence[int]  # whose each last token is; one may be several rows'


class Lane:
    """Rows that one set of weights draws: one version, or several of an adapter."""

    def __init__(self, model: FastModel, worn: Worn | None, num_versions: int, pace: Pace, shelf: Shelf) -> None:
        """Draw with `model`, each row wearing its version of `worn`; conversations are kept on `shelf`."""
        self._model = model
        self._worn = worn
        self._num_versions = num_versions
        self._pace = pace
        self._shelf = shelf
        self._most_places = CACHE_BYTES.get(model.device.type, CACHE_BYTES["cpu"]) // model.bytes_per_place
        self._waiting: deque[_Row] = deque()
        self._rows: list[_Row] = []
        self._slots = Slots(
            layers=len(model.body.layers),
            num_kv_heads=model.shape.num_kv_heads,
            head_dim=model.shape.head_dim,
            dtype=model.dtype,
            device=model.device,
        )
        self._graphs = StepGraphs(model, worn, num_versions, self._slots, pace.temperature) if model.device.type == "cuda" else None

    @property
    def is_busy(self) -> bool:
        """Whether a reply is still to be drawn."""
        return bool(self._rows or self._waiting)

    def ask(self, ticket: int, prompt: Prompt, version: int) -> None:
        """Have a reply drawn as soon as there is room."""
        self._waiting.append(_Row(ticket=ticket, prompt=prompt, version=version))

    @torch.no_grad()
    def step(self) -> list[tuple[int, Drawn]]:
        """Draw one token for every row, newcomers included; return the replies that ended."""
        num_old = len(self._rows)
        newcomers = self._admitted()
        self._rows += newcomers
        self._slots.make_room(len(self._rows), self._longest(self._rows), num_old, self._pace.max_rows)
        if self._graphs is not None and not newcomers:
            self._replay(self._graphs)
            return self._retire()
        readings, trees = self._readings(num_old)
        hidden_MX = self._run(num_old, readings)
        for tree_look, rows, paths in trees:
            self._fill(tree_look, rows, paths)
        lasts, owners = list(range(num_old)), list(range(num_old))
        offset = num_old
        for reading in readings:
            lasts += [offset + last for last in reading.lasts]
            owners += reading.rows
            offset += len(reading.tokens)
        self._draw(hidden_MX, lasts, owners)
        return self._retire()

    def _admitted(self) -> list[_Row]:
        """Return who may begin now: as many as there are rows and memory for, in the order of asking; one in any case."""
        admitted: list[_Row] = []
        places = self._longest(self._rows)
        while self._waiting:
            count = len(self._rows) + len(admitted)
            places = max(places, self._longest([self._waiting[0]]))
            if count >= self._pace.max_rows or (count and (count + 1) * places > self._most_places):
                break
            admitted.append(self._waiting.popleft())
        return admitted

    def _longest(self, rows: Sequence[_Row]) -> int:
        return max((len(row.prompt.context_ids) for row in rows), default=0) + self._pace.max_new_tokens

    def _replay(self, graphs: StepGraphs) -> None:
        """Draw one token for every row by a recorded step."""
        rows = self._rows
        tokens, logprobs = graphs.step(
            [row.tokens[-1] for row in rows],
            [row.length for row in rows],
            [row.version for row in rows],
            [row.prompt.seed.uniform(len(row.tokens)) for row in rows],
        )
        for row, token, logprob in zip(rows, tokens, logprobs, strict=True):
            row.add(token, logprob)

    def _run(self, num_old: int, readings: Sequence[_Reading]) -> Tensor:
        rows = self._rows[:num_old]
        tokens = [row.tokens[-1] for row in rows]
        positions = [row.length for row in rows]
        versions = [row.version for row in rows]
        looks: list[Look] = []
        sizes: list[int] = []
        if rows:
            looks.append(self._rows_look(list(range(num_old)), positions, 1, is_prefix=True))
            sizes.append(num_old)
        for reading in readings:
            tokens += reading.tokens
            positions += reading.positions
            versions += reading.versions
            looks.append(reading.look)
            sizes.append(len(reading.tokens))
        look = looks[0] if len(looks) == 1 else Beside(looks=looks, sizes=sizes)
        device = self._model.device
        return self._model.hidden(torch.tensor(tokens, device=device), torch.tensor(positions, device=device), look, self._wear(versions))

    def _wear(self, versions: Sequence[int]) -> Worn | None:
        if self._worn is None or self._num_versions == 1:
            return self._worn
        one_hot = torch.eye(self._num_versions, dtype=self._model.dtype, device=self._model.device)
        return Worn(layers=self._worn.layers, versions_MK=one_hot[torch.tensor(versions, device=self._model.device)])

    def _rows_look(self, rows: Sequence[int], starts: Sequence[int], num_new: int, *, is_prefix: bool) -> RowsLook:
        device = self._model.device
        return RowsLook(
            self._slots,
            torch.tensor(rows, device=device),
            torch.tensor(starts, device=device),
            num_new,
            max(starts) + num_new,
            self._model.shape,
            is_prefix=is_prefix,
        )

    def _readings(self, num_old: int) -> tuple[list[_Reading], list[tuple[TreeLook, list[int], list[NDArray[np.int64]]]]]:
        """Return what newcomers read: contexts that are new as trees, conversations that go on from what is kept of them."""
        fresh: dict[int, dict[Tokens, list[int]]] = {}
        going_on: dict[int, list[int]] = {}
        for place in range(num_old, len(self._rows)):
            row = self._rows[place]
            context = row.prompt.context_ids
            held = self._shelf.take(row.version, row.prompt.extends, context)
            row.length = len(context)
            if held is None:
                fresh.setdefault(row.version, {}).setdefault(context, []).append(place)
                continue
            self._slots.give(place, held)
            num_new = len(context) - held.shape[3]
            going_on.setdefault(1 << (num_new - 1).bit_length(), []).append(place)
        readings, trees = [], []
        for version, contexts in fresh.items():
            sequences = list(contexts)
            for tree in pack_token_trees(sequences, self._pace.pack_tokens, PASS_NODES):
                look = TreeLook(tree, self._model.shape, device=self._model.device, dtype=self._model.dtype, keeps=True)
                owners = [contexts[sequences[member]] for member in tree.members]
                rows = [row for own in owners for row in own]
                paths = [path for path, own in zip(paths_of(tree), owners, strict=True) for _ in own]
                trees.append((look, rows, paths))
                readings.append(
                    _Reading(
                        look=look,
                        tokens=tree.tokens_N.tolist(),
                        positions=tree.depths_N.tolist(),
                        versions=[version] * len(tree.tokens_N),
                        lasts=[int(end) for end, own in zip(tree.ends_S, owners, strict=True) for _ in own],
                        rows=rows,
                    )
                )
        readings += [self._going_on(rows) for _, rows in sorted(going_on.items())]
        return readings, trees

    def _going_on(self, rows: Sequence[int]) -> _Reading:
        contexts = [self._rows[row].prompt.context_ids for row in rows]
        starts = [len(self._rows[row].prompt.extends) for row in rows]
        news = [context[start:] for context, start in zip(contexts, starts, strict=True)]
        num_new = max(map(len, news))
        self._slots.make_room(len(self._rows), max(starts) + num_new, len(self._rows), self._pace.max_rows)
        return _Reading(
            look=self._rows_look(rows, starts, num_new, is_prefix=False),
            tokens=[token for new in news for token in (*new, *[0] * (num_new - len(new)))],
            positions=[start + place for start in starts for place in range(num_new)],
            versions=[self._rows[row].version for row in rows for _ in range(num_new)],
            lasts=[place * num_new + len(new) - 1 for place, new in enumerate(news)],
            rows=rows,
        )

    def _fill(self, look: TreeLook, rows: Sequence[int], paths: Sequence[NDArray[np.int64]]) -> None:
        nodes = np.zeros((len(rows), max(map(len, paths))), dtype=np.int64)
        for place, path in enumerate(paths):
            nodes[place, : len(path)] = path
        self._slots.put(rows, look.keys_values(), torch.from_numpy(nodes).to(self._model.device))

    def _draw(self, hidden_MX: Tensor, lasts: Sequence[int], owners: Sequence[int]) -> None:
        device = self._model.device
        distinct = list(dict.fromkeys(lasts))
        place_of = {last: place for place, last in enumerate(distinct)}
        logits_UV = self._model.logits(hidden_MX[torch.tensor(distinct, device=device)])
        if len(distinct) < len(lasts):
            logits_UV = logits_UV[torch.tensor([place_of[last] for last in lasts], device=device)]
        rows = [self._rows[owner] for owner in owners]
        uniforms_B = torch.tensor([row.prompt.seed.uniform(len(row.tokens)) for row in rows], dtype=torch.float32, device=device)
        tokens_B, logprobs_B = draw_tokens(logits_UV, uniforms_B, self._pace.temperature)
        for row, token, logprob in zip(rows, tokens_B.tolist(), logprobs_B.tolist(), strict=True):
            row.add(token, logprob)

    def _retire(self) -> list[tuple[int, Drawn]]:
        """Let go of the rows that ended, and close the gaps with the last ones."""
        ended = [place for place, row in enumerate(self._rows) if self._has_ended(row)]
        drawn = []
        for place in ended:
            row = self._rows[place]
            drawn.append((row.ticket, self._drawn(row)))
            kept = (*row.prompt.context_ids, *row.tokens[:-1])
            self._shelf.put(row.version, kept, partial(self._slots.take, place, row.length))
        num_left = len(self._rows) - len(ended)
        gaps = [place for place in ended if place < num_left]
        gone = set(ended)
        movers = [place for place in range(num_left, len(self._rows)) if place not in gone]
        if movers:
            self._slots.move(movers, gaps, max(self._rows[place].length for place in movers))
        for gap, mover in zip(gaps, movers, strict=True):
            self._rows[gap] = self._rows[mover]
        del self._rows[num_left:]
        return drawn

    def _has_ended(self, row: _Row) -> bool:
        return row.tokens[-1] in self._pace.ends or len(row.tokens) >= self._pace.max_new_tokens

    def _drawn(self, row: _Row) -> Drawn:
        return Drawn(
            token_ids=tuple(row.tokens),
            logprobs=tuple(row.logprobs),
            allowed=None,
            is_truncated=row.tokens[-1] not in self._pace.ends,
        )
