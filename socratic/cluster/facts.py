"""What `socratic doctor` says of Ray: found by looking at files and processes, without loading ray."""

import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

INIT = 1  # the process that adopts orphans
MARKS = ("/ray/core/src/ray/", "/ray/dashboard/", "/ray/_private/", "ray::")  # in the command lines of Ray's processes
OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """A process of this machine."""

    parent: int
    command: str


def ray_facts() -> Mapping[str, str | int | float | bool]:
    """Return Ray's version, its processes and sessions on this machine, and who may read the token.

    An orphan is a process of Ray whose driver is gone: of a run that was killed less than two minutes ago, or of a cluster
    that `ray start` left running on purpose. A stale session is a folder of logs that no process uses.
    """
    processes = [process for process in _processes() if any(mark in process.command for mark in MARKS)]
    commands = " ".join(process.command for process in processes)
    folder = Path(os.environ.get("RAY_TMPDIR", tempfile.gettempdir())) / "ray"
    sessions = [path.name for path in folder.glob("session_*") if not path.is_symlink()]
    token = _token_path()
    facts: dict[str, str | int | float | bool] = {
        "version": version("ray"),
        "processes": len(processes),
        "orphans": sum(process.parent == INIT for process in processes),
        "session_folder": str(folder),
        "sessions": len(sessions),
        "stale_sessions": sum(name not in commands for name in sessions),
        "auth_mode": os.environ.get("RAY_AUTH_MODE", "token"),
        "token_file": str(token),
        "token_exists": token.exists(),
    }
    if token.exists():
        mode = stat.S_IMODE(token.stat().st_mode)
        facts |= {"token_mode": f"{mode:04o}", "token_is_private": not mode & OTHERS}
    return facts


def tighten_token() -> None:
    """Keep others from reading the token that opens this user's Ray: whoever has it runs code."""
    token = _token_path()
    if token.exists() and stat.S_IMODE(token.stat().st_mode) & OTHERS:
        token.chmod(0o600)


def _token_path() -> Path:
    return Path.home() / ".ray" / "auth_token"


def _processes() -> list[Process]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            # The name, in brackets, may hold anything; the parent is the second word after it.
            parent = int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it ended while we looked, or is not ours to see
        found.append(Process(parent=parent, command=command))
    return found
