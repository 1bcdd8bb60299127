"""Signal: a language out of nothing."""

from socratic.errors import ConfigError
from socratic.game import Scores, Table, game

OBJECTS = ("cup", "key", "sun", "fish", "tree", "bell", "ring", "lamp", "boat", "star", "rope", "coin", "leaf", "drum", "bird", "shoe")
SYMBOLS = ("ka", "mo", "ti", "zu", "ne", "ri", "po", "lu", "sa", "ve", "go", "di", "fa", "ye", "bu", "wo")


def best(*, objects: int, symbols: int, candidates: int, seen: bool) -> float | None:
    """Return the best expected score where it is known: a symbol for each object, or every object a candidate."""
    del seen
    _check(objects, symbols or objects, candidates or objects)
    if (symbols or objects) >= objects:
        return 1.0
    return symbols / objects if candidates in (0, objects) else None


@game(
    seats=("sender", "receiver"),
    bounds=(0.0, 1.0),
    levels=({"objects": 4}, {"objects": 8}, {"objects": 8, "candidates": 4}, {"objects": 16}),
    optimum=best,
)
async def signal(t: Table, *, objects: int = 4, symbols: int = 0, candidates: int = 0, seen: bool = True) -> Scores:
    """The sender sees an object and says one symbol; the receiver picks the object. Both score 1 if it is right, else 0.

    `symbols` 0: as many as objects; `candidates` 0: all objects; `seen`: whether the sender sees the candidates. The optimum is 1
    with a symbol for each object, chance is 1 / candidates (D. Lewis, "Convention", 1969).
    """
    symbols, candidates = symbols or objects, candidates or objects
    _check(objects, symbols, candidates)
    things, words = OBJECTS[:objects], SYMBOLS[:symbols]
    t.tell(None, f"Objects: {' '.join(things)}. Symbols: {' '.join(words)}.")
    if candidates < objects:
        dealt = t.deal(things, candidates)
        things = tuple(thing for thing in things if thing in dealt)
        t.tell(None if seen else 1, f"Candidates: {' '.join(things)}.")
    target = t.choose(things, hidden_from=1)
    t.truth(target=target)
    said = await t.ask(0, f"Symbol for {target}", words)
    picked = await t.ask(1, f"Object for {said}", things)
    return t.share(1.0 if picked == target else 0.0)


def _check(objects: int, symbols: int, candidates: int) -> None:
    if not (1 < candidates <= objects <= len(OBJECTS) and 1 <= symbols <= len(SYMBOLS)):
        raise ConfigError(
            f"signal: {objects} objects, {symbols} symbols, {candidates} candidates; "
            f"expected 2 to 16 candidates, no fewer objects and at most 16, and 1 to 16 symbols"
        )
