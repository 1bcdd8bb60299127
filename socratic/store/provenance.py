"""Where a run comes from: versions, machine, configuration hash, commit."""

import hashlib
import json
import logging
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import socratic
from socratic.config import Config
from socratic.records import Json

logger = logging.getLogger(__name__)

# What can change a run's bytes; the distribution's own name comes first.
PACKAGES = ("socratic-loop", "torch", "transformers", "peft", "accelerate", "ray", "safetensors", "numpy", "pydantic", "wandb", "rich")


def package_versions() -> dict[str, str]:
    """Return the installed version of each package that matters; one that is not installed is absent."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def python_version() -> str:
    """Return the interpreter's name and version."""
    return f"{platform.python_implementation()} {platform.python_version()}"


def machine_facts() -> dict[str, Json]:
    """Return what the machine is, without its name: system, architecture, usable cores, memory in bytes."""
    return {
        "system": platform.platform(),
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    }


def config_hash(config: Config) -> str:
    """Return the sha256 of a configuration's canonical JSON."""
    text = json.dumps(config.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def commit() -> str | None:
    """Return the git commit of Socratic's own checkout, with `+changes` where files differ from it; None outside one."""
    root = Path(socratic.__file__).resolve().parent.parent
    # An installed package may lie inside somebody else's checkout, whose commit says nothing about it.
    top = _git(root, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != root:
        return None
    head = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    return f"{head}+changes" if head and changes else head


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        logger.debug("git %s gave nothing: %s", words[0], error)
        return None
    return done.stdout.strip()
