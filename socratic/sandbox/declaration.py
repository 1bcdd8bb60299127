"""What a game's source declares, read without running any of it."""

import ast
import operator
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from socratic.errors import GameError
from socratic.game.contract import PARAMETER_TYPES, Parameter, Params
from socratic.records import ParameterValue
from socratic.sandbox.plain import one_line

# A game is a page; the parser's memory grows with the text.
MAX_SOURCE = 100_000
LARGEST = 2**64
BIT_LENGTH = b".bit_length()"
MAX_SHOWN = 60
MAX_NAME = 40
FROM_SOCRATIC = {"socratic.game": ("Scores", "Table", "game"), "socratic.errors": ("ConfigError", "GameError")}
# Modules that the interpreter has and whose answers are the same each time.
MODULES = ("bisect", "collections", "copy", "dataclasses", "functools", "itertools", "json", "math", "re")
# Wanted for annotations alone, which nobody evaluates there.
FOR_ANNOTATIONS = ("__future__", "collections.abc", "typing")
DECLARED = ("seats", "zero_sum", "bounds", "forfeit", "levels", "optimum")
ARITHMETIC: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}

Number: TypeAlias = int | float
Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, kw_only=True, slots=True)
class Declaration:
    """What `@game(...)` and the signature beneath it say."""

    name: str
    seats: tuple[str, ...]
    zero_sum: bool
    bounds: tuple[float, float]
    forfeit: float
    levels: tuple[Params, ...]
    optimum: float | None
    optimum_function: str  # the function of the source that works it out; "" where there is none
    parameters: Mapping[str, Parameter]
    rules: str
    source: str
    script: str  # the source without the decorator and the imports that the sandbox has no use for, line for line


def read_declaration(source: str) -> Declaration:
    """Return what the source of a game declares.

    Raises:
        GameError: it is no source of a game in function form, or holds what the sandbox does not know.
    """
    tree = _parsed(source)
    _refuse_what_is_unknown(tree)
    function, decorator = _the_game(tree)
    said = _declared(decorator)
    optimum, optimum_function = _optimum(decorator, tree)
    return Declaration(
        name=function.name,
        seats=_texts(said.get("seats"), decorator),
        zero_sum=_is_true(said.get("zero_sum", False), decorator),
        bounds=_pair(said.get("bounds", (-1.0, 1.0)), decorator),
        forfeit=_number(said.get("forfeit", 0.0), "forfeit", decorator),
        levels=_levels(said.get("levels", ()), decorator),
        optimum=optimum,
        optimum_function=optimum_function,
        parameters=_parameters(function),
        rules=ast.get_docstring(function) or "",
        source=source,
        script=_blanked(source, tree, decorator),
    )


def _refused(node: ast.AST, found: str, expected: str) -> GameError:
    return GameError(f"line {getattr(node, 'lineno', 1)}: {one_line(found)}; {one_line(expected)}")


def _parsed(source: str) -> ast.Module:
    if len(source) > MAX_SOURCE:
        raise GameError(f"the source has {len(source)} characters, expected at most {MAX_SOURCE}")
    try:
        with warnings.catch_warnings(action="ignore"):  # of odd escapes: not ours to mend
            tree = ast.parse(source)
        # What is nested deeper than this process goes would break off somewhere below.
        ast.unparse(tree)
    except SyntaxError as error:
        raise GameError(f"line {error.lineno}: {error.msg}; expected the source of a game in Python") from None
    except (ValueError, MemoryError, RecursionError) as error:
        raise GameError(f"the source cannot be read ({type(error).__name__}); expected the source of a game in Python") from None
    return tree


def _refuse_what_is_unknown(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for name in names:
                    _check_import(node, name.name, None)
            case ast.ImportFrom(module=module, names=names, level=level):
                for name in names:
                    _check_import(node, "." * level + (module or ""), name)
            case ast.ClassDef(name=class_name, bases=bases, keywords=keywords) if bases or keywords:
                raise _refused(node, f"class {class_name} inherits", "the sandbox has no inheritance: write functions")
            case ast.Yield() | ast.YieldFrom():
                raise _refused(node, "yield", "the sandbox has no generators: return a list")
            case ast.Delete(targets=targets) if node.lineno != node.end_lineno or not all(
                isinstance(target, ast.Name) for target in targets
            ):
                raise _refused(node, ast.unparse(node)[:MAX_SHOWN], "the sandbox has no del but of names on one line: use pop")


def _check_import(node: ast.AST, module: str, name: ast.alias | None) -> None:
    if module in FROM_SOCRATIC:
        if name is None or name.asname or name.name not in FROM_SOCRATIC[module]:
            found = f"import of {name.name} from {module}" if name else f"import of {module} as a whole"
            raise _refused(node, found, f"expected from {module} import {', '.join(FROM_SOCRATIC[module])}, under their own names")
    elif module in ("random", "time", "datetime", "secrets"):
        raise _refused(node, f"import of {module}", "a game draws by t.choose, t.deal and t.shuffle and knows no time")
    elif module not in MODULES and module not in FOR_ANNOTATIONS:
        raise _refused(node, f"import of {module or 'a package'}", f"the sandbox has {', '.join(MODULES)}")


def _the_game(tree: ast.Module) -> tuple[ast.AsyncFunctionDef, ast.Call]:
    found = [
        (function, decorator)
        for function in tree.body
        if isinstance(function, (ast.AsyncFunctionDef, ast.FunctionDef, ast.ClassDef))
        for decorator in function.decorator_list
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.func.id == "game"
    ]
    if len(found) != 1:
        raise GameError(f"the source has {len(found)} games; expected one `async def` under `@game(...)`, in function form")
    function, decorator = found[0]
    if not isinstance(function, ast.AsyncFunctionDef):
        raise _refused(function, f"@game over {function.name}, which is no `async def`", "write async def name(t: Table, *, ...) -> Scores")
    if len(function.decorator_list) != 1:
        raise _refused(function, f"{len(function.decorator_list)} decorators over {function.name}", "expected @game(...) alone")
    return function, decorator


def _declared(decorator: ast.Call) -> dict[str, object]:
    if decorator.args:
        raise _refused(decorator, "an argument of @game without a name", "write seats=..., bounds=... and so on")
    said = {}
    for keyword in decorator.keywords:
        if keyword.arg == "bots":
            raise _refused(keyword.value, "bots=", "a game from source has none: give every question a list of options")
        if keyword.arg not in DECLARED:
            raise _refused(keyword.value, f"{keyword.arg}= in @game", f"expected {', '.join(DECLARED)}")
        if keyword.arg != "optimum":
            said[keyword.arg] = _literal(keyword.value, keyword.arg)
    if "seats" not in said:
        raise _refused(decorator, "@game without seats", 'write seats=("first", "second")')
    return said


def _optimum(decorator: ast.Call, tree: ast.Module) -> tuple[float | None, str]:
    node = next((keyword.value for keyword in decorator.keywords if keyword.arg == "optimum"), None)
    if isinstance(node, ast.Name):
        if not any(isinstance(function, ast.FunctionDef) and function.name == node.id for function in tree.body):
            raise _refused(node, f"optimum={node.id}, which is no function of this source", "write a number, None or the name of one")
        return None, node.id
    value = None if node is None else _literal(node, "optimum")
    return (None if value is None else _number(value, "optimum", decorator)), ""


def _literal(node: ast.expr, what: str) -> object:
    """Return the value that is written; sums, differences, products and quotients of numbers are numbers."""
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None as value):
            return value
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return tuple(_literal(item, what) for item in items)
        case ast.Dict(keys=keys, values=values) if None not in keys:
            names = [_literal(key, what) for key in keys if key is not None]
            if all(isinstance(name, str) for name in names):
                return dict(zip(names, (_literal(value, what) for value in values), strict=True))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_number(_literal(operand, what), what, node)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            first, second = (_number(_literal(side, what), what, node) for side in (left, right))
            try:
                return ARITHMETIC[type(op)](first, second)
            except ArithmeticError as error:
                raise _refused(node, f"{what}= is {error}", "write the number itself") from None
    raise _refused(node, f"{what}={ast.unparse(node)[:MAX_SHOWN]}", "write the value itself: it is read, never run")


def _shown(value: object) -> str:
    return ascii(value)[:MAX_SHOWN]


def _number(value: object, what: str, node: ast.AST) -> Number:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _refused(node, f"{what} is {_shown(value)}", "expected a number")
    if not abs(value) < LARGEST:
        raise _refused(node, f"{what} is as large as 2**64 or no number", "expected a number below")
    return value


def _texts(value: object, node: ast.AST) -> tuple[str, ...]:
    if isinstance(value, tuple):
        texts = tuple(text for text in value if isinstance(text, str) and text.isprintable() and 0 < len(text) <= MAX_NAME)
        if texts and len(texts) == len(value):
            return texts
    raise _refused(node, f"seats is {_shown(value)}", 'expected names, for instance ("first", "second")')


def _is_true(value: object, node: ast.AST) -> bool:
    if not isinstance(value, bool):
        raise _refused(node, f"zero_sum is {_shown(value)}", "expected True or False")
    return value


def _pair(value: object, node: ast.AST) -> tuple[float, float]:
    if not isinstance(value, tuple) or len(value) != 2:
        raise _refused(node, f"bounds is {_shown(value)}", "expected the lowest and the highest score")
    return (_number(value[0], "bounds", node), _number(value[1], "bounds", node))


def _levels(value: object, node: ast.AST) -> tuple[Params, ...]:
    if not isinstance(value, tuple) or not all(isinstance(params, dict) for params in value):
        raise _refused(node, f"levels is {_shown(value)}", "expected a tuple of dictionaries of parameters")
    return value


def _parameters(function: ast.AsyncFunctionDef) -> dict[str, Parameter]:
    signature = function.args
    if len(signature.posonlyargs + signature.args) != 1 or signature.vararg or signature.kwarg or signature.defaults:
        raise _refused(function, f"{function.name}({ast.unparse(signature)[:MAX_SHOWN]})", "expected (t: Table, *, parameters)")
    return {name.arg: _parameter(name, default) for name, default in zip(signature.kwonlyargs, signature.kw_defaults, strict=True)}


def _parameter(name: ast.arg, default: ast.expr | None) -> Parameter:
    written = name.annotation.id if isinstance(name.annotation, ast.Name) else ""
    if written not in PARAMETER_TYPES or default is None:
        raise _refused(name, f"parameter {name.arg!r}", "it needs a type (bool, int, float or str) and a default")
    value = _literal(default, name.arg)
    expected = PARAMETER_TYPES[written]
    if expected is float and type(value) is int:
        value = float(value)
    if type(value) is not expected or not isinstance(value, ParameterValue):
        raise _refused(name, f"parameter {name.arg!r} has the default {_shown(value)}", f"expected {written}")
    return Parameter(name=name.arg, type=expected, default=value)


def _blanked(source: str, tree: ast.Module, decorator: ast.Call) -> str:
    """Return the source, line for line, without the decorator and the imports that only the outside has."""
    # As the parser counts them: other line breaks may stand inside a text.
    lines = source.replace("\r\n", "\n").replace("\r", "\n").replace("\f", " ").split("\n")
    for node in (decorator, *_imports_of_the_outside(tree)):
        if node.end_lineno is None or _shares_a_line(tree, node):
            raise _refused(node, "a statement beside an import or a decorator", "give each a line of its own")
        for index in range(node.lineno - 1, node.end_lineno):
            lines[index] = ""
    # From the last to the first, so that none moves another.
    for line, start, end, text in sorted(_rewritten(tree, lines), reverse=True):
        written = lines[line].encode()
        lines[line] = (written[:start] + text + written[end:]).decode()
    return "\n".join(lines)


def _rewritten(tree: ast.Module, lines: list[str]) -> Iterator[tuple[int, int, int, bytes]]:
    """Give what the interpreter writes otherwise: the line, from which byte to which, and the text there."""
    for node in ast.walk(tree):
        match node:
            case ast.Delete(lineno=line, col_offset=start, end_col_offset=int(end)):
                # `del note` says that an argument goes unused.
                yield line - 1, start, end, b"pass"
            case ast.Call(func=ast.Attribute(attr="bit_length"), args=[], end_lineno=int(last), end_col_offset=int(end)):
                if lines[last - 1].encode()[:end].endswith(BIT_LENGTH):
                    yield last - 1, end - len(BIT_LENGTH), end, b")"
                    yield node.lineno - 1, node.col_offset, node.col_offset, b"_bit_length("


def _imports_of_the_outside(tree: ast.Module) -> Iterator[ast.ImportFrom | ast.Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in (*FROM_SOCRATIC, *FOR_ANNOTATIONS):
            if node not in tree.body:
                raise _refused(node, f"import of {node.module} within something", "import it at the top of the source")
            yield node
        elif isinstance(node, ast.Import) and any(name.name in FOR_ANNOTATIONS for name in node.names):
            raise _refused(node, f"import {ast.unparse(node)[7:]}", "import the names: from ... import ...")


def _shares_a_line(tree: ast.Module, node: ast.Call | ast.Import | ast.ImportFrom) -> bool:
    own = range(node.lineno, (node.end_lineno or node.lineno) + 1)
    return any(
        other is not node and (other.lineno in own or other.end_lineno in own)
        for other in tree.body
        if not isinstance(node, ast.Call) or not isinstance(other, ast.AsyncFunctionDef)
    )
