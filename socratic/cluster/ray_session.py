"""Start a private Ray or join a cluster, and leave it. Loads ray."""

import logging
import socket

import ray

from socratic.errors import RunError

# Ray raises a bare Exception where its node is slow to start, and errors of its own kind elsewhere.
FAILURES = (Exception,)
REACH_S = 5.0  # to open a connection; a cluster that needs longer would be of no use


def connect(address: str, object_store_mb: int) -> None:
    """Start a private Ray on this machine, or join the cluster at `address`.

    Raises:
        RunError: Ray cannot be started, or the cluster cannot be reached.
    """
    try:
        if address:
            _require_reachable(address)
            ray.init(address, logging_level=logging.ERROR, log_to_driver=False)
        else:
            # "local" keeps a RAY_ADDRESS in the environment from being joined unasked.
            store = object_store_mb * 2**20
            ray.init("local", object_store_memory=store, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
    except FAILURES as error:
        if address:
            raise RunError(f"cannot join the Ray cluster at {address}: {first_line(error)}; check ray.address and the token") from error
        raise RunError(f"cannot start Ray: {first_line(error)}; see `socratic doctor`, or set play.executor=local") from error


def disconnect() -> None:
    """Leave the cluster; a private Ray ends with all its processes."""
    ray.shutdown()


def first_line(error: Exception) -> str:
    """Return the first line of what an error says: Ray's own go on for ten."""
    return str(error).strip().partition("\n")[0]


def _require_reachable(address: str) -> None:
    """Raise an OSError where nobody listens: Ray itself would try for minutes, and end the process."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdigit() and "://" not in address:
        socket.create_connection((host.strip("[]"), int(port)), timeout=REACH_S).close()
