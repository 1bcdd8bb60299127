"""The engine over a vLLM server, against a small server that speaks the documented protocol strictly."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch

from socratic.build.serving import read_replies
from socratic.config import SERVER_KEY, Lora, ServerSection
from socratic.errors import ConfigError, PlayError, PolicyError, SyncError
from socratic.game import Game
from socratic.play.block import PlayRules, play_block
from socratic.policy.agent import PolicyPlayer
from socratic.policy.drawing import Drawn, Prompt
from socratic.policy.server.client import TRIES, VllmClient
from socratic.policy.server.delivery import Delivery, Drop
from socratic.policy.server.engine import ServedWeights, ServerEngine
from socratic.policy.server.replies import Manner
from socratic.policy.transformer import Policy
from socratic.policy.weights import PolicyWeights, make_weights
from socratic.records import Episode, Match
from socratic.registry import load_game
from socratic.seeds import Seed
from tests.unit.tiny import tiny_engine, tiny_policy
from tests.unit.vllm_server import BASE, Flaw, VllmServer, vllm_serving

pytestmark = pytest.mark.enable_socket

LORA = Lora()
CONTEXTS = ("Your card: J. You:", "They pass. You:", "They bet. Score: 1. You:")
KEY = "sk-not-to-be-seen"


class Side:
    """Our side of the wire: a policy with adapters, the engine of a play worker, and what delivers weights."""

    def __init__(self, server: VllmServer, folder: Path, *, temperature: float = 1.0, tolerance: float = 1e-4) -> None:
        self.server = server
        self.policy = tiny_policy(uses_lora=True)
        self.section = ServerSection(address=server.address, tolerance=tolerance)
        self.client = VllmClient(self.section, wait=lambda _: None)
        self.manner = Manner(temperature=temperature, max_new_tokens=8, ends=self.policy.chat.end_ids)
        self.engine = ServerEngine(self.client, self.policy.chat, self.manner, at_once=16)
        self.folder = folder
        self.reader = tiny_engine(self.policy, temperature=temperature, is_fast=False)

    def delivery(self, folder: Path | None = None) -> Delivery:
        drop = Drop(folder=folder or self.folder, run="run-1", base=BASE, lora=LORA)
        return Delivery(self.client, self.engine, partial(read_replies, self.reader), drop, self.section.tolerance)

    def prompts(self, count: int = 12) -> list[Prompt]:
        encode = self.policy.chat.tokenizer.encode
        return [Prompt(context_ids=tuple(encode(CONTEXTS[i % len(CONTEXTS)])), seed=Seed(7).child("draw", i)) for i in range(count)]

    def drawn(self, served: ServedWeights, prompts: list[Prompt]) -> list[Drawn]:
        stream = self.engine.stream([served])
        for ticket, prompt in enumerate(prompts):
            stream.ask(ticket, prompt, 0)
        found: dict[int, Drawn] = {}
        while stream.is_busy:
            found.update(stream.advance())
        return [found[ticket] for ticket in range(len(prompts))]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[VllmServer]:
    monkeypatch.delenv(SERVER_KEY, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # nobody is there: a proxy that was asked would be seen
    policy = tiny_policy(uses_lora=False)
    with vllm_serving(policy.model, policy.chat.tokenizer) as running:
        yield running


@pytest.fixture
def side(server: VllmServer, tmp_path: Path) -> Side:
    return Side(server, tmp_path / "adapters")


def version(policy: Policy, number: int, size: float = 0.5) -> PolicyWeights:
    """Return adapters that are drawn anew, and change what the policy says by much."""
    arrays = {
        name: np.array(
            [Seed(number).child(name).uniform(place) * 2 * size - size for place in range(parameter.numel())], dtype=np.float32
        ).reshape(parameter.shape)
        for name, parameter in policy.trained().items()
    }
    return make_weights(number, arrays)


def moved(weights: PolicyWeights, number: int, by: float) -> PolicyWeights:
    """Return weights a little further on."""
    return make_weights(
        number,
        {
            name: array
            + np.array([by * (2 * Seed(number).child(name).uniform(i) - 1) for i in range(array.size)], dtype=np.float32).reshape(
                array.shape
            )
            for name, array in weights.arrays.items()
        },
    )


def own_log_probs(policy: Policy, weights: PolicyWeights, prompt: Prompt, drawn: Drawn, temperature: float = 1.0) -> list[float]:
    """Return a plain forward pass's log-probabilities of a reply."""
    with policy.wearing(weights), torch.no_grad():
        logits = policy.model(torch.tensor([[*prompt.context_ids, *drawn.token_ids]])).logits[0, len(prompt.context_ids) - 1 : -1]
    log_probs = (logits / temperature).log_softmax(-1)
    return [float(row[token]) for row, token in zip(log_probs, drawn.token_ids, strict=True)]


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_replies_are_token_for_token_what_the_server_drew_with_our_own_log_probabilities(
    server: VllmServer, tmp_path: Path, temperature: float
) -> None:
    side = Side(server, tmp_path, temperature=temperature)
    weights = version(side.policy, 1)
    served = side.delivery().deliver("now", {"agent": weights})["agent"]
    prompts = side.prompts()
    replies = side.drawn(served, prompts)
    assert len({reply.token_ids for reply in replies}) > 6  # each has a seed of its own
    for prompt, reply in zip(prompts, replies, strict=True):
        assert reply.logprobs == pytest.approx(own_log_probs(side.policy, weights, prompt, reply, temperature), abs=1e-4)
        assert reply.allowed is None
        assert reply.is_truncated == (reply.token_ids[-1] not in side.policy.chat.end_ids)
        assert not any(token in side.policy.chat.end_ids for token in reply.token_ids[:-1])
    assert [reply.token_ids for reply in side.drawn(served, prompts)] == [reply.token_ids for reply in replies]


def test_a_block_is_played_on_the_server_as_on_an_engine_of_ones_own(side: Side) -> None:
    weights = {"agent": version(side.policy, 1), "t0": version(side.policy, 0)}
    served = side.delivery().deliver("now", weights)
    episodes = play(side, served)
    assert len(episodes) == 4
    for episode in episodes:
        for turn in episode.turns:
            worn = weights[turn.player]
            assert turn.version == worn.version
            drawn = Drawn(token_ids=turn.token_ids, logprobs=turn.logprobs, allowed=None)
            prompt = Prompt(context_ids=turn.context_ids, seed=Seed(0))
            assert turn.logprobs == pytest.approx(own_log_probs(side.policy, worn, prompt, drawn), abs=1e-4)
            assert turn.reply == side.policy.chat.decode(turn.token_ids)


def play(side: Side, served: Mapping[str, ServedWeights], engine: ServerEngine | None = None) -> tuple[Episode, ...]:
    player = PolicyPlayer(engine or side.engine, seated=served, is_masked=False)
    names = list(served)
    matches = [
        Match(
            episode_id=f"e{i}",
            game="sticks",
            params={"heap": 3},
            seed=i,
            draw_seed=100 + i,
            seats=(names[0], names[-1]),
            version=1,
        )
        for i in range(4)
    ]
    games: dict[str, Game] = {"sticks": load_game("sticks")}
    return play_block(matches, games.__getitem__, lambda _, __: ("policy", player), PlayRules(retries=1)).episodes


def test_several_workers_draw_on_one_server_at_a_time_and_get_what_each_gets_alone(side: Side) -> None:
    served = side.delivery().deliver("now", {"agent": version(side.policy, 1)})
    alone = play(side, served)
    engines = [ServerEngine(VllmClient(side.section), side.policy.chat, side.manner, at_once=4) for _ in range(3)]
    with ThreadPoolExecutor() as pool:
        together = list(pool.map(lambda engine: play(side, served, engine), engines))
    assert all(each == alone for each in together)


def test_an_update_pauses_with_what_is_drawn_kept_loads_a_new_name_resumes_and_unloads_the_old(side: Side) -> None:
    delivery = side.delivery()
    first = delivery.deliver("now", {"agent": version(side.policy, 1)})["agent"]
    assert side.server.journal == ["/pause?mode=keep", f"load {first.name}", "/resume"]
    side.server.journal.clear()
    second = delivery.deliver("now", {"agent": version(side.policy, 2)})["agent"]
    assert side.server.journal == ["/pause?mode=keep", f"load {second.name}", "/resume", f"unload {first.name}"]
    assert side.server.loaded == [second.name]
    assert second.name.startswith(f"run-1-v2-{version(side.policy, 2).fingerprint[:12]}-")
    # A folder is read late, if at all: it outlives its adapter by one update.
    assert (side.folder / first.name).exists()
    delivery.deliver("now", {"agent": version(side.policy, 3)})
    assert not (side.folder / first.name).exists()


def test_weights_that_come_again_get_a_name_that_was_never_used(side: Side) -> None:
    delivery = side.delivery()
    names = [delivery.deliver("now", {"agent": version(side.policy, number)})["agent"].name for number in (1, 2, 1, 2)]
    assert len(set(names)) == 4


def test_what_is_on_the_server_is_not_sent_again(side: Side) -> None:
    delivery = side.delivery()
    one, two = version(side.policy, 1), version(side.policy, 2)
    now = delivery.deliver("now", {"agent": two, "t0": one})
    side.server.journal.clear()
    past = delivery.deliver("past", {"past:1": one, "past:2": two})
    assert side.server.journal == []
    assert past == {"past:1": now["t0"], "past:2": now["agent"]}
    three = delivery.deliver("now", {"agent": version(side.policy, 3)})["agent"]
    assert set(side.server.loaded) == {three.name, now["t0"].name, now["agent"].name}  # the league still seats them


def test_versions_do_not_mix_after_an_update(side: Side) -> None:
    delivery = side.delivery()
    old, new = version(side.policy, 1), version(side.policy, 2)
    served_old = delivery.deliver("past", {"past:1": old})["past:1"]
    served_new = delivery.deliver("now", {"agent": new})["agent"]
    prompts = side.prompts(16)
    stream = side.engine.stream([served_old, served_new])
    for ticket, prompt in enumerate(prompts):
        stream.ask(ticket, prompt, ticket % 2)
    found: dict[int, Drawn] = {}
    while stream.is_busy:
        found.update(stream.advance())
    for ticket, prompt in enumerate(prompts):
        worn, other = (new, old) if ticket % 2 else (old, new)
        assert found[ticket].logprobs == pytest.approx(own_log_probs(side.policy, worn, prompt, found[ticket]), abs=1e-4)
        assert found[ticket].logprobs != pytest.approx(own_log_probs(side.policy, other, prompt, found[ticket]), abs=1e-2)


def test_what_is_drawn_during_an_update_is_kept_and_is_its_own_version(side: Side) -> None:
    weights = version(side.policy, 1)
    served = side.delivery().deliver("now", {"agent": weights})["agent"]
    side.client.pause()
    (prompt,) = side.prompts(1)
    begun = side.engine.start(prompt, served)
    second = version(side.policy, 2)
    # The update of somebody else's delivery resumes the server; the reply goes on under the name it was asked of.
    side.delivery(side.folder.parent / "elsewhere").deliver("now", {"agent": second})
    reply = begun.result(timeout=60)
    assert reply.logprobs == pytest.approx(own_log_probs(side.policy, weights, prompt, reply), abs=1e-4)


@pytest.mark.parametrize("flaw", ["serves the first", "ignores adapters"])
def test_a_server_that_goes_on_as_it_was_is_caught(side: Side, flaw: Flaw) -> None:
    delivery = side.delivery()
    delivery.deliver("now", {"agent": version(side.policy, 1)})
    side.server.flaw = flaw
    with pytest.raises(SyncError, match=r"nats a token from ours, expected at most 0.0001 \(play.server.tolerance\)"):
        delivery.deliver("now", {"agent": version(side.policy, 2)})


@pytest.mark.parametrize(("flaw", "what"), [("serves the first", "version 1"), ("ignores adapters", "the model without an adapter")])
def test_a_server_that_goes_on_as_it_was_is_caught_below_the_tolerance(server: VllmServer, tmp_path: Path, flaw: Flaw, what: str) -> None:
    side = Side(server, tmp_path, tolerance=0.5)
    delivery = side.delivery()
    # Small steps, as a learner takes them: far less than the tolerance.
    first = version(side.policy, 1, size=0.02)
    delivery.deliver("now", {"agent": first})
    server.flaw = flaw
    with pytest.raises(SyncError, match=rf"the server draws as {what} under the name run-1-v2-.*, expected version 2"):
        delivery.deliver("now", {"agent": moved(first, 2, by=0.01)})


def test_small_steps_are_no_false_alarm(server: VllmServer, tmp_path: Path) -> None:
    side = Side(server, tmp_path, tolerance=0.5)
    delivery = side.delivery()
    weights = side.policy.weights(0)  # B is 0: the adapter changes nothing yet
    for number in range(1, 5):
        delivery.deliver("now", {"agent": weights})
        weights = moved(weights, number, by=1e-3)


def test_log_probabilities_of_another_temperature_are_caught(server: VllmServer, tmp_path: Path) -> None:
    side = Side(server, tmp_path, temperature=0.5, tolerance=0.05)
    server.flaw = "raw log-probabilities"
    with pytest.raises(SyncError, match="--logprobs-mode processed_logprobs"):
        side.delivery().deliver("now", {"agent": version(side.policy, 1)})


def test_an_adapter_that_is_not_listed_is_caught(side: Side) -> None:
    side.server.flaw = "lists nothing"
    with pytest.raises(SyncError, match=r"no longer has run-1-v1-.*, found tiny-base; was it restarted\?"):
        side.delivery().deliver("now", {"agent": version(side.policy, 1)})


def test_an_adapter_that_is_refused_is_one_line_and_the_server_goes_on(tmp_path: Path) -> None:
    policy = tiny_policy(uses_lora=False)
    with vllm_serving(policy.model, policy.chat.tokenizer, max_lora_rank=8) as server:
        side = Side(server, tmp_path)
        with pytest.raises(SyncError, match=r"LoRA rank 16 is greater than max_lora_rank 8.*--max-lora-rank 16") as raised:
            side.delivery().deliver("now", {"agent": version(side.policy, 1)})
        assert "\n" not in str(raised.value)
        assert server.journal[-1] == "/resume"


def test_what_a_killed_run_left_on_the_server_is_unloaded_and_nothing_else(side: Side) -> None:
    left = side.delivery().deliver("now", {"agent": version(side.policy, 1)})["agent"]
    other = side.delivery(side.folder.parent / "of another run").deliver("now", {"agent": version(side.policy, 1)})["agent"]
    side.delivery()
    assert side.server.loaded == [other.name]
    assert not (side.folder / left.name).exists()


def test_a_name_that_the_server_will_not_unload_does_not_end_the_run(side: Side, caplog: pytest.LogCaptureFixture) -> None:
    delivery = side.delivery()
    first = delivery.deliver("now", {"agent": version(side.policy, 1)})["agent"]
    side.client.unload_adapter(first.name)  # vLLM's own cache has dropped it
    delivery.deliver("now", {"agent": version(side.policy, 2)})
    assert f"{first.name} stays on the server's list" in caplog.text


@pytest.mark.parametrize(
    ("flaw", "message"),
    [
        ("cuts short", r"cut a reply of run-1-v1-.* short after 7 tokens \('length'\), expected an end or 8; .*--max-model-len"),
        ("other prompt", r"read other token ids \(\d+\) than run-1-v1-.* was asked with"),
        ("no token ids", "expected a vLLM with return_token_ids: upgrade it"),
    ],
)
def test_an_answer_that_does_not_fit_is_never_learned_from(side: Side, flaw: Flaw, message: str) -> None:
    served = side.delivery().deliver("now", {"agent": version(side.policy, 1)})["agent"]
    side.server.flaw = flaw
    with pytest.raises(PlayError, match=message):
        side.drawn(served, side.prompts(24))


def test_a_name_that_the_server_has_lost_is_one_line(side: Side) -> None:
    served = side.delivery().deliver("now", {"agent": version(side.policy, 1)})["agent"]
    side.client.unload_adapter(served.name)
    with pytest.raises(SyncError, match="no longer has"):
        side.engine.confirm(served)
    with pytest.raises(PlayError, match=r"\(status 404: The model `run-1-v1-.*` does not exist\.\)"):
        side.drawn(served, side.prompts(2))


def test_a_server_that_is_busy_for_a_moment_changes_nothing(side: Side) -> None:
    served = side.delivery().deliver("now", {"agent": version(side.policy, 1)})["agent"]
    prompts = side.prompts(2)
    before = side.drawn(served, prompts)
    side.server.busy = TRIES - 1
    assert side.drawn(served, prompts) == before


def test_a_server_that_is_down_is_one_line() -> None:
    client = VllmClient(ServerSection(address="http://127.0.0.1:9"), wait=lambda _: None)
    with pytest.raises(ConfigError, match=r"127.0.0.1:9 did not answer /version in 4 tries \(ConnectError\); start it"):
        client.greet()


def test_another_kind_of_server_is_one_line() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text="<html>hello</html>"))
    with pytest.raises(ConfigError, match="does not say its version as vLLM does"):
        VllmClient(ServerSection(address="http://127.0.0.1:9"), transport=transport).greet()


def test_a_server_whose_pause_knows_no_mode_is_refused(side: Side) -> None:
    side.server.version = "0.14.1"
    with pytest.raises(ConfigError, match=r"is vLLM 0.14.1, whose /pause knows no mode=keep"):
        side.client.greet()


def test_a_server_that_cannot_be_paused_is_refused_at_once(side: Side) -> None:
    side.server.is_developed = False
    with pytest.raises(ConfigError, match=r"refuses /is_paused \(status 404: Not Found\); start it with VLLM_SERVER_DEV_MODE=1"):
        side.client.greet()
    with pytest.raises(SyncError, match=r"refuses /pause\?mode=keep .*VLLM_SERVER_DEV_MODE=1"):
        side.delivery().deliver("now", {"agent": version(side.policy, 1)})


def test_another_model_is_one_line(side: Side) -> None:
    assert side.client.greet() == side.client.greet(BASE) == BASE
    with pytest.raises(PolicyError, match="has no model 'llama', found tiny-base; set play.server.model"):
        side.client.greet("llama")


def test_the_key_comes_from_the_environment_and_is_not_repeated(server: VllmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SERVER_KEY, KEY)
    server.key = "another"
    section = ServerSection(address=server.address)
    with pytest.raises(ConfigError, match=f"refuses us \\(status 401\\); set {SERVER_KEY}") as raised:
        VllmClient(section).greet()
    assert KEY not in str(raised.value)
    server.key = KEY
    assert VllmClient(section).greet() == BASE
    assert server.keys == {f"Bearer {KEY}"}


def test_the_key_does_not_leave_this_machine_unencrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SERVER_KEY, KEY)
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"version": "0.32.0"})

    for address in ("http://gpu.example:8000", "https://gpu.example:8000"):
        VllmClient(ServerSection(address=address), transport=httpx.MockTransport(answer)).version()
    assert ["Authorization" in request.headers for request in seen] == [False, True]


def test_replies_under_a_mask_are_refused(side: Side) -> None:
    served = ServedWeights(version=1, fingerprint="f", name="n")
    with pytest.raises(PolicyError, match=r"set play.masked = 'off'"):
        side.engine.stream([served]).ask(0, Prompt(context_ids=(1,), seed=Seed(0), options=((1,),)), 0)


def test_a_stream_that_was_asked_nothing_has_nothing_to_say(side: Side) -> None:
    assert side.engine.stream([]).advance() == []
