"""The boundary at Youden's J = 0 holds for the whole loop: a scorer above it teaches the truth, one below its contrary."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from socratic.build import close_system, draft
from socratic.cluster import LocalExecutor
from socratic.critics.plain import PlainCritic
from socratic.loop import advance
from socratic.records import Episode
from socratic.seeds import Seed
from socratic.studies.phase_plan import Cell, Plan, Size
from socratic.studies.phase_run import Reader, Silence, config_of

PLAN = Plan(episodes=32, warm_up=60, lr=2e-3, generations=40)
CELL = Cell(size=Size(name="tiny", hidden=16, layers=1, heads=2), kl=0.0, rare=0.2, seed=0)


class _NoisyScorer:
    """Pays 1 for a right reply with probability (1 + j) / 2, for a wrong one with (1 - j) / 2, else 0."""

    name = "noisy"
    reads_text = False

    def __init__(self, j: float) -> None:
        self._j = j

    def score(self, episodes: Sequence[Episode]) -> list[tuple[float, ...]]:
        return [(float(self._draw(episode) < (1.0 + (self._j if episode.scores[0] else -self._j)) / 2.0),) for episode in episodes]

    def _draw(self, episode: Episode) -> float:
        return Seed(11).child(episode.match.episode_id).uniform()


def _truth(j: float) -> tuple[float, float]:
    """Return the exact score at t0 and at the end of a run under a scorer with that J."""
    config = config_of(PLAN, CELL)
    recipe = draft(config)
    live = close_system(config, recipe, LocalExecutor(), Silence(), is_resumed=False)
    system = replace(live.system, critic=PlainCritic(_NoisyScorer(j)))
    reader = Reader(config, recipe)
    before = reader.read(live.agent).reading.truth
    for index in range(PLAN.generations):
        advance(index, system)
    return before, reader.read(live.agent).reading.truth


@pytest.mark.slow
def test_the_loop_learns_the_truth_above_youdens_j_of_0_and_its_contrary_below() -> None:
    ends = {}
    for j in (0.4, 0.0, -0.4):
        before, ends[j] = _truth(j)
        assert 0.15 < before < 0.35
    assert ends[0.4] > 0.6
    assert 0.08 < ends[0.0] < 0.5
    assert ends[-0.4] < 0.08
