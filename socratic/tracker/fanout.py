"""One tracker made of many: the record, whose failures end the run, and its mirrors, whose failures only end themselves."""

import logging
from collections.abc import Callable, Sequence
from types import TracebackType

from socratic.protocols import Tracker
from socratic.records import Assessment, Generation
from socratic.store.redaction import redact

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
            with _Containment(mirror) as containment:
                hand_on(mirror)
            if containment.has_failed:
                self._mirrors.remove(mirror)


class _Containment:
    """The one place where any error ends: a mirror is anybody's plugin, fails in ways nobody can name, and must not end a run.

    What is no error, Ctrl-C and the end of the process, passes.
    """

    def __init__(self, mirror: Tracker) -> None:
        self._name = type(mirror).__name__
        self.has_failed = False

    def __enter__(self) -> "_Containment":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        if not isinstance(error, Exception):
            return False
        self.has_failed = True
        reason = f"{type(error).__name__}: {redact(str(error))}".partition("\n")[0]
        logger.warning("%s failed and is dropped; the run goes on and its record is whole: %s", self._name, reason)
        logger.debug("how %s failed", self._name, exc_info=error)
        return True
