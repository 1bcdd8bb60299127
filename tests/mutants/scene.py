"""What of a game's source is its rules: the coroutine or the state machine, and the functions and tables that it uses.

Left out: docstrings and messages, declarations to the checker (`t.truth`, `t.secret`, `t.probe`, `t.same`), what only refuses bad
parameters (an `if` whose whole body raises), optimum functions and scripted players that the rules do not use.
"""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass, field

DECLARATIONS = frozenset({"truth", "secret", "probe", "same", "reward"})
# Hooks of a class that are no rules of play, and what says what is private.
NO_RULES = frozenset({"bot", "solve", "verify", "reference", "best_score", "hidden_from"})
GAME_CLASSES = frozenset({"Game", "StepGame"})
CHANCE = frozenset({"choose", "deal", "shuffle"})


@dataclass(kw_only=True)
class Scene:
    """A game's source as a tree, with what the operators ask about it."""

    tree: ast.Module
    num_seats: int
    bounds: tuple[float, float]
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)
    rules: list[ast.AST] = field(default_factory=list)  # every node that may be changed, in the order of the source
    payoffs: set[ast.AST] = field(default_factory=set)  # those of them that make a score
    hidden: dict[str, int] = field(default_factory=dict)  # names drawn by chance, and the line from which they are known

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield what a node stands in, innermost first."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """Return the innermost statement that a node stands in; None where it stands in none."""
        return next((at for at in (node, *self.ancestors(node)) if isinstance(at, ast.stmt)), None)

    def loop(self, node: ast.AST) -> ast.While | None:
        """Return the innermost `while` that a node stands in."""
        return next((at for at in self.ancestors(node) if isinstance(at, ast.While)), None)

    def changed(self, node: ast.AST, new: str) -> str:
        """Return the source with `new` in place of a node.

        Raises:
            SyntaxError: that is no Python.
        """
        put: ast.AST = ast.parse(new).body[0] if isinstance(node, ast.stmt) else ast.parse(f"({new})", mode="eval").body
        tree, path = self.tree, self._path(node)
        parent = changed = copy.deepcopy(tree)
        at: object = parent
        for name, index in path[:-1]:
            at = getattr(at, name) if index is None else getattr(at, name)[index]
        name, index = path[-1]
        if index is None:
            setattr(at, name, put)
        else:
            getattr(at, name)[index] = put
        return ast.unparse(ast.fix_missing_locations(changed)) + "\n"

    def _path(self, node: ast.AST) -> list[tuple[str, int | None]]:
        steps: list[tuple[str, int | None]] = []
        for parent in self.ancestors(node):
            steps.append(_place(parent, node))
            node = parent
        return steps[::-1]


def scene_of(source: str, num_seats: int, bounds: tuple[float, float]) -> Scene:
    """Return the rules in a game's source."""
    tree = ast.parse(source)
    scene = Scene(tree=tree, num_seats=num_seats, bounds=bounds)
    scene.parents = {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
    scopes = _reachable(tree)
    seen: set[ast.AST] = set()
    for scope in scopes:
        for node in _rule_nodes(scope):
            if node not in seen:
                seen.add(node)
                scene.rules.append(node)
    scene.rules.sort(key=lambda node: (getattr(node, "lineno", 0), getattr(node, "col_offset", 0)))
    scene.payoffs = _payoffs(scopes) & seen
    scene.hidden = _hidden(seen)
    return scene


def method_of_table(node: ast.AST) -> str | None:
    """Return the name of the table's method that a call calls; None where it is no such call."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
        return node.func.attr if node.func.value.id in {"t", "table"} else None
    return None


def names_in(node: ast.AST) -> set[str]:
    """Return the names that an expression reads."""
    return {at.id for at in ast.walk(node) if isinstance(at, ast.Name)}


def _place(parent: ast.AST, node: ast.AST) -> tuple[str, int | None]:
    for name, value in ast.iter_fields(parent):
        if value is node:
            return name, None
        if isinstance(value, list):
            for index, item in enumerate(value):
                if item is node:
                    return name, index
    raise LookupError(f"{ast.unparse(node)} is not in {ast.unparse(parent)}")


def _reachable(tree: ast.Module) -> list[ast.AST]:
    """Return the coroutines and state machines, and every function and table that they lean on."""
    known: dict[str, ast.AST] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            known.setdefault(node.name, node)
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            known.update({target.id: node for target in targets if isinstance(target, ast.Name)})
    found: list[ast.AST] = [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)]
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and any(_is_game_class(base) for base in node.bases):
            found += [at for at in node.body if isinstance(at, ast.FunctionDef) and at.name not in NO_RULES]
    for scope in found:  # grows while it is gone through
        for at in _rule_nodes(scope):
            name = at.id if isinstance(at, ast.Name) else ""
            if name in known and known[name] not in found:
                found.append(known[name])
    return found


def _is_game_class(base: ast.expr) -> bool:
    base = base.value if isinstance(base, ast.Subscript) else base
    return isinstance(base, ast.Name) and base.id in GAME_CLASSES


def _rule_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield what is rules below a function or table, the function's signature and decorators left out."""
    if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)):
        for at in scope.body:
            yield from _rule_nodes(at)
        return
    if isinstance(scope, ast.If) and all(isinstance(at, ast.Raise) for at in scope.body) and not scope.orelse:
        return
    if isinstance(scope, (ast.Raise, ast.Pass)) or (isinstance(scope, ast.Expr) and isinstance(scope.value, ast.Constant)):
        return
    if method_of_table(scope) in DECLARATIONS:
        return
    yield scope
    for name, value in ast.iter_fields(scope):
        if name in {"annotation", "ctx", "op", "ops"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            is_declared = isinstance(child, ast.keyword) and child.arg == "hidden_from"
            if isinstance(child, ast.AST) and not is_declared:
                yield from _rule_nodes(child)


def _payoffs(scopes: list[ast.AST]) -> set[ast.AST]:
    """Return what stands in the `return` of a coroutine or of `scores`, or of a function called there."""
    makers = [scope for scope in scopes if isinstance(scope, ast.AsyncFunctionDef) or getattr(scope, "name", "") == "scores"]
    functions = {scope.name: scope for scope in scopes if isinstance(scope, ast.FunctionDef)}
    found: set[ast.AST] = set()
    for maker in makers:  # grows while it is gone through
        for returned in [at for at in ast.walk(maker) if isinstance(at, ast.Return) and at.value is not None]:
            inside = set(ast.walk(returned))
            found |= inside
            called = {at.func.id for at in inside if isinstance(at, ast.Call) and isinstance(at.func, ast.Name)}
            makers += [functions[name] for name in sorted(called & functions.keys()) if functions[name] not in makers]
    return found


def _hidden(nodes: set[ast.AST]) -> dict[str, int]:
    """Return the names that chance decides, and the line after which they are known."""
    found: dict[str, int] = {}
    for node in nodes:
        if not isinstance(node, ast.Assign):
            continue
        if any(method_of_table(at) in CHANCE for at in ast.walk(node.value)):
            for target in node.targets:
                for at in ast.walk(target):
                    if isinstance(at, ast.Name):
                        found[at.id] = max(found.get(at.id, 0), node.end_lineno or node.lineno)
    return dict(sorted(found.items()))
