"""Who scores, and how the scorers are watched."""

from typing import Literal

from pydantic import Field

from socratic.config.base import Positive, Section, Share


class JudgeModel(Section):
    """A frozen language model that judges by the log-probabilities of labels."""

    source: str = "t0"  # t0, smollm2, a folder, a hub name, or http(s)://... of an OpenAI-compatible endpoint, which opens the system
    name: str = ""  # the model's name at an endpoint
    kind: Literal["auto", "causal", "seq2seq", "classifier"] = "auto"
    dtype: Literal["float32", "bfloat16"] = "float32"
    batch: Positive = 16  # questions that share a forward pass
    both_orders: bool = True  # ask with the options in both orders and take the mean


class RewardModelSection(Section):
    """A small model that learns from pairs with a known truth what is worth more."""

    hidden: Positive = 64
    layers: Positive = 2
    heads: Positive = 4
    every: Positive = 10  # generations between refreshes; it is frozen between them
    steps: Positive = 200  # optimizer steps of a refresh
    batch: Positive = 32  # pairs of a step
    pairs: Positive = 4096  # pairs that are remembered
    min_pairs: Positive = 64  # before the first refresh; until then it cannot say
    lr: float = Field(2e-3, gt=0)
    last: int = Field(0, ge=0)  # generations from which it learns; then it stays as it is, and sees no more truth; 0: all


class Panel(Section):
    """Several critics and what each counts."""

    members: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()  # empty: all alike
    max_disagreement: Share = 0.5  # spread of the members' scores, as a share of the game's range, beyond which the panel cannot say


class Measure(Section):
    """How critics are measured, every generation, and when one is shut out."""

    enabled: bool = True
    window: Positive = 20  # generations whose cases count
    min_cases: Positive = 64  # with a known truth, half of them true (more, if they are not), before Youden's J may shut a critic out
    confidence: float = Field(0.999, gt=0.5, lt=1)  # of the bound below J
    probes: Positive = 8  # judgements (for a scorer, bad matches) of a generation that are asked again with canaries and in the other order
    max_canary_rate: Share = 0.25  # of each canary, how often it may get through: a critic that errs in 15 % of all must not be shut out
    quarantine: bool = True  # a critic that fails is not heard any more; false: it is only written down


class FeedbackSection(Section):
    """Who scores."""

    critic: str = "outcome"  # outcome, random, format, judge, reward_model, panel, self_consistency, or a plugin of socratic.critics
    judge: str = "none"  # who answers a game's t.judge: none, literal, model, reward_model, panel, or a plugin of socratic.critics
    model: JudgeModel = JudgeModel()
    reward_model: RewardModelSection = RewardModelSection()
    panel: Panel = Panel()
    measure: Measure = Measure()
