"""`socratic games list`, `show`, `new` and `check`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from socratic.cli import new_game
from socratic.cli.clerk import standard_clerk
from socratic.cli.options import AsJson
from socratic.cli.output import print_json
from socratic.errors import ConfigError, GameError, GameTooLarge, SocraticError
from socratic.game import Game, Params
from socratic.records import ParameterValue
from socratic.registry import Plugin, list_games, load_game
from socratic.tracker.sanitise import sanitise

if TYPE_CHECKING:
    from socratic.game.check import Report
    from socratic.game.tree import Tree

app = typer.Typer(no_args_is_help=True)
app.command("new")(new_game.new)
GameName = Annotated[str, typer.Argument(metavar="GAME", help="A name, package.module:attr, or a path to a file.")]
Param = Annotated[list[str] | None, typer.Option("--param", "-p", help="name=value, e.g. heap=10")]
Level = Annotated[int | None, typer.Option(help="Start from the parameters of this level.", show_default="the parameters' own defaults")]
EVERY_LEVEL = "all"
# The rule that a game breaks where it refuses its own parameters: no other can be tried.
BEGINS = "begins"


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the installed games; a broken plugin is shown as broken and hides no other."""
    rows = [_row(plugin) for plugin in list_games()]
    if as_json:
        print_json(rows)
        return
    name_width = max((len(str(row["name"])) for row in rows), default=0)
    for row in rows:
        if "broken" in row:
            print(f"{row['name']:<{name_width}}  broken: {sanitise(str(row['broken']))}")
        else:
            print(f"{row['name']:<{name_width}}  {row['num_seats']} {row['kind']:<10}  {sanitise(str(row['rules']))}")


def _row(plugin: Plugin) -> dict[str, object]:
    row: dict[str, object] = asdict(plugin)
    try:
        game = load_game(plugin.name)
    except SocraticError as error:
        return {**row, "broken": str(error)}
    kind = "alone" if len(game.seats) == 1 else "zero-sum" if game.zero_sum else "any sum"
    rules = game.rules.splitlines()[0] if game.rules else ""
    return {
        **row,
        "seats": list(game.seats),
        "num_seats": len(game.seats),
        "kind": kind,
        "zero_sum": game.zero_sum,
        "levels": len(game.levels),
        "rules": rules,
    }


@app.command("show")
def show(name: GameName, param: Param = None, level: Level = None, as_json: AsJson = False) -> None:
    """Show a game: rules, seats, parameters; for a small one also its size, value and what uniform play is worth."""
    game = load_game(name)
    params = chosen_params(game, level, param)
    facts = _facts(game, params)
    if as_json:
        shown = {"name": game.name, "version": game.version, "rules": game.rules, "seats": list(game.seats), **facts}
        print_json({**shown, "zero_sum": game.zero_sum, "bounds": list(game.bounds), "params": params})
        return
    print(f"{game.name} (version {game.version})\n\n{game.rules}\n")
    print(f"seats: {', '.join(game.seats)}; scores in [{game.bounds[0]:g}, {game.bounds[1]:g}]{', zero-sum' if game.zero_sum else ''}")
    for parameter in game.parameters.values():
        print(f"parameter {parameter.name}: {parameter.type.__name__} = {params[parameter.name]!r}")
    for index, values in enumerate(game.levels):
        print(f"level {index}: {', '.join(f'{key}={value}' for key, value in values.items()) or 'the defaults'}")
    print()
    for key, value in facts.items():
        print(f"{key.replace('_', ' ')}: {value}")


@app.command("check")
def check(
    name: GameName,
    param: Param = None,
    level: Annotated[str | None, typer.Option(help="Check this level, or all.", show_default="the parameters' own defaults")] = None,
    as_json: AsJson = False,
) -> None:
    """Check that a game keeps the contract; exit 1 where it does not.

    With --json: {"game", "version", "passed", "findings": [{"level", "params", "rule", "passed", "was_tried", "detail"}]}.
    """
    game = load_game(name)
    played = {each: chosen_params(game, each, param) for each in _levels(game, level)}
    reports = {each: _report(game, params, name, are_given=bool(param)) for each, params in played.items()}
    findings = [(each, finding) for each, report in reports.items() for finding in report.findings]
    broken = [(each, finding) for each, finding in findings if not finding.passed]
    if as_json:
        rows = [{"level": each, "params": played[each], **asdict(finding)} for each, finding in findings]
        print_json({"game": game.name, "version": game.version, "passed": not broken, "findings": rows})
    else:
        print(f"{game.name} (version {game.version})")
        for each, report in reports.items():
            _print_report(game, each, played[each], report)
    if broken:
        each, first = broken[0]
        where = "" if each is None else f" at level {each}"
        raise GameError(f"{game.name} breaks {len(broken)} of {len(findings)} rules, first{where}: {first.rule}: {first.detail}")


def _report(game: Game, params: Params, name: str, *, are_given: bool) -> "Report":
    """Return what the check finds; parameters of the game's own that it refuses are its fault, given ones are not.

    Raises:
        ConfigError: the game refuses parameters that were given.
    """
    from socratic.game.check import Finding, Report, check_game

    try:
        return check_game(game, params, clerk=standard_clerk(), reload=("socratic.registry:load_game", name))
    except ConfigError as error:
        if are_given:
            raise
        refused = Finding(rule=BEGINS, passed=False, detail=f"it refuses its own parameters: {error}")
        return Report(game=game.name, version=game.version, findings=(refused,))


def chosen_params(game: Game, level: int | None, given: Sequence[str] | None) -> dict[str, ParameterValue]:
    """Return a game's parameters: those of the level, if there is one, with what was given as name=value.

    Raises:
        ConfigError: there is no such level or parameter, or a value does not fit.
    """
    if level is not None and not 0 <= level < max(1, len(game.levels)):
        raise ConfigError(f"{game.name} has no level {level}, expected 0 to {max(1, len(game.levels)) - 1}")
    base = {} if level is None else game.level(level)
    return game.complete({**base, **_parsed_params(game, given or [])})


def _levels(game: Game, level: str | None) -> list[int | None]:
    if level is None:
        return [None]
    if level == EVERY_LEVEL:
        return list(range(max(1, len(game.levels))))
    if not level.isdecimal():
        raise ConfigError(f"--level is {level!r}, expected a number or {EVERY_LEVEL}")
    return [int(level)]


def _print_report(game: Game, level: int | None, params: Params, report: "Report") -> None:
    said = ", ".join(f"{name}={value}" for name, value in params.items()) or "no parameters"
    print(f"\n{'the defaults' if level is None else f'level {level}'}: {sanitise(said)}")
    width = max(len(finding.rule) for finding in report.findings)
    for finding in report.findings:
        mark = "BAD" if not finding.passed else "ok" if finding.was_tried else "-"
        print(f"{mark:<3}  {finding.rule:<{width}}  {sanitise(finding.detail)}")
    num_broken = sum(not finding.passed for finding in report.findings)
    num_untried = sum(not finding.was_tried for finding in report.findings)
    num_kept = len(report.findings) - num_broken - num_untried
    verdict = "keeps the contract" if report.passed else "breaks the contract"
    print(f"{game.name} {verdict}: {num_kept} rules kept, {num_untried} not tried, {num_broken} broken")


def _facts(game: Game, params: dict[str, ParameterValue]) -> dict[str, object]:
    from socratic.game.tree import enumerate_tree

    facts: dict[str, object] = {}
    best = game.best_score(params)
    if best is not None:
        facts["optimum"] = best
    try:
        tree = enumerate_tree(game, params, clerk=standard_clerk())
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


def _parsed_params(game: Game, given: Sequence[str]) -> dict[str, ParameterValue]:
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
