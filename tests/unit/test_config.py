"""What a configuration may not be is said in one line: what was found, what was expected, the nearest key."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socratic.config import Config, load_config, make_config
from socratic.errors import ConfigError
from socratic.records import Json
from socratic.store.toml import to_toml

KUHN = "[games.kuhn_poker]\n"

# What is in the file, and what the message says.
MISTAKES = [
    ("generatons = 3\n" + KUHN, "unknown configuration key generatons; did you mean generations?"),
    (KUHN + "[learner]\nlr_ = 3\n", "unknown configuration key learner.lr_; did you mean learner.lr?"),
    (KUHN + "[policy.warmup]\nstep = 3\n", "unknown configuration key policy.warmup.step; did you mean policy.warmup.steps?"),
    (KUHN + "episode = 3\n", "unknown configuration key games.kuhn_poker.episode; did you mean games.kuhn_poker.episodes?"),
    (
        KUHN + "objective = { kll = 1.0 }\n",
        "unknown configuration key games.kuhn_poker.objective.kll; did you mean games.kuhn_poker.objective.kl?",
    ),
    ("[gmes.kuhn_poker]\n", "unknown configuration key gmes; did you mean games?"),
    (KUHN + "[zzz]\n", "unknown configuration key zzz; known keys: title, seed, generations, policy, games"),
    ("generations = 'many'\n" + KUHN, 'generations = "many" does not fit: expected a valid integer'),
    ("generations = '3'\n" + KUHN, 'generations = "3" does not fit: expected a valid integer'),
    ("generations = 3.0\n" + KUHN, "generations = 3.0 does not fit: expected a valid integer"),
    ("generations = 0\n" + KUHN, "generations = 0 does not fit: expected greater than or equal to 1"),
    ("seed = true\n" + KUHN, "seed = true does not fit: expected a valid integer"),
    ("title = 2020-01-01\n" + KUHN, 'title = "2020-01-01" does not fit: expected a valid string'),
    ("learner = 3\n" + KUHN, "learner = 3 does not fit: expected a table, [learner]"),
    ("[games]\nkuhn_poker = 3\n", "games.kuhn_poker = 3 does not fit: expected a table, [games.kuhn_poker]"),
    (KUHN + "lineups = 'agent'\n", 'games.kuhn_poker.lineups = "agent" does not fit: expected a list'),
    (KUHN + "lineups = ['agent']\n", 'games.kuhn_poker.lineups.0 = "agent" does not fit: expected a list'),
    (KUHN + "params = { heap = [1] }\n", "games.kuhn_poker.params.heap = [1] does not fit: expected a number, a text, true or false"),
    (KUHN + "[learner]\nlr = inf\n", "learner.lr = Infinity does not fit: expected a finite number"),
    (KUHN + "[learner]\nlr = nan\n", "learner.lr = NaN does not fit"),
    (KUHN + "[learner]\nbetas = [0.9]\n", "learner.betas = [0.9] does not fit: expected a list of another length"),
    (KUHN + "[learner]\nbetas = [0.9, 1.5]\n", "learner.betas.1 = 1.5 does not fit: expected less than 1"),
    (KUHN + "[play]\nexecutor = 'rey'\n", "play.executor = \"rey\" does not fit: expected 'ray' or 'local'"),
    (KUHN + "[policy]\nhidden = 30\n", "policy.hidden is 30, expected a multiple of 8 (twice policy.heads); try 32"),
    ("seed = 1\n", "no game is configured; add a [games.NAME] table"),
    ("[games]\n", "no game is configured"),
    ("this is no toml", "is not valid TOML: Expected '=' after a key in a key/value pair (at line 1"),
]

OVERRIDES = [
    ("learner.lr", "override 'learner.lr' has no '='; write key=value, e.g. learner.lr=1e-4"),
    ("=3", "override '=3' has no key before its '='; write key=value"),
    ("learner..lr=3", "has no name between two dots of its key"),
    ("learner.lr=abc", 'learner.lr = "abc" does not fit: expected a valid number'),
    ("learner.lr=", 'learner.lr = "" does not fit: expected a valid number'),
    ("learner.lr.x=3", 'learner.lr = {"x": 3} does not fit: expected a valid number'),
    ("learner.lr=1e-4\nseed=4", "does not fit: expected a valid number"),
    ("lerner.lr=3", "unknown configuration key lerner; did you mean learner?"),
]


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("text", "said"), MISTAKES)
def test_a_mistake_is_one_line_that_says_what_to_do(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config([written(tmp_path, text)])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("override", "said"), OVERRIDES)
def test_an_override_that_does_not_fit_is_one_line(tmp_path: Path, override: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config([written(tmp_path, KUHN)], [override])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    for path, said in [
        (tmp_path / "missing.toml", "no configuration at .*missing.toml; give a TOML file or the name of a built-in one"),
        (tmp_path, "is a folder, expected a TOML file"),
        (binary / "inner.toml", "cannot read the configuration .*: Not a directory"),
        (binary, "is not valid TOML"),
    ]:
        with pytest.raises(ConfigError, match=said):
            load_config([path])


def test_files_are_composed_left_to_right_and_then_the_overrides(tmp_path: Path) -> None:
    first, second = written(tmp_path, KUHN + "episodes = 3\n[learner]\nlr = 1\nclip = 2.0\n"), tmp_path / "second.toml"
    second.write_text("[learner]\nlr = 0.5\n")
    config = load_config([first, second], ["learner.clip=3", "play.executor=local", 'games.sticks.lineups=[["agent","t0"]]'])
    assert (config.learner.lr, config.learner.clip, config.play.executor) == (0.5, 3.0, "local")
    assert config.games["kuhn_poker"].episodes == 3
    assert config.games["sticks"].lineups == (("agent", "t0"),)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
SECTIONS = st.sampled_from(sorted(Config.model_fields))


@given(values=st.dictionaries(SECTIONS, VALUES | st.dictionaries(st.sampled_from(["l", "kuhn_poker", "source", "betas"]), VALUES)))
def test_whatever_is_written_is_taken_or_answered_with_one_line(values: dict[str, Json]) -> None:
    try:
        config = make_config(values)
    except ConfigError as error:
        said = str(error)
    else:
        said = "taken"
        assert make_config(tomllib.loads(to_toml(config.model_dump(mode="json")))) == config
    assert said.splitlines() == [said]
