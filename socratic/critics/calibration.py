"""How well a critic's scores meet the truth: pure functions of cases. What cannot be worked out is NaN, never 0.

A case is one thing that was judged and whose truth is known; score and truth lie in [0, 1].

    calibration_error  sum over 10 equal bins of the score: share of cases x |mean truth - mean score|
    brier              mean (score - truth)^2; always saying the mean truth earns the truth's own variance
    kappa              (agreement - agreement by chance) / (1 - agreement by chance), both cut at .5
    kendall_tau        (concordant - discordant pairs) / sqrt(pairs that differ in score x pairs that differ in truth)
    youden             J = TPR - FPR, over all cuts of the score, with a lower bound
    length_slope       by how much the score grows when what is judged gets e times longer and no truer

A critic that is asked the same again says the same: of J's cases those of one text count as one, however often it was judged.
"""

from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from math import log, nan, sqrt
from statistics import NormalDist

NUM_BINS = 10
# Of an interval of length 1: beyond what a float tells apart in a metric.
NUM_HALVINGS = 30
# Means and scores are sums of a few floats: what differs by less is the same.
TOLERANCE = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One thing that a critic judged and whose truth is known."""

    score: float  # in [0, 1]
    truth: float  # in [0, 1]
    length: float  # of the text that was judged, in characters
    kind: str = ""  # like is compared with like: the game and the seat
    texts: tuple[str, ...] = ()  # a name for each text that was judged; none: there is no other case like it


@dataclass(frozen=True, kw_only=True, slots=True)
class Youden:
    """Whether a critic tells better from worse."""

    j: float  # TPR - FPR over all cuts, in [-1, 1]
    low: float  # one-sided lower bound of it
    weight: float  # different texts, as many as they would be if half of them were true


NOTHING_KNOWN = Youden(j=nan, low=nan, weight=0.0)


def calibration_error(cases: Sequence[Case]) -> float:
    """Return the expected calibration error over ten bins of equal width; the last holds 1.

    Source: M. Pakdaman Naeini, G. Cooper and M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015.
    """
    bins: dict[int, list[Case]] = defaultdict(list)
    for case in cases:
        bins[min(int(case.score * NUM_BINS), NUM_BINS - 1)].append(case)
    gaps = (len(held) * abs(_mean([c.truth for c in held]) - _mean([c.score for c in held])) for held in bins.values())
    return sum(gaps) / len(cases) if cases else nan


def brier(cases: Sequence[Case]) -> float:
    """Return the mean squared distance of score and truth.

    Source: G. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78, 1950.
    """
    return _mean([(case.score - case.truth) ** 2 for case in cases]) if cases else nan


def kappa(cases: Sequence[Case]) -> float:
    """Return Cohen's kappa of score and truth, both cut at .5; NaN where both always say the same one thing.

    Source: J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20, 1960.
    """
    if not cases:
        return nan
    pairs = [(case.score >= 0.5, case.truth >= 0.5) for case in cases]
    agreement = _mean([score == truth for score, truth in pairs])
    scored, true = _mean([score for score, _ in pairs]), _mean([truth for _, truth in pairs])
    by_chance = scored * true + (1 - scored) * (1 - true)
    return (agreement - by_chance) / (1 - by_chance) if by_chance < 1 else nan


def kendall_tau(cases: Sequence[Case]) -> float:
    """Return Kendall's tau-b of score and truth; NaN where one of them never varies.

    Source: M. Kendall, "The treatment of ties in ranking problems", Biometrika 33, 1945.
    """
    pairs = sorted((case.score, case.truth) for case in cases)
    all_pairs = _num_pairs(len(pairs))
    tied_score, tied_truth, tied_both = (
        sum(map(_num_pairs, Counter(keys).values())) for keys in ([s for s, _ in pairs], [t for _, t in pairs], pairs)
    )
    seen: list[float] = []  # the truths of lower scores, sorted
    discordant = 0
    for _, group in groupby(pairs, key=lambda pair: pair[0]):
        truths = [truth for _, truth in group]
        discordant += sum(len(seen) - bisect_right(seen, truth) for truth in truths)
        for truth in truths:
            insort(seen, truth)
    concordant = all_pairs - tied_score - tied_truth + tied_both - discordant
    scale = sqrt(all_pairs - tied_score) * sqrt(all_pairs - tied_truth)
    return (concordant - discordant) / scale if scale else nan


def youden(cases: Sequence[Case], confidence: float) -> Youden:
    """Return J and its one-sided lower bound; NaN where no two cases of a kind differ in truth.

    A case is true if its truth lies above the mean of its kind. J is the chance that a true case scores above a false one of its
    kind, minus the chance that it scores below. Where there are two scores, accept and reject, that is TPR - FPR (W. Youden, "Index
    for rating diagnostic tests", Cancer 3, 1950); where there are more, J over all cuts (R. Somers' D, American Sociological Review
    27, 1962), so that a critic need not be calibrated to be found right. Kinds count with the weights of van Elteren (1960),
    n1 n0 / (n1 + n0 + 1): a critic that knows no more than what is played earns 0.

    n1 and n0 are numbers of different texts, not of cases: k cases of the same texts count 1 / k each, and all of a kind together no
    more than it has different texts, so that a critic that says the same of the same is no surer to fail for being asked often. A text
    that is true in one match and false in another counts for both in part; its errors there go together, which doubles the variance
    of its J, just as counting it half on either side does.

    The bound is the least J for which what was found is no surprise: R. Newcombe's method 5 (Statistics in Medicine 25, 2006, page
    559), with Hanley and McNeil's variance times the tie correction of the rank-sum test. At 0 it is that test: the bound is above 0
    where the one-sided rank-sum test rejects that the critic tells nothing.
    """
    kinds: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        kinds[case.kind].append(case)
    contests = [contest for held in kinds.values() if (contest := _contest(held)) is not None]
    if not contests:
        return NOTHING_KNOWN
    total = sum(contest.weight for contest in contests)
    chance = sum(contest.weight * contest.chance for contest in contests) / total
    z = NormalDist().inv_cdf(confidence)

    def is_no_surprise(least: float) -> bool:
        return chance - least <= z * sqrt(sum(contest.weight**2 * contest.variance(least) for contest in contests)) / total

    low, high = 0.0, chance
    for _ in range(NUM_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if is_no_surprise(middle) else (middle, high)
    num = sum(4 / (1 / contest.num_true + 1 / contest.num_false) for contest in contests)
    # Counts are sums of fractions: what weighs 64 must not weigh a little less.
    return Youden(j=2 * chance - 1, low=2 * low - 1, weight=round(num, 9))


def length_slope(cases: Sequence[Case]) -> float:
    """Return the least-squares slope of score on log(1 + length) within cases of one kind and one truth; NaN where no lengths differ.

    Each such stratum has its own mean, so the slope is what length earns at equal truth: sum of xy over sum of xx, both centred.
    Source: Y. Dubois et al., "Length-controlled AlpacaEval", arXiv:2404.04475, hold what else earns a score fixed in the same way.
    """
    strata: dict[tuple[str, float], list[Case]] = defaultdict(list)
    for case in cases:
        strata[case.kind, round(case.truth, 9)].append(case)
    xx = xy = 0.0
    for held in strata.values():
        lengths = [log(1 + case.length) for case in held]
        mean_length, mean_score = _mean(lengths), _mean([case.score for case in held])
        xx += sum((x - mean_length) ** 2 for x in lengths)
        xy += sum((x - mean_length) * (case.score - mean_score) for x, case in zip(lengths, held, strict=True))
    return xy / xx if xx > TOLERANCE else nan


@dataclass(frozen=True, kw_only=True, slots=True)
class _Contest:
    """True cases of one kind against the false ones."""

    num_true: float
    num_false: float
    chance: float  # that a true case scores above a false one; a tie counts half
    untied: float  # what ties leave of the variance

    @property
    def weight(self) -> float:
        return self.num_true * self.num_false / (self.num_true + self.num_false + 1)

    def variance(self, chance: float) -> float:
        """Return the variance of the share of contests won, were `chance` the chance to win one."""
        spread = (self.num_true + self.num_false) / 2 - 1
        shared = 1 + spread * ((1 - chance) / (2 - chance) + chance / (1 + chance))
        return self.untied * chance * (1 - chance) * shared / (self.num_true * self.num_false)


def _contest(held: Sequence[Case]) -> _Contest | None:
    """Return the contest of cases of one kind; None where all are equally true."""
    counts = _counts(held)
    num = sum(counts)
    cut = sum(count * case.truth for case, count in zip(held, counts, strict=True)) / num + TOLERANCE
    true = [(case.score, count) for case, count in zip(held, counts, strict=True) if case.truth > cut]
    false = sorted((case.score, count) for case, count in zip(held, counts, strict=True) if case.truth <= cut)
    if not true or not false:
        return None
    scores = [score for score, _ in false]
    below = [0.0, *accumulate(count for _, count in false)]  # how much counts among the first so many
    won = sum(count * (below[bisect_left(scores, score)] + below[bisect_right(scores, score)]) for score, count in true) / 2
    num_true = sum(count for _, count in true)
    alike: dict[float, float] = defaultdict(float)
    for score, count in (*true, *false):
        alike[score] += count
    tied = sum(max(0.0, times**3 - times) for times in alike.values())
    return _Contest(
        num_true=num_true,
        num_false=below[-1],
        chance=min(1.0, won / (num_true * below[-1])),
        untied=1 - tied / (num**3 - num) if num > 1 else 1.0,
    )


def _counts(held: Sequence[Case]) -> list[float]:
    """Return how much each case counts: those of the same texts 1 together, and all no more than there are different texts."""
    times = Counter(case.texts for case in held if case.texts)
    share = min(1.0, len({text for texts in times for text in texts}) / len(times)) if times else 1.0
    return [share / times[case.texts] if case.texts else 1.0 for case in held]


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)


def _num_pairs(num: int) -> int:
    return num * (num - 1) // 2
