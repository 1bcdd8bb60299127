"""Triplet: program, input, output; who knows two of them can find the third."""

import json

from socratic.errors import ConfigError
from socratic.game import Bot, Params, Request, Scores, Seed, Table, game

MODES = ("deduce", "abduce", "induce")
OPERATIONS = {
    "inc": "x + 1",
    "double": "x * 2",
    "square": "x * x",
    "flip": "-x",
    "dec": "x - 1",
    "triple": "x * 3",
    "half": "x // 2",
    "cube": "x * x * x",
}
MAX_BASE, MAX_STEPS, MAX_OUTPUT = 10, 4, 40


def best(*, mode: str, ops: int, base: int, steps: int, tries: int, free: bool, explain: bool) -> float | None:
    """Return the solver's best expected score: 1 where the answer follows from what it is shown; not known elsewhere."""
    del explain
    _check(mode, ops, base, steps, tries)
    return None if free or mode in {"any", "induce"} else 1.0


def source_of(names: list[str], base: int) -> str:
    """Return the program that does the operations one after the other, each modulo `base`."""
    return "\n".join(["def f(x):", *(f"    x = ({OPERATIONS[name]}) % {base}" for name in names), "    return x"])


def random_player(params: Params) -> Bot:
    """Return a player that writes programs of one operation, and answers a digit."""
    base, ops = int(params["base"]), int(params["ops"])

    def play(request: Request, seed: Seed) -> str:
        if request.legal is not None:
            return request.legal[seed.integer(len(request.legal))]
        if request.prompt.startswith("Write"):
            return source_of([list(OPERATIONS)[seed.integer(ops)]], base)
        return str(seed.integer(base))

    return play


@game(
    seats=("solver", "proposer"),
    bounds=(-1.0, 1.0),
    levels=(
        {},
        {"mode": "any", "base": 5},
        {"mode": "any", "ops": 8, "base": 10, "steps": 2, "explain": True},
        {"mode": "any", "base": 10, "tries": 3, "free": True},
    ),
    optimum=best,
    bots={"random": random_player},
)
async def triplet(
    t: Table,
    *,
    mode: str = "deduce",
    ops: int = 4,
    base: int = 4,
    steps: int = 1,
    tries: int = 2,
    free: bool = False,
    explain: bool = False,
) -> Scores:
    """The proposer makes a program; the solver finds the output (deduce), an input (abduce) or the program (induce), a few times.

    The solver scores its share of right answers s, the proposer 1 - s, but 0 where s is 0 or 1: it is paid for what can be learned
    (A. Zhao et al., "Absolute Zero", 2025, who solve one task many times for s; here a match asks one program's several inputs).
    `free`: programs are any Python, run in the sandbox afresh for each input; one that fails, or says too much, costs its proposer 1.
    """
    _check(mode, ops, base, steps, tries)
    kind = t.choose(MODES) if mode == "any" else mode
    words = list(OPERATIONS)[:ops]
    digits = [str(digit) for digit in range(base)]
    t.tell(None, f"{kind} with x from 0 to {base - 1}.")
    if explain:
        t.tell(None, f"{', '.join(f'{word}: {OPERATIONS[word]}' for word in words)}; modulo {base}.")
    if free:
        shown = program = await t.ask(1, "Write f(x) in Python:")
    else:
        shown = " ".join([await t.ask(1, f"Operation {step + 1}", words) for step in range(steps)])
        program = source_of(shown.split(), base)
    outputs = await _outputs(t, program, base)
    if outputs is None:
        return (0.0, -1.0)
    num_right = 0
    for x in t.deal(range(base), tries, hidden_from=(1,) * tries):
        if kind == "deduce":
            num_right += outputs[x] == _plain(await t.ask(0, f"{shown} of {x}", None if free else digits))
        elif kind == "abduce":
            num_right += outputs[x] == outputs[int(await t.ask(0, f"{shown} gives {outputs[x]}", digits))]
        elif free:
            num_right += outputs == await _outputs(t, await t.ask(0, f"Write f(x) in Python: {x} gives {outputs[x]}"), base)
        else:
            shows = f"{x} gives {outputs[x]}"
            asks = [f"Operation {step + 1}: {shows}" for step in range(steps)] if steps > 1 else [shows]
            named = [await t.ask(0, prompt, words) for prompt in asks]
            num_right += outputs == await _outputs(t, source_of(named, base), base)
    t.truth(program=program, outputs=outputs, num_right=num_right)
    return (num_right / tries, 1 - num_right / tries if num_right else 0.0)


async def _outputs(t: Table, program: str, base: int) -> list[str] | None:
    """Return what a program makes of each input, as JSON; None where it fails or says too much.

    It is run afresh for each input, with nothing of the game's in its source: it can neither remember nor answer for another input.
    """
    outputs: list[str] = []
    for x in range(base):
        result = await t.execute(program, "f", x)
        outputs.append(_written(result.value) or "")
        if result.error or not 0 < len(outputs[-1]) <= MAX_OUTPUT:
            return None
    return outputs


def _written(value: object) -> str | None:
    """Return a value as JSON writes it; None where it cannot."""
    try:
        return json.dumps(value, sort_keys=True)
    except (ValueError, RecursionError):
        return None


def _plain(reply: str) -> str | None:
    """Return a reply as JSON writes it; None where it is none."""
    try:
        return _written(json.loads(reply))
    except (ValueError, RecursionError):
        return None


def _check(mode: str, ops: int, base: int, steps: int, tries: int) -> None:
    if not (mode in {*MODES, "any"} and 1 <= ops <= len(OPERATIONS) and 1 <= tries <= base <= MAX_BASE and 1 <= steps <= MAX_STEPS):
        raise ConfigError(
            f"triplet: mode {mode!r}, {ops} ops, base {base}, {steps} steps, {tries} tries; expected deduce, abduce, induce or any, "
            f"1 to {len(OPERATIONS)} ops, base up to {MAX_BASE}, 1 to {MAX_STEPS} steps and no more tries than the base"
        )
