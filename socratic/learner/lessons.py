"""What one generation teaches: trajectories with advantages, replies to imitate, pairs; and in words, why there is nothing to learn."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan

from socratic.config import Objective
from socratic.learner.batch import drawn_positions
from socratic.records import Episode, Feedback, Judgement, Trajectory, Turn
from socratic.registry import load_game

ALL_ALIKE = "raise play.temperature, play another level of the game, or play more of it in a generation"


@dataclass(frozen=True, kw_only=True, slots=True)
class Taught:
    """Of one game: whether each way of learning found something."""

    objective: Objective
    has_advantage: bool
    num_kept: int
    num_pairs: int

    @property
    def is_anything(self) -> bool:
        """Whether the game's play moves the policy."""
        learns = self.objective
        return bool((learns.pg and self.has_advantage) or (learns.ce and self.num_kept) or (learns.pref and self.num_pairs))


def silent_games(
    episodes: Sequence[Episode], feedback: Sequence[Feedback], trajectories: Sequence[Trajectory], taught: Mapping[str, Taught]
) -> dict[str, str]:
    """Return for each game that teaches nothing in this generation what happened and what to change."""
    played: dict[str, list[tuple[Episode, Feedback]]] = defaultdict(list)
    for episode, said in zip(episodes, feedback, strict=True):
        played[episode.match.game].append((episode, said))
    learned = defaultdict(list)
    for trajectory in trajectories:
        learned[trajectory.game].append(trajectory)
    silent = {}
    for game, pairs in played.items():
        turns = [turn for episode, _ in pairs for turn in episode.turns if turn.player == "agent"]
        is_anything = game in taught and taught[game].is_anything and _differ(learned[game]) and _of_the_replies(turns) is None
        if not is_anything:
            silent[game] = f"{game} teaches nothing: {_reason(game, pairs, learned[game], taught.get(game))}"
    return silent


def _differ(learned: Sequence[Trajectory]) -> bool:
    """Return whether some seat's rewards are not all the same: without that there is nothing to compare, whatever the baseline."""
    by_seat: dict[int, set[float]] = defaultdict(set)
    for trajectory in learned:
        by_seat[trajectory.seat].add(trajectory.reward)
    return any(len(rewards) > 1 for rewards in by_seat.values())


def _reason(game: str, played: Sequence[tuple[Episode, Feedback]], learned: Sequence[Trajectory], taught: Taught | None) -> str:
    num = len(played)
    turns = [turn for episode, _ in played for turn in episode.turns if turn.player == "agent"]
    if not turns:
        return (
            f"in none of its {num} episodes was the agent asked for anything; seat it in games.{game}.lineups, or choose other parameters"
        )
    rewards = [said.rewards[seat] for episode, said in played for seat, who in enumerate(episode.match.seats) if who == "agent"]
    if all(isnan(reward) for reward in rewards):
        return _of_the_critics(played)
    return _of_the_replies(turns) or _of_the_scores(game, played, learned, taught)


def _of_the_critics(played: Sequence[tuple[Episode, Feedback]]) -> str:
    num = len(played)
    if all(episode.is_undecided for episode, _ in played):
        return (
            f"whoever answers its t.judge could not say anything (NaN) in any of its {num} episodes; set feedback.judge to one that can, "
            "or play games that code scores"
        )
    if all(any(isinstance(call, Judgement) for call, _ in episode.calls) for episode, _ in played):
        return (
            f"its {num} episodes were judged by a critic that is not heard, or not yet; see the events for why, set feedback.judge to "
            "another, or play games that code scores"
        )
    critic = played[0][1].critic
    return f"the critic {critic!r} cannot say anything of its {num} episodes; see the events for why, or use feedback.critic = 'outcome'"


def _of_the_replies(turns: Sequence[Turn]) -> str | None:
    if turns and all(turn.is_truncated for turn in turns):
        return f"all {len(turns)} replies were cut off unfinished; raise play.max_new_tokens"
    if turns and all(not turn.is_legal for turn in turns):
        return (
            f"none of the agent's {len(turns)} replies was a legal move (the last was {turns[-1].reply[:40]!r}); set play.masked = 'on', "
            "lower play.temperature, allow play.retries, or have the game say what a move looks like"
        )
    if turns and not any(drawn_positions(turn) for turn in turns):
        return f"the mask left its {len(turns)} replies no choice, or they were empty; play another level of the game, or other parameters"
    return None


def _of_the_scores(game: str, played: Sequence[tuple[Episode, Feedback]], learned: Sequence[Trajectory], taught: Taught | None) -> str:
    by_seat: dict[int, list[float]] = defaultdict(list)
    for trajectory in learned:
        by_seat[trajectory.seat].append(trajectory.reward)
    num = len({trajectory.episode_id for trajectory in learned})
    count = f"all {len(played)} episodes" if num == len(played) else f"all {num} episodes that have feedback (of {len(played)})"
    means = {seat: sum(rewards) / len(rewards) for seat, rewards in by_seat.items()}
    if len(means) > 1 and max(means.values()) > min(means.values()) and all(len(set(rewards)) == 1 for rewards in by_seat.values()):
        winner = load_game(game).seats[max(means, key=lambda seat: means[seat])]
        return (
            f"seat {winner!r} won {count}, whatever was played; choose parameters that give the others a chance, "
            "or seat scripted:random or a league opponent"
        )
    scores = sorted({reward for rewards in by_seat.values() for reward in rewards})
    if len(scores) == 1:
        return f"{count} got the same score, {scores[0]:g}; {ALL_ALIKE}"
    if taught is not None and not taught.objective.pg:
        if taught.objective.ce and not taught.num_kept:
            return f"no reply earned enough to be imitated (scores {scores[0]:g} to {scores[-1]:g}); lower learner.imitation.threshold"
        return f"no two replies in one place earned different scores, so there are no pairs; play larger groups, or {ALL_ALIKE}"
    return f"within each group that is compared all scores are the same ({scores[0]:g} to {scores[-1]:g} over all); {ALL_ALIKE}"
