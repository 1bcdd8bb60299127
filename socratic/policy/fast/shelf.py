"""What conversations have read, kept until they go on: by version and tokens, so that no other weights and no other words ever find it."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from socratic.policy.options import Tokens


@dataclass(kw_only=True, slots=True)
class _Held:
    keys_values: Tensor
    owners: int  # conversations that stand at these tokens


class Shelf:
    """Keys and values of conversations between two of their turns; the oldest go first when there is no room."""

    def __init__(self, max_places: int) -> None:
        """Hold at most `max_places` tokens; 0 holds nothing."""
        self._max_places = max_places
        self._num_places = 0
        self._held: dict[tuple[int, Tokens], _Held] = {}

    def put(self, version: int, tokens: Tokens, read: Callable[[], Tensor]) -> None:
        """Keep what `read` returns, of shape (layers, 2, K, T, D), for a conversation that stands at `tokens`."""
        if len(tokens) > self._max_places:
            return
        key = (version, tokens)
        if key in self._held:
            self._held[key].owners += 1
            return
        self._num_places += len(tokens)
        while self._num_places > self._max_places:
            self._drop(next(iter(self._held)))
        self._held[key] = _Held(keys_values=read(), owners=1)

    def take(self, version: int, extends: Tokens, context: Tokens) -> Tensor | None:
        """Return what is held of a conversation that stood at `extends` and goes on to `context`; None: nothing."""
        key = (version, extends)
        held = self._held.get(key)
        if held is None or len(extends) >= len(context) or context[: len(extends)] != extends:
            return None
        held.owners -= 1
        if not held.owners:
            self._drop(key)
        return held.keys_values

    def _drop(self, key: tuple[int, Tokens]) -> None:
        del self._held[key]
        self._num_places -= len(key[1])
