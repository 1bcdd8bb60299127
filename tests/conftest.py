"""What holds for every test: no network, no timing, and a reason where a test cannot run here.

Sockets are closed (pytest-socket) but for tests marked `system`; a test that only needs its own machine's ports and is no
whole run says `@pytest.mark.enable_socket`. The order is shuffled (pytest-randomly); `-p no:randomly` gives the written one.
"""

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

# Set before anything heavy is imported, and inherited by every process that a test starts.
OFFLINE = {"HF_HUB_OFFLINE": "1", "RAY_USAGE_STATS_ENABLED": "0", "WANDB_MODE": "offline", "WANDB_SILENT": "true"}
os.environ.update(OFFLINE)

# How long an example takes depends on the machine, and is never a reason to fail.
settings.register_profile("house", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Open sockets to system tests, and skip what needs a device or weights that are not here."""
    for item in items:
        if item.get_closest_marker("system"):
            item.add_marker(pytest.mark.enable_socket)
    _skip_unless(_has_gpu, "gpu", "no CUDA device on this machine", items)
    _skip_unless(_has_smollm2, "needs_smollm2", "no SmolLM2 here; `socratic models add smollm2` brings it", items)


def _skip_unless(is_here: Callable[[], bool], marker: str, reason: str, items: list[pytest.Item]) -> None:
    marked = [item for item in items if item.get_closest_marker(marker)]
    if marked and not is_here():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=reason))


def _has_gpu() -> bool:
    import torch  # four seconds, and only runs that collect a GPU test pay them

    return torch.cuda.is_available()


def _has_smollm2() -> bool:
    from socratic.policy.smollm2 import has_smollm2

    return has_smollm2()
