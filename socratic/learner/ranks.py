"""One learner on several ranks: each computes its share of the packs, and sums are taken over all.

Gradients are summed by hand after the last pack and not by hooks at each backward pass, so that ranks may have different
numbers of packs, or none, and nobody waits for a collective that another rank does not enter.
"""

from collections.abc import Sequence
from typing import TypeVar

import torch
from accelerate import Accelerator
from torch import Tensor, nn

T = TypeVar("T")


class Ranks:
    """The ranks that accelerate knows of; one, if it was told of none."""

    def __init__(self, accelerator: Accelerator) -> None:
        """Ask `accelerator` who is there."""
        self._accelerator = accelerator

    @property
    def num(self) -> int:
        """How many ranks there are."""
        return int(self._accelerator.num_processes)

    def own(self, packs: Sequence[T]) -> Sequence[T]:
        """Return this rank's share."""
        return packs[self._accelerator.process_index :: self.num]

    def total(self, values: Tensor) -> Tensor:
        """Return the sum over all ranks."""
        if self.num == 1:
            return values
        summed = self._accelerator.reduce(values, reduction="sum")
        assert isinstance(summed, Tensor)
        return summed

    def greatest(self, value: float) -> float:
        """Return the greatest of all ranks' values."""
        if self.num == 1:
            return value
        gathered = self._accelerator.gather(torch.tensor([value], device=self._accelerator.device))
        assert isinstance(gathered, Tensor)
        return float(gathered.max())

    def total_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Put the sum over all ranks in place of each gradient; a rank without packs brings zeros."""
        if self.num == 1:
            return
        flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1).float() for p in parameters])
        summed, start = self.total(flat), 0
        for parameter in parameters:
            size = parameter.numel()
            parameter.grad = summed[start : start + size].view_as(parameter).to(parameter.dtype)
            start += size
