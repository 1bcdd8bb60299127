"""The fast passes give the model's own log-probabilities: in every architecture, in dialogues, for every version, with a warm cache.

The bound, 1e-4 in float32, is far above rounding (1e-6 here) and far below any mistake: the last test plants mistakes and sees each.
"""

from collections.abc import Callable, Sequence
from typing import cast

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from socratic.policy.drawing import Drawn, Prompt
from socratic.policy.engine import Engine
from socratic.policy.fast.graphs import Recording, Step, StepGraphs
from socratic.policy.fast.lane import Lane, Pace
from socratic.policy.fast.looks import TreeLook
from socratic.policy.fast.packing import packed
from socratic.policy.fast.passes import FastModel, Worn
from socratic.policy.fast.sampling import draw_tokens
from socratic.policy.fast.shelf import Shelf
from socratic.policy.fast.slots import Slots
from socratic.policy.fast.weights import is_llama_shaped, read_body
from socratic.policy.options import Tokens
from socratic.policy.token_tree import pack_token_trees
from socratic.policy.transformer import Policy
from socratic.policy.weights import PolicyWeights, make_weights
from socratic.seeds import Seed
from tests.unit.tiny import tiny_engine, tiny_policy

BOUND = 1e-4
SIZES = {
    "vocab_size": 61,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


def _random_model(kind: str, **further: object) -> PreTrainedModel:
    config = AutoConfig.for_model(kind, **SIZES, **further)
    model = cast(PreTrainedModel, AutoModelForCausalLM.from_config(config, dtype=torch.float32))  # type: ignore[no-untyped-call]
    generator = torch.Generator().manual_seed(0)
    for name, parameter in model.named_parameters():  # norms and biases too, which are born 1 and 0
        parameter.data = 0.4 * torch.randn(parameter.shape, generator=generator) + float(name.endswith("norm.weight"))
    model.train(mode=False)
    return model


def _random_tokens(count: int, length: int, seed: int = 0, size: int = 61) -> list[Tokens]:
    draws = Seed(seed)
    return [tuple(draws.child("row", row).integer(size, place) for place in range(length + row % 5)) for row in range(count)]


@pytest.mark.parametrize(
    ("kind", "further"),
    [
        ("llama", {}),
        ("llama", {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}}),
        ("llama", {"head_dim": 16}),
        ("mistral", {"sliding_window": None}),
        ("qwen2", {}),
        ("qwen3", {"head_dim": 8}),
    ],
)
def test_a_fast_pass_gives_the_models_own_log_probabilities(kind: str, further: dict[str, object]) -> None:
    model = _random_model(kind, **further)
    assert is_llama_shaped(model)
    sequences = _random_tokens(6, 9)
    sequences += [sequences[0][:5] + sequences[1][:3], sequences[2][:4]]
    with torch.no_grad():
        fast = FastModel(model, read_body(model, {}))
        (tree,) = pack_token_trees(sequences, 1000)
        look = TreeLook(tree, fast.shape, device=fast.device, dtype=fast.dtype)
        hidden = fast.hidden(torch.from_numpy(tree.tokens_N), torch.from_numpy(tree.depths_N), look)
        found = fast.logits(hidden[torch.from_numpy(tree.ends_S)]).log_softmax(-1)
        own = torch.stack([model(torch.tensor([sequences[member]])).logits[0, -1] for member in tree.members]).log_softmax(-1)
    torch.testing.assert_close(found, own, atol=BOUND, rtol=0)


@pytest.mark.parametrize("kind", ["gpt2", "mistral"])
def test_models_of_another_shape_are_left_to_their_own_passes(kind: str) -> None:
    further = {"sliding_window": 8} if kind == "mistral" else {}
    assert not is_llama_shaped(_random_model(kind, **further))


def _versions(policy: Policy, count: int) -> list[PolicyWeights]:
    generator = torch.Generator().manual_seed(1)
    return [
        make_weights(
            version,
            {name: (torch.randn(each.shape, generator=generator) * 0.3).numpy() for name, each in policy.trained().items()},
        )
        for version in range(count)
    ]


def _logprobs(policy: Policy, weights: PolicyWeights | None, context: Tokens, reply: Tokens, temperature: float) -> list[float]:
    """Return each token's log-probability by one plain pass over the whole text."""
    with torch.no_grad(), policy.wearing(weights):
        logits = policy.model(torch.tensor([context + reply])).logits[0, len(context) - 1 : -1] / temperature
    table = logits.log_softmax(-1)
    return [float(table[place, token]) for place, token in enumerate(reply)]


def _hold_dialogues(engine: Engine, versions: Sequence[PolicyWeights], turns: int = 4) -> list[tuple[PolicyWeights, Prompt, Drawn]]:
    """Hold a dialogue for each version, and some that share contexts, all in one stream; a turn comes when the one before has ended."""
    stream = engine.stream(versions, keeps_conversations=True)
    openings = _random_tokens(3, 7, size=engine.policy.chat.vocab_size) * 2
    asked: list[tuple[int, int, Prompt]] = []
    said: list[tuple[PolicyWeights, Prompt, Drawn]] = []

    def ask(version: int, turn: int, prompt: Prompt) -> None:
        stream.ask(len(asked), prompt, version)
        asked.append((version, turn, prompt))

    for version in range(len(versions)):
        for place, opening in enumerate(openings):
            ask(version, 1, Prompt(context_ids=opening, seed=Seed(place)))
    while stream.is_busy:
        for ticket, drawn in stream.advance():
            version, turn, prompt = asked[ticket]
            said.append((versions[version], prompt, drawn))
            if turn < turns:
                read = prompt.context_ids + drawn.token_ids
                heard = _random_tokens(1, 2 + 3 * turn, seed=ticket, size=engine.policy.chat.vocab_size)[0]
                ask(version, turn + 1, Prompt(context_ids=read + heard, seed=Seed(ticket), extends=read[:-1]))
    return said


def _assert_exact(engine: Engine, said: Sequence[tuple[PolicyWeights, Prompt, Drawn]]) -> None:
    for weights, prompt, drawn in said:
        expected = _logprobs(engine.policy, weights, prompt.context_ids, drawn.token_ids, engine.temperature)
        assert drawn.logprobs == pytest.approx(expected, abs=BOUND)


def _tied_policy() -> Policy:
    """Return a fully trained policy as SmolLM2 is: head and embedding are one parameter, heads share keys, and the padding is a token."""
    chat = tiny_policy().chat
    sizes = {**SIZES, "vocab_size": chat.vocab_size, "tie_word_embeddings": True, "pad_token_id": 4}
    config = AutoConfig.for_model("llama", **sizes)
    model = cast(PreTrainedModel, AutoModelForCausalLM.from_config(config, dtype=torch.float32))  # type: ignore[no-untyped-call]
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator)
    model.train(mode=False)
    return Policy(model, chat)


def _policy(kind: str) -> Policy:
    return _tied_policy() if kind == "tied" else tiny_policy(uses_lora=kind == "adapter")


KINDS = ["adapter", "whole", "tied"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("max_rows", [3, 128])
def test_dialogues_of_several_versions_have_the_probabilities_of_plain_passes(kind: str, max_rows: int) -> None:
    policy = _policy(kind)
    engine = Engine(policy, temperature=0.8, max_new_tokens=6, pack_tokens=40, max_rows=max_rows)
    said = _hold_dialogues(engine, _versions(policy, 3))
    assert len(said) == 3 * 6 * 4
    _assert_exact(engine, said)


def test_what_is_drawn_does_not_depend_on_how_many_rows_grow_at_a_time_nor_on_what_is_kept() -> None:
    policy = tiny_policy(uses_lora=True)
    versions = _versions(policy, 2)
    said = {}
    for name, max_rows, kept_mb in (("many", 128, 64), ("few", 2, 64), ("forgetful", 128, 0)):
        engine = Engine(policy, temperature=1.0, max_new_tokens=6, pack_tokens=256, max_rows=max_rows, kept_mb=kept_mb)
        found = [
            engine.draw([Prompt(context_ids=c, seed=Seed(i)) for i, c in enumerate(_random_tokens(9, 5, size=20))], v) for v in versions
        ]
        said[name] = [[reply.token_ids for reply in replies] for replies in found]
        _assert_exact(engine, _hold_dialogues(engine, versions))
    assert said["many"] == said["few"] == said["forgetful"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_weight_update_is_read_at_once(kind: str) -> None:
    policy = _policy(kind)
    engine = tiny_engine(policy)
    before, after = _versions(policy, 2)
    for weights in (before, after, before):
        policy.load(weights)
        prompts = [Prompt(context_ids=context, seed=Seed(place)) for place, context in enumerate(_random_tokens(4, 6, size=20))]
        for lent in (None, weights):  # as it is worn, and by name
            _assert_exact(engine, [(weights, prompt, drawn) for prompt, drawn in zip(prompts, engine.draw(prompts, lent), strict=True)])
        options = tuple(policy.chat.encode_reply(option) for option in ("1", "10", "2"))
        fast = engine.option_log_probs([(prompts[0].context_ids, options)])
        slow = tiny_engine(policy, is_fast=False).option_log_probs([(prompts[0].context_ids, options)])
        assert fast[0] == pytest.approx(slow[0], abs=BOUND)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_through_fast_passes_are_those_of_the_models_own(kind: str) -> None:
    policy = _policy(kind)
    for name, parameter in policy.trained().items():
        if ".lora_B." in name:  # born 0, and then nothing reaches A
            parameter.data = 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(len(name)))
    sequences = [(4, *tokens) for tokens in _random_tokens(5, 7, size=20)]
    (tree,) = pack_token_trees(sequences, 16, 200)  # trees side by side
    assert len(tree.sizes) > 1
    slopes = torch.randn((len(tree.ends_S), policy.chat.vocab_size), generator=torch.Generator().manual_seed(0))
    found = []
    for read in (policy.next_token, policy.next_token.plain):
        loss = (read(tree, tree.ends_S).log_softmax(-1) * slopes).sum()
        found.append(torch.autograd.grad(loss, list(policy.trained().values())))
    for fast, plain in zip(*found, strict=True):
        torch.testing.assert_close(fast, plain, atol=2e-5 * float(plain.abs().max().clamp(min=1.0)), rtol=0)


def test_nothing_without_mass_is_ever_drawn() -> None:
    """A uniform that rounds to 1, and one just under the end of a block whose last entries cannot be drawn."""
    for size in (256, 300, 1024):
        logits = torch.randn((64, size), generator=torch.Generator().manual_seed(size))
        logits[:, 255::256] = float("-inf")
        logits[:, -1] = float("-inf")
        masses = logits.exp()
        ends = masses[:, :256].sum(-1) / masses.sum(-1)
        for uniforms in (torch.full((64,), 1.0 - 2.0**-53), ends.nextafter(torch.zeros(64)), ends, torch.zeros(64)):
            tokens, logprobs = draw_tokens(logits, uniforms, 1.0)
            assert bool(torch.isfinite(logprobs).all())
            expected = logits.log_softmax(-1).gather(1, tokens[:, None])[:, 0]
            torch.testing.assert_close(logprobs, expected, atol=1e-5, rtol=0)


def test_draws_follow_the_distribution() -> None:
    logits = torch.randn((1, 600), generator=torch.Generator().manual_seed(3)) * 2
    uniforms = torch.tensor([Seed(5).uniform(place) for place in range(20000)])
    tokens, _ = draw_tokens(logits.expand(20000, -1), uniforms, 0.7)
    shares = torch.bincount(tokens, minlength=600) / 20000
    expected = (logits[0] / 0.7).softmax(-1)
    # Five standard deviations of a binomial share.
    assert bool(((shares - expected).abs() <= 5 * (expected * (1 - expected) / 20000).sqrt() + 1e-4).all())


def test_rows_that_find_no_memory_wait_and_are_drawn_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = tiny_policy(uses_lora=True)
    prompts = [Prompt(context_ids=context, seed=Seed(place)) for place, context in enumerate(_random_tokens(9, 5, size=20))]
    wide = tiny_engine(policy).draw(prompts)
    monkeypatch.setattr("socratic.policy.fast.lane.CACHE_BYTES", {"cpu": 1})
    assert [reply.token_ids for reply in tiny_engine(policy).draw(prompts)] == [reply.token_ids for reply in wide]


def _record_plainly(step: Step) -> Recording:
    """Stand in for a CUDA graph: the same step over the same memory."""
    results = step()

    def replay() -> None:
        for held, new in zip(results, step(), strict=True):
            held.copy_(new)

    return Recording(replay=replay, results=results)


def test_recorded_steps_have_the_probabilities_of_plain_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    make = Lane.__init__
    recorded = []

    def recording(self: Lane, model: FastModel, worn: Worn | None, num_versions: int, pace: Pace, shelf: Shelf) -> None:
        make(self, model, worn, num_versions, pace, shelf)
        self._graphs = StepGraphs(model, worn, num_versions, self._slots, pace.temperature, _record_plainly)
        recorded.append(self._graphs)

    monkeypatch.setattr(Lane, "__init__", recording)
    policy = tiny_policy(uses_lora=True)
    engine = Engine(policy, temperature=0.8, max_new_tokens=40, pack_tokens=100, max_rows=11)
    _assert_exact(engine, _hold_dialogues(engine, _versions(policy, 3)))
    assert len(recorded[0]._prepared) > 1  # several widths, and numbers of rows that are no power of two


def test_packed_weights_compute_what_plain_ones_do() -> None:
    model = _random_model("llama").bfloat16()
    (tree,) = pack_token_trees(_random_tokens(6, 9), 1000)
    found = []
    with torch.no_grad():
        for body in (read_body(model, {}), packed(read_body(model, {}))):
            fast = FastModel(model, body)
            look = TreeLook(tree, fast.shape, device=fast.device, dtype=fast.dtype)
            hidden = fast.hidden(torch.from_numpy(tree.tokens_N), torch.from_numpy(tree.depths_N), look)
            found.append(fast.logits(hidden).float().log_softmax(-1))
    # Both round to bfloat16 after each product; the order of sums may differ.
    torch.testing.assert_close(found[1], found[0], atol=0.15, rtol=0)


def test_another_version_never_finds_what_was_kept() -> None:
    shelf = Shelf(100)
    shelf.put(0, (1, 2), lambda: torch.zeros(1, 2, 1, 2, 4))
    assert shelf.take(1, (1, 2), (1, 2, 3)) is None
    assert shelf.take(0, (1, 2), (1, 3, 3)) is None
    assert shelf.take(0, (1, 2), (1, 2, 3)) is not None
    assert shelf.take(0, (1, 2), (1, 2, 3)) is None  # its one conversation went on


def test_the_oldest_conversations_are_forgotten_first() -> None:
    shelf = Shelf(5)
    for first in (1, 2, 3):
        shelf.put(0, (first, 9), lambda: torch.zeros(1, 2, 1, 2, 4))
    assert [shelf.take(0, (first, 9), (first, 9, 9)) is not None for first in (1, 2, 3)] == [False, True, True]
    shelf.put(0, (1,) * 6, lambda: pytest.fail("too long to be kept"))


def _forget_versions(patch: pytest.MonkeyPatch) -> None:
    put, take = Shelf.put, Shelf.take
    patch.setattr(Shelf, "put", lambda self, version, *rest: put(self, 0, *rest))
    patch.setattr(Shelf, "take", lambda self, version, *rest: take(self, 0, *rest))


def _shift_what_is_kept(patch: pytest.MonkeyPatch) -> None:
    take = Slots.take

    def shifted(self: Slots, row: int, places: int) -> torch.Tensor:
        held = take(self, row, places)
        held[:, 1] = held[:, 1].roll(1, dims=2)  # the values alone: attention does not mind the order of places
        return held

    patch.setattr(Slots, "take", shifted)


def _mix_up_rows(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Slots, "move", lambda self, sources, targets, places: None)


def _see_everything(patch: pytest.MonkeyPatch) -> None:
    make = TreeLook.__init__

    def blind(self: TreeLook, *args: object, **named: object) -> None:
        make(self, *args, **named)  # type: ignore[arg-type]  # as they came
        self._masks = [torch.zeros_like(mask) for mask in self._masks]

    patch.setattr(TreeLook, "__init__", blind)


def _drop_adapters(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(FastModel, "_project", lambda self, x, projection, adapter, worn: projection(x))


@pytest.mark.parametrize("plant", [_forget_versions, _shift_what_is_kept, _mix_up_rows, _see_everything, _drop_adapters])
def test_planted_mistakes_are_seen(monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None]) -> None:
    policy = tiny_policy(uses_lora=True)
    versions = _versions(policy, 3)
    # The same words under two versions, so that what one has read could be taken for the other's.
    versions[1] = make_weights(1, {name: array * 1.001 for name, array in versions[0].arrays.items()})
    engine = Engine(policy, temperature=1.0, max_new_tokens=6, pack_tokens=256, max_rows=12)
    plant(monkeypatch)
    said = _hold_dialogues(engine, versions)
    with pytest.raises(AssertionError):
        _assert_exact(engine, said)
