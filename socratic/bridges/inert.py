"""Whether a reply may be handed to a scorer that runs it as Python, or works for as long as the reply says.

Nothing that a model wrote is executed here, and nothing that it wrote sets off work without bound. Every scorer of
reasoning-gym 0.1.25 was read, with what it calls of its own module:

- `eval`: binary_matrix, n_queens, spiral_matrix, string_insertion. They get literals, and text that is no Python at all.
- sympy's `parse_expr`, which calls `eval`: countdown and puzzle24 get sums of plain numbers, polynomial_multiplication
  polynomials, intermediate_integration and simple_integration also functions, which sympy then differentiates and simplifies.
- `Fraction`, which writes a power of ten out: coin_flip.
- A count that is carried out: moves of rubiks_cube and rush_hour.
- All cases of all variables: propositional_logic. Edit distances between trees: codeio.
- `float` and `json.loads`, where NaN passes for any number: complex_arithmetic, number_sorting, and where it does not:
  advanced_geometry, arc_agi, boxnet, game_of_life, graph_color, group_anagrams, gsm_symbolic, jugs, knight_swap, number_format,
  palindrome_partitioning, polynomial_equations, pool_matrix, rearc.
- `Decimal`, whose work does not grow with the exponent: chain_sum, decimal_arithmetic, decimal_chain_sum, power_function, products.
- `int`, which refuses more than 4300 digits: bitwise_arithmetic, calendar_arithmetic, cryptarithm, fraction_simplification,
  prime_factorization, rectangle_count, survo, time_intervals, tower_of_hanoi, and digit by digit futoshiki, kakurasu and both sudokus.
- The others compare texts.
"""

import ast
import re
from collections.abc import Callable, Mapping
from math import comb, isfinite
from types import MappingProxyType
from typing import TypeAlias

Check: TypeAlias = Callable[[str], bool]

# Longer than almost any stored answer; some patterns and trees of the scorers take the square of it.
MAX_REPLY = 10_000
# Where the stored answer itself is long, so may others be.
MAX_TIMES_ANSWER = 4
FAR_EXPONENT = re.compile(r"[\d.][eE][+-]?\d{4,}")
MANY_DIGITS = re.compile(r"\d{2001,}")
WORDS = re.compile(r"[a-z]+")
NOT_A_NUMBER = frozenset({"nan", "nani", "nanj", "inf", "infi", "infj", "infinity", "infinityi", "infinityj"})

MAX_ARITHMETIC = 1000
# What the arithmetic may come to, in digits and in terms when multiplied out, and the largest exponent in it.
MAX_DIGITS = 2000
MAX_TERMS = 300
MAX_EXPONENT = 100
# The argument of a function: those that grow write it out, or work as precisely as it is large.
MAX_ARGUMENT_DIGITS = 12
# What sympy takes long to simplify: functions, divisors and roots of a variable; in all, and of different ones.
MAX_AWKWARD = 8
MAX_DIFFERENT = 4
NUMBER = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
FUNCTIONS = re.compile(r"a?(sin|cos|tan|cot)h?|sec|csc|exp|log|ln|sqrt|Abs")
GROWING = re.compile(r"exp|sinh|cosh")
UNREADABLE = (ValueError, TypeError, MemoryError, RecursionError)

MAX_PROPOSITION = 500
MAX_ATOMS = 12
BETWEEN_ATOMS = re.compile(r"[()¬∧∨→↔\s]+")
COUNT = re.compile(r"\d+")
MAX_COUNTED = 1000
MAX_TREE = 3000


def is_bounded(reply: str, answer: str) -> bool:
    """Whether any scorer may see the reply: no longer than answers are, no endless numbers, and none that is no number."""
    if len(reply) > max(MAX_REPLY, MAX_TIMES_ANSWER * len(answer)):
        return False
    plain = reply.replace("_", "")
    if FAR_EXPONENT.search(plain) or MANY_DIGITS.search(plain):
        return False
    words = set(WORDS.findall(reply.lower()))
    # Among other words it is a name, or said of a grandmother.
    return not words & NOT_A_NUMBER or not words <= NOT_A_NUMBER | {"i", "j", "e"}


def is_inert_literal(reply: str) -> bool:
    """Whether `eval` on the reply makes a literal, or cannot read it."""
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
    return _is_arithmetic(reply, may_name=True, may_call=True)


def is_inert_polynomial(reply: str) -> bool:
    """Whether it is such arithmetic without functions."""
    return _is_arithmetic(reply, may_name=True, may_call=False)


def is_inert_sum(reply: str) -> bool:
    """Whether it is such arithmetic of plain numbers."""
    return _is_arithmetic(reply, may_name=False, may_call=False)


def is_small_fraction(reply: str) -> bool:
    """Whether `Fraction` reads the reply without writing out a long power of ten; the scorer takes commas out of it."""
    return not FAR_EXPONENT.search(reply.replace(",", "").replace("_", ""))


def is_few_moves(reply: str) -> bool:
    """Whether the counts in the reply sum to few."""
    counts = COUNT.findall(reply)
    return all(len(count) <= len(str(MAX_COUNTED)) for count in counts) and sum(map(int, counts)) <= MAX_COUNTED


def is_small_proposition(reply: str) -> bool:
    """Whether the reply has few variables: the scorer tries every case of them, whatever they are called."""
    return len(reply) <= MAX_PROPOSITION and len(set(BETWEEN_ATOMS.split(reply))) <= MAX_ATOMS


def is_small_tree(reply: str) -> bool:
    """Whether edit distances from the reply are worked out at once."""
    return len(reply) <= MAX_TREE


CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "binary_matrix": is_inert_literal,
        "codeio": is_small_tree,
        "coin_flip": is_small_fraction,
        "countdown": is_inert_sum,
        "intermediate_integration": is_inert_arithmetic,
        "n_queens": is_inert_literal,
        "polynomial_multiplication": is_inert_polynomial,
        "propositional_logic": is_small_proposition,
        "puzzle24": is_inert_sum,
        "rubiks_cube": is_few_moves,
        "rush_hour": is_few_moves,
        "simple_integration": is_inert_arithmetic,
        "spiral_matrix": is_inert_literal,
        "string_insertion": is_inert_literal,
    }
)


def _is_arithmetic(reply: str, *, may_name: bool, may_call: bool) -> bool:
    text = reply.strip()
    if len(text) > MAX_ARITHMETIC or not text.isascii():
        return False
    try:
        tree = ast.parse(text, mode="eval").body
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and not NUMBER.fullmatch(ast.get_source_segment(text, node) or ""):
                return False
            if isinstance(node, ast.Call) and not may_call:
                return False
            if isinstance(node, ast.Name) and not (may_name and "_" not in node.id):
                return False
        awkward = [ast.dump(node) for node in ast.walk(tree) if _is_awkward(node)]
        is_simple = len(awkward) <= MAX_AWKWARD and len(set(awkward)) <= MAX_DIFFERENT
        return is_simple and _digits(tree) <= MAX_DIGITS and _terms(tree) <= MAX_TERMS
    except (SyntaxError, *UNREADABLE):
        return False


def _is_awkward(node: ast.AST) -> bool:
    match node:
        case ast.Call():
            return True
        case ast.BinOp(op=ast.Div(), right=right):
            return any(isinstance(inner, ast.Name) for inner in ast.walk(right))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return not isinstance(right, ast.Constant) and any(isinstance(inner, ast.Name) for inner in ast.walk(left))
    return False


def _digits(node: ast.expr) -> int:
    """Return how many digits the result has at most, counting a symbol as one.

    Raises:
        ValueError: something other than arithmetic, or an exponent past the cap.
    """
    match node:
        case ast.Constant(value=int() as value):
            return len(str(value))
        case ast.Constant(value=float() as value) if isfinite(value):
            return len(f"{value:f}")
        case ast.Name():
            return 1
        case ast.UnaryOp(op=ast.UAdd() | ast.USub(), operand=operand) if not isinstance(operand, ast.UnaryOp):
            return _digits(operand)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):
            return max(_digits(left), _digits(right)) + 1
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div(), right=right):
            return _digits(left) + _digits(right)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _digits(left) * max(1, _exponent(right))
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if FUNCTIONS.fullmatch(name):
            digits = _digits(argument)
            has_call = any(isinstance(inner, ast.Call) for inner in ast.walk(argument))
            if digits > MAX_ARGUMENT_DIGITS or (has_call and GROWING.fullmatch(name)):
                raise ValueError(f"{name} of {digits} digits")
            return digits
    raise ValueError(f"{type(node).__name__} is no arithmetic")


def _terms(node: ast.expr) -> int:
    """Return how many terms there are at most when all is multiplied out."""
    match node:
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):
            return _terms(left) + _terms(right)
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div(), right=right):
            return _terms(left) * _terms(right)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            terms, exponent = _terms(left), _exponent(right)
            return comb(terms + exponent - 1, exponent)
        case ast.UnaryOp(operand=operand) | ast.Call(args=[operand]):
            return _terms(operand)
    return 1


def _exponent(node: ast.expr) -> int:
    """Return the most that an exponent comes to, counting a symbol as one.

    Raises:
        ValueError: it is more than a small sum or product.
    """
    match node:
        case ast.Constant(value=int() as value):
            most = value
        case ast.Name():
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
