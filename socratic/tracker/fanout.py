"""One tracker made of many: the record, whose failures end the run, and its mirrors, whose failures only end themselves."""

import logging
from collections.abc import Callable, Sequence

from socratic.protocols import Tracker
from socratic.records import Assessment, Generation

logger = logging.getLogger(__name__)


class Fanout:
    """Hands everything to the record first and then to each mirror; a mirror that fails is logged once and dropped."""

    def __init__(self, record: Tracker, mirrors: Sequence[Tracker] = ()) -> None:
        """Take the one tracker that must not fail and those that may."""
        self._record = record
        self._mirrors = list(mirrors)

    @property
    def mirrors(self) -> tuple[Tracker, ...]:
        """The mirrors that still work."""
        return tuple(self._mirrors)

    def record_generation(self, generation: Generation) -> None:
        """Hand on one generation.

        Raises:
            RunError: the record could not be written.
        """
        self._record.record_generation(generation)
        self._mirror(lambda mirror: mirror.record_generation(generation))

    def record_assessment(self, assessment: Assessment) -> None:
        """Hand on one assessment.

        Raises:
            RunError: the record could not be written.
        """
        self._record.record_assessment(assessment)
        self._mirror(lambda mirror: mirror.record_assessment(assessment))

    def record_event(self, generation: int, kind: str, message: str) -> None:
        """Hand on one event.

        Raises:
            RunError: the record could not be written.
        """
        self._record.record_event(generation, kind, message)
        self._mirror(lambda mirror: mirror.record_event(generation, kind, message))

    def close(self) -> None:
        """Close the mirrors, then the record."""
        self._mirror(lambda mirror: mirror.close())
        self._record.close()

    def _mirror(self, hand_on: Callable[[Tracker], None]) -> None:
        for mirror in tuple(self._mirrors):
            try:
                hand_on(mirror)
            except Exception as error:  # a mirror is anybody's plugin, may fail in any way, and must not end the run
                self._mirrors.remove(mirror)
                name = type(mirror).__name__
                logger.warning(
                    "%s failed and is dropped; the run goes on and its record is whole: %s: %s", name, type(error).__name__, error
                )
                logger.debug("how %s failed", name, exc_info=True)
