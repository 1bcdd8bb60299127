"""Episodes on disk: one JSON line each, exact in every token and log-probability, so that they read back equal."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from socratic.errors import ReplayMismatch, RunError
from socratic.game.calls import call_from_json, call_to_json
from socratic.records import Episode, Feedback, Json, Line, Match, ParameterValue, Turn
from socratic.store.durable import write_atomically
from socratic.store.lines import read_lines, to_line


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedEpisode:
    """An episode and what the critic said of it; None where no feedback was given."""

    episode: Episode
    feedback: Feedback | None


def choose_episodes(episodes: Sequence[Episode], share: float) -> list[int]:
    """Return the positions of the ceil(share * n) episodes to keep: the first of each game in turn, then the second, ...

    So a small share still shows every game, and no draw is needed.
    """
    by_game: dict[str, list[int]] = {}
    for position, episode in enumerate(episodes):
        by_game.setdefault(episode.match.game, []).append(position)
    rounds = [(rank, position) for positions in by_game.values() for rank, position in enumerate(positions)]
    # The product is rounded so that .07 of 100 is 7 and not ceil(7.000000000000001).
    count = math.ceil(round(share * len(episodes), 9))
    return sorted(position for _, position in sorted(rounds)[:count])


def write_episodes(path: Path, episodes: Sequence[Episode], feedback: Sequence[Feedback], share: float) -> int:
    """Write the kept share of a generation's episodes, all or none; return how many.

    Raises:
        RunError: the disk refuses.
    """
    by_id = {said.episode_id: said for said in feedback}
    kept = [episodes[position] for position in choose_episodes(episodes, share)]
    if kept:
        lines = [to_line(episode_to_json(episode, by_id.get(episode.match.episode_id))) for episode in kept]
        write_atomically(path, b"".join(lines))
    return len(kept)


def read_episodes(path: Path) -> list[RecordedEpisode]:
    """Return what `write_episodes` wrote; no file is no episodes.

    Raises:
        RunError: the file is not what was written.
    """
    try:
        return [episode_from_json(record) for record in read_lines(path)]
    except (KeyError, TypeError, ValueError, ReplayMismatch) as error:
        raise RunError(f"{path} holds a line that is no episode: {error!r}") from error


def episode_to_json(episode: Episode, feedback: Feedback | None = None) -> dict[str, Json]:
    """Return an episode as one JSON object."""
    match = episode.match
    said: Json = None if feedback is None else {"rewards": list(feedback.rewards), "critic": feedback.critic}
    return {
        "episode_id": match.episode_id,
        "game": match.game,
        "params": dict(match.params),
        "seed": match.seed,
        "draw_seed": match.draw_seed,
        "seats": list(match.seats),
        "version": match.version,
        "group": match.group,
        "scores": list(episode.scores),
        "ending": episode.ending,
        "forfeiter": episode.forfeiter,
        "probes": dict(episode.probes),
        "feedback": said,
        "turns": [_turn_to_json(turn) for turn in episode.turns],
        "views": [[[line.speaker, line.text] for line in view] for view in episode.views],
        "calls": [call_to_json(call, answer) for call, answer in episode.calls],
    }


def episode_from_json(record: Mapping[str, Json]) -> RecordedEpisode:
    """Return the episode that `episode_to_json` wrote.

    Raises:
        KeyError, TypeError, ValueError: the object is no such episode.
    """
    match = Match(
        episode_id=str(record["episode_id"]),
        game=str(record["game"]),
        params=cast(dict[str, ParameterValue], _object(record["params"])),
        seed=_whole(record["seed"]),
        draw_seed=_whole(record["draw_seed"]),
        seats=tuple(str(seat) for seat in _list(record["seats"])),
        version=_whole(record["version"]),
        group=_whole(record["group"]),
    )
    forfeiter = record["forfeiter"]
    episode = Episode(
        match=match,
        scores=_numbers(record["scores"]),
        turns=tuple(_turn_from_json(_object(turn)) for turn in _list(record["turns"])),
        views=tuple(tuple(_line_from_json(line) for line in _list(view)) for view in _list(record["views"])),
        calls=tuple(call_from_json(_object(call)) for call in _list(record.get("calls") or [])),
        ending=str(record["ending"]),
        forfeiter=None if forfeiter is None else _whole(forfeiter),
        probes={name: _number(value) for name, value in _object(record["probes"]).items()},
    )
    said = record["feedback"]
    if said is None:
        return RecordedEpisode(episode=episode, feedback=None)
    heard = _object(said)
    feedback = Feedback(episode_id=match.episode_id, rewards=_numbers(heard["rewards"]), critic=str(heard["critic"]))
    return RecordedEpisode(episode=episode, feedback=feedback)


def _turn_to_json(turn: Turn) -> dict[str, Json]:
    return {
        "seat": turn.seat,
        "reply": turn.reply,
        "is_legal": turn.is_legal,
        "player": turn.player,
        "version": turn.version,
        "context_ids": list(turn.context_ids),
        "token_ids": list(turn.token_ids),
        "logprobs": list(turn.logprobs),
        "allowed": None if turn.allowed is None else [list(ids) for ids in turn.allowed],
        "is_truncated": turn.is_truncated,
    }


def _turn_from_json(record: Mapping[str, Json]) -> Turn:
    allowed = record["allowed"]
    return Turn(
        seat=_whole(record["seat"]),
        reply=str(record["reply"]),
        is_legal=bool(record["is_legal"]),
        player=str(record["player"]),
        version=_whole(record["version"]),
        context_ids=_ids(record["context_ids"]),
        token_ids=_ids(record["token_ids"]),
        logprobs=_numbers(record["logprobs"]),
        allowed=None if allowed is None else tuple(_ids(ids) for ids in _list(allowed)),
        is_truncated=bool(record["is_truncated"]),
    )


def _line_from_json(value: Json) -> Line:
    speaker, text = _list(value)
    return Line(speaker=str(speaker), text=str(text))


def _object(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise TypeError(f"{json.dumps(value)[:40]} is not an object")
    return value


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise TypeError(f"{json.dumps(value)[:40]} is not a list")
    return value


def _whole(value: Json) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{json.dumps(value)[:40]} is not a whole number")
    return value


def _number(value: Json) -> float:
    if value is None:
        return math.nan
    if not isinstance(value, (int, float)):
        raise TypeError(f"{json.dumps(value)[:40]} is not a number")
    return value


def _ids(value: Json) -> tuple[int, ...]:
    return tuple(_whole(one) for one in _list(value))


def _numbers(value: Json) -> tuple[float, ...]:
    return tuple(_number(one) for one in _list(value))
