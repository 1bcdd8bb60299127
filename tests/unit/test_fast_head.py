"""The head of some rows at a time gives what the whole table gives, gradients included."""

import pytest
import torch

from socratic.policy.fast.head import ROWS, drawn_log_probs


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("trains_head", [True, False])
def test_drawn_log_probabilities_and_gradients_are_those_of_the_whole_table(temperature: float, trains_head: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    num, size = 2 * ROWS + 5, 37
    hidden = torch.randn(num, 8, generator=generator, requires_grad=True)
    head = torch.randn(size, 8, generator=generator, requires_grad=trains_head)
    rows = torch.randint(num, (300,), generator=generator)  # some places have several draws, some none
    tokens = torch.randint(size, (300,), generator=generator)
    slopes = torch.randn(300, generator=generator)
    found, entropy = drawn_log_probs(hidden, head, rows, tokens, temperature)
    wanted = [hidden, head] if trains_head else [hidden]
    gradients = torch.autograd.grad((found * slopes).sum(), wanted)
    table = (hidden @ head.t() / temperature).log_softmax(-1)
    torch.testing.assert_close(found, table[rows, tokens], atol=1e-5, rtol=0)
    torch.testing.assert_close(entropy, -(table.exp() * table).sum(-1), atol=1e-5, rtol=0)
    for own, expected in zip(gradients, torch.autograd.grad((table[rows, tokens] * slopes).sum(), wanted), strict=True):
        torch.testing.assert_close(own, expected, atol=1e-4, rtol=1e-4)
