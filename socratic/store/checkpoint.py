"""Checkpoints: whole or absent, verified before anything is read, safetensors and JSON only.

    checkpoints/000012/  manifest.json (written last: sha256 and size of every file, log offsets)
                         <part>.json        a Stateful part
                         <part>/...         a TensorStateful part's own files

A part's JSON may hold NaN and Infinity as Python writes them: a memory must come back exactly, missing numbers included.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeGuard

from socratic.errors import CheckpointError
from socratic.protocols import Stateful, TensorStateful
from socratic.records import Json
from socratic.store.durable import explained, remove_folder, sync_file, sync_folder, to_json_bytes, write_synced
from socratic.store.sealed import MANIFEST, SCHEMA, Sealed, seal_of, survey, verify

Part: TypeAlias = Stateful | TensorStateful
PART_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
FOLDER_NAME = re.compile(r"[0-9]{6,}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """A checkpoint that verified."""

    path: Path
    index: int
    parts: tuple[str, ...]
    offsets: Mapping[str, int]
    warnings: tuple[str, ...]  # one for each newer checkpoint that did not verify


def write_checkpoint(
    folder: Path,
    index: int,
    parts: Mapping[str, Part],
    offsets: Mapping[str, int],
    keep: int,
    *,
    on_step: Callable[[str], None] | None = None,
) -> Path:
    """Write `folder`/000012 whole or not at all, then drop all but the newest `keep`; return its path.

    `offsets` are the log sizes that a resume cuts back to. `on_step` is called after each step with its name, so that a
    test can kill the process there.

    Raises:
        CheckpointError: a part's name or memory cannot be written.
        RunError: the disk refuses; nothing half-written stays and older checkpoints are as they were.
    """
    if index < 0 or keep < 1:
        raise CheckpointError(f"index {index} and keep {keep} do not fit; expected at least 0 and at least 1")
    step = on_step or _no_step
    final = folder / f"{index:06d}"
    temporary = folder / f".tmp-{final.name}"
    clean_up(folder)
    with explained(final):
        try:
            temporary.mkdir(parents=True)
            for name, part in parts.items():
                _write_part(temporary, name, part)
                step(f"part {name}")
            files = survey(temporary)
            for file in files:
                sync_file(temporary / file)
            step("files synced")
            write_synced(temporary / MANIFEST, to_json_bytes(_manifest(index, parts, offsets, temporary)))
            step("manifest written")
            for inner in sorted({(temporary / file).parent for file in files} | {temporary}):
                sync_folder(inner)
            step("folders synced")
            _replace(temporary, final, step)
            sync_folder(folder)
            step("parent synced")
        except BaseException:
            remove_folder(temporary)
            raise
        _prune(folder, keep, step)
    return final


def load_checkpoint(folder: Path, parts: Mapping[str, Part]) -> Checkpoint:
    """Give every part its memory back from the newest checkpoint that verifies.

    Raises:
        CheckpointError: there is none, none verifies, or its parts are not exactly these.
    """
    checkpoint = newest_checkpoint(folder)
    missing = sorted(set(parts) - set(checkpoint.parts))
    if missing:
        raise CheckpointError(f"checkpoint {checkpoint.path} has no part {missing[0]!r}; it has {', '.join(checkpoint.parts)}")
    unknown = sorted(set(checkpoint.parts) - set(parts))
    if unknown:
        raise CheckpointError(
            f"checkpoint {checkpoint.path} has a part {unknown[0]!r} that this run does not; is the configuration its own?"
        )
    for name, part in parts.items():
        try:
            _load_part(checkpoint.path, name, part)
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise CheckpointError(f"part {name!r} of checkpoint {checkpoint.path} does not fit: {error!r}") from error
    return checkpoint


def newest_checkpoint(folder: Path) -> Checkpoint:
    """Return the newest checkpoint that verifies, with a warning for each newer one that does not.

    It only reads, so that a checkpoint may be looked at while its run goes on.

    Raises:
        CheckpointError: there is no checkpoint, or none verifies; then the message is about the newest.
    """
    warnings: list[str] = []
    for path in reversed(checkpoint_paths(folder)):
        try:
            sealed = verify(path)
        except CheckpointError as error:
            warnings.append(str(error))
            continue
        return _checkpoint(path, sealed, warnings)
    if warnings:
        raise CheckpointError(f"{warnings[0]}; {len(warnings)} checkpoint(s) in {folder} and none verifies: start the run again")
    raise CheckpointError(f"no checkpoint in {folder}: the run ended before the first; start it again, or lower checkpoint.every")


def checkpoint_paths(folder: Path) -> list[Path]:
    """Return the checkpoints of a folder, oldest first, verified or not."""
    if not folder.is_dir():
        return []
    found = [entry for entry in folder.iterdir() if FOLDER_NAME.fullmatch(entry.name) and entry.is_dir() and not entry.is_symlink()]
    return sorted(found, key=lambda path: int(path.name))


def clean_up(folder: Path) -> None:
    """Finish what a crash left: drop what is half-written or half-removed, bring back what was about to be replaced.

    For the process that has locked the run: anybody else would take a checkpoint from under its writer.
    """
    if not folder.is_dir():
        return
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(".old-") and not (folder / entry.name.removeprefix(".old-")).exists():
            with explained(entry):
                entry.rename(folder / entry.name.removeprefix(".old-"))
        elif entry.name.startswith((".tmp-", ".del-", ".old-")):
            remove_folder(entry)


def _checkpoint(path: Path, sealed: Sealed, warnings: list[str]) -> Checkpoint:
    return Checkpoint(path=path, index=sealed.index, parts=sealed.parts, offsets=sealed.offsets, warnings=tuple(warnings))


def _write_part(folder: Path, name: str, part: Part) -> None:
    if not PART_NAME.fullmatch(name) or f"{name}.json" == MANIFEST:
        raise CheckpointError(f"{name!r} is not a part's name: small letters, digits and '_', not 'manifest'")
    if _holds_tensors(part):
        (folder / name).mkdir()
        part.save(folder / name)
    elif _holds_json(part):
        state = dict(part.state())
        _check_json(state, name)
        (folder / f"{name}.json").write_text(json.dumps(state), encoding="ascii")
    else:
        raise CheckpointError(f"part {name!r} is a {type(part).__name__}, which has neither save and load nor state and restore")


def _load_part(folder: Path, name: str, part: Part) -> None:
    if _holds_tensors(part):
        part.load(folder / name)
    elif _holds_json(part):
        part.restore(json.loads((folder / f"{name}.json").read_bytes()))


def _holds_tensors(part: Part) -> TypeGuard[TensorStateful]:
    return hasattr(part, "save")


def _holds_json(part: Part) -> TypeGuard[Stateful]:
    return hasattr(part, "state")


def _check_json(value: Json, where: str) -> None:
    """Refuse what JSON would take and give back changed: keys that are no text, values that are no JSON."""
    if isinstance(value, dict):
        for key, inner in value.items():
            # A caller whose types are checked cannot do this; one whose state is built at run time can.
            if type(key) is not str:
                raise CheckpointError(f"{where} has the key {key!r}, a {type(key).__name__}; JSON's keys are texts")
            _check_json(inner, f"{where}.{key}")
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            _check_json(inner, f"{where}[{position}]")
    elif not (value is None or isinstance(value, (bool, int, float, str))):
        raise CheckpointError(f"{where} is a {type(value).__name__}, which JSON does not give back")


def _manifest(index: int, parts: Mapping[str, Part], offsets: Mapping[str, int], folder: Path) -> dict[str, Json]:
    files: dict[str, Json] = {}
    for file in survey(folder):
        with (folder / file).open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        files[file] = {"sha256": digest, "bytes": (folder / file).stat().st_size}
    names: list[Json] = [*sorted(parts)]
    body: dict[str, Json] = {"schema": SCHEMA, "index": index, "parts": names, "offsets": dict(offsets), "files": files}
    return {**body, "seal": seal_of(body)}


def _replace(temporary: Path, final: Path, step: Callable[[str], None]) -> None:
    old = final.with_name(f".old-{final.name}")
    if final.exists():
        final.rename(old)
        step("old moved")
    os.rename(temporary, final)
    step("renamed")
    if old.exists():
        remove_folder(old)
        step("old removed")


def _prune(folder: Path, keep: int, step: Callable[[str], None]) -> None:
    for path in checkpoint_paths(folder)[:-keep]:
        doomed = folder / f".del-{path.name}"
        path.rename(doomed)
        step("pruning")
        remove_folder(doomed)
        step("pruned")


def _no_step(name: str) -> None:
    """Do nothing: nobody watches the steps."""
