"""How the policy learns: which components the loss has, what each of them is told, and whom the policy meets."""

from typing import Literal

from pydantic import Field

from socratic.config.base import Decay, Positive, Section, Share

# Baselines and scales that compare matches of one deal.
COMPARES_GROUPS = frozenset({"group", "leave_one_out"})


class Objective(Section):
    """Coefficients of the loss's components; 0 leaves a component out."""

    pg: float = Field(1.0, ge=0)  # policy gradient: learner.gradient
    ce: float = Field(0.0, ge=0)  # imitation of the best of its own play: learner.imitation
    pref: float = Field(0.0, ge=0)  # preference between two replies: learner.preference
    kl: float = Field(0.3, ge=0)  # distance to the magnet
    entropy: float = Field(0.0, ge=0)  # decays with the learning rate


class Gradient(Section):
    """The policy gradient."""

    kind: str = "reinforce"  # reinforce, ppo, cispo, gspo, or a plugin of socratic.objectives
    clip_low: float = Field(0.2, gt=0, lt=1)  # the ratio to the policy that played counts from 1 - clip_low
    clip_high: float = Field(0.2, gt=0)  # to 1 + clip_high
    dual: float = Field(0.0, ge=0)  # of PPO: a bad reply's loss is bounded by dual x |advantage|; above 1, 0 leaves it out


class Imitation(Section):
    """Which of its own play the policy imitates."""

    keep: Literal["best", "above", "top"] = (
        "best"  # the best of each group | a reward above `threshold` | the top `share` of each game's seat
    )
    threshold: tuple[float, ...] = (0.0,)  # several: each epoch takes the next, as in ReST's improve steps
    share: Share = 0.25


class Preference(Section):
    """Pairs of replies in one place, of which one earned more."""

    kind: str = "dpo"  # dpo, spin, or a plugin of socratic.preferences
    beta: float = Field(0.1, gt=0)
    reference: Literal["t0", "magnet", "last"] = "t0"  # last: the policy that played
    pairs: Literal["group", "context"] = "group"  # of matches that share a deal | of any that stand before the same tokens
    most: Positive = 4  # pairs in each place
    kept: Positive = 4  # of SPIN: how many of the best replies in a place are remembered


class ValueHead(Section):
    """A head that foretells returns: the baseline `value`."""

    trace: Share = 0.95  # lambda of generalized advantage estimation, turn by turn
    lr: float = Field(1e-3, gt=0)  # of the head's own optimizer


class LearnerSection(Section):
    """How the policy is updated."""

    lr: float = Field(5e-4, gt=0)
    schedule: Literal["linear", "constant"] = "linear"
    decay_generations: int = Field(0, ge=0)  # over which linear decays; 0: the whole run
    floor: Share = 0.0  # of the rate and of the entropy bonus that linear leaves
    warmup_generations: int = Field(0, ge=0)
    betas: tuple[Decay, Decay] = (0.9, 0.95)
    weight_decay: float = Field(0.0, ge=0)
    clip: float = Field(1.0, gt=0)
    epochs: Positive = 1  # times that a generation's play is gone through
    minibatches: Positive = 1  # optimizer steps of each time
    baseline: Literal["none", "seat", "seat_mean", "context", "group", "leave_one_out", "value"] = "seat"
    baseline_decay: Decay = 0.95
    scale: Literal["none", "group", "batch"] = "none"
    discount: float = Field(1.0, gt=0, le=1)
    normalize: Literal["tokens", "turns", "constant"] = (
        "tokens"  # each token alike | each reply alike | each reply over play.max_new_tokens
    )
    magnet_every: int = Field(200, ge=0)  # generations between refreshes; 0: fixed at t0
    kl_form: Literal["full", "k2", "k3"] = "full"  # over the whole vocabulary | estimated at the drawn tokens
    objective: Objective = Objective()
    gradient: Gradient = Gradient()
    imitation: Imitation = Imitation()
    preference: Preference = Preference()
    value: ValueHead = ValueHead()
    pack_tokens: Positive = 1024
    kl_t0_every: Positive = 1  # generations between measurements of the distance to t0
    threads: Positive = 1


class LeagueSection(Section):
    """The versions that are kept, and which of them sits where a line-up says `league`."""

    opponent: Literal["latest", "uniform", "prioritized", "fictitious", "fixed"] = "uniform"
    every: Positive = 50  # generations between kept versions; t0 is the first
    size: int = Field(8, ge=2)  # versions kept at most; all but fictitious keep t0 among them
    power: float = Field(2.0, ge=0)  # prioritized: the chance is (1 - rate of success against it) ** power
    fixed: int = Field(0, ge=0)  # fixed: the version; 0 is t0
