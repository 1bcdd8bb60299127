"""Calls that may lose their worker: how long each may take, how often each is tried, and what is said in the end."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from socratic.errors import WorkerLost

logger = logging.getLogger(__name__)

TRIES = 3  # of one call: the first, one for a machine's bad luck, one to be sure

OnEvent: TypeAlias = Callable[[str, str], None]  # kind, message


@dataclass(slots=True, kw_only=True)
class Call:
    """One method of a worker and what it is called with."""

    index: int  # the item's position among those of its `map`
    method: str
    item: object
    shared: tuple[object, ...]
    losses: list[str] = field(default_factory=list)  # why each try failed, in words

    def lose(self, crew: str, reason: str, on_event: OnEvent) -> None:
        """Note a lost worker.

        Raises:
            WorkerLost: it was the last try.
        """
        self.losses.append(reason)
        message = f"{crew}: {self.method} lost its worker at item {self.index}, try {len(self.losses)} of {TRIES}: {reason}"
        on_event("worker-lost", message)
        if len(self.losses) >= TRIES:
            reasons = "; ".join(dict.fromkeys(self.losses))
            raise WorkerLost(f"{crew}: {self.method} lost its worker {TRIES} times at item {self.index}: {reasons}", self.index)


def log_event(kind: str, message: str) -> None:
    """Take an event that nobody else takes."""
    logger.warning("%s: %s", kind, message)
