"""A whole run whose matches a model judges, small enough for a test."""

import json

from socratic.config import Config, make_config
from socratic.records import Json
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
