"""A critic that needs no model: it counts words."""

import re
from collections.abc import Sequence

from socratic.records import Judgement


class LiteralCritic:
    """Believes whatever is said most often: for tests and demonstrations.

    It is easily gamed: a player who repeats an option wins it over, and "not guilty" speaks for "guilty". Nothing that it
    feeds back is evidence of good play.
    """

    name = "literal"

    def judge_calls(self, judgements: Sequence[Judgement]) -> list[tuple[float, ...]]:
        """Return one share for each option of each judgement, all above 0 and 1 in sum.

        An option's share is the number of its whole-word mentions in the evidence, in capitals or not, plus one, over the sum
        of all (Laplace's rule of succession). Without a mention all options are alike.
        """
        return [_shares(judgement) for judgement in judgements]


def _shares(judgement: Judgement) -> tuple[float, ...]:
    mentions = [1 + _mentions(option, judgement.evidence) for option in judgement.options]
    return tuple(count / sum(mentions) for count in mentions)


def _mentions(option: str, evidence: str) -> int:
    # Not \b: an option may begin or end with a sign that is no letter.
    return len(re.findall(rf"(?<!\w){re.escape(option)}(?!\w)", evidence, re.IGNORECASE))
