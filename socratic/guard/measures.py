"""What the closed system can measure of itself: rewards, legality, length, groups without a difference.

Every function takes episodes and returns flat metrics. A rate is a numerator over a denominator summed over all episodes,
never a mean of rates; where the denominator is 0 the metric is absent.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import isnan, sqrt

from socratic.records import Episode, Feedback, Judgement, Turn
from socratic.registry import load_game


def reward_measures(feedback: Sequence[Feedback], episodes: Sequence[Episode]) -> dict[str, float]:
    """Return mean, standard deviation, least and greatest of the agent's rewards."""
    rewards = [
        said.rewards[seat]
        for said, episode in zip(feedback, episodes, strict=True)
        for seat, player in enumerate(episode.match.seats)
        if player == "agent" and not isnan(said.rewards[seat])
    ]
    if not rewards:
        return {}
    mean = sum(rewards) / len(rewards)
    return {
        "reward/mean": mean,
        "reward/std": sqrt(sum((reward - mean) ** 2 for reward in rewards) / len(rewards)),
        "reward/min": min(rewards),
        "reward/max": max(rewards),
    }


def zero_variance_share(feedback: Sequence[Feedback], episodes: Sequence[Episode]) -> dict[str, float]:
    """Return the share of (game, seat) whose rewards are all equal: nothing can be learned from them."""
    seen: dict[tuple[str, int], set[float]] = defaultdict(set)
    for said, episode in zip(feedback, episodes, strict=True):
        for seat, player in enumerate(episode.match.seats):
            if player == "agent" and not isnan(said.rewards[seat]):
                seen[episode.match.game, seat].add(said.rewards[seat])
    if not seen:
        return {}
    return {"reward/frac_zero_std": sum(len(values) == 1 for values in seen.values()) / len(seen)}


def game_measures(episodes: Sequence[Episode]) -> dict[str, float]:
    """Return score, win rate, turns and illegal rate of each game's seats where the agent sat.

    A match of which a critic could not say what it is worth has no score; how many such there are is told of games that asked one.
    """
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for episode in episodes:
        seats = load_game(episode.match.game).seats
        if any(isinstance(call, Judgement) for call, _ in episode.calls):
            _add(sums, f"game/{episode.match.game}/undecided_rate", float(episode.is_undecided), 1)
        for seat, player in enumerate(episode.match.seats):
            if player != "agent":
                continue
            own = [turn for turn in episode.turns if turn.seat == seat]
            prefix = f"game/{episode.match.game}/{seats[seat]}"
            best_other = max((score for other, score in enumerate(episode.scores) if other != seat), default=None)
            if not episode.is_undecided:
                _add(sums, f"{prefix}/reward", episode.scores[seat], 1)
            if best_other is not None and not episode.is_undecided:
                _add(sums, f"{prefix}/win_rate", float(episode.scores[seat] > best_other), 1)
            _add(sums, f"{prefix}/turns", len(own), 1)
            _add(sums, f"{prefix}/illegal_rate", sum(not turn.is_legal for turn in own), len(own))
    return _ratios(sums)


def probe_measures(episodes: Sequence[Episode]) -> dict[str, float]:
    """Return the mean of what each game probes; where a critic scored a match, also by how much more than the exact score.

    That difference, over matches that have both, is how far the critic is from the truth of its verifiable twin.
    """
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for episode in episodes:
        prefix = f"game/{episode.match.game}/probe"
        if episode.is_undecided:  # what the game made of a critic that said nothing
            continue
        for name, value in episode.probes.items():
            _add(sums, f"{prefix}/{name}", value, 1)
        if {"critic", "exact"} <= episode.probes.keys():
            _add(sums, f"{prefix}/critic_excess", episode.probes["critic"] - episode.probes["exact"], 1)
    return _ratios(sums)


def completion_measures(episodes: Sequence[Episode]) -> dict[str, float]:
    """Return how long the agent's replies are, in tokens, and how many were cut short."""
    turns = list(agent_turns(episodes))
    lengths = [len(turn.token_ids) for turn in turns]
    if not lengths:
        return {}
    return {
        "completion/length_mean": sum(lengths) / len(lengths),
        "completion/length_max": max(lengths),
        "completion/truncated_frac": sum(turn.is_truncated for turn in turns) / len(turns),
    }


def staleness(episodes: Sequence[Episode], version: int) -> dict[str, float]:
    """Return by how many versions the play is older than the weights it is learned into, on average."""
    lags = [version - turn.version for turn in agent_turns(episodes)]
    return {"offpolicy/staleness_mean": sum(lags) / len(lags)} if lags else {}


def agent_turns(episodes: Iterable[Episode]) -> Iterable[Turn]:
    """Return every turn that the learning agent took."""
    return (turn for episode in episodes for turn in episode.turns if turn.player == "agent")


def _add(sums: dict[str, list[float]], name: str, numerator: float, denominator: float) -> None:
    sums[name][0] += numerator
    sums[name][1] += denominator


def _ratios(sums: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {name: numerator / denominator for name, (numerator, denominator) in sums.items() if denominator}
