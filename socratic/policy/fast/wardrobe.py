"""Versions of a policy, ready for fast passes: laid out once for each, and kept while they are in use."""

from collections.abc import MutableMapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from socratic.policy.fast.packing import packed
from socratic.policy.fast.passes import FastModel, Worn
from socratic.policy.fast.weights import LayerAdapters, read_adapters, read_body
from socratic.policy.mixing import is_adapter_only
from socratic.policy.transformer import Policy
from socratic.policy.weights import PolicyWeights

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
        if version.fingerprint not in self._bodies:
            self._make_room(self._bodies)
            self._bodies[version.fingerprint] = FastModel(self._policy.model, read_body(self._policy.model, self._tensors(version)))
        return self._bodies[version.fingerprint]

    def _layers(self, versions: Sequence[PolicyWeights | None]) -> tuple[LayerAdapters, ...]:
        key = tuple(version.fingerprint for version in versions if version is not None)
        if len(key) < len(versions):  # what the policy wears changes without notice
            return read_adapters(self._policy.model, [self._tensors(version) for version in versions])
        if key not in self._adapters:
            self._make_room(self._adapters)
            self._adapters[key] = read_adapters(self._policy.model, [self._tensors(version) for version in versions])
        return self._adapters[key]

    def _tensors(self, version: PolicyWeights | None) -> dict[str, Tensor]:
        if version is None:
            return {name: parameter.data for name, parameter in self._policy.trained().items()}
        return self._policy.tensors(version)

    def _make_room(self, kept: MutableMapping[Key, Kept]) -> None:
        while len(kept) >= self._policy.max_lent:
            del kept[next(iter(kept))]
