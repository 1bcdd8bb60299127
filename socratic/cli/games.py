"""`socratic games list`, `show` and `check`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from socratic.cli.options import AsJson
from socratic.cli.output import print_json
from socratic.errors import ConfigError, GameError, GameTooLarge, SocraticError
from socratic.game import Game
from socratic.records import ParameterValue
from socratic.registry import list_games, load_game

if TYPE_CHECKING:
    from socratic.game.tree import Tree

app = typer.Typer(no_args_is_help=True)
GameName = Annotated[str, typer.Argument(metavar="GAME", help="A name, package.module:attr, or a path to a file.")]
Param = Annotated[list[str] | None, typer.Option("--param", "-p", help="name=value, e.g. heap=10")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the installed games; a broken plugin is shown as broken and hides no other."""
    rows: list[dict[str, object]] = []
    for plugin in list_games():
        row: dict[str, object] = asdict(plugin)
        try:
            game = load_game(plugin.name)
            row.update(seats=list(game.seats), zero_sum=game.zero_sum, rules=game.rules.splitlines()[0] if game.rules else "")
        except SocraticError as error:
            row["broken"] = str(error)
        rows.append(row)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        print(f"{row['name']:<16} {row['broken'] if 'broken' in row else row['rules']}")


@app.command("show")
def show(name: GameName, param: Param = None, as_json: AsJson = False) -> None:
    """Show a game: rules, seats, parameters; for a small one also its size, value and what uniform play is worth."""
    game = load_game(name)
    params = game.complete(_params(game, param or []))
    facts = _facts(game, params)
    if as_json:
        shown = {"name": game.name, "version": game.version, "rules": game.rules, "seats": list(game.seats), **facts}
        print_json({**shown, "zero_sum": game.zero_sum, "bounds": list(game.bounds), "params": params})
        return
    print(f"{game.name} (version {game.version})\n\n{game.rules}\n")
    print(f"seats: {', '.join(game.seats)}; scores in [{game.bounds[0]:g}, {game.bounds[1]:g}]{', zero-sum' if game.zero_sum else ''}")
    for parameter in game.parameters.values():
        print(f"parameter {parameter.name}: {parameter.type.__name__} = {params[parameter.name]!r}")
    for level, values in enumerate(game.levels):
        print(f"level {level}: {', '.join(f'{key}={value}' for key, value in values.items()) or 'the defaults'}")
    print()
    for key, value in facts.items():
        print(f"{key.replace('_', ' ')}: {value}")


@app.command("check")
def check(name: GameName, param: Param = None, as_json: AsJson = False) -> None:
    """Check that a game keeps the contract; exit 1 where it does not."""
    from socratic.game.check import check_game

    game = load_game(name)
    report = check_game(game, _params(game, param or []))
    if as_json:
        print_json({"game": game.name, "findings": [asdict(finding) for finding in report.findings]})
    else:
        for finding in report.findings:
            print(f"{'ok ' if finding.passed else 'BAD'}  {finding.rule}: {finding.detail}")
    broken = [finding for finding in report.findings if not finding.passed]
    if broken:
        raise GameError(f"{game.name} breaks {len(broken)} of {len(report.findings)} rules, first: {broken[0].rule}: {broken[0].detail}")


def _facts(game: Game, params: dict[str, ParameterValue]) -> dict[str, object]:
    from socratic.game.tree import enumerate_tree

    facts: dict[str, object] = {}
    best = game.best_score(params)
    if best is not None:
        facts["optimum"] = best
    try:
        tree = enumerate_tree(game, params)
    except GameTooLarge as error:
        return {**facts, "tree": f"not enumerated: {error}"}
    uniform = tree.uniform()
    facts.update(
        information_states=len(tree.information_states),
        histories_to_the_end=tree.num_leaves,
        perfect_information=tree.is_perfect_information,
        score_of_uniform_play=[round(value, 6) for value in tree.values(uniform)],
    )
    if len(game.seats) <= 2:
        facts["exploitability_of_uniform_play"] = round(tree.exploitability(uniform), 9)
    value = _value(tree, best)
    return facts if value is None else {**facts, "value": value}


def _value(tree: "Tree", best: float | None) -> float | str | None:
    """Return what seat 0 gets where all play as well as can be: one seat, a zero-sum pair, or seats with one aim; else None."""
    if len(tree.game.seats) == 1:
        return round(tree.best_response(tree.uniform(), 0)[0], 9)
    if tree.game.zero_sum and len(tree.game.seats) == 2:
        try:
            return round(tree.solve()[1], 9)
        except SocraticError as error:
            return f"not solved: {error}"
    # Nobody here works out the best joint plan of several seats: it is what the game declares.
    return best if tree.is_common_payoff else None


def _params(game: Game, given: list[str]) -> dict[str, ParameterValue]:
    values: dict[str, ParameterValue] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"parameter {text!r} has no '='; write name=value, e.g. -p heap=10")
        known = game.parameters.get(name)
        values[name] = _parsed(value, type(known.default) if known else str, name)
    return values


def _parsed(text: str, kind: type, name: str) -> ParameterValue:
    if kind is bool and text in {"true", "false"}:
        return text == "true"
    if kind in {int, float}:
        try:
            return int(text) if kind is int else float(text)
        except ValueError:
            raise ConfigError(f"parameter {name} is {text!r}, expected {kind.__name__}") from None
    return text
