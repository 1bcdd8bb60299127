"""Append-only files of JSON lines: each line whole or absent, floats exact, a number that is missing written as null."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from socratic.errors import RunError
from socratic.records import Json
from socratic.store.durable import explained


class LineWriter:
    """Appends JSON lines to one file; opening it drops a last line that a crash tore."""

    def __init__(self, path: Path) -> None:
        """Open `path`, or make it.

        Raises:
            RunError: the disk refuses.
        """
        self.path = path
        with explained(path):
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            self._end = _end_of_whole_lines(path)
            os.ftruncate(self._descriptor, self._end)

    def append(self, record: Mapping[str, Json]) -> None:
        """Write one line and hand it to the system, so that the process's death cannot lose it.

        Raises:
            RunError: the disk refuses; the file ends where it ended.
        """
        line = to_line(record)
        with explained(self.path):
            try:
                _write_all(self._descriptor, line)
            except OSError:
                os.ftruncate(self._descriptor, self._end)
                raise
        self._end += len(line)

    def offset(self) -> int:
        """Return the file's size in bytes, once the disk has them all."""
        with explained(self.path):
            os.fsync(self._descriptor)
        return self._end

    def cut(self, offset: int) -> None:
        """Drop all that was written after `offset`.

        Raises:
            RunError: the file is shorter than that, so lines that the checkpoint counts on are lost.
        """
        if not 0 <= offset <= self._end:
            raise RunError(
                f"{self.path} has {self._end} bytes, expected at least {offset}: lines were lost since the checkpoint; "
                "bring the file back, or start the run again"
            )
        with explained(self.path):
            os.ftruncate(self._descriptor, offset)
            os.fsync(self._descriptor)
        self._end = offset

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> "LineWriter":
        """Return the writer."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the file."""
        self.close()


def to_line(record: Mapping[str, Json]) -> bytes:
    """Return a record as one line of strict JSON.

    A float that is not finite becomes null: NaN is how a missing number travels, and JSON has no infinity.
    """
    try:
        text = json.dumps(dict(record), allow_nan=False, separators=(",", ":"))
    except ValueError:
        # Only a record that has such a float pays for the walk through it.
        text = json.dumps(_finite(dict(record)), allow_nan=False, separators=(",", ":"))
    return text.encode("ascii") + b"\n"


def read_lines(path: Path) -> list[dict[str, Json]]:
    """Return the records of a file, oldest first; no file is no records, and a torn last line is not there yet.

    Raises:
        RunError: a line before the last is no JSON object.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from error
    whole = content[: content.rfind(b"\n") + 1]
    return [_parse(line, path, number) for number, line in enumerate(whole.splitlines(), start=1)]


def last_line(path: Path) -> dict[str, Json] | None:
    """Return the last whole record of a file without reading what comes before its last 64 KiB, or None."""
    tail = 1 << 16
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - tail))
            lines = file.read().split(b"\n")[:-1]
    except OSError:
        return None
    # One line alone may have lost its beginning to the cut at 64 KiB.
    if not lines or (len(lines) == 1 and size > tail):
        records = read_lines(path)
        return records[-1] if records else None
    return _parse(lines[-1], path, len(lines))


def _parse(line: bytes, path: Path, number: int) -> dict[str, Json]:
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise RunError(f"{path} line {number} is not a JSON object: the record was changed or the disk lost part of it")
    return record


def _finite(value: Json) -> Json:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return value


def _write_all(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def _end_of_whole_lines(path: Path) -> int:
    """Return where the last whole line ends; looks back from the end, so that a long file costs nothing."""
    chunk = 1 << 16
    with path.open("rb") as file:
        start = file.seek(0, os.SEEK_END)
        while start > 0:
            size = min(chunk, start)
            start -= size
            file.seek(start)
            found = file.read(size).rfind(b"\n")
            if found >= 0:
                return start + found + 1
    return 0
