"""Trained weights as a folder in peft's format, which a server reads."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from numpy.typing import NDArray
from peft import LoraConfig
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from socratic.config import Lora
from socratic.errors import SyncError
from socratic.policy.mixing import SIDE_A, SIDE_B
from socratic.policy.weights import PolicyWeights, verify

FILE = "adapter_model.safetensors"
BEFORE = "base_model.model."  # what peft's own wrapper puts before every name
OURS, THEIRS = ".default.weight", ".weight"
READABLE = 0o755  # the server may be another user


def write_adapter(weights: PolicyWeights, lora: Lora, base: str, folder: Path, run: str) -> Path:
    """Write `weights` into a folder of its own inside `folder` and return it; its name, never used before, is the adapter's.

    The name holds the run, the version and the beginning of the fingerprint; what follows is drawn by the system, so that weights that
    come again (after a rollback, or when a run is resumed) get another.

    Raises:
        SyncError: the disk refuses, or gives back something else.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        made = Path(mkdtemp(prefix=f"{run}-v{weights.version}-{weights.fingerprint[:12]}-", dir=folder))
        made.chmod(READABLE)
        save_file({_their_name(name): np.ascontiguousarray(array) for name, array in weights.arrays.items()}, made / FILE)
        layers = sorted({name.split(SIDE_A)[0].rpartition(".")[2] for name in weights.arrays if SIDE_A in name})
        config = LoraConfig(
            r=lora.r, lora_alpha=lora.alpha, target_modules=layers, bias="none", task_type="CAUSAL_LM", base_model_name_or_path=base
        )
        config.inference_mode = True
        config.save_pretrained(str(made))
        (made / FILE).chmod(0o644)
        live = _read(made / FILE)
    except (OSError, SafetensorError) as error:
        raise SyncError(f"version {weights.version} cannot be written into {folder} ({error}); see play.server.adapters") from None
    verify(weights, live)
    return made


def without_effect(weights: PolicyWeights) -> PolicyWeights:
    """Return adapters of the same shapes that change nothing, B being 0: what a server plays that has not heard of an adapter."""
    arrays = {name: np.zeros_like(array) if SIDE_B in name else array for name, array in weights.arrays.items()}
    return PolicyWeights(version=weights.version, fingerprint=f"{weights.fingerprint} without effect", arrays=arrays)


def _read(path: Path) -> Mapping[str, NDArray[np.float32]]:
    return {_our_name(name): array for name, array in load_file(path).items()}


def _their_name(name: str) -> str:
    return BEFORE + name.removesuffix(OURS) + THEIRS


def _our_name(name: str) -> str:
    return name.removeprefix(BEFORE).removesuffix(THEIRS) + OURS
