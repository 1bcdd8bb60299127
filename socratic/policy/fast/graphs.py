"""One step of every row as a CUDA graph: recorded once for a number of rows and a width, and replayed without Python in between.

On a small model a step is hundreds of kernels that each take microseconds; launched one by one they wait for Python.

Shape letters: B rows of a graph (rows beyond those in use draw nothing that counts), K versions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from socratic.policy.fast.looks import RowsLook
from socratic.policy.fast.passes import FastModel, Worn
from socratic.policy.fast.sampling import draw_tokens
from socratic.policy.fast.slots import STEP, Slots

MAX_RECORDED = 16  # each holds memory of its own
WARM_UPS = 2  # before a recording, so that libraries have made their choices and their workspaces


Step = Callable[[], tuple[Tensor, Tensor]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """A step that can be taken again: it reads and writes the same memory each time."""

    replay: Callable[[], object]
    results: tuple[Tensor, Tensor]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Prepared:
    recording: Recording
    places_3B: Tensor  # token, position, version of each row
    uniforms_B: Tensor


def record_cuda(step: Step) -> Recording:
    """Record a step as a CUDA graph."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UPS):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = step()
    return Recording(replay=graph.replay, results=results)


class StepGraphs:
    """Recorded steps over one cache."""

    def __init__(
        self,
        model: FastModel,
        worn: Worn | None,
        num_versions: int,
        slots: Slots,
        temperature: float,
        record: Callable[[Step], Recording] = record_cuda,
    ) -> None:
        """Record steps of `model` over `slots` with `record`."""
        self._model = model
        self._worn = worn
        self._num_versions = num_versions
        self._slots = slots
        self._temperature = temperature
        self._record = record
        self._met: set[tuple[int, int]] = set()
        self._prepared: dict[tuple[int, int], _Prepared] = {}
        self._moves = -1  # how often the cache had moved when these were recorded

    def step(
        self, tokens: Sequence[int], positions: Sequence[int], versions: Sequence[int], uniforms: Sequence[float]
    ) -> tuple[list[int], list[float]]:
        """Draw the next token of each row; the rows are the cache's first, in order. Return tokens and log-probabilities."""
        count = len(tokens)
        rows = min(1 << (count - 1).bit_length(), self._slots.num_rows)
        width = min(-(-(max(positions) + 1) // STEP) * STEP, self._slots.num_places)
        if self._moves != self._slots.moves:
            self._prepared = {}
            self._met = set()
            self._moves = self._slots.moves
        spare = [0] * (rows - count)
        places = torch.tensor([[*tokens, *spare], [*positions, *spare], [*versions, *spare]])
        wanted = torch.tensor([*uniforms, *spare], dtype=torch.float32)
        if (rows, width) not in self._met:  # a recording takes as long as several steps: one that comes once is not worth it
            self._met.add((rows, width))
            results = self._draw(places.to(self._model.device), wanted.to(self._model.device), width)
        else:
            results = self._replay(rows, width, places, wanted)
        drawn = torch.stack([each.double() for each in results])[:, :count].tolist()
        return [int(token) for token in drawn[0]], drawn[1]

    def _replay(self, rows: int, width: int, places_3B: Tensor, uniforms_B: Tensor) -> tuple[Tensor, Tensor]:
        prepared = self._prepared.get((rows, width))
        if prepared is None:
            while len(self._prepared) >= MAX_RECORDED:
                del self._prepared[next(iter(self._prepared))]
            prepared = self._prepared[rows, width] = self._prepare(rows, width)
        prepared.places_3B.copy_(places_3B)
        prepared.uniforms_B.copy_(uniforms_B)
        prepared.recording.replay()
        return prepared.recording.results

    def _prepare(self, rows: int, width: int) -> _Prepared:
        device = self._model.device
        places_3B = torch.zeros((3, rows), dtype=torch.int64, device=device)
        uniforms_B = torch.zeros(rows, dtype=torch.float32, device=device)
        # Recording takes steps at place 0 of every row, where keys and values of contexts stand.
        held = self._slots.first_places(rows)
        recording = self._record(partial(self._draw, places_3B, uniforms_B, width))
        self._slots.put_first_places(held)
        return _Prepared(recording=recording, places_3B=places_3B, uniforms_B=uniforms_B)

    def _draw(self, places_3B: Tensor, uniforms_B: Tensor, width: int) -> tuple[Tensor, Tensor]:
        rows_B = torch.arange(places_3B.shape[1], device=places_3B.device)
        look = RowsLook(self._slots, rows_B, places_3B[1], 1, width, self._model.shape, is_prefix=True)
        worn = self._worn
        if worn is not None and self._num_versions > 1:
            one_hot_KK = torch.eye(self._num_versions, dtype=self._model.dtype, device=places_3B.device)
            worn = Worn(layers=worn.layers, versions_MK=one_hot_KK[places_3B[2]])
        hidden_BX = self._model.hidden(places_3B[0], places_3B[1], look, worn)
        return draw_tokens(self._model.logits(hidden_BX), uniforms_B, self._temperature)
