"""Who answers what games ask of nobody at the table: programs go to the sandbox, judgements to a critic."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from socratic.errors import PlayError
from socratic.protocols import Judge
from socratic.records import Answer, Call, Judgement, Program, Result

if TYPE_CHECKING:
    from socratic.sandbox import Sandbox


class PlayClerk:
    """Answers calls; programs go to a sandbox, which is started for the first one."""

    def __init__(self, judge: Judge | None, programs: "Programs | None" = None) -> None:
        """Leave judgements to `judge`; without one they are refused. `programs` runs the programs; none: a sandbox of its own."""
        self._judge = judge
        self._programs = programs or Programs()

    def asking(self, judge: Judge) -> "PlayClerk":
        """Return a clerk with the same sandbox that leaves judgements to `judge`."""
        return PlayClerk(judge, self._programs)

    def answer(self, calls: Sequence[Call]) -> list[Answer]:
        """Return one answer for each call, in order.

        Raises:
            PlayError: a game asks a critic, and there is none, or it gives not one answer to each judgement.
            ConfigError: a game executes a program, and the sandbox is not installed.
        """
        judgements = [call for call in calls if isinstance(call, Judgement)]
        if judgements and self._judge is None:
            raise PlayError(
                f"a game asks a critic {judgements[0].question!r}, and nobody answers here; "
                'set feedback.judge, e.g. to "literal" or "model"'
            )
        shares = iter(_asked(self._judge, judgements) if self._judge and judgements else ())
        results = iter(self._programs.run([call for call in calls if isinstance(call, Program)]))
        return [next(shares) if isinstance(call, Judgement) else next(results) for call in calls]


def _asked(judge: Judge, judgements: Sequence[Judgement]) -> Sequence[tuple[float, ...]]:
    """Return what a judge answers.

    Raises:
        PlayError: it gives not one answer to each judgement.
    """
    answers: object = judge.judge_calls(judgements)  # a plugin's may be anything
    name = getattr(judge, "name", "of feedback.judge")
    if not isinstance(answers, Sequence) or len(answers) != len(judgements):
        given = f"{len(answers)} answers" if isinstance(answers, Sequence) else f"a {type(answers).__name__}"
        raise PlayError(f"the critic {name} gave {given} for {len(judgements)} judgements; mend its judge_calls")
    return answers


class Programs:
    """Runs programs; the sandbox's workers are started for the first one, because most games have none."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._sandbox: Sandbox | None = None

    def run(self, programs: Sequence[Program]) -> Sequence[Result]:
        """Return what each program comes to.

        Raises:
            ConfigError: the sandbox is not installed.
        """
        if not programs:
            return ()
        if self._sandbox is None:
            from socratic.sandbox import Sandbox

            self._sandbox = Sandbox()
        return self._sandbox.run(programs)
