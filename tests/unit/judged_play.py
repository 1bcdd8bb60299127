"""Random play of a game that asks a judge, and a judge whose process is killed: importable by name, so that an actor can build them."""

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from socratic.critics.workers import CriticFactory, CriticWorker
from socratic.play.block import PlayRules
from socratic.play.clerk import PlayClerk
from socratic.play.worker import PlayWorker
from socratic.policy.scripted import RandomPlayer, ScriptedPlayers
from socratic.protocols import Player, Weights
from socratic.records import Judgement, Match
from socratic.registry import load_game


def matches(count: int) -> list[Match]:
    random = ("scripted:random", "scripted:random")
    return [
        Match(episode_id=str(seed), game="debate", params={"judged": True}, seed=seed, draw_seed=seed, seats=random, version=0)
        for seed in range(count)
    ]


def fingerprint(weights: Weights) -> str:
    return weights.fingerprint


def random_player(weights: Mapping[str, Weights]) -> Player:
    del weights
    return RandomPlayer()


def random_play() -> PlayWorker:
    return PlayWorker(
        game_of=load_game,
        scripted=ScriptedPlayers(load_game).player,
        install=fingerprint,
        seat=random_player,
        rules=PlayRules(),
        clerk=PlayClerk(None),
    )


@dataclass(frozen=True)
class Struck:
    """Builds a judge whose process is killed in the middle of its first judgements, while `flag` is there."""

    factory: CriticFactory
    flag: Path

    def __call__(self) -> "StruckWorker":
        return StruckWorker(self.factory(), self.flag)


class StruckWorker:
    def __init__(self, worker: CriticWorker, flag: Path) -> None:
        self._worker = worker
        self._flag = flag

    def judge_calls(self, judgements: Sequence[Judgement], weights: Weights | None) -> list[tuple[float, ...]]:
        if self._flag.exists():
            self._flag.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return self._worker.judge_calls(judgements, weights)
