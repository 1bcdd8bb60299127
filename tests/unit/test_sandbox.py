"""Programs that nobody vouches for: each comes to a value or to one clear line, and the sandbox goes on."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import cast

import pytest

from socratic.errors import ConfigError
from socratic.records import Json, Program, Result

pytest.importorskip("pydantic_monty")

from socratic.sandbox import Limits, Sandbox

QUICK = Limits(time_s=1.0, memory=16 << 20, output=2000)
FIRST_LINE_OF_A_FILE = "def f():\n    return open('/etc/passwd').read()"

# Each with what the result's error begins with.
ATTACKS = {
    "endless loop": ("def f():\n    while True: pass", "TimeoutError: not over within 1 s"),
    "endless loop that catches all": (
        "def f():\n    while True:\n        try:\n            while True: pass\n        except BaseException: pass",
        "TimeoutError: not over within 1 s",
    ),
    "endless loop before the call": ("while True: pass\ndef f(): return 1", "TimeoutError: not over within 1 s"),
    "endless sum": ("def f(): return sum(range(10**12))", "TimeoutError: not over within 1 s"),
    "endless questions to the system": (
        "import os\ndef f():\n    while True:\n        try: os.listdir('/')\n        except OSError: pass",
        "RuntimeError: suspension limit 1000 exceeded",
    ),
    "memory bomb": ("def f():\n    held = 'a'\n    while True: held += held", "MemoryError: more than 16 MiB"),
    "list bomb": ("def f():\n    held = []\n    while True: held.append(held)", "MemoryError: more than 16 MiB"),
    "allocation bomb": ("def f(): return list(map(str, range(10**8)))", "MemoryError: more than 16 MiB"),
    "replacement bomb": ("def f(): return 'x'.replace('', 'y' * 10**6).replace('', 'y' * 10**6)", "MemoryError: more than 16 MiB"),
    "format bomb": ("def f(): return f'{1:>10000000000}'", "MemoryError: more than 16 MiB"),
    "huge power": ("def f(): return 9 ** 9 ** 9", "MemoryError: more than 16 MiB"),
    "huge number": ("def f(): return 10 ** 5000", "ValueError: Exceeds the limit (4300 digits)"),
    "huge factorial": ("import math\ndef f(): return math.factorial(10**7)", "MemoryError: more than 16 MiB"),
    "huge binomial": ("import math\ndef f(): return math.comb(10**7, 5 * 10**6)", "TimeoutError: not over within 1 s"),
    "flood of output": ("def f():\n    for _ in range(100): print('x' * 100)", "MemoryError: more than 16 MiB"),
    "flood of value": ("def f(): return 'x' * 3000", "ValueError: the value has 3002 characters as JSON, expected at most 2000"),
    "recursion": ("def f(): return f()", "RecursionError: maximum recursion depth exceeded"),
    "deep value": ("def f():\n    held = []\n    for _ in range(10**5): held = [held]\n    return held", "RecursionError: "),
    "round value": ("def f():\n    held = []\n    held.append(held)\n    return held", "ValueError: Circular reference detected"),
    "deep source": ("f = " + "(" * 10_000 + ")" * 10_000, "SyntaxError: "),
    "no source": ("def f(:", "SyntaxError: "),
    "file": (FIRST_LINE_OF_A_FILE, "PermissionError: Permission denied"),
    "file by path": ("from pathlib import Path\ndef f(): return Path('/etc/passwd').read_text()", "PermissionError: "),
    "written file": ("def f(): open('/tmp/there', 'w').write('x')", "PermissionError: "),
    "surroundings": ("import os\ndef f(): return dict(os.environ)", "RuntimeError: 'os.environ' is not supported"),
    "network": ("import socket\ndef f(): return 1", "ModuleNotFoundError: No module named 'socket'"),
    "network by url": ("import urllib.request\ndef f(): return 1", "ModuleNotFoundError: "),
    "subprocess": ("import subprocess\ndef f(): return 1", "ModuleNotFoundError: "),
    "shell": ("import os\ndef f(): return os.system('id')", "AttributeError: "),
    "host module": ("import socratic\ndef f(): return 1", "ModuleNotFoundError: "),
    "class of a value": ("def f(): return ().__class__.__bases__[0].__subclasses__()", "AttributeError: "),
    "class in a format": ("def f(): return '{0.__class__}'.format(1)", "AttributeError: "),
    "globals of a function": ("def f(): return f.__globals__", "AttributeError: "),
    "import by name": ("def f(): return __import__('os')", "NameError: "),
    "function outside": ("def f(): return _ask_outside([])", "NameError: "),
    "exit": ("def f(): exit()", "NameError: "),
    "interrupt": ("def f(): raise KeyboardInterrupt", "KeyboardInterrupt: no message"),
    "entropy": ("import os\ndef f(): return list(os.urandom(4))", "RuntimeError: 'os.urandom' is not supported"),
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox(QUICK, max_kept=100)
    yield sandbox
    sandbox.close()


def run(sandbox: Sandbox, source: str, *inputs: Json, call: str = "f") -> Result:
    return sandbox.run([Program(source=source, call=call, inputs=inputs)])[0]


def test_a_program_comes_to_its_value(sandbox: Sandbox) -> None:
    result = run(sandbox, "def f(a, b):\n    return {'sum': a + b, 'pair': (a, b), 'none': None}", 2, 3)
    assert result == Result(value={"sum": 5, "pair": [2, 3], "none": None})
    assert result.ok


def test_results_come_in_order_and_equal_programs_run_once(sandbox: Sandbox) -> None:
    programs = [Program(source="def f(x):\n    return x * x", call="f", inputs=(number % 5,)) for number in range(20)]
    assert [result.value for result in sandbox.run(programs)] == [(number % 5) ** 2 for number in range(20)]


def test_one_is_not_true_and_not_a_float(sandbox: Sandbox) -> None:
    source = "def f(x):\n    return type(x).__name__"
    values = [run(sandbox, source, value).value for value in (1, True, 1.0)]
    assert values == ["int", "bool", "float"]


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_one_line_and_the_sandbox_goes_on(sandbox: Sandbox, attack: str) -> None:
    source, begins = ATTACKS[attack]
    result = run(sandbox, source)
    assert result.value is None
    assert result.error.startswith(begins)
    assert "\n" not in result.error
    assert len(result.error) < 600
    assert "0x" not in result.error
    assert run(sandbox, "def f(x): return x", attack) == Result(value=attack)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "a*a*a*a*a*a*b"])
def test_a_pattern_that_backtracks_for_ever_ends(sandbox: Sandbox, pattern: str) -> None:
    result = run(sandbox, "import re\ndef f(pattern):\n    return re.match(pattern, 'a' * 500 + 'c') is None", pattern)
    assert result == Result(value=True) or result.error.startswith(
        ("TimeoutError: ", "RuntimeError: ", "MemoryError: ", "re.PatternError: ")
    )


@pytest.mark.parametrize(
    ("source", "begins"),
    [
        ("def f(): return float('nan')", "ValueError: Out of range float values are not JSON compliant"),
        ("def f(): return [1.0, float('-inf')]", "ValueError: Out of range float values are not JSON compliant"),
        ("def f(): return {1, 2}", "TypeError: Object of type set is not JSON serializable"),
        ("def f(): return f", "TypeError: Object of type function is not JSON serializable"),
        ("def f(): return range(3)", "TypeError: Object of type range is not JSON serializable"),
        ("def f(): return b'x'", "TypeError: "),
        ("class A:\n    pass\ndef f(): return A()", "TypeError: "),
        ("def g(): return 1", "NameError: name 'f' is not defined"),
        ("f = 3", "TypeError: "),
        ("def f(): raise ValueError('two\\nlines')", "ValueError: two lines"),
        ("def f(): return 1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_what_is_no_plain_json_is_an_error(sandbox: Sandbox, source: str, begins: str) -> None:
    assert run(sandbox, source).error.startswith(begins)


@pytest.mark.parametrize("call", ["", "f()", "a.b", "lambda", "f;g", "f\n"])
def test_a_call_is_the_name_of_a_function(sandbox: Sandbox, call: str) -> None:
    assert run(sandbox, "def f(): return 1", call=call).error.startswith("ValueError: the call is")


def test_inputs_are_plain_json(sandbox: Sandbox) -> None:
    assert run(sandbox, "def f(x): return 1", float("nan")).error.startswith("TypeError: the inputs are not plain JSON")
    assert run(sandbox, "def f(x): return x", {"a": [1, None, True, 0.5, "é"]}).value == {"a": [1, None, True, 0.5, "é"]}


def _endless() -> Json:
    held: list[Json] = []
    held.append(held)
    return held


def _deep() -> Json:
    held: list[Json] = []
    for _ in range(50_000):
        held = [held]
    return held


def _shared() -> Json:
    held: Json = ["x"]
    for _ in range(20):
        held = [held] * 100
    return held


@pytest.mark.parametrize(
    ("given", "begins"),
    [
        (10**5000, "TypeError: the inputs are not plain JSON: Exceeds the limit"),
        (_deep(), "TypeError: the inputs are not plain JSON: "),
        (_endless(), "ValueError: the inputs are endless or too large"),
        (_shared(), "ValueError: the inputs are endless or too large"),
        ("x" * (1 << 21), "ValueError: the inputs are endless or too large"),
        ("\ud800", "UnicodeEncodeError: "),
        (cast("Json", object()), "TypeError: the inputs are not plain JSON: "),
        (cast("Json", {(1, 2): 3}), "TypeError: the inputs are not plain JSON: "),
    ],
    ids=["huge", "deep", "endless", "shared", "long", "half", "object", "key"],
)
def test_inputs_that_cannot_be_given_are_an_error_and_the_others_run(sandbox: Sandbox, given: Json, begins: str) -> None:
    source = "def f(x): return 1"
    odd, fine = sandbox.run([Program(source=source, call="f", inputs=(given,)), Program(source=source, call="f", inputs=(1,))])
    assert odd.value is None
    assert odd.error.startswith(begins)
    assert odd.error.isprintable()
    assert fine == Result(value=1)


@pytest.mark.parametrize("part", ["source", "call", "inputs"])
def test_a_program_of_other_types_is_an_error(sandbox: Sandbox, part: str) -> None:
    program = Program(source="def f(): return 1", call="f")
    object.__setattr__(program, part, 5)
    assert f"the {part} {'are' if part == 'inputs' else 'is'} int, expected" in sandbox.run([program])[0].error


def test_half_of_a_character_in_the_source_is_an_error(sandbox: Sandbox) -> None:
    assert run(sandbox, "x = '\ud800'\ndef f(): return 1").error.startswith("SyntaxError: ")


def test_an_error_holds_nothing_that_a_terminal_obeys(sandbox: Sandbox) -> None:
    assert run(sandbox, "def f(): raise ValueError('a\\x1b[31m\\x07b\\u202e\\x9b')").error == "ValueError: a[31mb"


def test_a_result_that_time_decided_is_not_kept() -> None:
    box = Sandbox(Limits(time_s=0.1), workers=1)
    assert run(box, "def f():\n    while True: pass").error.startswith("TimeoutError: ")
    assert run(box, "def f(): return 1 / 0").error.startswith("ZeroDivisionError: ")
    assert len(box._kept) == 1
    box.close()


def test_sleep_takes_no_time_and_the_clock_stands_still(sandbox: Sandbox) -> None:
    source = (
        "import time\nfrom datetime import datetime\n"
        "def f():\n    time.sleep(1000)\n    return [time.time(), time.monotonic(), str(datetime.now())]"
    )
    assert run(sandbox, source).value == [1577880000.0, 1577880000.0, "2020-01-01 12:00:00"]


def test_chance_time_hashes_and_addresses_are_the_same_in_any_sandbox_any_time() -> None:
    source = (
        "import random, time\n"
        "def f():\n"
        "    return [random.random(), random.Random().random(), time.time(), hash('abc'), id([]), repr(f), list({'b', 'a', 'c'})]"
    )
    boxes = [Sandbox(QUICK, workers=1), Sandbox(QUICK, workers=1)]
    values = []
    for box in boxes:
        for _ in range(2):
            box.run([Program(source="def f(): return 0", call="f")])
            values.append(run(box, source).value)
            box._kept.clear()
        box.close()
    assert values[0] is not None
    assert values == [values[0]] * 4


def test_programs_do_not_see_each_other(sandbox: Sandbox) -> None:
    run(sandbox, "left_behind = 1\nimport math\nmath.left = 1\ndef f(): return 1")
    assert run(sandbox, "def f(): return left_behind").error == "NameError: name 'left_behind' is not defined"


def test_a_worker_that_is_killed_is_replaced() -> None:
    box = Sandbox(QUICK, workers=1)
    session = box._door.open()
    assert session.worker is not None
    session.close()
    os.kill(session.worker, signal.SIGKILL)
    assert run(box, "def f(): return 1") == Result(value=1)
    box.close()


def test_a_worker_can_open_no_file_even_beneath_the_interpreter() -> None:
    box = Sandbox(QUICK, workers=1)
    session = box._door.open()
    with open(f"/proc/{session.worker}/limits", encoding="ascii") as file:
        limits = {line[:25].strip(): line[25:].split()[:2] for line in file}
    with open(f"/proc/{session.worker}/environ", "rb") as file:
        assert file.read() == b""
    session.close()
    box.close()
    assert limits["Max open files"] == limits["Max file size"] == limits["Max core file size"] == ["0", "0"]
    assert limits["Max address space"] == [str((256 << 20) + (32 << 20))] * 2


def test_results_are_kept_up_to_a_number() -> None:
    box = Sandbox(QUICK, workers=1, max_kept=2)
    for number in range(4):
        assert run(box, "def f(x): return x", number).value == number
    assert len(box._kept) == 2
    box.close()


def test_a_process_that_was_forked_afterwards_is_told_so_and_harms_nobody() -> None:
    box = Sandbox(QUICK, workers=1)
    assert run(box, "def f(): return 1").ok
    context = multiprocessing.get_context("fork")
    said = context.SimpleQueue()
    child = context.Process(target=lambda: said.put(_refusal(box)))
    child.start()
    child.join(20)
    assert child.exitcode == 0
    assert "started before this process was forked" in said.get()
    assert run(box, "def f(): return 3").value == 3
    box.close()


def test_a_process_that_was_forked_before_has_workers_of_its_own() -> None:
    code = (
        "import os\nfrom socratic.sandbox import Sandbox\nfrom socratic.records import Program\nbox = Sandbox()\n"
        "ends = lambda: 0 if box.run([Program(source='def f(): return 1', call='f')])[0].ok else 1\n"
        "child = os.fork()\nif not child:\n    os._exit(ends())\n"
        "assert os.waitpid(child, 0)[1] == 0 and ends() == 0"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_a_closed_sandbox_starts_again() -> None:
    box = Sandbox(QUICK, workers=1)
    assert run(box, "def f(): return 1").ok
    box.close()
    box.close()
    assert run(box, "def f(): return 2").value == 2
    box.close()


def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydantic_monty", None)
    with pytest.raises(ConfigError, match=r"pip install 'socratic-loop\[sandbox\]'"):
        run(Sandbox(), "def f(): return 1")


def test_without_the_worker_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import pydantic_monty

    def not_found(**options: object) -> None:
        raise FileNotFoundError("could not locate the `monty` binary")

    monkeypatch.setattr(pydantic_monty, "Monty", not_found)
    with pytest.raises(ConfigError, match=r"its worker, the program `monty`, is not: pip install 'socratic-loop\[sandbox\]'"):
        run(Sandbox(), "def f(): return 1")


def test_a_worker_that_cannot_be_started_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONTY_BIN", "/nowhere/monty")
    with pytest.raises(ConfigError, match=r"/nowhere/monty.*pip install 'socratic-loop\[sandbox\]'"):
        run(Sandbox(), "def f(): return 1")


@pytest.mark.parametrize("limit", ["time_s", "memory", "output", "suspensions", "depth"])
def test_a_limit_that_lets_nothing_run_is_refused(limit: str) -> None:
    with pytest.raises(ConfigError, match=f"sandbox limit {limit} is 0"):
        Limits(**{limit: 0})
    with pytest.raises(ConfigError, match="0 workers"):
        Sandbox(workers=0)


def test_importing_the_sandbox_starts_nothing_and_loads_no_interpreter() -> None:
    code = "import sys, socratic.sandbox\nsocratic.sandbox.Sandbox()\nassert 'pydantic_monty' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_workers_end_with_their_process() -> None:
    code = (
        "from socratic.sandbox import Sandbox\nfrom socratic.records import Program\n"
        "box = Sandbox()\nassert box.run([Program(source='def f(): return 1', call='f')])[0].ok\n"
        "session = box._door.open()\nprint(session.worker)\nsession.close()"
    )
    ended = subprocess.run([sys.executable, "-c", code], check=True, timeout=30, capture_output=True, text=True)
    with pytest.raises(ProcessLookupError):
        os.kill(int(ended.stdout), 0)


def _refusal(box: Sandbox) -> str:
    try:
        box.run([Program(source="def f(): return 2", call="f")])
    except ConfigError as error:
        box.close()
        return str(error)
    return ""
