"""Cases and episodes whose truth is known, made from a seed, for the tests of measuring critics."""

from collections.abc import Sequence

from socratic.critics.calibration import Case
from socratic.records import GAME, SELF, Episode, Judgement, Line, Match, Turn
from socratic.seeds import Seed

PLACES = ("garden", "kitchen", "cellar", "attic", "unsaid")
WHERE = "Where does the sentence say that ann is? If it is not clear, it is unsaid."


def two_valued(accepted_true: int, num_true: int, accepted_false: int, num_false: int, kind: str = "") -> list[Case]:
    """Return cases of a critic that only accepts and rejects."""
    true = [Case(score=float(place < accepted_true), truth=1.0, length=1.0, kind=kind) for place in range(num_true)]
    return true + [Case(score=float(place < accepted_false), truth=0.0, length=1.0, kind=kind) for place in range(num_false)]


def drawn_cases(seed: Seed, num: int) -> list[Case]:
    """Return cases with ties in score and truth that have something to do with each other."""
    cases = []
    for place in range(num):
        truth = seed.integer(4, 2 * place) / 3
        score = round((truth + seed.child("score").uniform(place)) / 2, 1)
        cases.append(Case(score=score, truth=truth, length=float(1 + seed.child("length").integer(50, place))))
    return cases


def played(index: int, scores: Sequence[float], replies: Sequence[str] = ("3",), game: str = "sticks") -> Episode:
    """Return an episode of a game scored by code, in which seat 0 is the agent's and said `replies`."""
    return Episode(
        match=Match(episode_id=f"played {index}", game=game, seed=index, draw_seed=index, seats=("agent", "t0"), version=0),
        scores=tuple(scores),
        turns=tuple(Turn(seat=0, reply=reply, is_legal=True, player="agent", version=0, token_ids=(1,)) for reply in replies),
        views=(
            tuple(line for reply in replies for line in (Line(speaker=GAME, text="You:"), Line(speaker=SELF, text=reply))),
            tuple(Line(speaker=GAME, text=f"They say {reply}.") for reply in replies),
        ),
        ending="finished",
    )


def judged(index: int, evidence: str, shares: Sequence[float], *, critic: float | None, exact: float | None) -> Episode:
    """Return an episode in which a judge was asked where ann is."""
    judgement = Judgement(question=WHERE, evidence=evidence, options=PLACES)
    probes = {name: value for name, value in (("critic", critic), ("exact", exact)) if value is not None}
    return Episode(
        match=Match(episode_id=f"judged {index}", game="story", seed=index, draw_seed=index, seats=("agent", "agent"), version=0),
        scores=(0.5, 0.5),
        turns=(),
        views=((), ()),
        ending="finished",
        probes=probes,
        calls=((judgement, tuple(shares)),),
    )
