"""Drawing a token from each row of logits with one uniform number: by blocks of the vocabulary, so that only one block is gone through.

Shape letters: B rows, V vocabulary, C blocks, W entries of a block.
"""

import torch
from torch import Tensor

BLOCK = 256
BELOW_ONE = 1.0 - 2.0**-24  # the largest float32 below 1
# Rows that are gone through at once on a CPU: what they need stays in its cache.
CPU_ROWS = 8


def draw_tokens(logits_BV: Tensor, uniforms_B: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Draw each row's token from the softmax of its logits over `temperature`; return tokens and their log-probabilities, shapes (B,).

    The inverse of the cumulative distribution at the row's uniform number, in float32: a row's draw depends on nothing but the row.
    """
    if logits_BV.device.type != "cpu" or len(logits_BV) <= CPU_ROWS:
        return _draw(logits_BV, uniforms_B, temperature)
    parts = [_draw(*part, temperature) for part in zip(logits_BV.split(CPU_ROWS), uniforms_B.split(CPU_ROWS), strict=True)]
    return torch.cat([tokens for tokens, _ in parts]), torch.cat([logprobs for _, logprobs in parts])


def _draw(logits_BV: Tensor, uniforms_B: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    peak_B1 = logits_BV.amax(dim=-1, keepdim=True)
    masses_BV = torch.sub(logits_BV.float(), peak_B1.float())
    if temperature != 1.0:
        masses_BV.div_(temperature)
    masses_BV.exp_()
    num_rows, size = masses_BV.shape
    if size % BLOCK:
        masses_BV = torch.nn.functional.pad(masses_BV, (0, BLOCK - size % BLOCK))
    masses_BCW = masses_BV.view(num_rows, -1, BLOCK)
    ends_BC = masses_BCW.sum(dim=-1).cumsum(dim=-1)
    total_B1 = ends_BC[:, -1:].contiguous()
    # In float32 a number just below 1 may have become 1, and sums that are taken in two ways round apart: nothing without mass is drawn.
    wanted_B1 = uniforms_B[:, None].to(total_B1).clamp(max=BELOW_ONE) * total_B1
    block_B1 = torch.minimum(torch.searchsorted(ends_BC, wanted_B1, right=True), torch.searchsorted(ends_BC, total_B1))
    before_B1 = torch.where(block_B1 > 0, ends_BC.gather(1, (block_B1 - 1).clamp(min=0)), torch.zeros_like(total_B1))
    inner_BW = masses_BCW.gather(1, block_B1[:, :, None].expand(-1, -1, BLOCK))[:, 0].cumsum(dim=-1)
    last_B1 = torch.searchsorted(inner_BW, inner_BW[:, -1:].contiguous())
    place_B1 = torch.minimum(torch.searchsorted(inner_BW, wanted_B1 - before_B1, right=True), last_B1)
    # Logits that are no numbers lead anywhere.
    tokens_B1 = (block_B1 * BLOCK + place_B1).clamp_(max=size - 1)
    logprobs_B1 = (logits_BV.gather(1, tokens_B1).float() - peak_B1.float()) / temperature - total_B1.log()
    return tokens_B1[:, 0], logprobs_B1[:, 0]
