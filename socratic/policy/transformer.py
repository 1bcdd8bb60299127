"""The policy: a Transformer, its chat rendering and what of it is trained.

Shape letters: N nodes of a token tree, M selected nodes, V vocabulary, A allowed tokens (padded with -1).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import PreTrainedModel

from socratic.errors import SyncError
from socratic.policy.chat import Chat
from socratic.policy.token_tree import TokenTree
from socratic.policy.weights import PolicyWeights, make_weights, verify

# Versions whose tensors stay converted: the magnet, t0 and a few seats.
MAX_LENT = 4


class NextToken(nn.Module):
    """Next-token logits at chosen nodes of a token tree."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, tree: TokenTree, nodes_M: NDArray[np.int64]) -> Tensor:
        """Return float32 logits of shape (M, V)."""
        out = self.model(
            input_ids=torch.from_numpy(tree.tokens_N)[None].to(self.model.device),
            position_ids=torch.from_numpy(tree.depths_N)[None].to(self.model.device),
            attention_mask=None if tree.is_chain else self._mask(tree),
            use_cache=False,
            logits_to_keep=torch.from_numpy(nodes_M).to(self.model.device),
        )
        logits: Tensor = out.logits[0]
        return logits.float()

    def _mask(self, tree: TokenTree) -> Tensor:
        # Transformers hands a four-dimensional mask to the attention as it is: 0 where a node may look.
        dtype = self.model.dtype
        sees = torch.from_numpy(tree.sees_NN).to(self.model.device)
        mask = torch.zeros(sees.shape, dtype=dtype, device=self.model.device)
        return mask.masked_fill_(~sees, torch.finfo(dtype).min)[None, None]


class Policy:
    """A causal language model with its chat, and the parameters of it that are trained."""

    def __init__(self, model: PreTrainedModel, chat: Chat) -> None:
        self.model = model
        self.chat = chat
        self.next_token = NextToken(model)
        self._lent: dict[str, dict[str, Tensor]] = {}

    def trained(self) -> dict[str, nn.Parameter]:
        """Return the parameters that are trained, by name; tied ones once."""
        return {name: p for name, p in self.model.named_parameters() if p.requires_grad}

    def weights(self, version: int) -> PolicyWeights:
        """Return a copy of the trained weights."""
        return make_weights(version, self._arrays())

    def load(self, weights: PolicyWeights) -> None:
        """Put `weights` in place and prove that they arrived.

        Raises:
            SyncError: names, shapes or bytes differ from what was sent.
        """
        trained = self.trained()
        if trained.keys() != weights.arrays.keys():
            odd = sorted(trained.keys() ^ weights.arrays.keys())[0]
            raise SyncError(f"weights of version {weights.version} do not fit this policy: {odd} is on one side only")
        with torch.no_grad():
            for name, parameter in trained.items():
                parameter.copy_(_tensor(weights.arrays[name]))
        verify(weights, self._arrays())

    @contextmanager
    def wearing(self, weights: PolicyWeights | None) -> Iterator[None]:
        """Lend the policy other trained weights, without copying the rest; None changes nothing.

        For passes without gradients only.
        """
        if weights is None:
            yield
            return
        trained = self.trained()
        own = {name: parameter.data for name, parameter in trained.items()}
        lent = self._as_tensors(weights, trained)
        try:
            for name, parameter in trained.items():
                parameter.data = lent[name]
            yield
        finally:
            for name, parameter in trained.items():
                parameter.data = own[name]

    def _as_tensors(self, weights: PolicyWeights, trained: dict[str, nn.Parameter]) -> dict[str, Tensor]:
        if weights.fingerprint not in self._lent:
            while len(self._lent) >= MAX_LENT:
                del self._lent[next(iter(self._lent))]
            self._lent[weights.fingerprint] = {
                name: _tensor(weights.arrays[name]).to(parameter.device, parameter.dtype) for name, parameter in trained.items()
            }
        return self._lent[weights.fingerprint]

    def _arrays(self) -> dict[str, NDArray[np.float32]]:
        return {name: parameter.detach().to("cpu", torch.float32, copy=True).numpy() for name, parameter in self.trained().items()}


def restrict(logits_MV: Tensor, allowed: list[tuple[int, ...]] | None) -> Tensor:
    """Return log-probabilities renormalized over each row's allowed tokens, shape (M, A); (M, V) without a mask.

    Padding beyond a row's own number of allowed tokens is -inf.
    """
    if allowed is None:
        return torch.log_softmax(logits_MV, dim=-1)
    width = max(len(tokens) for tokens in allowed)
    padded = np.full((len(allowed), width), -1, dtype=np.int64)
    for row, tokens in enumerate(allowed):
        padded[row, : len(tokens)] = tokens
    index_MA = torch.from_numpy(padded).to(logits_MV.device)
    picked_MA = logits_MV.gather(1, index_MA.clamp(min=0)).masked_fill(index_MA < 0, float("-inf"))
    return torch.log_softmax(picked_MA, dim=-1)


def _tensor(array: NDArray[np.float32]) -> Tensor:
    # What arrives through Ray is read-only, which torch refuses to wrap without a copy.
    return torch.from_numpy(np.array(array, dtype=np.float32, copy=True))
