"""Twenty questions: search by asking, over a table of things that is known."""

from socratic.errors import ConfigError
from socratic.game import Scores, Table, game

THINGS = ("cup", "key", "sun", "fish", "tree", "bell", "ring", "lamp", "boat", "star", "rope", "coin", "leaf", "drum", "bird", "shoe")
# Thing i has attribute j where bit j of i is set, so that as many attributes as bits tell all things apart.
ATTRIBUTES = ("red", "big", "round", "old")


def best(*, things: int, questions: int, cost: float) -> float:
    """Return the best expected score: that of the best tree of questions.

    One thing is found at each leaf. A leaf at depth d is worth 1 - cost * d, so two at d + 1 for one at d gain 1 - cost * (d + 2):
    shallow leaves are split first, while that gains anything.
    """
    _check(things, questions, cost)
    depths = [0]
    while len(depths) < things:
        depth = min(depths)
        if depth == questions or 1 - cost * (depth + 2) <= 0:
            break
        depths.remove(depth)
        depths += [depth + 1, depth + 1]
    return sum(1 - cost * depth for depth in depths) / things


@game(
    seats=("asker",),
    bounds=(0.0, 1.0),
    levels=(
        {"things": 4, "questions": 2},
        {"things": 8, "questions": 3},
        {"things": 16, "questions": 4},
        {"things": 16, "questions": 4, "cost": 0.2},
    ),
    optimum=best,
)
async def twenty_questions(t: Table, *, things: int = 4, questions: int = 2, cost: float = 0.0) -> Scores:
    """Find a thing by yes-or-no questions about its attributes. Score 1 if found, less `cost` for each question, else 0.

    Where a question costs something, the asker may guess before all are asked. Without cost, q questions tell 2**q things apart
    and the optimum is 2**q / things, at most 1; with cost, the best tree is balanced (D. A. Huffman, "A method for the construction
    of minimum-redundancy codes", 1952).
    """
    _check(things, questions, cost)
    names, attributes = THINGS[:things], ATTRIBUTES[: (things - 1).bit_length()]
    table = ", ".join(" ".join([name, *_attributes_of(index, attributes)]) for index, name in enumerate(names))
    t.tell(0, f"Find my thing in {questions} questions: {table}.")
    target = t.choose(range(things))
    t.truth(thing=names[target])
    known: list[str] = []
    asked = 0
    while asked < questions:
        question = await t.ask(0, " ".join(["Ask", *known]), [*attributes, "guess"] if cost else attributes)
        if question == "guess":
            break
        asked += 1
        known += [question, "yes" if question in _attributes_of(target, attributes) else "no"]
    found = await t.ask(0, " ".join(["Guess", *known]), names) == names[target]
    t.probe(found=found, questions=asked)
    return t.share(1 - cost * asked if found else 0.0)


def _attributes_of(index: int, attributes: tuple[str, ...]) -> list[str]:
    return [attribute for bit, attribute in enumerate(attributes) if index >> bit & 1]


def _check(things: int, questions: int, cost: float) -> None:
    if not 2 <= things <= len(THINGS):
        raise ConfigError(f"twenty_questions: {things} things, expected 2 to {len(THINGS)}")
    if not (1 <= questions <= len(THINGS) and 0 <= cost * questions <= 1):
        raise ConfigError(
            f"twenty_questions: {questions} questions at a cost of {cost} each, expected 1 to {len(THINGS)} that cost from 0 to 1 in all"
        )
