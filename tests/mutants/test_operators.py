"""The operators plant what they say, only in the rules, and always the same."""

from tests.mutants.operators import FAMILIES, in_turn, mutants

GAME = '''
"""A game."""
LIMITS = {"most": 3}
UNUSED = {"other": 4}

def best() -> float:
    return 1.0

async def cards(t, *, heap: int = 2):
    """Three of a kind."""
    if heap < 1:
        raise ValueError("heap is 0")
    card = t.choose((1, 2))
    t.truth(card=card)
    t.tell(0, f"Card {card}.")
    left, seat = heap, 0
    while left > 0:
        left -= int(await t.ask(seat, "You:", ["1", "2"]))
        seat = 1 - seat
    return t.win(1 - seat, by=LIMITS["most"])
'''


def planted() -> list[tuple[str, str, str]]:
    """Return family, operator and new text of each mutant of the game above."""
    return [(mutant.family, mutant.operator, mutant.after) for mutant in mutants(GAME, num_seats=2, bounds=(-3.0, 3.0))]


def test_each_mistake_is_made() -> None:
    wanted = {
        ("payoff", "another seat wins", "t.win(1 - (1 - seat), by=LIMITS['most'])"),
        ("payoff", "the winner pays", "-(LIMITS['most'])"),
        ("payoff", "a number of a table", "4"),
        ("leak", "told to another seat", "t.tell(1, f'Card {card}.')"),
        ("leak", "told to all", "t.tell(None, f'Card {card}.')"),
        ("leak", "the prompt shows card", "'You:' + f' {card}'"),
        ("seat", "the same seat again", "seat"),
        ("seat", "asks another seat", "t.ask(1 - (seat), 'You:', ['1', '2'])"),
        ("off by one", "the limit itself", "left >= 0"),
        ("unending", "for ever", "True"),
        ("draw", "no chance", "((1, 2))[0]"),
        ("draw", "the last never", "t.choose(((1, 2))[:-1])"),
    }
    assert wanted - set(planted()) == set()


def test_nothing_is_planted_outside_the_rules() -> None:
    kept = [
        line for line in GAME.splitlines() if any(word in line for word in ("UNUSED", "best", "return 1.0", "heap <", "truth", "raise"))
    ]
    for mutant in mutants(GAME, num_seats=2, bounds=(-3.0, 3.0)):
        compile(mutant.source, mutant.name, "exec")
        lines = mutant.source.replace("'", '"').splitlines()
        assert all(line.replace("'", '"') in lines for line in kept), mutant.name


def test_the_order_is_decided_by_the_text_and_every_family_has_its_turn() -> None:
    found = mutants(GAME, num_seats=2, bounds=(-3.0, 3.0))
    ordered = in_turn("cards", found)
    assert in_turn("cards", list(reversed(found))) == ordered
    assert sorted(mutant.source for mutant in ordered) == sorted(mutant.source for mutant in found)
    families = [mutant.family for mutant in ordered]
    assert families[:6] == [family for family in FAMILIES if family in families][:6]
