"""TOML files composed left to right, then `key=value` overrides; what does not fit is one line."""

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from socratic.config.sections import NO_GAME, Config, GameSection
from socratic.errors import ConfigError
from socratic.records import Json

# Longer values are cut in messages.
MOST_SHOWN = 80
# As TOML has it: any other key stands in quotes.
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def load_config(paths: Sequence[Path], overrides: Iterable[str] = ()) -> Config:
    """Compose TOML files left to right, then `key=value` overrides.

    Raises:
        ConfigError: a file is missing or is no TOML, a key is unknown, or a value does not fit.
    """
    merged: dict[str, Json] = {}
    for path in paths:
        _merge(merged, _read(path))
    for override in overrides:
        _merge(merged, _parse_override(override))
    return make_config(merged)


def make_config(values: Mapping[str, Json]) -> Config:
    """Check plain values against the sections.

    Raises:
        ConfigError: one line for the first thing that does not fit, with the nearest known key.
    """
    try:
        return Config.model_validate(_tuples(dict(values)), strict=True)
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None


def _read(path: Path) -> dict[str, Json]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no configuration at {path}; give a TOML file or the name of a built-in one") from None
    except IsADirectoryError:
        raise ConfigError(f"{path} is a folder, expected a TOML file") from None
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None


def _parse_override(text: str) -> dict[str, Json]:
    key, equals, value = text.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not equals or not all(parts):
        lacking = "key before its '='" if equals and not key.strip() else "name between two dots of its key" if equals else "'='"
        raise ConfigError(f"override {text!r} has no {lacking}; write key=value, e.g. learner.lr=1e-4")
    nested = _parse_value(value)
    for part in reversed(parts):
        nested = {part: nested}
    assert isinstance(nested, dict)
    return nested


def _parse_value(text: str) -> Json:
    try:
        parsed: dict[str, Json] = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text.strip()  # a bare word is a string: -o play.executor=local
    # Text with a line end in it could hold further keys.
    return parsed["value"] if len(parsed) == 1 else text


def _merge(into: dict[str, Json], values: Mapping[str, Json]) -> None:
    for key, value in values.items():
        present = into.get(key)
        if isinstance(present, dict) and isinstance(value, dict):
            _merge(present, value)
        else:
            into[key] = value


def _tuples(value: Json) -> object:
    """Return the value with tuples for lists: types are checked strictly, so that "3" and true are no numbers."""
    if isinstance(value, dict):
        return {key: _tuples(inner) for key, inner in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _explain(error: ValidationError) -> str:
    # A key that is misspelt may be why another is missing.
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    location = [str(part) for part in first["loc"]]
    if first["type"] == "extra_forbidden":
        known = _known_keys(location[:-1])
        near = difflib.get_close_matches(location[-1], known, n=1)
        remedy = f"did you mean {_dotted([*location[:-1], near[0]])}?" if near else f"known keys: {', '.join(known)}"
        return f"unknown configuration key {_dotted(location)}; {remedy}"
    if first["type"] == "value_error":
        return first["msg"].removeprefix("Value error, ")
    if location == ["games"] and first["type"] == "missing":
        return NO_GAME
    if first["type"] == "missing":
        location.pop()  # a place in a list; the input is the list
    if location[0] == "games" and location[2:3] == ["params"]:
        del location[4:]  # the types that the parameter was tried as
    return f"{_dotted(location)} = {_shown(first['input'])} does not fit: expected {_expected(first, location)}"


def _expected(found: ErrorDetails, location: Sequence[str]) -> str:
    kind = found["type"]
    if location[0] == "games" and location[2:3] == ["params"] and len(location) == 4:
        return "a number, a text, true or false"
    if kind in {"model_type", "dict_type"}:
        return f"a table, [{_dotted(location)}]"
    if kind in {"tuple_type", "missing", "too_long"}:
        return "a list" if kind == "tuple_type" else "a list of another length"
    return found["msg"].removeprefix("Input should be ")


def _dotted(location: Sequence[str]) -> str:
    return ".".join(part if BARE_KEY.fullmatch(part) else json.dumps(part) for part in location)


def _shown(value: object) -> str:
    """Return a value as TOML would write it, cut where it is long."""
    text = json.dumps(value, default=str)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def _known_keys(location: Sequence[str]) -> list[str]:
    section: type[BaseModel] = Config
    for part in location:
        found = section.model_fields.get(part)
        candidates = [] if found is None else [found.annotation, *get_args(found.annotation)]
        inner = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        section = inner[0] if inner else (GameSection if section is Config else section)
    return list(section.model_fields)
