"""Quiz: what colour is it? And a word that is no colour, which random play says as rarely as it is told to."""

from socratic.errors import ConfigError
from socratic.game import Bot, Params, Request, Scores, Table, game
from socratic.seeds import Seed

COLOURS = {"sky": "blue", "grass": "green", "sun": "yellow", "blood": "red"}
ASIDE = "thanks"
WORDS = (*COLOURS.values(), ASIDE)


def random_pupil(params: Params) -> Bot:
    """Return a player that says the aside with probability `rare`, else one of the colours."""
    rare = float(params["rare"])
    weights = (*([(1.0 - rare) / len(COLOURS)] * len(COLOURS)), rare)

    def reply(request: Request, seed: Seed) -> str:
        del request
        return WORDS[seed.weighted(weights)]

    return reply


@game(seats=("pupil",), bounds=(0.0, 1.0), optimum=1.0, bots={"random": random_pupil})
async def quiz(t: Table, *, rare: float = 0.05) -> Scores:
    """Say the colour of a thing. Score 1 if it is right, else 0; the aside is right nowhere, and the optimum is 1.

    `rare` tells random play how often to say the aside: a policy warmed up on it starts with about that mass there.
    """
    if not 0.0 <= rare < 1.0:
        raise ConfigError(f"quiz: rare is {rare}, expected at least 0 and below 1")
    t.tell(None, f"Colours: {' '.join(COLOURS.values())}. Or {ASIDE}.")
    thing = t.choose(tuple(COLOURS))
    t.truth(colour=COLOURS[thing])
    said = await t.ask(0, f"Colour of {thing}", WORDS)
    return t.share(1.0 if said == COLOURS[thing] else 0.0)
