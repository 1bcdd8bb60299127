"""Who answers what a game asks of nobody at the table: the sandbox, and a critic whose judgement only its words decide."""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

from socratic.records import Answer, Call, Judgement, Program, Result
from socratic.sandbox import Sandbox
from socratic.seeds import Seed


class ScriptedClerk:
    """Runs programs in the sandbox, and judges by a hash: always the same shares for the same words."""

    def answer(self, calls: Sequence[Call]) -> Sequence[Answer]:
        """Return an answer to each call."""
        return [_judged(call) if isinstance(call, Judgement) else _executed(call) for call in calls]


def _judged(call: Judgement) -> tuple[float, ...]:
    digest = blake2b(f"{call.question}\n{call.evidence}".encode(), digest_size=8).digest()
    seed = Seed(int.from_bytes(digest, "big"))
    weights = [1 + seed.integer(8, index) for index in range(len(call.options))]
    return tuple(weight / sum(weights) for weight in weights)


def _executed(call: Program) -> Result:
    return _sandbox().run([call])[0]


@lru_cache(maxsize=1)
def _sandbox() -> Sandbox:
    """Return the one sandbox of this process; it starts with its first program."""
    return Sandbox(workers=1)
