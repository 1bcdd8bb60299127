"""Recipes that make no sense, each with its remedy, before anything heavy starts."""

from collections.abc import Mapping

from socratic.config.feedback import FeedbackSection
from socratic.config.learning import COMPARES_GROUPS, LearnerSection, Objective

# Ratios of whole sequences need advantages that say which of several replies to one deal was better.
OF_GROUPS = "gspo"
# Judges that learn, or of which a member may be shut out.
CHANGING_JUDGES = frozenset({"reward_model", "panel"})


def refusal(learner: LearnerSection, groups: Mapping[str, int], objectives: Mapping[str, Objective]) -> str | None:
    """Return why `learner` cannot learn from these games, or None.

    Args:
        learner: how the policy is updated.
        groups: how often each game's deal is played in a generation.
        objectives: each game's coefficients.
    """
    alone = next((name for name, group in groups.items() if group == 1 and objectives[name].pg), None)
    has_pg = any(each.pg for each in objectives.values())
    return (
        _of_the_baseline(learner, alone, has_pg=has_pg)
        or _of_the_gradient(learner, objectives, alone)
        or _of_the_pairs(learner, groups, objectives)
    )


def refusal_of_lag(lag: int, learner: LearnerSection, objectives: Mapping[str, Objective], feedback: FeedbackSection) -> str | None:
    """Return why play by weights that are `lag` generations older cannot be learned from, or None.

    What reads the ratio to the policy that played is corrected for it, and imitation and preferences compare what was played, whoever
    played it. The rest takes drawn tokens for the policy's own.
    """
    if not lag:
        return None
    found = f"play.lag is {lag}, so that older weights play than those that learn, and"
    if any(each.pg for each in objectives.values()) and _own_name(learner.gradient.kind) == "reinforce":
        return (
            f"{found} learner.gradient.kind is {learner.gradient.kind!r}, which is right only for the policy that played; "
            'set learner.gradient.kind = "ppo" (or "cispo": reinforce under a truncated importance weight), or play.lag = 0'
        )
    if any(each.kl for each in objectives.values()) and learner.kl_form != "full":
        return (
            f"{found} learner.kl_form is {learner.kl_form!r}, an estimate at tokens that the policy itself drew; "
            'set learner.kl_form = "full", or play.lag = 0'
        )
    if any(each.pref for each in objectives.values()) and learner.preference.reference == "last":
        return (
            f"{found} learner.preference.reference is 'last', the policy that played, which is gone by then; "
            'set learner.preference.reference = "magnet" or "t0" (SPIN has neither), or play.lag = 0'
        )
    changing = feedback.judge if feedback.judge in CHANGING_JUDGES else "past" if _is_past(feedback) else None
    if changing:
        return (
            f"{found} the judge of play is {changing!r}, which may change while matches are in flight, so that a resumed run would ask "
            'another one; set feedback.judge = "model" with a model that stays as it is, e.g. "t0", or play.lag = 0'
        )
    return None


def _is_past(feedback: FeedbackSection) -> bool:
    return feedback.judge == "model" and feedback.model.source == "past"


def _own_name(kind: str) -> str:
    """Return what an objective is called, also where it is named by its module: ...ppo:PPO is ppo."""
    return kind.rpartition(":")[2].lower()


def _of_the_baseline(learner: LearnerSection, alone: str | None, *, has_pg: bool) -> str | None:
    if learner.baseline == "context" and learner.scale != "none":
        return f"learner.scale is {learner.scale!r} beside learner.baseline = 'context', which takes none; use scale = 'none'"
    if alone is not None and (learner.baseline in COMPARES_GROUPS or learner.scale == "group"):
        return (
            f"learner compares matches of one deal, and games.{alone}.group is 1: a group of one learns nothing; "
            "set it to 2 or more, or use the baseline 'context', 'seat' or 'seat_mean'"
        )
    if learner.baseline == "value" and (_own_name(learner.gradient.kind) != "ppo" or not has_pg):
        beside = f"learner.gradient.kind = {learner.gradient.kind!r}" if has_pg else "no policy gradient (pg is 0)"
        return (
            f"learner.baseline is 'value' beside {beside}; what a value head foretells is only roughly right, and of the policy "
            "gradients ppo bounds what a step makes of it: set gradient.kind = 'ppo', or another baseline, e.g. 'leave_one_out'"
        )
    if learner.baseline == "value" and learner.scale == "group":
        return "learner.scale is 'group' beside learner.baseline = 'value', which compares no groups; use scale = 'batch' or 'none'"
    return None


def _of_the_gradient(learner: LearnerSection, objectives: Mapping[str, Objective], alone: str | None) -> str | None:
    for name, objective in objectives.items():
        if not (objective.pg or objective.ce or objective.pref):
            return f"the objective of games.{name} has pg, ce and pref at 0: its scores teach nothing; set one, e.g. pg = 1.0"
    uses_pg = any(objective.pg for objective in objectives.values())
    if uses_pg and _own_name(learner.gradient.kind) == OF_GROUPS and learner.baseline not in COMPARES_GROUPS:
        remedy = "set it to 'group' or 'leave_one_out'" + (f" and games.{alone}.group to 2 or more" if alone is not None else "")
        return (
            f"learner.gradient.kind is 'gspo', which compares replies to one deal, and learner.baseline is {learner.baseline!r}; {remedy}"
        )
    dual = learner.gradient.dual
    if 0 < dual <= 1:
        return f"learner.gradient.dual is {dual:g}, expected more than 1, or 0 to leave it out; 3 is the value of arXiv:1912.09729"
    if uses_pg and learner.gradient.kind == "reinforce" and learner.epochs * learner.minibatches > 1:
        return (
            f"learner.gradient.kind is 'reinforce', which is right for the policy that played, and a generation has "
            f"{learner.epochs * learner.minibatches} steps; set gradient.kind = 'ppo' or 'cispo', or epochs and minibatches to 1"
        )
    if dual and _own_name(learner.gradient.kind) != "ppo":
        return f"learner.gradient.dual is {dual:g} beside gradient.kind = {learner.gradient.kind!r}: only ppo has it; set dual = 0"
    return None


def _of_the_pairs(learner: LearnerSection, groups: Mapping[str, int], objectives: Mapping[str, Objective]) -> str | None:
    imitation, preference = learner.imitation, learner.preference
    if _own_name(preference.kind) == "spin" and preference.reference != "last" and any(each.pref for each in objectives.values()):
        return (
            f"learner.preference.kind is 'spin' beside reference = {preference.reference!r}; SPIN compares with the policy that played: "
            "set preference.reference = 'last', or kind = 'dpo'"
        )
    for name, objective in objectives.items():
        if groups[name] > 1:
            continue
        if objective.pref and preference.pairs == "group":
            return (
                f"{preference.kind} learns from pairs of replies to one deal, and games.{name}.group is 1: there are no pairs; "
                "set it to 2 or more, or learner.preference.pairs = 'context' where deals come again"
            )
        if objective.ce and imitation.keep == "best":
            return (
                f"learner.imitation keeps the best of each group, and games.{name}.group is 1: everything would be kept; "
                "set it to 2 or more, or learner.imitation.keep = 'above' or 'top'"
            )
    if any(objective.ce for objective in objectives.values()):
        rising = imitation.threshold
        if not rising or list(rising) != sorted(rising):
            return f"learner.imitation.threshold is {list(rising)}, expected numbers that do not fall, one or one for each epoch"
        if len(rising) > 1 and (imitation.keep != "above" or len(rising) != learner.epochs):
            return (
                f"learner.imitation.threshold has {len(rising)} steps beside keep = {imitation.keep!r} "
                f"and learner.epochs = {learner.epochs}; set keep = 'above' and epochs = {len(rising)}, or one threshold"
            )
    return None
