"""Make transcripts of random matches, and play them again from their replies.

A transcript holds what was offered and replied at every turn, what chance drew, what each seat saw, and the end. A long one is cut
and keeps a digest of the whole.
"""

import json
from collections.abc import Sequence
from hashlib import blake2b
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TypedDict

from socratic.game import Game, LiveMatch, RecordedClerk, settle
from socratic.game.calls import call_from_json, call_to_json
from socratic.game.random_play import random_replies
from socratic.records import GAME, Json, ParameterValue
from socratic.seeds import Seed
from tests.golden.clerk import ScriptedClerk

FOLDER = Path(__file__).parent
# What is tried at each level, as seed and share of illegal replies; the first and the last are kept whatever their length.
PLAYS = ((0, 0.0), (1, 0.0), (2, 0.0), (3, 0.3))
RETRIES = 1
MAX_TURNS = 200
# For one game, and for one of its transcripts: a file that a reader can still look through.
MAX_BYTES = 30_000
MAX_LINES_SHOWN = 40
MAX_TEXT_SHOWN = 300
MAX_OPTIONS_SHOWN = 12
# Odd replies of ten thousand letters say no more than these.
MAX_REPLY = 200


class Transcript(TypedDict):
    """One match, as it is written down."""

    params: dict[str, ParameterValue]
    seed: int
    illegal_share: float
    turns: list[list[str | None]]  # for each request: seat, options, reply
    drawn: list[str]
    calls: list[dict[str, Json]]
    views: dict[str, list[str]]
    truths: str
    scores: list[float]
    ending: str
    forfeiter: int | None
    digest: str


def built_in_games() -> dict[str, Game]:
    """Return this distribution's games by the name of their entry point."""
    points = [point for point in entry_points(group="socratic.games") if point.value.startswith("socratic_games.")]
    found: dict[str, Game] = {}
    for point in sorted(points, key=lambda point: point.name):
        module, _, attribute = point.value.partition(":")
        game = getattr(import_module(module), attribute)
        if not isinstance(game, Game):
            raise TypeError(f"{point.value} is {game!r}, expected a game")
        found[point.name] = game
    return found


def make(game: Game) -> list[Transcript]:
    """Return the transcripts of a game: every level, a few seeds, one of them with illegal replies."""
    levels = [dict(params) for params in game.levels or ({},)]
    kept = {(level, play): transcribed(game, levels[level], *PLAYS[play]) for level in range(len(levels)) for play in (0, len(PLAYS) - 1)}
    room = MAX_BYTES - sum(map(_size, kept.values()))
    for play in range(1, len(PLAYS) - 1):
        for level, params in enumerate(levels):
            transcript = transcribed(game, params, *PLAYS[play])
            if _size(transcript) <= room:
                room -= _size(transcript)
                kept[level, play] = transcript
    return [kept[at] for at in sorted(kept)]


def transcribed(game: Game, params: dict[str, ParameterValue], seed: int, illegal_share: float) -> Transcript:
    """Return a random match as it was played."""
    match = LiveMatch(game, params, Seed(seed), retries=RETRIES, max_turns=MAX_TURNS)
    turns: list[list[str | None]] = []
    settle([match], ScriptedClerk())
    while not match.done:
        replies = random_replies(match, seed, illegal_share)
        if illegal_share:
            replies = {seat: reply[:MAX_REPLY] for seat, reply in replies.items()}
        _submit(match, replies, turns)
        settle([match], ScriptedClerk())
    return _written(match, params, seed, illegal_share, turns)


def played_again(game: Game, golden: Transcript) -> Transcript:
    """Return what the replies of a transcript lead to now; it ends early where the game no longer takes them."""
    match = LiveMatch(game, golden["params"], Seed(golden["seed"]), retries=RETRIES, max_turns=MAX_TURNS)
    turns: list[list[str | None]] = []
    replies = [str(reply) for _, _, reply in golden["turns"]]
    clerk = RecordedClerk([call_from_json(call) for call in golden["calls"]])
    settle([match], clerk)
    while not match.done:
        seats = [request.seat for request in match.requests()]
        if len(turns) + len(seats) > len(replies):
            break
        _submit(match, dict(zip(seats, replies[len(turns) :], strict=False)), turns)
        settle([match], clerk)
    return _written(match, golden["params"], golden["seed"], golden["illegal_share"], turns)


def load(name: str) -> list[Transcript]:
    """Return the transcripts that are written down for a game."""
    transcripts: list[Transcript] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return transcripts


def save(name: str, transcripts: Sequence[Transcript]) -> None:
    """Write down the transcripts of a game, a line for each turn and each view."""
    (FOLDER / f"{name}.json").write_text(_dumped(transcripts), encoding="utf-8")


def _submit(match: LiveMatch, replies: dict[int, str], turns: list[list[str | None]]) -> None:
    """Give the replies and write down what they answered."""
    turns += [[match.game.seats[request.seat], _offered(request.legal), replies[request.seat]] for request in match.requests()]
    match.submit(replies)


def _offered(options: tuple[str, ...] | None) -> str | None:
    if options is None:
        return None
    more = f" ... {_hash(' '.join(options))}" if len(options) > MAX_OPTIONS_SHOWN else ""
    return " | ".join(options[:MAX_OPTIONS_SHOWN]) + more


def _written(
    match: LiveMatch, params: dict[str, ParameterValue], seed: int, illegal_share: float, turns: list[list[str | None]]
) -> Transcript:
    views, whole = {}, []
    for seat, name in enumerate(match.game.seats):
        lines = [line.text if line.speaker == GAME else f"> {line.text}" for line in match.view(seat)]
        whole.append(lines)
        cut = [f"... {len(lines) - MAX_LINES_SHOWN} more"] if len(lines) > MAX_LINES_SHOWN else []
        views[name] = [_short(line) for line in lines[:MAX_LINES_SHOWN]] + cut
    written = Transcript(
        params=params,
        seed=seed,
        illegal_share=illegal_share,
        turns=turns,
        calls=[call_to_json(call, answer) for call, answer in match.calls],
        drawn=[_short(draw.options[draw.chosen]) for draw in match.chance],
        views=views,
        truths=_short(json.dumps(dict(sorted(match.truths.items())), default=str)),
        scores=list(match.scores or ()),
        ending=match.ending or "not over",
        forfeiter=match.forfeiter,
        digest=_hash(json.dumps([whole, [draw.options for draw in match.chance]])),
    )
    # As it is read again: tuples come back as lists.
    read: Transcript = json.loads(json.dumps(written))
    return read


def _short(text: str) -> str:
    return text if len(text) <= MAX_TEXT_SHOWN else f"{text[:MAX_TEXT_SHOWN]}... {_hash(text)}"


def _hash(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _size(transcript: Transcript) -> int:
    return len(_dumped([transcript]).encode())


def _dumped(transcripts: Sequence[Transcript]) -> str:
    """Return JSON with one line for each field, and one for each turn and each seat's view."""
    blocks = []
    for transcript in transcripts:
        fields = [f'  "{name}": {_field(value)}' for name, value in transcript.items()]
        blocks.append("{\n" + ",\n".join(fields) + "\n}")
    return "[\n" + ",\n".join(blocks) + "\n]\n"


def _field(value: object) -> str:
    if isinstance(value, list) and value and isinstance(value[0], list):
        return "[\n" + ",\n".join(f"    {json.dumps(item)}" for item in value) + "\n  ]"
    if isinstance(value, dict) and value and all(isinstance(item, list) for item in value.values()):
        return "{\n" + ",\n".join(f"    {json.dumps(name)}: {json.dumps(item)}" for name, item in value.items()) + "\n  }"
    return json.dumps(value)
