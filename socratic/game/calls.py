"""What a game asks of somebody who holds no seat: a critic's judgement, a program's result; and who answers.

A match that waits for such a call has it in `LiveMatch.call` and takes `LiveMatch.answer`. Answers are part of its record, so
that a replay needs neither critic nor sandbox. A critic that cannot say answers NaN for every option, which is null in the record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import isfinite, isnan, nan
from typing import TYPE_CHECKING, Protocol

from socratic.errors import PlayError, ReplayMismatch
from socratic.records import Answer, Call, Json, Judgement, Program, Result

if TYPE_CHECKING:
    from socratic.game.live_match import LiveMatch

# Shares come from a model's probabilities in float32.
SHARE_TOLERANCE = 1e-4


class Clerk(Protocol):
    """Answers what games ask of nobody at the table."""

    def answer(self, calls: Sequence[Call]) -> Sequence[Answer]:
        """Return an answer to each call, in order: a share for each option of a judgement (NaN: cannot say), a result for a program."""
        ...


class NoClerk:
    """Answers nothing: for games that ask nobody but their seats."""

    def answer(self, calls: Sequence[Call]) -> Sequence[Answer]:
        """Refuse.

        Raises:
            PlayError: always.
        """
        what = "a critic (t.judge)" if isinstance(calls[0], Judgement) else "the sandbox (t.execute)"
        raise PlayError(f"the game asks {what}, and nobody answers here; pass a clerk")


class RecordedClerk:
    """Answers what was answered before."""

    def __init__(self, answered: Sequence[tuple[Call, Answer]]) -> None:
        """Keep the answers, by what was asked."""
        self._answers = {call_key(call): answer for call, answer in answered}

    def answer(self, calls: Sequence[Call]) -> Sequence[Answer]:
        """Return the recorded answers.

        Raises:
            ReplayMismatch: something was never asked before.
        """
        for call in calls:
            if call_key(call) not in self._answers:
                raise ReplayMismatch(f"the game asks what it did not ask before: {call}")
        return [self._answers[call_key(call)] for call in calls]


def settle(matches: Sequence["LiveMatch"], clerk: Clerk) -> None:
    """Answer the calls of live matches, all that wait in one go, until every one of them waits for a seat or is done.

    Raises:
        PlayError: the clerk's answer does not fit the call.
    """
    while waiting := [match for match in matches if match.call is not None]:
        calls = [match.call for match in waiting if match.call is not None]
        for match, answer in zip(waiting, clerk.answer(calls), strict=True):
            match.answer(answer)


def check_answer(game: str, call: Call, answer: object) -> None:
    """Refuse an answer that does not fit its call.

    Raises:
        PlayError: not a result, or not a share for each option.
    """
    if isinstance(call, Program):
        if not isinstance(answer, Result):
            raise PlayError(f"{game} executed a program and the sandbox answered {answer!r}, expected a Result")
        return
    if not (isinstance(answer, tuple) and len(answer) == len(call.options) and (are_unsaid(answer) or _are_shares(answer))):
        raise PlayError(
            f"{game} asked a critic {call.question!r} and got {answer!r}, expected {len(call.options)} shares that sum to 1, or NaN for "
            "each where it cannot say; mend the critic"
        )


def unsaid(num_options: int) -> tuple[float, ...]:
    """Return the answer of a critic that cannot say; every one holds the same NaN, so that records that hold it compare equal."""
    return (nan,) * num_options


def are_unsaid(numbers: Sequence[object]) -> bool:
    """Return whether these are the shares of a critic that cannot say: NaN, all of them."""
    return all(isinstance(number, float) and isnan(number) for number in numbers)


def _are_shares(numbers: Sequence[object]) -> bool:
    shares = [number for number in numbers if isinstance(number, float) and isfinite(number) and number >= 0]
    return len(shares) == len(numbers) and abs(sum(shares) - 1) <= SHARE_TOLERANCE


def call_key(call: Call) -> str:
    """Return a text that equal calls share."""
    return f"{type(call).__name__} {call!r}"


def call_to_json(call: Call, answer: Answer) -> dict[str, Json]:
    """Return a call and its answer as plain JSON."""
    kind = "judge" if isinstance(call, Judgement) else "execute"
    return {kind: asdict(call), "answer": answer_to_json(answer)}


def call_from_json(written: Mapping[str, Json]) -> tuple[Call, Answer]:
    """Return what `call_to_json` wrote.

    Raises:
        ReplayMismatch: it wrote something else.
    """
    match written:
        case {"judge": {"question": str(question), "evidence": str(evidence), "options": list(options)}, "answer": answer}:
            call: Call = Judgement(question=question, evidence=evidence, options=tuple(map(str, options)))
        case {"execute": {"source": str(source), "call": str(name), "inputs": list(inputs)}, "answer": answer}:
            call = Program(source=source, call=name, inputs=tuple(inputs))
        case _:
            raise ReplayMismatch(f"not a call: {written!r}")
    return call, answer_from_json(answer)


def answer_to_json(answer: Answer) -> Json:
    """Return an answer as plain JSON."""
    if isinstance(answer, Result):
        return {"value": answer.value, "error": answer.error}
    return [None if isnan(share) else share for share in answer]


def answer_from_json(written: Json) -> Answer:
    """Return what `answer_to_json` wrote.

    Raises:
        ReplayMismatch: it wrote something else.
    """
    match written:
        case {"value": value, "error": str(error)}:
            return Result(value=value, error=error)
        case list(shares) if shares and all(share is None for share in shares):
            return unsaid(len(shares))
        case list(shares) if all(isinstance(share, (int, float)) for share in shares):
            return tuple(float(share) for share in shares if isinstance(share, (int, float)))
    raise ReplayMismatch(f"not an answer: {written!r}")
