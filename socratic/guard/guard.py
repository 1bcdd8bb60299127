"""The guard: inside signals gathered, compared with t0, and said in words where they mean trouble."""

from collections.abc import Mapping, Sequence
from math import isfinite

from socratic.errors import CheckpointError
from socratic.guard.measures import (
    agent_turns,
    completion_measures,
    game_measures,
    probe_measures,
    reward_measures,
    staleness,
    zero_variance_share,
)
from socratic.records import Episode, Feedback, Json, Update, Verdict


class MeasuringGuard:
    """Measures every generation; vetoes an update that is not finite."""

    def __init__(self) -> None:
        """Start before the first generation, whose length and entropy become the reference."""
        self._at_t0: dict[str, float] = {}
        self._generated_total = 0

    def examine(self, index: int, episodes: Sequence[Episode], feedback: Sequence[Feedback], update: Update) -> Verdict:
        """Return the generation's inside metrics; unhealthy where loss, gradient or weights are not finite."""
        self._generated_total += sum(len(turn.token_ids) for turn in agent_turns(episodes))
        metrics: dict[str, float] = {
            **reward_measures(feedback, episodes),
            **zero_variance_share(feedback, episodes),
            **game_measures(episodes),
            **probe_measures(episodes),
            **completion_measures(episodes),
            **staleness(episodes, update.version - 1),
            "tokens/generated_total": self._generated_total,
        }
        metrics.update(self._against_t0({**metrics, **update.metrics}))
        broken = [name for name, value in update.metrics.items() if not isfinite(value)]
        if update.metrics.get("policy/frac_nonfinite"):
            broken.append("policy/frac_nonfinite")
        return Verdict(is_healthy=not broken, metrics=metrics, notes=tuple(_alarms(broken)))

    def state(self) -> Mapping[str, Json]:
        """Return the references and counters."""
        return {"at_t0": dict(self._at_t0), "generated_total": self._generated_total}

    def restore(self, state: Mapping[str, Json]) -> None:
        """Take the references and counters back."""
        at_t0, total = state.get("at_t0"), state.get("generated_total")
        if not isinstance(at_t0, dict) or not isinstance(total, int):
            raise CheckpointError("the checkpoint holds no whole guard; it was not written by this version")
        self._at_t0 = {name: float(str(value)) for name, value in at_t0.items()}
        self._generated_total = total

    def _against_t0(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """Return length and entropy as shares of what they were in the first generation."""
        watched = {"drift/length_ratio": "completion/length_mean", "drift/entropy_share": "policy/entropy"}
        ratios = {}
        for name, source in watched.items():
            if source in metrics:
                first = self._at_t0.setdefault(source, metrics[source])
                if first > 0:
                    ratios[name] = metrics[source] / first
        return ratios


def _alarms(broken: Sequence[str]) -> list[str]:
    return [f"{name} says that the numbers ran away; the update is held back: start a new run with a lower learner.lr" for name in broken]
