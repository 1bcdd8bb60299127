"""One generation of our loop on SmolLM2: play, score, update, as `socratic run` does it, in this process."""

from socratic.build import close_system, draft
from socratic.cluster import LocalExecutor
from socratic.config import Config, make_config
from socratic.loop import ClosedSystem, advance
from socratic.records import Assessment, Generation, Json

GAME = "tests.bench.speed.letters:letters"
THREADS = 2


def grpo_config(*, episodes: int, group: int, new: int, turns: int = 1, words: int = 44) -> Config:
    """Return GRPO with a reference, LoRA on every linear layer, bfloat16: the comparison's own recipe."""
    config: dict[str, Json] = {
        "generations": 1000,
        "policy": {"source": "smollm2", "dtype": "bfloat16"},
        "games": {GAME: {"episodes": episodes, "group": group, "params": {"turns": turns, "words": words}}},
        "play": {"executor": "local", "threads": THREADS, "block": episodes, "max_new_tokens": new},
        "learner": {
            "lr": 1e-5,
            "schedule": "constant",
            "baseline": "group",
            "scale": "group",
            "magnet_every": 0,
            "kl_form": "k3",
            "kl_t0_every": 1000,
            "pack_tokens": 400,
            "threads": THREADS,
            "objective": {"pg": 1.0, "kl": 0.04},
            "gradient": {"kind": "ppo"},
        },
        "observer": {"enabled": False},
        "tracker": {"wandb": "off"},
    }
    return make_config(config)


class OurLoop:
    """A system that is closed, and steps on."""

    def __init__(self, config: Config) -> None:
        """Close the system."""
        live = close_system(config, draft(config), LocalExecutor(), _Nobody(), is_resumed=False)
        self.system: ClosedSystem = live.system
        self._index = 0

    def step(self) -> Generation:
        """Play, judge, learn from and publish one generation."""
        generation = advance(self._index, self.system)
        self._index += 1
        return generation


class _Nobody:
    """Tracks nothing."""

    def record_generation(self, generation: Generation) -> None:
        """Take nothing."""

    def record_assessment(self, assessment: Assessment) -> None:
        """Take nothing."""

    def record_event(self, generation: int, kind: str, message: str) -> None:
        """Take nothing."""

    def close(self) -> None:
        """Do nothing."""
