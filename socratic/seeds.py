"""The one source of randomness: named, counter-based seeds.

A `Seed` is a 64-bit key. `child` derives an independent key from a name and an index, so that what is drawn never depends on
the order in which things happen; `uniform` maps a key and a counter to a number in [0, 1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

MASK_64 = (1 << 64) - 1
# Constants of SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
GOLDEN_GAMMA = 0x9E3779B97F4A7C15
MIX_1 = 0xBF58476D1CE4E5B9
MIX_2 = 0x94D049BB133111EB


@dataclass(frozen=True, slots=True)
class Seed:
    """A 64-bit key from which all draws of one purpose are derived."""

    key: int

    def child(self, name: str, index: int = 0) -> "Seed":
        """Return the key of the `index`-th thing called `name` under this one."""
        text = f"{self.key:016x}/{name}/{index}".encode()
        return Seed(int.from_bytes(blake2b(text, digest_size=8).digest(), "big"))

    def uniform(self, index: int = 0) -> float:
        """Return the `index`-th number in [0, 1) of this key, with 53 random bits."""
        return (self._mixed(index) >> 11) * 2.0**-53

    def integer(self, bound: int, index: int = 0) -> int:
        """Return the `index`-th whole number in [0, bound).

        Raises:
            ValueError: `bound` is not positive.
        """
        if bound < 1:
            raise ValueError(f"bound is {bound}, expected at least 1")
        # The bias of a modulus is below bound / 2**64.
        return self._mixed(index) % bound

    def weighted(self, weights: Sequence[float], index: int = 0) -> int:
        """Return an index drawn in proportion to `weights`, by the `index`-th uniform of this key.

        Raises:
            ValueError: the weights do not have a positive sum.
        """
        total = float(sum(weights))
        if not total > 0:
            raise ValueError(f"weights sum to {total}, expected a positive sum")
        threshold = self.uniform(index) * total
        last = 0
        for position, weight in enumerate(weights):
            if weight > 0:
                last = position
                threshold -= weight
                if threshold < 0:
                    return position
        return last

    def _mixed(self, index: int) -> int:
        z = (self.key + (index + 1) * GOLDEN_GAMMA) & MASK_64
        z = ((z ^ (z >> 30)) * MIX_1) & MASK_64
        z = ((z ^ (z >> 27)) * MIX_2) & MASK_64
        return z ^ (z >> 31)
