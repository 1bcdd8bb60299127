"""The record: what every mirror mirrors, written into the run directory."""

from socratic.records import Assessment, Generation, Json, Metrics
from socratic.store.redaction import redact
from socratic.store.run_directory import RunDirectory

NOTE = "note"


class RecordTracker:
    """Writes metrics.jsonl (inside), assessments.jsonl (outside) and events.jsonl. Its failures are the run's."""

    def __init__(self, run: RunDirectory) -> None:
        """Write into a run that this process has locked."""
        self._run = run

    def record_generation(self, generation: Generation) -> None:
        """Write one flat line of metrics, and each note as an event.

        Raises:
            RunError: the disk refuses.
        """
        self._run.append("metrics", generation_row(generation))
        for note in generation.notes:
            self.record_event(generation.index, NOTE, note)

    def record_assessment(self, assessment: Assessment) -> None:
        """Write one flat line of what the observer found.

        Raises:
            RunError: the disk refuses.
        """
        self._run.append("assessments", assessment_row(assessment))

    def record_event(self, generation: int, kind: str, message: str) -> None:
        """Write one event.

        Raises:
            RunError: the disk refuses.
        """
        self._run.append("events", {"generation": generation, "kind": kind, "message": redact(message)})

    def close(self) -> None:
        """Leave the run directory open: it belongs to whoever locked it."""


def generation_row(generation: Generation) -> dict[str, Json]:
    """Return a generation as one flat object."""
    return {"generation": generation.index, "version": generation.version, **_plain(generation.metrics)}


def assessment_row(assessment: Assessment) -> dict[str, Json]:
    """Return an assessment as one flat object."""
    return {"generation": assessment.generation, "version": assessment.version, **_plain(assessment.metrics)}


def _plain(metrics: Metrics) -> dict[str, Json]:
    # numpy's and torch's numbers are no JSON; a whole number stays whole.
    return {name: value if isinstance(value, int) else float(value) for name, value in metrics.items()}
