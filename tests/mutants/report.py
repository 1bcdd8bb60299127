"""Write down what came of the mutants: a table, a share, and all that slipped through."""

from collections import Counter
from collections.abc import Callable, Sequence

from tests.mutants.catchers import MAX_LEAVES, MAX_LEAVES_OFF_LEVEL, NUM_PLAYS, NUM_PLAYS_OFF_LEVEL
from tests.mutants.operators import FAMILIES
from tests.mutants.trial import LATE_BY_NATURE, PATIENCE, Outcome, Tried

MARK = 0.95
MIN_PLANTED = 5


def caught_share(outcomes: Sequence[Outcome]) -> float:
    """Return the share of the bugs that the check or the tests caught; 0 where none was planted."""
    counted = [tried for outcome in outcomes for tried in outcome.counted]
    return sum(tried.is_caught for tried in counted) / len(counted) if counted else 0.0


def is_met(outcomes: Sequence[Outcome]) -> bool:
    """Whether every game had its bugs, and at least the marked share of all was caught."""
    return all(len(outcome.counted) >= MIN_PLANTED for outcome in outcomes) and caught_share(outcomes) >= MARK


def page(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the report as Markdown."""
    counted = [tried for outcome in outcomes for tried in outcome.counted]
    return [
        "# Planted rule bugs",
        "",
        "`make mutants` plants bugs in the rules of every built-in game, one at a time, by the operators of `tests/mutants/operators.py`,",
        "and counts who notices: `check_game` alone and the game's own tests alone. The golden transcripts stand beside them and catch",
        "nothing: they say of any change that it is one. What is late or dead was so twice, the second time alone on the machine and with",
        f"{PATIENCE} times the time (but for the family `{LATE_BY_NATURE}`). The choice of bugs",
        "depends on the source only: the families in turn, and every operator of a family before any comes twice. A mutant is called",
        f"equivalent, and not counted, where nobody notices and no level's tree (up to {MAX_LEAVES:,} leaves, all views included) and none",
        f"of {NUM_PLAYS} random matches of each level, half of them with illegal replies, is other than the game's; and the same off the",
        f"levels ({MAX_LEAVES_OFF_LEVEL:,} leaves, {NUM_PLAYS_OFF_LEVEL} matches), where one parameter is beside its first level's value",
        "or its default.",
        "",
        f"Planted: {len(counted)} in {len(outcomes)} games. Caught by the check or the tests: {_share(counted, 'is_caught')};",
        f"the mark is {MARK:.0%}. By the check alone: {_share(counted, 'check')}; by the tests alone: {_share(counted, 'tests')}.",
        f"Other golden transcripts: {_share(counted, 'golden')}.",
        "",
        "| game | levels checked | made | planted | equivalent | check | golden | tests | caught | slipped |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *(_row(outcome) for outcome in outcomes),
        "",
        "| family | planted | check | golden | tests | slipped |",
        "|---|---|---|---|---|---|",
        *(_family_row(family, [tried for tried in counted if tried.mutant.family == family]) for family in FAMILIES),
        "",
        "## Slipped through",
        "",
        *(_listed(outcomes, lambda tried: not tried.is_caught and not tried.is_equivalent) or ["None."]),
        "",
        "## Of these, told by the golden transcripts only",
        "",
        *(_listed(outcomes, lambda tried: tried.golden is not None and not tried.is_caught) or ["None."]),
        "",
        "## Equivalent",
        "",
        *(_listed(outcomes, lambda tried: tried.is_equivalent) or ["None."]),
    ]


def _row(outcome: Outcome) -> str:
    if outcome.failure:
        return f"| {outcome.game} | {outcome.failure.splitlines()[-1]} | | | | | | | | |"
    counted = outcome.counted
    levels = ", ".join(f"{name} {' '.join(str(level) for at, level in outcome.levels if at == name)}" for name in dict(outcome.levels))
    caught = [sum(found is not None for found in column) for column in zip(*((t.check, t.golden, t.tests) for t in counted), strict=True)]
    slipped = sum(not tried.is_caught for tried in counted)
    columns = [levels, outcome.num_made, len(counted), len(outcome.tried) - len(counted), *caught, len(counted) - slipped, slipped]
    return f"| {outcome.game} | {' | '.join(map(str, columns))} |"


def _family_row(family: str, counted: Sequence[Tried]) -> str:
    caught = Counter({name: sum(getattr(tried, name) is not None for tried in counted) for name in ("check", "golden", "tests")})
    slipped = sum(not tried.is_caught for tried in counted)
    return f"| {family} | {len(counted)} | {caught['check']} | {caught['golden']} | {caught['tests']} | {slipped} |"


def _listed(outcomes: Sequence[Outcome], chosen: Callable[[Tried], bool]) -> list[str]:
    return [
        f"- {outcome.game}, line {tried.mutant.line}, {tried.mutant.operator}: `{tried.mutant.before}` becomes `{tried.mutant.after}`"
        for outcome in outcomes
        for tried in outcome.tried
        if chosen(tried)
    ]


def _share(counted: Sequence[Tried], name: str) -> str:
    return _share_of([getattr(tried, name) not in (None, False) for tried in counted])


def _share_of(caught: Sequence[bool]) -> str:
    return f"{sum(caught)} ({sum(caught) / len(caught):.1%})" if caught else "0"
