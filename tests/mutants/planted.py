"""Put a mutated source in the place of a built-in game, and ask in a process of its own who notices."""

import multiprocessing
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

ROOT = Path(__file__).parents[2]
PACKAGE = "socratic_games"

FORK = multiprocessing.get_context("fork")
MOST_AT_ONCE = 16
# Every child takes a place; one that is to be alone keeps the entrance until it has all of them.
_entrance = FORK.Lock()
_places = FORK.Semaphore(MOST_AT_ONCE)

# What a task in a child process found: a line, or None for nothing.
Found: TypeAlias = str | None


class Died(Exception):
    """Raised where a child process ended without an answer."""


def plant(folder: Path, name: str, source: str) -> None:
    """Write a package of the built-in games with `source` in the place of one of them."""
    package = folder / PACKAGE
    if not package.exists():
        shutil.copytree(ROOT / "games", package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / f"{name}.py").write_text(source, encoding="utf-8")


@contextmanager
def _place(*, is_alone: bool) -> Iterator[None]:
    """Wait until there is a place, or until there is nobody else."""
    num_places = MOST_AT_ONCE if is_alone else 1
    with _entrance:
        for _ in range(num_places):
            _places.acquire()
    try:
        yield
    finally:
        for _ in range(num_places):
            _places.release()


def in_child(task: Callable[[], Found], folder: Path, limit_s: float, *, is_alone: bool = False) -> Found:
    """Return what a task finds in a forked process that imports the games from `folder`; `is_alone`: while no other such runs.

    Raises:
        TimeoutError: it was not over in time.
        Died: it ended without an answer.
    """
    with _place(is_alone=is_alone):
        return _in_child(task, folder, limit_s)


def _in_child(task: Callable[[], Found], folder: Path, limit_s: float) -> Found:
    receiver, sender = FORK.Pipe(duplex=False)
    child = FORK.Process(target=_answer, args=(task, folder, sender))
    child.start()
    sender.close()
    try:
        if not receiver.poll(limit_s):
            raise TimeoutError(f"not over within {limit_s:g} s")
        is_found, text = receiver.recv()
    except EOFError:
        raise Died("it ended without an answer") from None
    finally:
        if child.pid is not None and child.is_alive():
            _end(child.pid)
        child.join()
        receiver.close()
    if not is_found:
        raise Died(text)
    answer: Found = text
    return answer


def _answer(task: Callable[[], Found], folder: Path, sender: Connection) -> None:
    """Run a task with the games of `folder`, all that it prints thrown away."""
    os.setsid()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    _use(folder)
    try:
        sender.send((True, task()))
    except BaseException:
        # The process ends here, and its parent is told why.
        sender.send((False, traceback.format_exc(limit=-3)))
        raise
    finally:
        sender.close()
        sys.stdout = sys.__stdout__


def _use(folder: Path) -> None:
    """Have every later import, here and in processes started from here, take the games of `folder`."""
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.path.insert(0, str(folder))
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        del sys.modules[name]
    sys.path_importer_cache.clear()


def _end(pid: int) -> None:
    """End a child and all that it started: it leads a group of its own."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        os.kill(pid, signal.SIGKILL)


def imported(name: str) -> ModuleType:
    """Return the module of a game from wherever it is planted."""
    from importlib import import_module

    return import_module(f"{PACKAGE}.{name}")
