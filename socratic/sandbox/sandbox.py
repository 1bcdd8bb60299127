"""A sandbox: programs in, results out; the same result for the same program, always."""

import json
import keyword
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b

from socratic.errors import ConfigError
from socratic.records import Json, Program, Result
from socratic.sandbox.berths import Berths
from socratic.sandbox.door import Door, ProgramFailed, Session, WorkerDied
from socratic.sandbox.limits import Limits

# One that works and one that is being replaced; a machine has other things to do.
WORKERS = 2
MAX_KEPT = 4096
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

    Results are kept: to run a program twice is to look it up.
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
        keys = [_key(program) for program in programs]
        new = {key: program for key, program in zip(keys, programs, strict=True) if self._recall(key) is None}
        ran = dict(zip(new, self._run_all(list(new.values())), strict=True))
        for key, result in ran.items():
            if result != DIED:
                self._keep(key, result)
        return [ran.get(key) or self._recall(key) or self._run_one(program) for key, program in zip(keys, programs, strict=True)]

    def close(self) -> None:
        """End the workers; the next program starts others."""
        self._door.close()
        self.berths.close()

    def _run_all(self, programs: Sequence[Program]) -> list[Result]:
        if len(programs) < 2 or self.workers == 1:
            return [self._run_one(program) for program in programs]
        with ThreadPoolExecutor(self.workers) as threads:
            return list(threads.map(self._run_one, programs))

    def _run_one(self, program: Program) -> Result:
        try:
            inputs = _checked(program)
            for _ in range(TRIES):
                try:
                    return Result(value=self._value(program, inputs))
                except WorkerDied:
                    continue
        except ProgramFailed as failed:
            return Result(error=str(failed))
        return DIED

    def _value(self, program: Program, inputs: Json) -> Json:
        with self._lock:  # a pool is started once
            session = self._door.open()
        try:
            session.run(program.source)
            return _read(_written(session, program, inputs), self.limits)
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


def _key(program: Program) -> bytes:
    # `repr` tells 1 from True and 1.0, and knows what JSON does not.
    return blake2b(repr((program.source, program.call, program.inputs)).encode("utf-8", "backslashreplace"), digest_size=16).digest()


def _checked(program: Program) -> Json:
    """Return the inputs as JSON has them."""
    if not program.call.isidentifier() or keyword.iskeyword(program.call):
        raise ProgramFailed("ValueError", f"the call is {program.call[:40]!r}, expected the name of a function of the source")
    if len(program.source) > MAX_SOURCE:
        raise ProgramFailed("ValueError", f"the source has {len(program.source)} characters, expected at most {MAX_SOURCE}")
    try:
        inputs: Json = json.loads(json.dumps(list(program.inputs), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ProgramFailed("TypeError", f"the inputs are not plain JSON: {error}") from None
    return inputs


def _written(session: Session, program: Program, inputs: Json) -> object:
    return session.run(CALL.format(call=program.call), {"_inputs": inputs})


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
