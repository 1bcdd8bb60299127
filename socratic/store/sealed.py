"""What a checkpoint's manifest promises, and whether the files keep it."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from socratic.errors import CheckpointError
from socratic.records import Json

SCHEMA = 1
MANIFEST = "manifest.json"
SUFFIXES = (".safetensors", ".json")
# A manifest has about 130 bytes a file; ten thousand files are more than any run's.
LARGEST_MANIFEST = 4 << 20
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sealed:
    """A manifest whose promises were kept."""

    index: int
    parts: tuple[str, ...]
    offsets: Mapping[str, int]


def verify(path: Path) -> Sealed:
    """Check a checkpoint against its manifest: nothing missing, nothing more, every byte as written.

    Raises:
        CheckpointError: one line with the first thing that is wrong.
    """
    manifest = _read_manifest(path)
    files = manifest["files"]
    if not isinstance(files, dict):
        raise CheckpointError(f"checkpoint {path} has a manifest whose files are no table")
    for name in files:
        _check_file_name(path, name)
    present = set(survey(path))
    for name in sorted(set(files) - present):
        raise CheckpointError(f"checkpoint {path} misses {name}")
    for name in sorted(present - set(files)):
        raise CheckpointError(f"checkpoint {path} has {name}, which its manifest does not list")
    for name, promised in files.items():
        _check_file(path, name, promised)
    return _sealed(path, manifest)


def survey(path: Path) -> list[str]:
    """Return the files under a checkpoint, but its manifest, as relative names in order.

    Raises:
        CheckpointError: there is a link, something that is no file, or a file of another kind than safetensors and JSON.
    """
    names = []
    for entry in sorted(path.rglob("*")):
        name = entry.relative_to(path).as_posix()
        if entry.is_symlink():
            raise CheckpointError(f"checkpoint {path} has a link, {name}; a checkpoint holds files of its own only")
        if entry.is_dir() or name == MANIFEST:
            continue
        if not entry.is_file() or entry.suffix not in SUFFIXES:
            raise CheckpointError(f"checkpoint {path} has {name}; only {' and '.join(SUFFIXES)} files are read and written")
        names.append(name)
    return names


def seal_of(body: Mapping[str, Json]) -> str:
    """Return the sha256 of a manifest's own content, so that an altered offset is seen as an altered weight is."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _read_manifest(path: Path) -> dict[str, Json]:
    manifest = path / MANIFEST
    try:
        if manifest.is_symlink():
            raise CheckpointError(f"checkpoint {path} has a link for a manifest; a checkpoint holds files of its own only")
        size = manifest.stat().st_size
        if size > LARGEST_MANIFEST:
            raise CheckpointError(f"checkpoint {path} has a manifest of {size} bytes, expected at most {LARGEST_MANIFEST}")
        body = json.loads(manifest.read_bytes())
    except FileNotFoundError:
        raise CheckpointError(f"checkpoint {path} has no manifest: it was not finished") from None
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"checkpoint {path} has a manifest that cannot be read: {error}") from error
    if not isinstance(body, dict) or body.get("schema") != SCHEMA:
        raise CheckpointError(f"checkpoint {path} is not of schema {SCHEMA}; load it with the version of Socratic that wrote it")
    seal = body.pop("seal", None)
    if seal != seal_of(body) or not {"index", "parts", "offsets", "files"} <= set(body):
        raise CheckpointError(f"checkpoint {path} has a manifest that was altered")
    return body


def _check_file_name(path: Path, name: str) -> None:
    if not FILE_NAME.fullmatch(name) or not name.endswith(SUFFIXES):
        raise CheckpointError(f"checkpoint {path} lists {name!r}, which is no safetensors or JSON file inside it")


def _check_file(path: Path, name: str, promised: Json) -> None:
    if not isinstance(promised, dict):
        raise CheckpointError(f"checkpoint {path} says nothing of {name}'s content")
    file = path / name
    try:
        size = file.stat().st_size
        if size != promised.get("bytes"):
            raise CheckpointError(f"checkpoint {path}: {name} has {size} bytes, expected {promised.get('bytes')}")
        with open(os.open(file, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"checkpoint {path}: {name} cannot be read: {error.strerror}") from error
    if digest != promised.get("sha256"):
        raise CheckpointError(f"checkpoint {path}: {name} was altered (sha256 {digest[:12]}, expected {str(promised.get('sha256'))[:12]})")


def _sealed(path: Path, manifest: Mapping[str, Json]) -> Sealed:
    index, parts, offsets = manifest["index"], manifest["parts"], manifest["offsets"]
    if not (isinstance(index, int) and isinstance(parts, list) and isinstance(offsets, dict)):
        raise CheckpointError(f"checkpoint {path} has a manifest of another form")
    if path.name != f"{index:06d}":
        raise CheckpointError(f"checkpoint {path} is generation {index}'s under another name")
    return Sealed(
        index=index,
        parts=tuple(str(part) for part in parts),
        offsets={name: value for name, value in offsets.items() if isinstance(value, int)},
    )
