"""Plugins: whatever a researcher would swap, found by name.

A name is an entry point of an installed distribution, `package.module:attr`, a file: `path/to/file.py[:attr]`, or, for games of
other libraries, a bridge's scheme and their own name: `openspiel:kuhn_poker`. Listing
reads metadata only; a plugin is imported when it is loaded, and then once. Files are trusted as their user is: text that a
model wrote, or that lies in a run directory, never comes through here.
"""

import difflib
import importlib
import importlib.util
import logging
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b, sha256
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Literal

from socratic.errors import BrokenPlugin, SocraticError, UnknownGame
from socratic.game import Game

logger = logging.getLogger(__name__)

GAMES = "socratic.games"
BRIDGES = "socratic.bridges"
OBJECTIVES = "socratic.objectives"
PREFERENCES = "socratic.preferences"
CRITICS = "socratic.critics"
SCHEME = re.compile(r"(?P<scheme>[a-z]\w*):(?P<rest>.+)")
FILE = re.compile(r"(?P<path>.+\.py)(?::(?P<attr>\w+))?")
REFERENCE = re.compile(r"[\w.]+:[\w.]+")

_loaded: dict[tuple[str, str], object] = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Plugin:
    """A plugin as its distribution announces it."""

    name: str
    value: str
    distribution: str
    version: str


def list_plugins(group: str) -> tuple[Plugin, ...]:
    """Return every plugin of an entry point group by name; nothing is imported."""
    return tuple(
        Plugin(
            name=point.name,
            value=point.value,
            distribution=point.dist.name if point.dist else "unknown",
            version=point.dist.version if point.dist else "unknown",
        )
        for point in sorted(entry_points(group=group), key=_name_and_distribution)
    )


def list_games() -> tuple[Plugin, ...]:
    """Return every installed game by name; nothing is imported."""
    return list_plugins(GAMES)


def load_plugin(group: str, name: str) -> object:
    """Return what `name` names in an entry point group, `package.module:attr` or `file.py:attr`.

    Raises:
        UnknownGame: nothing of that name; the message names the nearest.
        BrokenPlugin: it was found and cannot be loaded, or two distributions claim the name.
    """
    return _load(group, name, _any_plugin)


def load_game(name: str) -> Game:
    """Return the game that `name` names: an installed one, `scheme:name`, `package.module:attr`, `file.py` or `file.py:attr`.

    Raises:
        UnknownGame: nothing of that name; the message names the nearest.
        BrokenPlugin: it was found and cannot be loaded, is no game, or two distributions claim the name.
    """
    found = _load(GAMES, name, _only_game)
    if not isinstance(found, Game):
        raise BrokenPlugin(f"{name} is {found!r}, expected a game; is @game(...) missing above it?")
    return found


def is_findable(name: str) -> bool:
    """Return whether `name`, a `package.module:attr` or `file.py:attr`, names what is there; only a module's parent packages are run."""
    if file := FILE.fullmatch(name):
        return Path(file["path"]).is_file()
    if not REFERENCE.fullmatch(name):
        return False
    try:
        return importlib.util.find_spec(name.partition(":")[0]) is not None
    except (ImportError, ValueError):
        return False


def file_hash(name: str) -> str | None:
    """Return the sha256 of the file that `name` names; None where it names none. Nothing is imported.

    Raises:
        UnknownGame: the file is not there.
    """
    file = FILE.fullmatch(name)
    if not file:
        return None
    path = Path(file["path"])
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UnknownGame(f"cannot read {path}: {error.strerror}; bring the game's file back") from None


def _load(group: str, name: str, pick: Callable[[ModuleType, str], object]) -> object:
    file = FILE.fullmatch(name)
    key = (group, f"{Path(file['path']).resolve()}:{file['attr']}" if file else name)
    if key not in _loaded:
        if file:
            _loaded[key] = _from_file(Path(file["path"]), file["attr"], pick)
        elif points := list(entry_points(group=group, name=name)):
            _loaded[key] = _from_entry_points(name, points)
        elif group == GAMES and (bridged := _bridge(name)):
            _loaded[key] = _from_bridge(name, *bridged)
        elif REFERENCE.fullmatch(name):
            _loaded[key] = _from_reference(name)
        else:
            raise UnknownGame(_unknown(group, name))
    return _loaded[key]


def _from_entry_points(name: str, points: list[EntryPoint]) -> object:
    claims = sorted({_name_and_distribution(point)[1] for point in points})
    if len(claims) > 1:
        raise BrokenPlugin(f"{name!r} is claimed by {' and '.join(claims)}; uninstall one, or name it as package.module:attr")
    with _Importing(f"{name!r} of {claims[0]}"):
        return points[0].load()


def _bridge(name: str) -> tuple[EntryPoint, str] | None:
    """Return the bridge that a name's scheme names, and what it is asked for."""
    found = SCHEME.fullmatch(name)
    points = list(entry_points(group=BRIDGES, name=found["scheme"])) if found else []
    return (points[0], found["rest"]) if found and points else None


def _from_bridge(name: str, point: EntryPoint, rest: str) -> object:
    with _Importing(f"the bridge {point.name!r}"):
        load = point.load()
    # A bridge says itself what is wrong with a name; what the library behind it raises is not ours to name.
    with _Importing(repr(name), passed_on=SocraticError):
        return load(rest)


def _from_reference(name: str) -> object:
    module_name, _, attr = name.partition(":")
    with _Importing(repr(name)):
        try:
            found: object = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            # The module that is missing may be one that the plugin imports.
            if error.name and (module_name == error.name or module_name.startswith(f"{error.name}.")):
                raise UnknownGame(f"no module {error.name!r} for {name!r}; is it installed, or its folder on PYTHONPATH?") from error
            raise
        for part in attr.split("."):
            found = getattr(found, part)
        return found


def _from_file(path: Path, attr: str | None, pick: Callable[[ModuleType, str], object]) -> object:
    if not path.is_file():
        raise UnknownGame(f"no file {path}; " + ("give the path of a game's file" if path.is_absolute() else f"looked in {Path.cwd()}"))
    logger.warning("running %s as trusted code, because it was named by path", path)
    # Dataclasses and pickles look their module up by name; two files of one name must not meet.
    module_name = f"socratic_file_{path.stem}_{blake2b(str(path.resolve()).encode(), digest_size=4).hexdigest()}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise BrokenPlugin(f"{path} cannot be loaded as a module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        with _Importing(str(path)):
            spec.loader.exec_module(module)
            return getattr(module, attr) if attr else pick(module, str(path))
    except BrokenPlugin:
        del sys.modules[module_name]
        raise


def _only_game(module: ModuleType, path: str) -> object:
    games = {attr: found for attr, found in vars(module).items() if isinstance(found, Game)}
    # A game that the file imports is not the one it is about, unless there is no other.
    own = {attr: found for attr, found in games.items() if found.module == module.__name__} or games
    if not own:
        raise BrokenPlugin(f"{path} has no game, expected one; is @game(...) missing above it?")
    if len(own) > 1:
        likely = Path(path).stem if Path(path).stem in own else next(iter(own))
        raise BrokenPlugin(f"{path} has the games {', '.join(sorted(own))}, expected one; name it as {path}:{likely}")
    return next(iter(own.values()))


def _any_plugin(module: ModuleType, path: str) -> object:
    del module
    raise BrokenPlugin(f"{path} may hold many things; name one as {path}:attr")


def _unknown(group: str, name: str) -> str:
    names = sorted({point.name for point in entry_points(group=group)})
    nearest = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    kind = group.rpartition(".")[2].removesuffix("s")
    known = f"did you mean {' or '.join(nearest)}?" if nearest else f"known: {', '.join(names) or 'none'}."
    schemes = [f"{point.name}:NAME" for point in sorted(entry_points(group=BRIDGES), key=_name_and_distribution)] if group == GAMES else []
    return f"no {kind} {name!r}; {known} A {kind} is also {', '.join([*schemes, 'package.module:attr'])} or path/to/file.py"


def _name_and_distribution(point: EntryPoint) -> tuple[str, str]:
    return point.name, point.dist.name if point.dist else "unknown"


class _Importing:
    """Where somebody else's module is run: it may raise what nobody can name, and even end the process."""

    def __init__(self, what: str, passed_on: type[Exception] | tuple[type[Exception], ...] = (BrokenPlugin, UnknownGame)) -> None:
        self._what = what
        self._passed_on = passed_on

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> Literal[False]:
        # An interrupt is no failure of the plugin, and what was said of it already stays.
        if isinstance(error, (Exception, SystemExit)) and not isinstance(error, self._passed_on):
            reason = (str(error).strip().splitlines() or [""])[0]
            raise BrokenPlugin(f"{self._what} cannot be loaded: {type(error).__name__}: {reason}") from error
        return False
