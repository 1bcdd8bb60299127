"""What `socratic doctor` says of Ray: found by looking at files and processes, without loading ray."""

import os
import stat
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

SESSIONS = Path("/tmp/ray")  # Ray's default; RAY_TMPDIR moves it
INIT = 1  # the process that adopts orphans
PARTS = ("gcs_server", "raylet", "ray::", "dashboard/agent.py", "runtime_env/agent/main.py", "ray/autoscaler", "ray/_private")


def ray_facts() -> Mapping[str, str | int | float | bool]:
    """Return Ray's version, its processes and sessions on this machine, and who may read the token.

    An orphan is a process of Ray whose driver is gone: a run that was killed less than two minutes ago, or a cluster that
    `ray start` left on purpose. A stale session is a folder of logs that no process uses.
    """
    processes = _ray_processes()
    sessions = _sessions()
    commands = " ".join(command for _, command in processes)
    facts: dict[str, str | int | float | bool] = {
        "version": _ray_version(),
        "processes": len(processes),
        "orphans": sum(parent == INIT for parent, _ in processes),
        "sessions": len(sessions),
        "stale_sessions": sum(session.name not in commands for session in sessions),
        "session_folder": str(_session_folder()),
    }
    return facts | _token_facts()
