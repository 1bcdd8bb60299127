"""Keys that nothing reads are refused with who would read them; what was put out of use on purpose is not."""

from importlib.resources import files
from pathlib import Path

import pytest

from socratic.cli.idle import READERS, idle_keys
from socratic.cli.preflight import read_config
from socratic.config import load_config, make_config
from socratic.errors import ConfigError
from socratic.store.toml import to_toml

GAMES = "[games.kuhn_poker]\nepisodes = 8\n"
PAIRS = ("learner.objective.pg=0", "learner.objective.pref=1", "learner.preference.pairs=context")
LEAGUE = ('games.kuhn_poker.lineups=[["agent","league"],["league","agent"]]',)
JUDGED: tuple[str, ...] = ("feedback.judge=model",)


def refused(tmp_path: Path, *overrides: str, text: str = GAMES) -> str:
    """Return why a configuration is refused; nothing where it is taken."""
    path = tmp_path / "own.toml"
    path.write_text(text)
    try:
        read_config([str(path)], overrides)
    except ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("overrides", "key", "remedy"),
    [
        (["learner.imitation.keep=top"], "learner.imitation.keep", "learner.objective.ce=1"),
        (
            ["learner.objective.ce=1", "learner.imitation.keep=above", "learner.imitation.share=0.5"],
            "learner.imitation.share",
            "learner.imitation.keep=top",
        ),
        (
            ["learner.objective.ce=1", "learner.imitation.keep=top", "learner.imitation.threshold=[0.5]"],
            "learner.imitation.threshold",
            "learner.imitation.keep=above",
        ),
        (["learner.preference.beta=1.0", "learner.preference.pairs=context"], "learner.preference.beta", "learner.objective.pref=1"),
        (
            [*PAIRS, "learner.preference.kept=2", "learner.preference.reference=last"],
            "learner.preference.kept",
            "learner.preference.kind=spin",
        ),
        (["learner.value.trace=0.5", "learner.gradient.kind=ppo"], "learner.value.trace", "learner.baseline=value"),
        (["learner.gradient.clip_low=0.1"], "learner.gradient.clip_low", "learner.gradient.kind=ppo"),
        ([*PAIRS, "learner.scale=batch"], "learner.scale", "learner.objective.pg=1"),
        (["learner.baseline=context", "learner.baseline_decay=0.5"], "learner.baseline_decay", "learner.baseline=seat"),
        (["learner.objective.kl=0", "learner.kl_form=k3"], "learner.kl_form", "learner.objective.kl=1"),
        (["learner.objective.kl=0", "learner.magnet_every=5"], "learner.magnet_every", "learner.objective.kl=1"),
        (["league.every=2"], "league.every", LEAGUE[0]),
        ([*LEAGUE, "league.power=3.0"], "league.power", "league.opponent=prioritized"),
        (["feedback.model.batch=4"], "feedback.model.batch", "feedback.judge=model"),
        ([*JUDGED, "feedback.model.name=me"], "feedback.model.name", "feedback.model.source=http://localhost:1/v1"),
        (["feedback.reward_model.every=2"], "feedback.reward_model.every", "feedback.judge=reward_model"),
        (
            ["feedback.panel.max_disagreement=0.1"],
            "feedback.panel.max_disagreement",
            'feedback.judge=panel feedback.panel.members=["literal"]',
        ),
        (["feedback.measure.window=3"], "feedback.measure.window", "feedback.judge=literal"),
        (["policy.lora.r=4"], "policy.lora.r", "policy.tune=lora"),
        (["observer.method=exact", "observer.episodes=3"], "observer.episodes", "observer.method=auto"),
        (["policy.warmup.steps=0", "policy.warmup.transcripts=3"], "policy.warmup.transcripts", "policy.warmup.steps=3"),
    ],
)
def test_what_nothing_reads_is_refused_and_the_remedy_is_one(tmp_path: Path, overrides: list[str], key: str, remedy: str) -> None:
    said = refused(tmp_path, *overrides)
    assert said.startswith(f"{key} is ")
    assert "and does nothing here: only " in said
    assert f"leave {key} out (it is then " in said
    assert "\n" not in said
    assert not refused(tmp_path, *overrides, *remedy.split())


def test_every_key_that_may_be_idle_is_one() -> None:
    config = make_config({"games": {"kuhn_poker": {}}})
    for reader in READERS:
        for key in reader.keys:
            value: object = config
            for part in key.split("."):
                value = getattr(value, part)


def test_more_steps_than_trajectories_are_refused(tmp_path: Path) -> None:
    steps = ("learner.gradient.kind=ppo", "learner.minibatches={}")
    assert "a generation has at most 16 trajectories" in refused(tmp_path, *(word.format(17) for word in steps))
    assert not refused(tmp_path, *(word.format(16) for word in steps))


def test_what_is_put_out_of_use_on_purpose_is_taken(tmp_path: Path) -> None:
    text = f'{GAMES}[learner]\nbaseline = "value"\ngradient = {{ kind = "ppo" }}\nvalue = {{ trace = 0.5 }}\n'
    assert not refused(tmp_path, "learner.baseline=seat", text=text)
    assert "learner.value.trace is 0.5" in refused(tmp_path, text=text.replace('"value"', '"seat"'))
    # Set again where it is out of use, it is meant.
    assert "learner.value.trace is 0.7" in refused(tmp_path, "learner.baseline=seat", "learner.value.trace=0.7", text=text)


@pytest.mark.parametrize(
    "words",
    [
        ("observer.enabled=false", "observer.every=3"),
        ("feedback.measure.enabled=false", "feedback.measure.window=3"),
        ("tracker.wandb=off", "tracker.project=mine"),
        ("play.executor=local", "ray.address=here"),
        ("record.share=0.0", "record.every=3"),
    ],
)
def test_what_is_switched_off_keeps_its_settings(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert not refused(tmp_path, *words)


def test_a_part_that_is_no_whole_configuration_excuses_nothing(tmp_path: Path) -> None:
    (tmp_path / "part.toml").write_text("[learner.value]\ntrace = 0.5\n")
    (tmp_path / "whole.toml").write_text(GAMES)
    names = [str(tmp_path / "part.toml"), str(tmp_path / "whole.toml")]
    with pytest.raises(ConfigError, match="learner.value.trace is 0.5 and does nothing here"):
        read_config(names, [])
    assert read_config(names, [], may_be_idle=True).config.learner.value.trace == 0.5


def test_a_resolved_configuration_in_which_every_key_is_set_can_be_run_again(tmp_path: Path) -> None:
    assert not refused(tmp_path, text=to_toml(make_config({"games": {"kuhn_poker": {}}}).model_dump(mode="json")))


def test_nothing_is_idle_in_the_built_in_configurations() -> None:
    paths = sorted(Path(str(files("socratic_configs"))).glob("*.toml"))
    assert paths
    assert not {path.stem: found for path in paths if (found := idle_keys(load_config([path])))}
