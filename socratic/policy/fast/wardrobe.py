"""Versions of a policy, ready for fast passes: laid out once for each, and kept while they are in use."""

from collections.abc import Callable, MutableMapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from socratic.policy.fast.packing import packed
from socratic.policy.fast.passes import FastModel, Worn
from socratic.policy.fast.weights import LayerAdapters, read_adapters, read_body
from socratic.policy.mixing import is_adapter_only
from socratic.policy.transformer import Policy
from socratic.policy.weights import PolicyWeights

# Adapters side by side that are kept; the agent's change in every generation, and with them every stack that it is in.
MAX_STACKS = 3
Key = TypeVar("Key")
Kept = TypeVar("Kept")


class Wardrobe:
    """Lays out what a policy's passes read."""

    def __init__(self, policy: Policy) -> None:
        """Serve versions of `policy`, which is Llama-shaped."""
        self._policy = policy
        self._is_adapter = is_adapter_only(list(policy.trained()))
        self._is_frozen = not policy.trained()
        self._base: FastModel | None = None
        self._bodies: dict[str, FastModel] = {}
        self._adapters: dict[tuple[str, ...], tuple[LayerAdapters, ...]] = {}

    @property
    def mixes_versions(self) -> bool:
        """Whether tokens of several versions share a pass."""
        return self._is_adapter

    @torch.no_grad()
    def dress(self, versions: Sequence[PolicyWeights | None]) -> tuple[FastModel, Worn | None]:
        """Return a model and the adapters of `versions`, side by side; None is what the policy wears now. A whole model wears one version.

        Raises:
            ValueError: several versions of a policy that has no adapters.
        """
        if self._is_adapter or self._is_frozen:
            if self._base is None:
                self._base = FastModel(self._policy.model, packed(read_body(self._policy.model, {})))
            return self._base, Worn(layers=self._layers(versions)) if self._is_adapter else None
        if len(versions) != 1:
            raise ValueError(f"{len(versions)} versions of a policy without adapters, expected one at a time")
        return self._body(versions[0]), None

    def _body(self, version: PolicyWeights | None) -> FastModel:
        if version is None:
            return FastModel(self._policy.model, read_body(self._policy.model, {}))

        def read() -> FastModel:
            return FastModel(self._policy.model, read_body(self._policy.model, self._tensors(version)))

        return _kept(self._bodies, version.fingerprint, self._policy.max_lent, read)

    def _layers(self, versions: Sequence[PolicyWeights | None]) -> tuple[LayerAdapters, ...]:
        def read() -> tuple[LayerAdapters, ...]:
            return read_adapters(self._policy.model, [self._tensors(version) for version in versions])

        key = tuple(version.fingerprint for version in versions if version is not None)
        if len(key) < len(versions):  # what the policy wears changes without notice
            return read()
        return _kept(self._adapters, key, MAX_STACKS, read)

    def _tensors(self, version: PolicyWeights | None) -> dict[str, Tensor]:
        if version is None:
            return {name: parameter.data for name, parameter in self._policy.trained().items()}
        return self._policy.tensors(version)


def _kept(kept: MutableMapping[Key, Kept], key: Key, most: int, read: Callable[[], Kept]) -> Kept:
    """Return what is kept by `key`, read first where it is not; the one that was asked for longest ago makes room."""
    found = kept.pop(key) if key in kept else read()
    while len(kept) >= most:
        del kept[next(iter(kept))]
    kept[key] = found
    return found
