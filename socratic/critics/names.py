"""Which critics a configuration names, checked before anything heavy starts; nothing here loads torch."""

import difflib
from collections.abc import Iterator, Sequence

from socratic.config import FeedbackSection
from socratic.critics.checked import CheckedJudge, CheckedScorer, called
from socratic.critics.endpoint import check_address, is_endpoint
from socratic.critics.panel import weights_of
from socratic.critics.scripted import LiteralCritic
from socratic.errors import BrokenPlugin, ConfigError, GameError
from socratic.policy.folders import local_model
from socratic.policy.smollm2 import has_smollm2, smollm2_folder
from socratic.protocols import Judge, Scorer
from socratic.records import Judgement
from socratic.registry import CRITICS, FILE, REFERENCE, list_plugins, load_plugin
from socratic.seeds import Seed

PANEL = "panel"
SCORERS = ("outcome", "random", "format", "judge", "reward_model", PANEL, "self_consistency")
JUDGES = ("none", "literal", "model", "reward_model", PANEL)
# What a model is called as a scorer and as a judge: a panel may serve as both.
AS_SCORER, AS_JUDGE = {"model": "judge"}, {"judge": "model"}
# Judges that live in a worker of their own.
HELD = frozenset({"model", "reward_model", PANEL})
OWN = ("t0", "past")


class Undecided:
    """Leans nowhere: stands in where play needs a judge whose model is not there yet."""

    def judge_calls(self, judgements: Sequence[Judgement]) -> list[tuple[float, ...]]:
        """Return equal shares for all options."""
        return [(1 / len(judgement.options),) * len(judgement.options) for judgement in judgements]


class Elsewhere:
    """Refuses to judge: stands in where the truth is measured and the judge's model lives in a worker that is not asked there."""

    def judge_calls(self, judgements: Sequence[Judgement]) -> list[tuple[float, ...]]:
        """Return nothing for nothing.

        Raises:
            GameError: a game asks.
        """
        if judgements:
            raise GameError(
                f"it asks a critic {judgements[0].question!r} whose model only play reaches, and no critic's verdict is a truth; "
                "give the game a parameter judged, which is assessed as false: scored by code"
            )
        return []


def check_feedback(section: FeedbackSection) -> None:
    """Refuse critics that are not there.

    Raises:
        ConfigError: a name is unknown, a panel or an endpoint's address does not fit, or the judge's model is no model.
        UnknownGame: a plugin is not installed.
        BrokenPlugin: a plugin cannot be loaded.
        ModelMissing: the judge's model is not on this machine, and no hub can have it.
        PolicyError: the judge's model has pickled weights.
    """
    _check_name("feedback.critic", section.critic, SCORERS)
    _check_name("feedback.judge", section.judge, JUDGES)
    if section.critic == PANEL:
        _check_members(section, scorers_of(section), tuple(name for name in SCORERS if name != PANEL))
    if section.judge == PANEL:
        _check_members(section, judges_of(section), tuple(name for name in JUDGES if name not in {"none", PANEL}))
    for name in plugins_of(section):
        load_plugin(CRITICS, name)
    if uses_model(section):
        _check_model(section)


def scorers_of(section: FeedbackSection) -> tuple[str, ...]:
    """Return who scores episodes: of a panel its members."""
    return tuple(AS_SCORER.get(name, name) for name in section.panel.members) if section.critic == PANEL else (section.critic,)


def judges_of(section: FeedbackSection) -> tuple[str, ...]:
    """Return who answers `t.judge`: of a panel its members; nobody for none."""
    if section.judge == PANEL:
        return tuple(AS_JUDGE.get(name, name) for name in section.panel.members)
    return () if section.judge == "none" else (section.judge,)


def plugins_of(section: FeedbackSection) -> tuple[str, ...]:
    """Return the critics that are plugins: their code is run."""
    named = (*scorers_of(section), *judges_of(section))
    return tuple(name for name in dict.fromkeys(named) if name not in {*SCORERS, *JUDGES})


def uses_model(section: FeedbackSection) -> bool:
    """Say whether anybody judges by `feedback.model`."""
    return "judge" in scorers_of(section) or "model" in judges_of(section)


def openings_of(section: FeedbackSection) -> tuple[str, ...]:
    """Return what of the critics brings outside knowledge into the system after t0."""
    model = section.model
    return (f"the judge is {model.name} at {model.source}",) if uses_model(section) and is_endpoint(model.source) else ()


def judge_in_process(section: FeedbackSection, seed: Seed) -> Judge | None:
    """Return the judge that needs no worker of its own and answers wherever it is asked; None where there is none.

    Raises:
        BrokenPlugin: the plugin's maker makes no judge.
    """
    return make_judge(section.judge, seed) if section.judge not in {"none", *HELD} else None


def judge_without_model(section: FeedbackSection, seed: Seed) -> Judge | None:
    """Return who answers where no model is there yet, in checks and in the play that t0 is warmed up on; equal shares for a model."""
    return Undecided() if section.judge in HELD else judge_in_process(section, seed)


def judge_of_observer(section: FeedbackSection, seed: Seed) -> Judge | None:
    """Return who answers in an assessment: nobody leans to anything in place of a model, so games that ask one are not assessed."""
    return Elsewhere() if section.judge in HELD else judge_in_process(section, seed)


def make_judge(name: str, seed: Seed) -> Judge:
    """Return the literal critic or a plugin's judge.

    Raises:
        BrokenPlugin: the plugin's maker makes no judge.
    """
    if name == "literal":
        return LiteralCritic()
    made = _made(name, seed)
    if not callable(getattr(made, "judge_calls", None)):
        raise BrokenPlugin(f"the critic {name} makes {made!r}, which has no judge_calls(judgements); it cannot be feedback.judge")
    return CheckedJudge(made, name)  # type: ignore[arg-type]  # a plugin's maker returns what it likes; what is asked of it was looked for


def make_scorer(name: str, seed: Seed) -> Scorer:
    """Return a plugin's scorer.

    Raises:
        BrokenPlugin: the plugin's maker makes no scorer.
    """
    made = _made(name, seed)
    lacks = [attribute for attribute in ("name", "reads_text", "score") if not hasattr(made, attribute)]
    if lacks:
        raise BrokenPlugin(f"the critic {name} makes {made!r}, which has no {lacks[0]}; it cannot be feedback.critic")
    return CheckedScorer(made, name)  # type: ignore[arg-type]  # as above


def _made(name: str, seed: Seed) -> object:
    make = load_plugin(CRITICS, name)
    if not callable(make):
        raise BrokenPlugin(f"the critic {name} is {make!r}, expected a callable make(seed)")
    return called(name, "make", lambda: make(seed.child(name)))


def _check_members(section: FeedbackSection, members: Sequence[str], known: Sequence[str]) -> None:
    for name in members:
        _check_name("feedback.panel.members", name, known)
    weights_of(members, section.panel)


def _check_name(key: str, name: str, known: Sequence[str]) -> None:
    if name in known or (REFERENCE.fullmatch(name) and not FILE.fullmatch(name)):
        return
    plugins = [plugin.name for plugin in list_plugins(CRITICS)]
    if name in plugins:
        return
    nearest = difflib.get_close_matches(name, [*known, *plugins], n=1, cutoff=0.5)
    remedy = f"did you mean {nearest[0]!r}? " if nearest else ""
    listed = ", ".join(_listed(known, plugins))
    raise ConfigError(f"{key} has {name!r}, which is no critic there; {remedy}known: {listed}, and package.module:attr")


def _listed(known: Sequence[str], plugins: Sequence[str]) -> Iterator[str]:
    yield from known
    yield from (name for name in plugins if name not in known)


def _check_model(section: FeedbackSection) -> None:
    source = section.model.source
    if is_endpoint(source):
        check_address(section.model)
    elif source == "scratch":
        raise ConfigError("feedback.model.source is 'scratch', which is made of a run's own words; the run's policy as it began is 't0'")
    elif source == "smollm2":
        if not has_smollm2():
            smollm2_folder()  # says what to do
    elif source not in OWN:
        local_model(source, "feedback.model.source")
