"""The drawn truth: matches against fixed opponents, in every seat, with intervals."""

from collections.abc import Callable, Mapping, Sequence

from socratic.game import Game
from socratic.observer.intervals import mean_interval, wilson
from socratic.records import Episode, Match, ParameterValue
from socratic.seeds import Seed

PlayMatches = Callable[[Sequence[Match]], Sequence[Episode]]


def probe_matches(
    name: str, game: Game, params: Mapping[str, ParameterValue], opponents: Sequence[str], episodes: int, seed: Seed
) -> dict[str, list[Match]]:
    """Return `episodes` matches against each opponent, the agent in each seat in turn; alone or together where there is none."""
    lineups: dict[str, list[tuple[str, ...]]] = {}
    if game.zero_sum and len(game.seats) > 1:
        for opponent in opponents:
            lineups[opponent] = [
                tuple("agent" if other == seat else opponent for other in range(len(game.seats))) for seat in range(len(game.seats))
            ]
    else:
        lineups[""] = [("agent",) * len(game.seats)]
    return {
        opponent: [
            _match(name, params, rows[number % len(rows)], seed.child(f"{name} {opponent}", number), f"{opponent or 'self'}-{number:04d}")
            for number in range(episodes)
        ]
        for opponent, rows in lineups.items()
    }


def drawn_metrics(game: Game, played: Mapping[str, Sequence[Episode]]) -> dict[str, float]:
    """Return scores, win rates and legality against each opponent, with 95 % intervals (`_low`, `_high`).

    `legal_score_vs_<opponent>` counts only episodes in which the agent made no illegal move: a policy that only learned the
    format does not move it. A match of which a critic could not say what it is worth has no score, and does not count.
    """
    metrics: dict[str, float] = {}
    legal: list[bool] = []
    for opponent, every in played.items():
        episodes = [episode for episode in every if not episode.is_undecided]
        if not episodes:
            continue
        suffix = f"_vs_{opponent.rpartition(':')[2]}" if opponent else ""
        scores, clean, wins = [], [], 0
        for episode in episodes:
            seat = episode.match.seats.index("agent")
            own = [turn for turn in episode.turns if turn.player == "agent"]
            legal.extend(turn.is_legal for turn in own)
            scores.append(episode.scores[seat])
            wins += all(episode.scores[seat] > score for other, score in enumerate(episode.scores) if other != seat)
            if all(turn.is_legal for turn in own):
                clean.append(episode.scores[seat])
        _put(metrics, f"score{suffix}", mean_interval(scores))
        if opponent:
            _put(metrics, f"win_rate{suffix}", (wins / len(episodes), *wilson(wins, len(episodes))))
        if clean:
            _put(metrics, f"legal_score{suffix}", mean_interval(clean))
        metrics[f"legal_episodes{suffix}"] = len(clean)
        metrics.update(_by_seat(game, episodes, suffix))
    if legal:
        _put(metrics, "legal_share", (sum(legal) / len(legal), *wilson(sum(legal), len(legal))))
    return metrics


def _by_seat(game: Game, episodes: Sequence[Episode], suffix: str) -> dict[str, float]:
    if not suffix:
        return {}
    scores: dict[int, list[float]] = {}
    draws: dict[int, int] = {}
    for episode in episodes:
        seat = episode.match.seats.index("agent")
        scores.setdefault(seat, []).append(episode.scores[seat])
        draws[seat] = draws.get(seat, 0) + (min(episode.scores) == max(episode.scores))
    metrics = {f"score{suffix}/{game.seats[seat]}": sum(own) / len(own) for seat, own in sorted(scores.items())}
    for seat, num in sorted(draws.items()) if game.zero_sum else ():
        _put(metrics, f"draw_rate{suffix}/{game.seats[seat]}", (num / len(scores[seat]), *wilson(num, len(scores[seat]))))
    return metrics


def _match(name: str, params: Mapping[str, ParameterValue], seats: tuple[str, ...], seed: Seed, episode_id: str) -> Match:
    return Match(
        episode_id=f"probe-{episode_id}",
        game=name,
        params=params,
        seed=seed.child("deal").key,
        draw_seed=seed.child("draws").key,
        seats=seats,
        version=0,
    )


def _put(metrics: dict[str, float], name: str, interval: tuple[float, float, float]) -> None:
    metrics[name], metrics[f"{name}_low"], metrics[f"{name}_high"] = interval
