"""Writing files so that a crash leaves the old content or the new, and an error of the disk is one clear line."""

import contextlib
import errno
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from safetensors import SafetensorError

from socratic.errors import RunError
from socratic.records import Json

# EFBIG is what a limit on file sizes (ulimit -f) says.
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")
REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM}


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the disk refuses inside the block into a RunError that names `path`.

    Raises:
        RunError: an OSError, or safetensors' wrapping of one, came out of the block.
    """
    try:
        yield
    except OSError as error:
        raise RunError(_explain(error, path)) from error
    except SafetensorError as error:
        # safetensors gives the system's error as text only.
        number = SYSTEM_ERROR.search(str(error))
        known = OSError(int(number[1]), os.strerror(int(number[1]))) if number else OSError(str(error))
        raise RunError(_explain(known, path)) from error


def write_atomically(path: Path, content: bytes) -> None:
    """Replace `path` by `content`; whoever reads it, also after a crash, finds the old content or the new.

    Raises:
        RunError: the disk refuses; the old content stays.
    """
    temporary = path.with_name(f".tmp-{path.name}")
    with explained(path):
        try:
            write_synced(temporary, content)
            os.replace(temporary, path)
            sync_folder(path.parent)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def write_synced(path: Path, content: bytes) -> None:
    """Write a file and wait until the disk has it."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_file(path: Path) -> None:
    """Wait until the disk has a file that somebody else wrote."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until the disk has a folder's names."""
    sync_file(folder)


def remove_folder(folder: Path) -> None:
    """Remove a folder and what is in it; what cannot be removed stays, since nothing depends on its absence."""
    shutil.rmtree(folder, ignore_errors=True)


def to_json_bytes(value: Mapping[str, Json]) -> bytes:
    """Return indented JSON with a line end, for a file that people read too; floats round-trip exactly."""
    return (json.dumps(value, indent=2) + "\n").encode("ascii")


def _explain(error: OSError, path: Path) -> str:
    if error.errno in FULL:
        return f"no space left for {path}; nothing half-written was kept: free some space, then `socratic resume` the run"
    if error.errno in REFUSED:
        return f"cannot write {path}: {os.strerror(error.errno)}; choose a folder that may be written with --runs-dir"
    return f"cannot write {path}: {error.strerror or error}"
