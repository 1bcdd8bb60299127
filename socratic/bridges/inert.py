"""Whether a reply may be handed to a scorer that runs it as Python.

Some of reasoning-gym's scorers call `eval` or `sympy.parse_expr` (which calls `eval`) on the player's own words. Nothing that
a model wrote is executed here: such a scorer gets literals, text that is no Python at all, or arithmetic of a bounded size.
"""

import ast
import re

# Longer than any answer of those tasks; the parser's own limits are far above.
MAX_LITERAL = 50_000
MAX_ARITHMETIC = 1000
# What the arithmetic may come to, in digits, and the largest exponent in it.
MAX_DIGITS = 2000
MAX_EXPONENT = 100
FUNCTIONS = re.compile(r"a?(sin|cos|tan|cot)h?|sec|csc|exp|log|ln|sqrt|Abs|Integral")
UNREADABLE = (ValueError, TypeError, MemoryError, RecursionError)


def is_inert_literal(reply: str) -> bool:
    """Whether `eval` on the reply makes a literal, or cannot read it."""
    if len(reply) > MAX_LITERAL:
        return False
    try:
        ast.literal_eval(reply.strip())
    except SyntaxError:
        return True
    except UNREADABLE:
        return False
    return True


def is_inert_arithmetic(reply: str) -> bool:
    """Whether `sympy.parse_expr` on the reply works out arithmetic of a bounded size.

    Text that is no Python is refused too: sympy has notations of its own, which it turns into Python.
    """
    if len(reply) > MAX_ARITHMETIC or not reply.isascii():
        return False
    try:
        return _digits(ast.parse(reply.strip(), mode="eval").body) <= MAX_DIGITS
    except (SyntaxError, *UNREADABLE):
        return False


def _digits(node: ast.expr) -> int:
    """Return how many digits the result has at most, counting a symbol as one.

    Raises:
        ValueError: something other than arithmetic, or an exponent past the cap.
    """
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return len(str(value))
        case ast.Name(id=name) if "_" not in name:
            return 1
        case ast.UnaryOp(op=ast.UAdd() | ast.USub(), operand=operand):
            return _digits(operand)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):
            return max(_digits(left), _digits(right)) + 1
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div(), right=right):
            return _digits(left) + _digits(right)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _digits(left) * max(1, _exponent(right))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if FUNCTIONS.fullmatch(name) and arguments:
            return sum(map(_digits, arguments))
    raise ValueError(f"{type(node).__name__} is no arithmetic")


def _exponent(node: ast.expr) -> int:
    """Return the most that an exponent comes to, counting a symbol as one.

    Raises:
        ValueError: it is more than a small sum or product.
    """
    match node:
        case ast.Constant(value=int() as value) if not isinstance(value, bool):
            most = value
        case ast.Name(id=name) if "_" not in name:
            most = 1
        case ast.UnaryOp(op=ast.UAdd() | ast.USub(), operand=operand):
            most = _exponent(operand)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):
            most = _exponent(left) + _exponent(right)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            most = _exponent(left) * _exponent(right)
        case ast.BinOp(left=left, op=ast.Div(), right=right) if _exponent(right):
            most = _exponent(left)
        case _:
            raise ValueError(f"{type(node).__name__} in an exponent")
    if most > MAX_EXPONENT:
        raise ValueError(f"an exponent of {most}, expected at most {MAX_EXPONENT}")
    return most
