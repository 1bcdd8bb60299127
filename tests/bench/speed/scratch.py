"""A scratch policy on Kuhn poker: whole games a minute under Ray, and what everything but the model costs a turn."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from socratic.cli.preflight import find_configs, game_facts
from socratic.cli.session import Session
from socratic.config import load_config
from socratic.play.block import PlayRules, play_block
from socratic.protocols import Player, TurnRequest
from socratic.records import Match, Turn
from socratic.registry import load_game
from socratic.seeds import Seed
from socratic.store.run_directory import RunDirectory

GAMES_MARK = 20_000
TURN_MARK_US = 60.0
GENERATIONS = 120
MATCHES = 2048


@dataclass(frozen=True, kw_only=True, slots=True)
class Scratch:
    """What was measured."""

    games_a_minute: float  # played and learned from, without the set-up
    whole_games_a_minute: float  # with it
    turn_us: tuple[float, ...]

    @property
    def is_met(self) -> bool:
        """Whether both marks are reached."""
        return self.games_a_minute >= GAMES_MARK and sorted(self.turn_us)[len(self.turn_us) // 2] <= TURN_MARK_US

    def lines(self) -> list[str]:
        """Return it as Markdown."""
        times = sorted(self.turn_us)
        played = (
            f"`socratic run kuhn_magnet -o generations={GENERATIONS} -o observer.enabled=false`, under Ray with one actor: "
            f"{self.games_a_minute:,.0f} games a minute are played and learned from (mark {GAMES_MARK:,}); with Ray's start, the imports "
            f"and the warm-up {self.whole_games_a_minute:,.0f}."
        )
        bare = (
            f"Everything but the model, in one process: {times[len(times) // 2]:.1f} microseconds a turn ({times[0]:.1f} to "
            f"{times[-1]:.1f} over {len(times)} goes of {MATCHES:,} matches; mark {TURN_MARK_US:g}): the rules, the table, requests, turns "
            "and the episode."
        )
        return ["### A scratch policy on Kuhn poker", "", played, "", bare, ""]


def scratch(folder: Path) -> Scratch:
    """Measure both."""
    config = load_config(find_configs(["kuhn_magnet"]), [f"generations={GENERATIONS}", "observer.enabled=false", "tracker.wandb=off"])
    run = RunDirectory.create(folder, "kuhn", config, games=game_facts(config))
    start = time.perf_counter()
    Session(run, config, is_resumed=False, is_live=False).run()
    whole_s = time.perf_counter() - start
    rows = RunDirectory.open(folder, "kuhn").read("metrics")
    inner_s = sum(float(str(value)) for row in rows for name, value in row.items() if name.startswith("time/"))
    games = GENERATIONS * config.episodes_per_generation
    return Scratch(
        games_a_minute=60 * games / inner_s,
        whole_games_a_minute=60 * games / whole_s,
        turn_us=tuple(_turn_us() for _ in range(7)),
    )


def _turn_us() -> float:
    seed = Seed(0)
    matches = [
        Match(
            episode_id=f"{number}",
            game="kuhn_poker",
            params={},
            seed=seed.child("match", number).key,
            draw_seed=seed.child("draw", number).key,
            seats=("agent", "agent"),
            version=0,
            group=number,
        )
        for number in range(MATCHES)
    ]
    player: Player = _FirstMove()
    start = time.perf_counter()
    played = play_block(matches, load_game, lambda name, match: (name, player), PlayRules())
    spent = time.perf_counter() - start
    return 1e6 * spent / sum(len(episode.turns) for episode in played.episodes)


class _FirstMove:
    """Costs nothing: takes the first legal move."""

    def reply(self, requests: Sequence[TurnRequest]) -> list[Turn]:
        """Return one turn for each request."""
        return [Turn(seat=each.seat, reply=(each.legal or ("",))[0], is_legal=True, player="agent", version=0) for each in requests]
