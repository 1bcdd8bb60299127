"""Whole runs whose replies a server draws."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from transformers import LlamaForCausalLM

from socratic.cli.session import Session
from socratic.config import SERVER_KEY, Config, make_config
from socratic.errors import ConfigError, PolicyError
from socratic.records import Json
from socratic.store.run_directory import RunDirectory
from tests.system.small import play_run, small_config
from tests.unit.judges import byte_tokenizer, saved, tiny_llama
from tests.unit.tiny import tiny_policy
from tests.unit.vllm_server import BASE, VllmServer, vllm_serving

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tokenizer = byte_tokenizer()
    return saved(tmp_path_factory.mktemp("model"), tiny_llama(len(tokenizer)), tokenizer)


@pytest.fixture
def server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VllmServer]:
    monkeypatch.delenv(SERVER_KEY, raising=False)
    with vllm_serving(LlamaForCausalLM.from_pretrained(folder), byte_tokenizer()) as running:
        yield running


def served_config(folder: Path, address: str, **sections: Json) -> Config:
    lineups: Json = [["agent", "t0"], ["t0", "agent"]]
    values: dict[str, Json] = {
        "generations": 3,
        "policy": {"source": str(folder), "lora": {"r": 4, "alpha": 8}},
        "games": {"sticks": {"episodes": 6, "params": {"heap": 3}, "lineups": lineups}},
        "play": {
            "executor": "local",
            "actors": 2,
            "block": 3,
            "masked": "off",
            "max_new_tokens": 6,
            "server": {"address": address, "tolerance": 1e-3},
        },
        "learner": {"lr": 0.01},
        "observer": {"enabled": False},
        "checkpoint": {"every": 1},
        "tracker": {"wandb": "off"},
    }
    return make_config({**values, **sections})


@pytest.mark.parametrize("executor", ["local", "ray"])
def test_a_run_learns_from_what_the_server_drew(folder: Path, server: VllmServer, tmp_path: Path, executor: str) -> None:
    config = served_config(folder, server.address)
    config = config.model_copy(update={"play": config.play.model_copy(update={"executor": executor})})
    run = play_run(tmp_path, "served", config)
    rows = run.read("metrics")
    assert [row["sync/version"] for row in rows] == [1, 2, 3]
    loads = [line.removeprefix("load ") for line in server.journal if line.startswith("load ")]
    assert [name.split("-")[1] for name in loads] == ["v0", "v1", "v2", "v3"]
    assert len({name.split("-")[2] for name in loads}) == 4  # it learned in every generation
    # t0 stays, the agent's last version stays, the others are gone.
    assert server.loaded == [loads[0], loads[3]]
    (told,) = [str(event["message"]) for event in run.read("events") if event["kind"] == "server"]
    assert told == (
        f"free replies are drawn by {BASE} on the server at {server.address} (vLLM 0.32.0); they repeat only as far as it repeats "
        "them, and after each sync its log-probabilities are within 0.001 nats a token of ours on average"
    )
    played = [turn for generation in range(3) for each in run.episodes(generation) for turn in each.episode.turns]
    # What was not played was drawn as a proof: four replies for each version.
    assert server.num_completions == len(played) + 4 * 4


def test_a_run_that_was_killed_goes_on_under_new_names(folder: Path, server: VllmServer, tmp_path: Path) -> None:
    config = served_config(folder, server.address, generations=1)
    before = play_run(tmp_path, "served", config)
    left = list(server.loaded)
    longer = served_config(folder, server.address)
    with RunDirectory.open(tmp_path, before.name) as run:
        run.lock()
        Session(run, longer, is_resumed=True, is_live=False).run()
    assert not set(left) & set(server.loaded)
    assert [row["sync/version"] for row in RunDirectory.open(tmp_path, "served").read("metrics")] == [1, 2, 3]


def test_another_vocabulary_is_said_before_the_model_is_loaded(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SERVER_KEY, raising=False)
    other = tiny_policy()
    with (
        vllm_serving(other.model, other.chat.tokenizer) as server,
        pytest.raises(PolicyError, match="has another vocabulary: it makes") as raised,
    ):
        play_run(tmp_path, "other", served_config(folder, server.address))
    assert "\n" not in str(raised.value)
    assert server.journal == []


def test_a_server_that_is_down_is_said_first(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socratic.policy.server.client.TRIES", 1)
    with pytest.raises(ConfigError, match=r"did not answer /version in 1 tries \(ConnectError\)"):
        play_run(tmp_path, "down", served_config(folder, "http://127.0.0.1:9"))


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://me:secret@127.0.0.1:8000", "is no place for a key; put it into the environment variable VLLM_API_KEY"),
        ("http://127.0.0.1:8000/v1", "has the path '/v1', expected one such as http://127.0.0.1:8000"),
        ("127.0.0.1:8000", "expected one such as http://127.0.0.1:8000"),
        ("http://127.0.0.1:99999", "is no address that can be asked"),
    ],
)
def test_an_address_that_cannot_be_asked_is_one_line(folder: Path, address: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        served_config(folder, address)
    assert "secret" not in str(raised.value)


def test_what_a_server_cannot_do_is_refused_with_the_configuration(folder: Path) -> None:
    server: Json = {"server": {"address": "http://127.0.0.1:8000"}}
    with pytest.raises(ConfigError, match="no server has a scratch policy"):
        small_config(play=server)
    with pytest.raises(ConfigError, match=r"play.masked is on; set play.masked = 'off'"):
        served_config(folder, "", play={"server": {"address": "http://127.0.0.1:8000"}, "masked": "on"})
    with pytest.raises(ConfigError, match=r"policy.tune is 'all'; set policy.tune = 'lora'"):
        served_config(folder, "http://127.0.0.1:8000", policy={"source": str(folder), "tune": "all"})
