"""On a CUDA device: the same probabilities as on the CPU, recorded steps or not, and a run that learns there."""

from pathlib import Path

import pytest
import torch

from socratic.cli.preflight import game_facts
from socratic.cli.session import Session
from socratic.config import load_config
from socratic.policy.drawing import Prompt
from socratic.policy.engine import Engine
from socratic.policy.fast.lane import Lane
from socratic.policy.transformer import Policy
from socratic.seeds import Seed
from socratic.store.run_directory import RunDirectory
from tests.unit.test_fast_passes import _assert_exact, _hold_dialogues, _versions
from tests.unit.tiny import tiny_policy

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def _exact_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)


def _on_gpu(policy: Policy) -> Policy:
    policy.model.to(torch.device("cuda"))  # type: ignore[arg-type]  # transformers narrows what torch takes
    return policy


@pytest.mark.parametrize("uses_lora", [True, False])
def test_dialogues_on_a_gpu_have_the_probabilities_of_plain_passes(uses_lora: bool) -> None:
    here, there = tiny_policy(uses_lora=uses_lora), _on_gpu(tiny_policy(uses_lora=uses_lora))
    versions = _versions(here, 3)
    said = _hold_dialogues(Engine(there, temperature=0.8, max_new_tokens=6, pack_tokens=40, max_rows=7), versions)
    assert len(said) == 3 * 6 * 4
    _assert_exact(Engine(here, temperature=0.8, max_new_tokens=6, pack_tokens=40), said)


def test_recorded_steps_draw_what_plain_steps_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = _on_gpu(tiny_policy(uses_lora=True))
    (version, _) = _versions(policy, 2)
    prompts = [Prompt(context_ids=tuple(range(3, 9 + row % 4)), seed=Seed(row)) for row in range(21)]
    engine = Engine(policy, temperature=1.0, max_new_tokens=80, pack_tokens=256)
    recorded = engine.draw(prompts, version)
    make = Lane.__init__

    def plain(self: Lane, *args: object) -> None:
        make(self, *args)  # type: ignore[arg-type]  # as they came
        self._graphs = None

    monkeypatch.setattr(Lane, "__init__", plain)
    stepped = engine.draw(prompts, version)
    assert [reply.token_ids for reply in recorded] == [reply.token_ids for reply in stepped]
    for reply, other in zip(recorded, stepped, strict=True):
        assert reply.logprobs == pytest.approx(other.logprobs, abs=1e-4)


@pytest.mark.parametrize("masked", ["on", "off"])
def test_a_run_plays_and_learns_on_a_gpu(tmp_path: Path, masked: str) -> None:
    overrides = [
        "generations=3",
        "games={sticks={episodes=16,params={heap=5}}}",
        "policy.device=cuda",
        "policy.warmup.steps=5",
        f"play.masked={masked}",
        "play.executor=local",
        "observer.method=play",
        "observer.every=3",
        "observer.episodes=8",
        "tracker.wandb=off",
    ]
    config = load_config([], overrides)
    run = RunDirectory.create(tmp_path, "gpu", config, games=game_facts(config))
    Session(run, config, is_resumed=False, is_live=False).run()
    rows = RunDirectory.open(tmp_path, "gpu").read("metrics")
    assert len(rows) == 3
    assert all(float(str(row["offpolicy/logp_diff_max"])) < 1e-3 for row in rows)
