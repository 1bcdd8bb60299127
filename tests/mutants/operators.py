"""The operators that plant rule bugs: each knows one kind of mistake that authors of games make.

`mutants(source, ...)` yields every change of every operator that is still Python and is not the same text.
"""

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

from tests.mutants.scene import Scene, method_of_table, names_in, scene_of

FAMILIES = ("payoff", "leak", "seat", "off by one", "unending", "draw", "condition")
FLIPPED: dict[type[ast.cmpop], str] = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "=="}
ARITHMETIC: dict[type[ast.operator], str] = {ast.Add: "-", ast.Sub: "+", ast.Mult: "+", ast.Div: "*"}
SIGNS: dict[type[ast.operator], str] = {ast.Add: "-=", ast.Sub: "+="}
MAX_SHOWN = 140


class Change(NamedTuple):
    """What an operator would put in place of a node."""

    family: str
    operator: str
    node: ast.AST
    new: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Mutant:
    """A game's source with one rule bug in it."""

    family: str
    operator: str
    line: int
    before: str
    after: str
    source: str

    @property
    def name(self) -> str:
        """Return what tells it apart from the others of its game."""
        return f"{self.operator}, line {self.line}"


Operator = Callable[[Scene, ast.AST], Iterator[Change]]


def mutants(source: str, *, num_seats: int, bounds: tuple[float, float]) -> list[Mutant]:
    """Return every mutant of a game's source."""
    scene = scene_of(source, num_seats, bounds)
    same = ast.unparse(scene.tree) + "\n"
    found: dict[str, Mutant] = {}
    for node in scene.rules:
        for operator in OPERATORS:
            for change in operator(scene, node):
                mutant = _planted(scene, change)
                if mutant is not None and mutant.source != same:
                    found.setdefault(mutant.source, mutant)
    return list(found.values())


def in_turn(game: str, found: Sequence[Mutant]) -> list[Mutant]:
    """Return the mutants one family after the other, each family's in an order that only its texts decide.

    Every operator of a family comes before any comes twice.
    """
    queues = {family: _spread(game, [mutant for mutant in found if mutant.family == family]) for family in FAMILIES}
    ordered = []
    while any(queues.values()):
        ordered += [queue.pop(0) for queue in queues.values() if queue]
    return ordered


def _spread(game: str, found: Sequence[Mutant]) -> list[Mutant]:
    shuffled = sorted(found, key=lambda mutant: blake2b(f"{game} {mutant.name} {mutant.after}".encode()).digest())
    times: dict[str, int] = {}
    rounds = []
    for mutant in shuffled:
        rounds.append(times.get(mutant.operator, 0))
        times[mutant.operator] = rounds[-1] + 1
    return [mutant for _, mutant in sorted(zip(rounds, shuffled, strict=True), key=lambda pair: pair[0])]


def _planted(scene: Scene, change: Change) -> Mutant | None:
    try:
        source = scene.changed(change.node, change.new)
        compile(source, change.operator, "exec")
    except SyntaxError:
        return None
    return Mutant(
        family=change.family,
        operator=change.operator,
        line=getattr(change.node, "lineno", 0),
        before=_shown(ast.unparse(change.node)),
        after=_shown(change.new),
        source=source,
    )


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_SHOWN else line[: MAX_SHOWN - 4] + " ..."


def _other(scene: Scene, seat: str) -> str:
    """Return another seat than the one that an expression names."""
    if scene.num_seats == 2:
        return {"0": "1", "1": "0"}.get(seat, f"1 - ({seat})")
    return f"(({seat}) + 1) % {scene.num_seats}"


def _with_argument(call: ast.Call, index: int, new: str) -> str:
    """Return a call's text with another positional argument."""
    arguments = [new if at == index else ast.unparse(argument) for at, argument in enumerate(call.args)]
    arguments += [ast.unparse(keyword) for keyword in call.keywords]
    return f"{ast.unparse(call.func)}({', '.join(arguments)})"


def _is_seat(node: ast.AST) -> bool:
    """Whether an expression is one seat, as far as its text tells."""
    if isinstance(node, ast.Constant):
        return type(node.value) is int
    if isinstance(node, ast.Name):
        return not node.id.endswith("s")
    return isinstance(node, (ast.BinOp, ast.Subscript))


def wrong_payoff(scene: Scene, node: ast.AST) -> Iterator[Change]:
    """Yield scores that go to another seat, are turned round, or are of another size."""
    if node not in scene.payoffs:
        return
    match node:
        case ast.Call() if method_of_table(node) == "win" and node.args:
            if scene.num_seats > 1:
                yield Change("payoff", "another seat wins", node, _with_argument(node, 0, _other(scene, ast.unparse(node.args[0]))))
            yield Change("payoff", "a win is a draw", node, "t.draw()")
        case ast.Call() if method_of_table(node) == "draw":
            yield Change("payoff", "a draw is a win", node, "t.win(0)")
        case ast.Call() if method_of_table(node) == "share" and node.args:
            turned = f"{sum(scene.bounds)} - ({ast.unparse(node.args[0])})"
            yield Change("payoff", "the score is turned round", node, _with_argument(node, 0, turned))
        case ast.Tuple(elts=[first, *rest]) if rest and len(rest) + 1 == scene.num_seats:
            moved = ", ".join(ast.unparse(score) for score in (*rest, first))
            yield Change("payoff", "the scores change seats", node, f"({moved})")
        case ast.IfExp():
            swapped = f"{ast.unparse(node.orelse)} if {ast.unparse(node.test)} else {ast.unparse(node.body)}"
            yield Change("payoff", "the outcomes are swapped", node, swapped)
        case ast.BinOp() if type(node.op) in ARITHMETIC:
            sign = ARITHMETIC[type(node.op)]
            yield Change("payoff", "another sum", node, f"({ast.unparse(node.left)}) {sign} ({ast.unparse(node.right)})")
        case ast.UnaryOp(op=ast.USub()):
            yield Change("payoff", "a sign is lost", node, ast.unparse(node.operand))
        case ast.Constant() if type(node.value) is float:
            yield Change("payoff", "a score of another size", node, repr((node.value + 0.5) / 2))
        case _:
            pass
    if isinstance(scene.parents.get(node), ast.keyword) and getattr(scene.parents[node], "arg", "") == "by":
        yield Change("payoff", "the winner pays", node, f"-({ast.unparse(node)})")


def wrong_table(scene: Scene, node: ast.AST) -> Iterator[Change]:
    """Yield tables of rules with one number changed, and the other extreme of a comparison."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"max", "min"}:
        other = {"max": "min", "min": "max"}[node.func.id]
        family = "payoff" if node in scene.payoffs else "off by one"
        yield Change(family, f"{other} for {node.func.id}", node, other + ast.unparse(node)[3:])
    in_table = (
        isinstance(scene.statement(node), (ast.Assign, ast.AnnAssign)) and scene.parents.get(scene.statement(node) or node) is scene.tree
    )
    if in_table and isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        yield Change("payoff", "a number of a table", node, repr(node.value + 1))


def wrong_sign(scene: Scene, node: ast.AST) -> Iterator[Change]:
    """Yield counts that go the other way."""
    if isinstance(node, ast.AugAssign) and type(node.op) in SIGNS:
        loop = scene.loop(node)
        family = "unending" if loop is not None and names_in(node.target) & names_in(loop.test) else "payoff"
        yield Change(family, "counts the other way", node, f"{ast.unparse(node.target)} {SIGNS[type(node.op)]} {ast.unparse(node.value)}")


def leak(scene: Scene, node: ast.AST) -> Iterator[Change]:
    """Yield words that reach the wrong ears, or none."""
    if scene.num_seats > 1 and method_of_table(node) == "tell" and isinstance(node, ast.Call) and len(node.args) == 2:
        seats = node.args[0]
        if not (isinstance(seats, ast.Constant) and seats.value is None):
            yield Change("leak", "told to all", node, _with_argument(node, 0, "None"))
            if _is_seat(seats):
                yield Change("leak", "told to another seat", node, _with_argument(node, 0, _other(scene, ast.unparse(seats))))
    for seat, prompt in _prompts(node):
        for name, line in scene.hidden.items():
            if line < prompt.lineno and name not in names_in(prompt) and not _was_told(scene, name, seat, prompt.lineno):
                yield Change("leak", f"the prompt shows {name}", prompt, f"{ast.unparse(prompt)} + f' {{{name}}}'")


def _prompts(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield the seats that a call asks, as text, and what it asks them."""
    match node:
        case ast.Call(args=[seat, prompt, *_]) if method_of_table(node) == "ask":
            yield ast.unparse(seat), prompt
        case ast.Call(args=[ast.Dict(keys=seats, values=asked)]) if method_of_table(node) == "ask_all":
            for each, put in zip(seats, asked, strict=True):
                if each is not None:
                    yield ast.unparse(each), put.elts[0] if isinstance(put, ast.Tuple) else put
        case _:
            pass


def _was_told(scene: Scene, name: str, seat: str, line: int) -> bool:
    """Whether a seat has been told of a name before, as far as the text says."""
    for at in scene.rules:
        if isinstance(at, ast.Call) and at.lineno < line and method_of_table(at) in {"tell", "ask"} and len(at.args) >= 2:
            to = ast.unparse(at.args[0])
            if name in names_in(at.args[1]) and to in {seat, "None"}:
                return True
    return False


def silence(scene: Scene, node: ast.AST) -> Iterator[Change]:
    """Yield words that are not said."""
    if isinstance(node, ast.Expr) and method_of_table(node.value) == "tell" and isinstance(node.value, ast.Call):
        yield Change("leak", "never told", node, "pass")


def seat_swap(scene: Scene, node: ast.AST) -> Iterator[Change]:
    """Yield the other seat where one is asked, indexed, or next to move."""
    if scene.num_seats < 2:
        return
    match node:
        case ast.Call(args=[seat, *_]) if method_of_table(node) == "ask" and _is_seat(seat):
            yield Change("seat", "asks another seat", node, _with_argument(node, 0, _other(scene, ast.unparse(seat))))
        case ast.BinOp(left=ast.Constant(value=1), op=ast.Sub(), right=seat):
            yield Change("seat", "the same seat again", node, ast.unparse(seat))
        case ast.BinOp(op=ast.Mod(), left=ast.BinOp(op=ast.Add(), left=seat)):
            yield Change("seat", "the same seat again", node, ast.unparse(seat))
        case ast.Subscript(slice=index, ctx=ast.Load()) if _indexes_seats(index):
            yield Change("seat", "another seat's", node, f"{ast.unparse(node.value)}[{_other(scene, ast.unparse(index))}]")
        case ast.Call(args=[ast.Dict(keys=[ast.expr() as one, ast.expr() as two], values=[first, second])]) if _is_ask_all(node):
            crossed = f"{{{ast.unparse(one)}: {ast.unparse(second)}, {ast.unparse(two)}: {ast.unparse(first)}}}"
            yield Change("seat", "each is asked what the other is", node.args[0], crossed)
        case _:
            pass


def _is_ask_all(node: ast.AST) -> bool:
    return method_of_table(node) == "ask_all"


def _indexes_seats(index: ast.expr) -> bool:
    is_first_or_second = isinstance(index, ast.Constant) and type(index.value) is int and index.value in {0, 1}
    return is_first_or_second or any("seat" in name or "player" in name for name in names_in(index))


def off_by_one(scene: Scene, node: ast.AST) -> Iterator[Change]:
    """Yield comparisons and limits that are one too many or too few."""
    match node:
        case ast.Compare(ops=[op], comparators=[right]) if type(op) in FLIPPED:
            is_order = not isinstance(op, (ast.Eq, ast.NotEq))
            flipped = f"{ast.unparse(node.left)} {FLIPPED[type(op)]} {ast.unparse(right)}"
            if is_order:
                yield Change("off by one", "the limit itself", node, flipped)
            elif not isinstance(scene.parents.get(node), (ast.IfExp, ast.If)):
                yield Change("condition", "equal for unequal", node, flipped)
        case ast.Call(args=arguments) if _is_range(node):
            last = len(arguments) - 1 if len(arguments) < 3 else 1
            end = ast.unparse(arguments[last])
            yield Change("off by one", "one more", node, _with_argument(node, last, f"{end} + 1"))
            yield Change("off by one", "one less", node, _with_argument(node, last, f"{end} - 1"))
        case ast.Constant() if type(node.value) is int and _is_number(scene, node):
            yield Change("off by one", "one more", node, repr(node.value + 1))
            if node.value > 0:
                yield Change("off by one", "one less", node, repr(node.value - 1))
        case _:
            pass


def _is_number(scene: Scene, node: ast.Constant) -> bool:
    """Whether a whole number counts something: no seat, no index, no number of a table, not the 1 of `1 - seat`."""
    parent = scene.parents.get(node)
    if isinstance(parent, ast.BinOp):
        if _is_range(scene.parents.get(parent)):  # the range's own operator does that
            return False
        return not (isinstance(parent.op, ast.Sub) and parent.left is node)
    if isinstance(parent, ast.Call):
        return isinstance(parent.func, ast.Name) and not _is_range(parent)
    return isinstance(parent, (ast.Compare, ast.Slice, ast.keyword, ast.IfExp))


def _is_range(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range"


def unending(scene: Scene, node: ast.AST) -> Iterator[Change]:
    """Yield games that do not come to their end."""
    loop = scene.loop(node)
    match node:
        case ast.While(test=test) if not isinstance(test, ast.Constant):
            yield Change("unending", "for ever", test, "True")
        case ast.Assign() | ast.AugAssign() if loop is not None and not any(isinstance(at, ast.Await) for at in ast.walk(node)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if set().union(*(names_in(target) for target in targets)) & names_in(loop.test):
                yield Change("unending", "no progress", node, "pass")
        case ast.For(iter=ast.Call(func=ast.Name(id="range"))) if any(isinstance(at, ast.Await) for at in ast.walk(node)):
            yield Change("unending", "rounds without end", node.iter, "iter(int, 1)")
        case ast.Assign(value=ast.Await()) | ast.Assign(value=ast.Call(args=[ast.Await()])):
            yield Change("unending", "asks again and again", node, f"while True:\n    {ast.unparse(node)}")
        case ast.Return(value=ast.Constant(value=None)) if any(getattr(at, "name", "") == "to_act" for at in scene.ancestors(node)):
            yield Change("unending", "nobody ends it", node, "return 0")
        case _:
            pass


def wrong_draw(scene: Scene, node: ast.AST) -> Iterator[Change]:
    """Yield chance that is not what the rules say."""
    if not isinstance(node, ast.Call) or not node.args:
        return
    options = ast.unparse(node.args[0])
    match method_of_table(node):
        case "choose":
            yield Change("draw", "no chance", node, f"({options})[0]")
            yield Change("draw", "the last never", node, _with_argument(node, 0, f"({options})[:-1]"))
            if len(node.args) > 1:
                yield Change("draw", "all alike", node, f"t.choose({options})")
        case "deal" if len(node.args) > 1:
            num = ast.unparse(node.args[1])
            yield Change("draw", "in the order of the pack", node, f"list({options})[:{num}]")
            yield Change("draw", "put back", node, f"[t.choose({options}) for _ in range({num})]")
        case "shuffle":
            yield Change("draw", "not shuffled", node, f"list({options})")
        case _:
            pass


def wrong_condition(scene: Scene, node: ast.AST) -> Iterator[Change]:
    """Yield rules that hold where they should not."""
    if isinstance(node, ast.If):
        yield Change("condition", "the other case", node.test, f"not ({ast.unparse(node.test)})")
    if isinstance(node, ast.BoolOp):
        word = " or " if isinstance(node.op, ast.And) else " and "
        yield Change("condition", "and for or, or for and", node, word.join(f"({ast.unparse(value)})" for value in node.values))
    if isinstance(node, ast.comprehension) and node.ifs:
        yield Change("condition", "a filter without effect", node.ifs[0], "True")


OPERATORS: tuple[Operator, ...] = (
    wrong_payoff,
    wrong_table,
    wrong_sign,
    leak,
    silence,
    seat_swap,
    off_by_one,
    unending,
    wrong_draw,
    wrong_condition,
)
