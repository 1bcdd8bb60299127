"""Log-probabilities of drawn tokens from hidden states, some rows at a time: the whole table of places by vocabulary is never there.

The head's product is computed once more for the gradient, which costs less than passing a table of that size through memory.

Shape letters: M places, X hidden width, V vocabulary, K drawn tokens.
"""

from typing import Protocol, cast

import torch
from torch import Tensor

ROWS = 64  # at a time


def drawn_log_probs(hidden_MX: Tensor, head_VX: Tensor, rows_K: Tensor, tokens_K: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Return the log-probability of each drawn token, and every place's entropy, both float32, shapes (K,) and (M,).

    Args:
        hidden_MX: last hidden states.
        head_VX: the head's weight.
        rows_K: at which place each token was drawn.
        tokens_K: which it was.
        temperature: what logits are divided by.

    Gradients flow through the log-probabilities alone, to the states and to the head where they ask for one.
    """
    found = _DrawnLogProbs.apply(hidden_MX, head_VX, rows_K, tokens_K, temperature)  # type: ignore[no-untyped-call]  # torch leaves it so
    return cast("tuple[Tensor, Tensor]", found)


class _Kept(Protocol):
    """What of autograd's context is used here."""

    saved_tensors: tuple[Tensor, ...]
    needs_input_grad: tuple[bool, ...]
    temperature: float

    def save_for_backward(self, *tensors: Tensor) -> None: ...

    def mark_non_differentiable(self, *tensors: Tensor) -> None: ...


class _DrawnLogProbs(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: _Kept, hidden_MX: Tensor, head_VX: Tensor, rows_K: Tensor, tokens_K: Tensor, temperature: float
    ) -> tuple[Tensor, Tensor]:
        logp_K = torch.empty(len(rows_K), dtype=torch.float32, device=hidden_MX.device)
        sums_M, entropy_M = (torch.empty(len(hidden_MX), dtype=torch.float32, device=hidden_MX.device) for _ in range(2))
        for start in range(0, len(hidden_MX), ROWS):
            part = slice(start, start + ROWS)
            logits_RV = _logits(hidden_MX[part], head_VX, temperature)
            sum_R1 = torch.logsumexp(logits_RV, dim=-1, keepdim=True)
            own = ((rows_K >= start) & (rows_K < start + ROWS)).nonzero()[:, 0]
            logp_K[own] = logits_RV[rows_K[own] - start, tokens_K[own]] - sum_R1[rows_K[own] - start, 0]
            logits_RV.sub_(sum_R1)
            entropy_M[part] = -torch.einsum("rv,rv->r", logits_RV.exp(), logits_RV)
            sums_M[part] = sum_R1[:, 0]
        ctx.save_for_backward(hidden_MX, head_VX, rows_K, tokens_K, sums_M)
        ctx.temperature = temperature
        ctx.mark_non_differentiable(entropy_M)
        return logp_K, entropy_M

    @staticmethod
    def backward(ctx: _Kept, slopes_K: Tensor, unused: Tensor) -> tuple[Tensor | None, ...]:
        del unused
        hidden_MX, head_VX, rows_K, tokens_K, sums_M = ctx.saved_tensors
        grad_MX = torch.empty_like(hidden_MX)
        grad_VX = torch.zeros(head_VX.shape, dtype=torch.float32, device=head_VX.device) if ctx.needs_input_grad[1] else None
        total_M = torch.zeros_like(sums_M).index_add_(0, rows_K, slopes_K)
        for start in range(0, len(hidden_MX), ROWS):
            part = slice(start, start + ROWS)
            # d logp / d logits = one-hot - softmax.
            slopes_RV = _logits(hidden_MX[part], head_VX, ctx.temperature).sub_(sums_M[part, None]).exp_().mul_(-total_M[part, None])
            own = ((rows_K >= start) & (rows_K < start + ROWS)).nonzero()[:, 0]
            slopes_RV.index_put_((rows_K[own] - start, tokens_K[own]), slopes_K[own], accumulate=True)
            slopes_RV = slopes_RV.div_(ctx.temperature).to(hidden_MX.dtype)
            grad_MX[part] = slopes_RV @ head_VX
            if grad_VX is not None:
                grad_VX += slopes_RV.t() @ hidden_MX[part]
        return grad_MX, None if grad_VX is None else grad_VX.to(head_VX.dtype), None, None, None


def _logits(hidden_RX: Tensor, head_VX: Tensor, temperature: float) -> Tensor:
    logits_RV = (hidden_RX @ head_VX.t()).float()
    return logits_RV if temperature == 1.0 else logits_RV.div_(temperature)
