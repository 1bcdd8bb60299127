"""What a match is written down as: what to replay, and a digest of what must come out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from socratic.errors import ReplayMismatch
from socratic.game.calls import answer_from_json, answer_to_json
from socratic.records import Answer, ParameterValue


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedMatch:
    """The state of a match: all that its game does follows from it."""

    game: str
    game_version: str
    params: Mapping[str, ParameterValue]
    seed: int
    retries: int
    max_turns: int
    replies: Sequence[str]
    answers: Sequence[Answer]
    digest: str

    def to_json(self) -> dict[str, object]:
        """Return it as plain JSON."""
        return {
            "game": self.game,
            "game_version": self.game_version,
            "params": dict(self.params),
            "seed": self.seed,
            "retries": self.retries,
            "max_turns": self.max_turns,
            "replies": list(self.replies),
            "answers": [answer_to_json(answer) for answer in self.answers],
            "digest": self.digest,
        }


def saved_from_json(written: Mapping[str, object]) -> SavedMatch:
    """Return what `SavedMatch.to_json` wrote.

    Raises:
        ReplayMismatch: it wrote something else.
    """
    match written:
        case {
            "game": str(name),
            "game_version": str(version),
            "params": dict(params),
            "seed": int(seed),
            "retries": int(retries),
            "max_turns": int(max_turns),
            "replies": list(replies),
            "answers": list(answers),
            "digest": str(digest),
        }:
            return SavedMatch(
                game=name,
                game_version=version,
                params=params,
                seed=seed,
                retries=retries,
                max_turns=max_turns,
                replies=[str(reply) for reply in replies],
                answers=[answer_from_json(answer) for answer in answers],
                digest=digest,
            )
    raise ReplayMismatch(f"not a saved match: it has {sorted(written)}, expected what LiveMatch.save writes")
