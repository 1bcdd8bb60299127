"""Trained weights as they travel: plain float32 arrays with a version and a fingerprint."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from socratic.errors import SyncError

Arrays = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyWeights:
    """One version of everything that is trained; bfloat16 travels as float32, which loses nothing."""

    version: int
    fingerprint: str
    arrays: Arrays


def make_weights(version: int, arrays: Arrays) -> PolicyWeights:
    """Stamp `arrays` with their fingerprint."""
    return PolicyWeights(version=version, fingerprint=fingerprint(arrays), arrays=arrays)


def fingerprint(arrays: Arrays) -> str:
    """Return the sha256 over names, shapes and bytes, in the order of the names."""
    digest = sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name], dtype=np.float32)
        digest.update(f"{name}{array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()


def verify(weights: PolicyWeights, live: Arrays) -> None:
    """Compare what is live with what was sent.

    Raises:
        SyncError: the fingerprints differ.
    """
    found = fingerprint(live)
    if found != weights.fingerprint:
        raise SyncError(
            f"weights of version {weights.version} did not arrive as sent: "
            f"found {found[:12]}, expected {weights.fingerprint[:12]}; restart the run from its last checkpoint"
        )
