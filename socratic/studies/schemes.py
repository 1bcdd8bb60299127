"""Five schemes of self-play, and the small grid in which each finds its own best.

The budget is games played, the same for all. Against a past version only one seat learns, so that a pool learns from fewer turns of as
many games: how much of its play is against the pool is therefore a part of its grid, and the page says what each learned from.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

SchemeName = Literal["mirror", "entropy", "uniform pool", "prioritized pool", "magnet"]
SCHEMES: tuple[SchemeName, ...] = get_args(SchemeName)
IDEAS: dict[SchemeName, str] = {
    "mirror": "plays itself, and nothing holds it; its points are learning rates alone",
    "entropy": "plays itself, and is paid for entropy",
    "uniform pool": "plays its past versions, all alike",
    "prioritized pool": "plays its past versions, more often those that it beats less often",
    "magnet": "plays itself, near a copy of itself that is refreshed now and then; with and without pay for entropy",
}
# Whom the agent meets in a round of matches, by the share of them in which it meets the pool.
LINEUPS = {
    "all": '[["agent", "league"], ["league", "agent"]]',
    "half": '[["agent", "agent"], ["agent", "league"], ["agent", "agent"], ["league", "agent"]]',
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One point of a scheme's grid."""

    scheme: SchemeName
    index: int
    words: str
    overrides: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """The five schemes on one game."""

    name: str
    title: str
    game: str
    config: Path  # what all runs have in common
    grid: tuple[Setting, ...]
    grid_seeds: tuple[int, ...]
    seeds: tuple[int, ...]  # none of the grid's
    mark: float | None = None  # what the magnet's median must reach at the end
    overrides: tuple[str, ...] = ()  # of every run
    ablates_decay: bool = True  # whether the chosen points are run at a constant rate too


def grid_of(game: str, rates: tuple[float, ...], mirror_rates: tuple[float, ...]) -> tuple[Setting, ...]:
    """Return every scheme's grid: learning rates, each with two values of what is its own; mirror has nothing but twice the rates."""
    nothing = ("learner.objective.kl=0", "learner.objective.entropy=0")
    lineups = f"games.{game}.lineups"
    own: dict[SchemeName, dict[str, tuple[str, ...]]] = {
        "entropy": {f"entropy {share:g}": ("learner.objective.kl=0", f"learner.objective.entropy={share:g}") for share in (0.1, 0.2)},
        "uniform pool": {
            f"{share} its games against the pool": (*nothing, f"{lineups}={seated}", "league.opponent=uniform")
            for share, seated in LINEUPS.items()
        },
        "prioritized pool": {
            f"{share} its games against the pool": (*nothing, f"{lineups}={seated}", "league.opponent=prioritized")
            for share, seated in LINEUPS.items()
        },
        "magnet": {
            f"KL 0.3, entropy {share:g}": ("learner.objective.kl=0.3", f"learner.objective.entropy={share:g}") for share in (0.0, 0.1)
        },
    }
    settings = []
    for scheme in SCHEMES:
        points = (
            [(rate, words, knob) for rate in rates for words, knob in own[scheme].items()]
            if scheme in own
            else [(rate, "", nothing) for rate in mirror_rates]
        )
        for index, (rate, words, knob) in enumerate(points):
            said = ", ".join(part for part in (f"lr {rate:g}", words) if part)
            settings.append(Setting(scheme=scheme, index=index, words=said, overrides=(f"learner.lr={rate:g}", *knob)))
    return tuple(settings)


def hurried(question: Question) -> Question:
    """Return the question at a size at which everything is gone through and nothing is measured."""
    tiny = ("generations=12", f"games.{question.game}.episodes=16", "checkpoint.every=12")
    often = ("observer.every=3", "league.every=3", "learner.kl_t0_every=3")
    policy = ("policy.hidden=16", "policy.heads=2", "policy.warmup.steps=3")
    return replace(
        question,
        grid=tuple(setting for setting in question.grid if setting.index < 2),
        grid_seeds=question.grid_seeds[:1],
        seeds=question.seeds[:1],
        overrides=(*question.overrides, *tiny, *often, *policy),
    )
