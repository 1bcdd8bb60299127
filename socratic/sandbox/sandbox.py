"""A sandbox: programs in, results out.

The same program comes to the same result, on any machine and any day, as long as its time does not run out: chance, clock, hashes
and addresses are fixed, and what ends at the limits of memory, output, depth or suspensions ends there each time. Time alone is
the machine's: the interpreter counts no steps. A program that takes about as long as it may comes to its value on one day and to
a TimeoutError on another, so that no TimeoutError is kept.
"""

import json
import keyword
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

from socratic.errors import ConfigError
from socratic.records import Json, Program, Result
from socratic.sandbox.berths import Berths
from socratic.sandbox.door import Door, ProgramFailed, WorkerDied
from socratic.sandbox.limits import Limits
from socratic.sandbox.plain import fingerprint, size_of

# One that works and one that is being replaced; a machine has other things to do.
WORKERS = 2
MAX_KEPT = 4096
# Characters, also of all inputs together.
MAX_SOURCE = 1 << 20
# A worker that something else killed says nothing of the program; one that dies again does.
TRIES = 2
DIED = Result(error=f"RuntimeError: its worker died {TRIES} times")
CALL = """
import json as _json_of_the_value
_json_of_the_value.dumps({call}(*_inputs), allow_nan=False)
"""


class Sandbox:
    """Runs programs that nobody vouches for.

    Results are kept: to run a program twice is to look it up, unless it ran out of time.
    """

    def __init__(self, limits: Limits | None = None, *, workers: int = WORKERS, max_kept: int = MAX_KEPT) -> None:
        """Remember what to start; the workers start with the first program.

        Args:
            limits: What one program may take.
            workers: How many programs run at once.
            max_kept: How many results are kept.

        Raises:
            ConfigError: no worker.
        """
        if workers < 1:
            raise ConfigError(f"the sandbox has {workers} workers, expected at least 1")
        self.limits = limits or Limits()
        self.workers = workers
        self._max_kept = max_kept
        self._kept: OrderedDict[bytes, Result] = OrderedDict()
        self._door = Door(self.limits, workers, is_for_games=False)
        self.berths = Berths(self.limits, workers)
        self._lock = threading.Lock()

    def run(self, programs: Sequence[Program]) -> list[Result]:
        """Return what each program came to: the value of `call(*inputs)` as plain JSON, or the error in one line.

        A value is what JSON makes of it: tuples come as lists, keys as texts; NaN and what JSON does not know are errors.

        Raises:
            ConfigError: pydantic-monty is not installed.
        """
        checked = [_checked(program) for program in programs]
        known: dict[bytes, Result] = {}
        new: dict[bytes, _Checked] = {}
        for program in checked:
            if isinstance(program, _Checked) and program.key not in known:
                kept = self._recall(program.key)
                if kept is None:
                    new[program.key] = program
                else:
                    known[program.key] = kept
        for key, result in zip(new, self._run_all(list(new.values())), strict=True):
            known[key] = result
            if result != DIED and not result.error.startswith("TimeoutError: "):
                self._keep(key, result)
        return [program if isinstance(program, Result) else known[program.key] for program in checked]

    def close(self) -> None:
        """End the workers; the next program starts others."""
        self._door.close()
        self.berths.close()

    def _run_all(self, programs: Sequence["_Checked"]) -> list[Result]:
        if len(programs) < 2 or self.workers == 1:
            return [self._run_one(program) for program in programs]
        with ThreadPoolExecutor(self.workers) as threads:
            return list(threads.map(self._run_one, programs))

    def _run_one(self, program: "_Checked") -> Result:
        for _ in range(TRIES):
            try:
                return Result(value=self._value(program))
            except WorkerDied:
                continue
            except ProgramFailed as failed:
                return Result(error=str(failed))
        return DIED

    def _value(self, program: "_Checked") -> Json:
        with self._lock:  # a pool is started once
            session = self._door.open()
        try:
            session.run(program.source)
            return _read(session.run(CALL.format(call=program.call), {"_inputs": program.inputs}), self.limits)
        finally:
            session.close()

    def _recall(self, key: bytes) -> Result | None:
        result = self._kept.get(key)
        if result is not None:
            self._kept.move_to_end(key)
        return result

    def _keep(self, key: bytes, result: Result) -> None:
        self._kept[key] = result
        while len(self._kept) > self._max_kept:
            self._kept.popitem(last=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Checked:
    """A program that can be run."""

    key: bytes
    source: str
    call: str
    inputs: Json  # as JSON has them


def _checked(program: Program) -> _Checked | Result:
    """Return the program as it is run; a result where it cannot be."""
    # A game is not held to its types.
    source, call, inputs = cast("tuple[object, object, object]", (program.source, program.call, program.inputs))
    try:
        if not isinstance(source, str) or len(source) > MAX_SOURCE:
            found = f"{len(source)} characters" if isinstance(source, str) else type(source).__name__
            raise ProgramFailed("ValueError", f"the source is {found}, expected a text of at most {MAX_SOURCE}")
        if not isinstance(call, str) or not call.isidentifier() or keyword.iskeyword(call):
            shown = repr(call[:40]) if isinstance(call, str) else type(call).__name__
            raise ProgramFailed("ValueError", f"the call is {shown}, expected the name of a function of the source")
        plain = _as_json(inputs)
        return _Checked(key=fingerprint(source, call, plain), source=source, call=call, inputs=plain)
    except ProgramFailed as failed:
        return Result(error=str(failed))
    except ValueError as error:
        return Result(error=f"ValueError: {error}")


def _as_json(inputs: object) -> Json:
    if not isinstance(inputs, (list, tuple)):
        raise ProgramFailed("TypeError", f"the inputs are {type(inputs).__name__}, expected a list")
    if size_of(inputs, MAX_SOURCE) > MAX_SOURCE:
        raise ProgramFailed("ValueError", f"the inputs are endless or too large, expected at most {MAX_SOURCE} characters")
    try:
        plain: Json = json.loads(json.dumps(inputs, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ProgramFailed("TypeError", f"the inputs are not plain JSON: {error}") from None
    return plain


def _read(written: object, limits: Limits) -> Json:
    if not isinstance(written, str) or len(written) > limits.output:
        found = f"{len(written)} characters as JSON" if isinstance(written, str) else "no JSON"
        raise ProgramFailed("ValueError", f"the value has {found}, expected at most {limits.output}")
    try:
        value: Json = json.loads(written, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ProgramFailed("ValueError", f"the value is not plain JSON: {error}") from None
    return value


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"it holds {constant}")
