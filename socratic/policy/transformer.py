"""The policy: a Transformer, its chat rendering and what of it is trained.

Shape letters: N nodes of a token tree, M selected nodes, V vocabulary, A allowed tokens (padded with -1).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import PreTrainedModel

from socratic.errors import SyncError
from socratic.policy.chat import Chat
from socratic.policy.fast.head import drawn_log_probs
from socratic.policy.fast.looks import TreeLook
from socratic.policy.fast.passes import FastModel, Worn
from socratic.policy.fast.weights import is_llama_shaped, read_adapters, read_body
from socratic.policy.mixing import SIDE_A, AdapterRows, is_adapter_only, side_by_side
from socratic.policy.token_tree import TokenTree
from socratic.policy.weights import PolicyWeights, make_weights, verify

# Versions whose tensors stay converted: the magnet, t0, and a league of the default size; of large ones two.
MAX_LENT = 12
LARGE = 32_000_000  # parameters


class NextToken(nn.Module):
    """Next-token logits at chosen nodes of a token tree, with gradients: by fast passes where the model is Llama-shaped."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model
        self.is_fast = is_llama_shaped(model)
        self._frozen: FastModel | None = None  # where only adapters are trained

    def forward(self, tree: TokenTree, nodes_M: NDArray[np.int64]) -> Tensor:
        """Return float32 logits of shape (M, V)."""
        if self.is_fast:
            fast, hidden_NX = self._fast_hidden(tree)
            return fast.logits(hidden_NX[torch.from_numpy(nodes_M).to(fast.device)]).float()
        return self.plain(tree, nodes_M)

    def plain(self, tree: TokenTree, nodes_M: NDArray[np.int64]) -> Tensor:
        """Return the same by the model's own pass."""
        out = self.model(
            input_ids=torch.from_numpy(tree.tokens_N)[None].to(self.model.device),
            position_ids=torch.from_numpy(tree.depths_N)[None].to(self.model.device),
            attention_mask=None if tree.is_chain else self._mask(tree),
            use_cache=False,
            logits_to_keep=torch.from_numpy(nodes_M).to(self.model.device),
        )
        logits: Tensor = out.logits[0]
        return logits.float()

    def drawn(
        self, tree: TokenTree, nodes_M: NDArray[np.int64], rows_K: Tensor, tokens_K: Tensor, temperature: float
    ) -> tuple[Tensor, Tensor] | None:
        """Return drawn tokens' log-probabilities over the whole vocabulary and each place's entropy, shapes (K,) and (M,), float32.

        Gradients flow through the first. None: this model has no fast passes.
        """
        if not self.is_fast:
            return None
        fast, hidden_NX = self._fast_hidden(tree)
        hidden_MX = hidden_NX[torch.from_numpy(nodes_M).to(fast.device)]
        return drawn_log_probs(hidden_MX, fast.body.head.weight_OI, rows_K, tokens_K, temperature)

    def hidden(self, tree: TokenTree, nodes_M: NDArray[np.int64]) -> Tensor:
        """Return the last hidden state at chosen nodes, float32, shape (M, H)."""
        if self.is_fast:
            _, hidden_NX = self._fast_hidden(tree)
            return hidden_NX[torch.from_numpy(nodes_M).to(hidden_NX.device)].float()
        decoder: nn.Module = self.model.get_decoder()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        out = decoder(
            input_ids=torch.from_numpy(tree.tokens_N)[None].to(self.model.device),
            position_ids=torch.from_numpy(tree.depths_N)[None].to(self.model.device),
            attention_mask=None if tree.is_chain else self._mask(tree),
            use_cache=False,
        )
        states: Tensor = out.last_hidden_state[0]
        return states[torch.from_numpy(nodes_M).to(self.model.device)].float()

    def _fast_hidden(self, tree: TokenTree) -> tuple[FastModel, Tensor]:
        trained = {name: parameter for name, parameter in self.model.named_parameters() if parameter.requires_grad}
        worn = None
        if is_adapter_only(list(trained)):
            fast = self._frozen if self._frozen is not None and self._frozen.device == self.model.device else None
            if fast is None:
                fast = self._frozen = FastModel(self.model, read_body(self.model, {}))
            worn = Worn(layers=read_adapters(self.model, [trained]))
        else:
            fast = FastModel(self.model, read_body(self.model, {}))
        look = TreeLook(tree, fast.shape, device=fast.device, dtype=fast.dtype)
        tokens_N, depths_N = (torch.from_numpy(each).to(fast.device) for each in (tree.tokens_N, tree.depths_N))
        return fast, fast.hidden(tokens_N, depths_N, look, worn)

    def _mask(self, tree: TokenTree) -> Tensor:
        # Transformers hands a four-dimensional mask to the attention as it is: 0 where a node may look.
        dtype = self.model.dtype
        sees = torch.from_numpy(tree.visible).to(self.model.device)
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
        with _lending(trained, self.tensors(weights)):
            yield

    @property
    def mixes_versions(self) -> bool:
        """Whether the rows of one batch can wear different versions: where adapters are all that is trained."""
        return is_adapter_only(list(self.trained()))

    @contextmanager
    def wearing_each(self, versions: Sequence[PolicyWeights | None]) -> Iterator[AdapterRows]:
        """Lend the policy several versions at once, each to the rows that the yielded one seats; None: what it wears.

        For passes without gradients only, and for a policy that `mixes_versions`.
        """
        trained = self.trained()
        own = {name: parameter.data for name, parameter in trained.items()}
        rows = AdapterRows(len(versions))
        tensors = [own if weights is None else self.tensors(weights) for weights in versions]
        layers = [self.model.get_submodule(name.rpartition(".")[0]) for name in trained if SIDE_A in name]
        hooks = [layer.register_forward_hook(rows.mask) for layer in layers]
        try:
            with _lending(trained, side_by_side(tensors)):
                yield rows
        finally:
            for hook in hooks:
                hook.remove()

    @property
    def max_lent(self) -> int:
        """How many versions are kept ready."""
        return MAX_LENT if sum(parameter.numel() for parameter in self.trained().values()) < LARGE else 2

    def tensors(self, weights: PolicyWeights) -> dict[str, Tensor]:
        """Return a version's trained weights as they are lent, by parameter name."""
        trained = self.trained()
        if weights.fingerprint not in self._lent:
            while len(self._lent) >= self.max_lent:
                del self._lent[next(iter(self._lent))]
            self._lent[weights.fingerprint] = {
                name: _tensor(weights.arrays[name]).to(parameter.device, parameter.dtype) for name, parameter in trained.items()
            }
        return self._lent[weights.fingerprint]

    def _arrays(self) -> dict[str, NDArray[np.float32]]:
        return {name: parameter.detach().to("cpu", torch.float32, copy=True).numpy() for name, parameter in self.trained().items()}


@contextmanager
def _lending(trained: Mapping[str, nn.Parameter], lent: Mapping[str, Tensor]) -> Iterator[None]:
    own = {name: parameter.data for name, parameter in trained.items()}
    try:
        for name, parameter in trained.items():
            parameter.data = lent[name]
        yield
    finally:
        for name, parameter in trained.items():
            parameter.data = own[name]


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
