"""The house rules that no linter knows, each a function from a parsed file to its complaints."""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

MAX_FILE_LINES = 450
MAX_FUNCTION_LINES = 60
# Words that say nothing, or for which the glossary has a better one.
FORBIDDEN_WORDS = frozenset(["env", "envs", "manager", "managers", "handler", "handlers", "util", "utils", "helper", "helpers", "samples"])
BROAD = frozenset({"Exception", "BaseException"})
# Functions and methods of torch that draw from its global generator unless they are given another.
TORCH_DRAWS = frozenset(
    [
        "bernoulli",
        "multinomial",
        "normal",
        "poisson",
        "rand",
        "rand_like",
        "randint",
        "randint_like",
        "randn",
        "randn_like",
        "randperm",
        "bernoulli_",
        "cauchy_",
        "exponential_",
        "geometric_",
        "log_normal_",
        "normal_",
        "random_",
        "uniform_",
        "kaiming_normal_",
        "kaiming_uniform_",
        "orthogonal_",
        "sparse_",
        "trunc_normal_",
        "xavier_normal_",
        "xavier_uniform_",
    ]
)
SEEDED = frozenset({"Generator", "Random", "Seed", "child", "default_rng", "manual_seed"})
NOT_A_SEED = frozenset(
    [
        "getpid",
        "hash",
        "id",
        "monotonic",
        "monotonic_ns",
        "now",
        "perf_counter",
        "perf_counter_ns",
        "time",
        "time_ns",
        "token_bytes",
        "urandom",
        "uuid4",
    ]
)
GAMES_MAY_IMPORT = ("socratic.errors", "socratic.game", "socratic_games")

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One file of Python: where it is and what it says."""

    path: Path
    text: str

    @property
    def tree(self) -> ast.Module:
        """The parsed file."""
        return ast.parse(self.text, filename=str(self.path))


Check: TypeAlias = Callable[[Source], Iterator[str]]


def long_file(source: Source) -> Iterator[str]:
    """Find a file that should be two."""
    lines = len(source.text.splitlines())
    if lines > MAX_FILE_LINES:
        yield f"has {lines} lines; split it by idea before {MAX_FILE_LINES}"


def long_functions(source: Source) -> Iterator[str]:
    """Find functions with more lines of code than fit one level of abstraction; docstrings and comments are free."""
    lines = source.text.splitlines()
    for function in _functions(source.tree):
        docstring = _docstring_lines(function)
        code = [
            number
            for number in range(function.lineno, (function.end_lineno or function.lineno) + 1)
            if number not in docstring and lines[number - 1].strip() and not lines[number - 1].lstrip().startswith("#")
        ]
        if len(code) > MAX_FUNCTION_LINES:
            yield f"line {function.lineno}: {function.name} has {len(code)} lines of code; the house allows {MAX_FUNCTION_LINES}"


def forbidden_words(source: Source) -> Iterator[str]:
    """Find names of modules, classes, functions and parameters with a word that the glossary does not use."""
    for name in (source.path.stem, source.path.parent.name):
        if _is_forbidden(name, is_function=False):
            yield f"module {name} is named with a forbidden word"
    for node in ast.walk(source.tree):
        if isinstance(node, Function) and _is_forbidden(node.name, is_function=True):
            yield f"line {node.lineno}: function {node.name} is named with a forbidden word"
        elif isinstance(node, ast.ClassDef) and _is_forbidden(node.name, is_function=False):
            yield f"line {node.lineno}: class {node.name} is named with a forbidden word"
        elif isinstance(node, ast.arg) and _is_forbidden(node.arg, is_function=False):
            yield f"line {node.lineno}: parameter {node.arg} is named with a forbidden word"


def broad_handlers(source: Source) -> Iterator[str]:
    """Find handlers that catch everything; one that ends in a bare `raise` only cleans up, and may."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type) and not _raises_again(node):
            yield f"line {node.lineno}: catches everything; name what can be handled here"
        elif isinstance(node, ast.Call) and _last_name(node.func) == "suppress" and any(map(_is_broad, node.args)):
            yield f"line {node.lineno}: suppresses everything; name what can be ignored here"


def undrawn_generators(source: Source) -> Iterator[str]:
    """Find draws of torch from its global generator."""
    draws_torch = "torch" in source.text
    for call in _calls(source.tree):
        name = _last_name(call.func)
        from_torch = isinstance(call.func, ast.Attribute) and (name.endswith("_") or _first_name(call.func) == "torch")
        if draws_torch and name in TORCH_DRAWS and from_torch and not any(k.arg == "generator" for k in call.keywords):
            yield f"line {call.lineno}: {name} draws from the global generator; pass generator= seeded from a Seed"


def unrepeatable_seeds(source: Source) -> Iterator[str]:
    """Find seeds made of the time, a process number or the machine's own randomness."""
    for call in _calls(source.tree):
        name = _last_name(call.func)
        if name == "Random" and not call.args and not call.keywords:
            yield f"line {call.lineno}: Random() takes its seed from the machine; give it a Seed's key"
        seeds = [k.value for k in call.keywords if k.arg is not None and k.arg.endswith("seed")]
        if name in SEEDED:
            seeds += call.args
        for inner in (inner for seed in seeds for inner in _calls(seed)):
            if _last_name(inner.func) in NOT_A_SEED:
                yield f"line {call.lineno}: {_last_name(inner.func)} is no seed: it cannot be played again"


def missing_exports(source: Source) -> Iterator[str]:
    """Find a package whose `__all__` is missing, or names what is not there."""
    if source.path.name != "__init__.py":
        return
    tree = source.tree
    bound, exported = _bound_names(tree), _exports(tree)
    public = {name for name in bound if not name.startswith("_")}
    if exported is None:
        if public:
            yield f"has no __all__, and {', '.join(sorted(public))}"
    elif "__getattr__" not in bound:
        yield from (f"exports {name}, which it does not have" for name in sorted(exported - bound))


def outside_imports(source: Source) -> Iterator[str]:
    """Find imports of a game beyond its table and the standard library."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or "."]
        else:
            continue
        for module in modules:
            is_ours = any(module == ours or module.startswith(f"{ours}.") for ours in GAMES_MAY_IMPORT)
            if not is_ours and module.split(".")[0] not in sys.stdlib_module_names:
                yield f"line {node.lineno}: imports {module}; a game has its table and the standard library"


def _functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _docstring_lines(function: Function) -> range:
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is None:
        return range(0)
    return range(first.lineno, (first.end_lineno or first.lineno) + 1)


def _is_forbidden(name: str, *, is_function: bool) -> bool:
    words = [word.lower() for part in name.split("_") for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", part)]
    # "sample" is a verb in front of a function's name, and a noun, which the glossary does not use, anywhere else.
    nouns = words[1:] if is_function else words
    return not FORBIDDEN_WORDS.isdisjoint(words) or "sample" in nouns


def _is_broad(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(map(_is_broad, caught.elts))
    return caught is None or _last_name(caught) in BROAD


def _raises_again(catch: ast.ExceptHandler) -> bool:
    last = catch.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _first_name(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return _last_name(node)


def _bound_names(tree: ast.Module) -> set[str]:
    bound = set()
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, Function | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Assign):
            bound |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            bound.add(node.target.id)
    return bound


def _exports(tree: ast.Module) -> set[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return {str(name) for name in ast.literal_eval(node.value)}
    return None
