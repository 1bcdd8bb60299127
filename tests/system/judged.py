"""A whole run whose matches a model judges, small enough for a test."""

import json
from collections.abc import Sequence
from math import nan

from socratic.config import Config, make_config
from socratic.critics.planted import Honest
from socratic.records import Json, Judgement
from socratic.seeds import Seed
from tests.system.small import SMALL

GAMES: dict[str, Json] = {
    "debate": {"episodes": 10, "params": {"judged": True}},
    "story": {"episodes": 6, "params": {"judged": True}},
}


def judged_config(**sections: Json) -> Config:
    """Return the small configuration with two games that t0 judges; whole sections merged over it, a key at a time."""
    values = json.loads(json.dumps({**SMALL, "games": GAMES, "generations": 2, "feedback": {"judge": "model"}}))
    for name, section in sections.items():
        if isinstance(section, dict):
            values[name].update(section)
        else:
            values[name] = section
    return make_config(values)


class Halting(Honest):
    """Right 85 % of the time, and cannot say anything of what names the first bit."""

    name = "halting"

    def judge_calls(self, judgements: Sequence[Judgement]) -> list[tuple[float, ...]]:
        said = super().judge_calls(judgements)
        return [(nan,) * len(shares) if "a " in asked.evidence else shares for asked, shares in zip(judgements, said, strict=True)]


def make_halting(seed: Seed) -> Halting:
    """Return a judge that cannot say anything of some matches: a plugin's maker."""
    return Halting(seed)
