"""The engine: what it draws is legal under a mask, has the probability it says, and depends on nothing beside it."""

from math import exp

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from socratic.policy.drawing import Prompt
from socratic.policy.options import option_trie, walk
from socratic.policy.transformer import Policy
from socratic.policy.weights import PolicyWeights, make_weights
from socratic.seeds import Seed
from tests.unit.tiny import tiny_engine, tiny_policy

OPTIONS = ("1", "10", "11", "2", "pass")


def _context(text: str = "Your card: J. You:") -> tuple[int, ...]:
    return tuple(tiny_policy().chat.tokenizer.encode(text))


def _plain_log_probs(tokens: tuple[int, ...]) -> torch.Tensor:
    with torch.no_grad():
        logits: torch.Tensor = tiny_policy().model(torch.tensor([tokens])).logits[0, -1]
    return logits.log_softmax(-1)


def test_masked_probabilities_are_products_along_the_trie_and_sum_to_one() -> None:
    engine = tiny_engine(tiny_policy())
    options = tuple(engine.policy.chat.encode_reply(option) for option in OPTIONS)
    (row,) = engine.option_log_probs([(_context(), options)])
    assert sum(map(exp, row)) == pytest.approx(1.0, abs=1e-5)
    trie = option_trie(options)
    for option, log_prob in zip(options, row, strict=True):
        expected = 0.0
        for length, token in enumerate(option):
            follows = sorted({other[length] for other in options if other[:length] == option[:length]})
            plain = _plain_log_probs(_context() + option[:length])
            expected += float(plain[token] - torch.logsumexp(plain[follows], -1))
        assert log_prob == pytest.approx(expected, abs=1e-5)
    assert len(trie.options) == len(OPTIONS)


def test_masked_draws_are_legal_and_recorded_with_their_own_probability() -> None:
    engine = tiny_engine(tiny_policy())
    options = tuple(engine.policy.chat.encode_reply(option) for option in OPTIONS)
    (row,) = engine.option_log_probs([(_context(), options)])
    drawn = engine.draw([Prompt(context_ids=_context(), seed=Seed(0).child("d", i), options=options) for i in range(400)])
    counts = [0] * len(options)
    for reply in drawn:
        option = options.index(reply.token_ids)
        counts[option] += 1
        assert sum(reply.logprobs) == pytest.approx(row[option], abs=1e-5)
        assert reply.allowed is not None
        assert all(token in allowed for token, allowed in zip(reply.token_ids, reply.allowed, strict=True))
    for count, log_prob in zip(counts, row, strict=True):
        # Five standard deviations of a binomial count.
        assert abs(count - 400 * exp(log_prob)) < 5 * (400 * exp(log_prob) * (1 - exp(log_prob))) ** 0.5 + 1


def test_a_draw_does_not_depend_on_what_shares_the_batch() -> None:
    engine = tiny_engine(tiny_policy())
    alone = Prompt(context_ids=_context(), seed=Seed(5))
    others = [Prompt(context_ids=_context("They bet. You:"), seed=Seed(i)) for i in range(6)]
    (by_itself,) = engine.draw([alone])
    in_company = engine.draw([*others[:3], alone, *others[3:]])[3]
    assert in_company.token_ids == by_itself.token_ids
    assert in_company.logprobs == pytest.approx(by_itself.logprobs, abs=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_free_draws_are_recorded_with_the_plain_forward_pass_probability(temperature: float) -> None:
    engine = tiny_engine(tiny_policy(), temperature=temperature)
    prompts = [Prompt(context_ids=_context(text), seed=Seed(i)) for i in range(4) for text in ("You:", "They pass. You:")]
    for prompt, reply in zip(prompts, engine.draw(prompts), strict=True):
        assert reply.allowed is None
        for length, (token, logprob) in enumerate(zip(reply.token_ids, reply.logprobs, strict=True)):
            with torch.no_grad():
                logits = engine.policy.model(torch.tensor([prompt.context_ids + reply.token_ids[:length]])).logits[0, -1]
            assert logprob == pytest.approx(float((logits / temperature).log_softmax(-1)[token]), abs=1e-5)


def test_a_reply_ends_with_its_end_token_or_is_truncated() -> None:
    engine = tiny_engine(tiny_policy(), max_new_tokens=3)
    replies = engine.draw([Prompt(context_ids=_context(), seed=Seed(i)) for i in range(200)])
    ends = engine.policy.chat.end_ids
    assert any(reply.is_truncated for reply in replies)
    for reply in replies:
        assert reply.is_truncated == (reply.token_ids[-1] not in ends)
        assert not any(token in ends for token in reply.token_ids[:-1])
        assert len(reply.token_ids) == 3 or not reply.is_truncated


def test_lent_weights_are_given_back() -> None:
    policy, other = tiny_policy(), tiny_policy(seed=1)
    engine = tiny_engine(policy)
    options = tuple(policy.chat.encode_reply(option) for option in OPTIONS)
    asked = [(_context(), options)]
    own = engine.option_log_probs(asked)
    lent = engine.option_log_probs(asked, other.weights(3))
    assert lent != own
    assert lent == tiny_engine(other).option_log_probs(asked)
    assert engine.option_log_probs(asked) == own


def _versions(policy: Policy, count: int) -> list[PolicyWeights]:
    """Return versions that differ much: every adapter is redrawn."""
    return [
        make_weights(
            version,
            {
                name: np.array(
                    [Seed(version).child(name).uniform(place) * 0.4 - 0.2 for place in range(parameter.numel())], dtype=np.float32
                ).reshape(parameter.shape)
                for name, parameter in policy.trained().items()
            },
        )
        for version in range(count)
    ]


def test_versions_that_share_a_batch_draw_what_each_draws_alone() -> None:
    policy = tiny_policy(uses_lora=True)
    engine = tiny_engine(policy)
    versions: list[PolicyWeights | None] = [*_versions(policy, 3), None]
    texts = ("You:", "They pass. You:", "Your card: J. They bet. You:")
    prompts = [Prompt(context_ids=_context(text), seed=Seed(i)) for i in range(6) for text in texts for _ in versions]
    worn = [version for _ in range(6) for _ in texts for version in versions]
    own = policy.weights(0).fingerprint
    together = engine.draw_each(prompts, worn)
    assert policy.weights(0).fingerprint == own
    per_version = [together[place :: len(versions)] for place in range(len(versions))]
    for place, version in enumerate(versions):
        alone = engine.draw(prompts[place :: len(versions)], version)
        assert [reply.token_ids for reply in per_version[place]] == [reply.token_ids for reply in alone]
        for reply, other in zip(per_version[place], alone, strict=True):
            assert reply.logprobs == pytest.approx(other.logprobs, abs=1e-5)
    # The same seeds and contexts under other versions: what is worn matters.
    assert all([r.logprobs for r in a] != [r.logprobs for r in b] for place, a in enumerate(per_version) for b in per_version[:place])


def test_one_plain_pass_serves_all_versions_of_an_adapter() -> None:
    passes = []
    for uses_lora in (True, False):
        policy = tiny_policy(uses_lora=uses_lora)
        engine = tiny_engine(policy, max_new_tokens=1, is_fast=False)
        rows: list[int] = []
        policy.model.register_forward_pre_hook(
            lambda _, args, kwargs, rows=rows: rows.append(len(kwargs["input_ids"])),
            with_kwargs=True,
        )
        worn = _versions(policy, 3)
        engine.draw_each([Prompt(context_ids=_context(), seed=Seed(i)) for i in range(6)], [worn[i % 3] for i in range(6)])
        passes.append(rows)
    assert passes == [[3], [1, 1, 1]]


def test_masked_and_free_replies_of_several_versions_keep_their_places() -> None:
    policy = tiny_policy(uses_lora=True)
    engine = tiny_engine(policy)
    options = tuple(policy.chat.encode_reply(option) for option in OPTIONS)
    prompts = [Prompt(context_ids=_context(), seed=Seed(i), options=options if i % 2 else None) for i in range(12)]
    versions = _versions(policy, 3)
    worn = [versions[i % 3] for i in range(12)]
    alone = [engine.draw([prompt], version)[0] for prompt, version in zip(prompts, worn, strict=True)]
    assert [reply.token_ids for reply in engine.draw_each(prompts, worn)] == [reply.token_ids for reply in alone]


def test_the_mass_of_whole_replies_without_a_mask() -> None:
    engine = tiny_engine(tiny_policy())
    options = tuple(engine.policy.chat.encode_reply(option) for option in OPTIONS)
    (row,) = engine.reply_log_probs([(_context(), options)])
    for option, log_prob in zip(options, row, strict=True):
        expected = sum(float(_plain_log_probs(_context() + option[:n])[token]) for n, token in enumerate(option))
        assert log_prob == pytest.approx(expected, abs=1e-4)
    assert sum(map(exp, row)) < 1


@settings(max_examples=50)
@given(shares=st.lists(st.floats(0.01, 1), min_size=3, max_size=3), uniform=st.floats(0, 0.999999))
def test_a_walk_picks_where_the_cumulative_sum_passes(shares: list[float], uniform: float) -> None:
    trie = option_trie(((1, 9), (2, 9), (3, 9)))
    picked = walk(trie, [shares], [uniform])
    total, below = sum(shares), sum(shares[:picked])
    assert below <= uniform * total + 1e-9
    assert uniform * total <= below + shares[picked] + 1e-9


def test_an_option_that_begins_another_is_refused() -> None:
    with pytest.raises(ValueError, match="begins another"):
        option_trie(((1,), (1, 2)))
    with pytest.raises(ValueError, match="distinct"):
        option_trie(((1,), (1,)))
