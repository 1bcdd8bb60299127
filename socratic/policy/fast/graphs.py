"""One step of every row as a CUDA graph: recorded once for a number of rows and a width, and replayed without Python in between.

On a small model a step is hundreds of kernels that each take microseconds; launched one by one they wait for Python.

Shape letters: B rows of a graph (rows beyond those in use draw nothing that counts), K versions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from socratic.policy.fast.looks import RowsLook
from socratic.policy.fast.passes import FastModel, Worn
from socratic.policy.fast.sampling import draw_tokens
from socratic.policy.fast.slots import STEP, Slots

WARM_UPS = 2  # before a recording, so that libraries have made their choices and their workspaces


@dataclass(frozen=True, kw_only=True, slots=True)
class _Recorded:
    graph: torch.cuda.CUDAGraph
    places_3B: Tensor  # token, position, version of each row
    uniforms_B: Tensor
    tokens_B: Tensor
    logprobs_B: Tensor


class StepGraphs:
    """Recorded steps over one cache."""

    def __init__(self, model: FastModel, worn: Worn | None, num_versions: int, slots: Slots, temperature: float) -> None:
        """Record steps of `model` over `slots`."""
        self._model = model
        self._worn = worn
        self._num_versions = num_versions
        self._slots = slots
        self._temperature = temperature
        self._recorded: dict[tuple[int, int], _Recorded] = {}
        self._moves = -1  # how often the cache had moved when these were recorded

    def step(
        self, tokens: Sequence[int], positions: Sequence[int], versions: Sequence[int], uniforms: Sequence[float]
    ) -> tuple[list[int], list[float]]:
        """Draw the next token of each row; the rows are the cache's first, in order. Return tokens and log-probabilities."""
        count = len(tokens)
        rows = min(1 << (count - 1).bit_length(), max(count, self._slots.num_rows))
        width = min(-(-(max(positions) + 1) // STEP) * STEP, self._slots.num_places)
        if self._moves != self._slots.moves:
            self._recorded = {}
            self._moves = self._slots.moves
        recorded = self._recorded.get((rows, width))
        if recorded is None:
            recorded = self._recorded[rows, width] = self._record(rows, width)
        spare = [0] * (rows - count)
        recorded.places_3B.copy_(torch.tensor([[*tokens, *spare], [*positions, *spare], [*versions, *spare]]))
        recorded.uniforms_B[:count].copy_(torch.tensor(uniforms, dtype=torch.float32))
        recorded.graph.replay()
        drawn = torch.stack([recorded.tokens_B.double(), recorded.logprobs_B.double()])[:, :count].tolist()
        return [int(token) for token in drawn[0]], drawn[1]

    def _record(self, rows: int, width: int) -> _Recorded:
        device = self._model.device
        places_3B = torch.zeros((3, rows), dtype=torch.int64, device=device)
        uniforms_B = torch.zeros(rows, dtype=torch.float32, device=device)
        stream = torch.cuda.Stream(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        # What these runs write stands in places that the real step writes anew, or in rows that nobody uses.
        held = self._slots.first_places(rows)
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                self._draw(places_3B, uniforms_B, width)
        torch.cuda.current_stream(device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            tokens_B, logprobs_B = self._draw(places_3B, uniforms_B, width)
        self._slots.put_first_places(held)
        return _Recorded(graph=graph, places_3B=places_3B, uniforms_B=uniforms_B, tokens_B=tokens_B, logprobs_B=logprobs_B)

    def _draw(self, places_3B: Tensor, uniforms_B: Tensor, width: int) -> tuple[Tensor, Tensor]:
        rows_B = torch.arange(places_3B.shape[1], device=places_3B.device)
        look = RowsLook(self._slots, rows_B, places_3B[1], 1, width, self._model.shape, is_prefix=True)
        worn = self._worn
        if worn is not None and self._num_versions > 1:
            one_hot_KK = torch.eye(self._num_versions, dtype=self._model.dtype, device=places_3B.device)
            worn = Worn(layers=worn.layers, versions_MK=one_hot_KK[places_3B[2]])
        hidden_BX = self._model.hidden(places_3B[0], places_3B[1], look, worn)
        return draw_tokens(self._model.logits(hidden_BX), uniforms_B, self._temperature)
