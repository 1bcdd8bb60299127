"""The components of the loss: each slope against a sum by hand, at the points where the formula changes its mind."""

import math

import pytest
import torch
from torch import Tensor

from socratic.config import Gradient, Preference
from socratic.learner.objectives.cispo import CISPO
from socratic.learner.objectives.dpo import DPO
from socratic.learner.objectives.draws import Draws, Pairs
from socratic.learner.objectives.entropy import entropy
from socratic.learner.objectives.gspo import GSPO
from socratic.learner.objectives.imitation import imitation
from socratic.learner.objectives.magnet import divergence, k2, k3
from socratic.learner.objectives.ppo import PPO
from socratic.learner.objectives.reinforce import Reinforce
from socratic.learner.objectives.spin import SPIN
from socratic.learner.objectives.value import credit, value_loss

# Ratios inside the range, on both edges' far sides, and far out.
RATIOS = (1.0, 1.1, 0.9, 1.5, 0.5, 6.0)
ADVANTAGES = (2.0, -2.0, 1.0, 1.5, -1.5, -1.0)
WEIGHTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
BEHAVIOUR = (-1.0, -2.0, -0.5, -3.0, -1.0, -2.5)


def _draws(reply: tuple[int, ...] = (0, 0, 1, 1, 1, 2)) -> Draws:
    return Draws(
        behaviour_D=torch.tensor(BEHAVIOUR, dtype=torch.float64),
        advantage_D=torch.tensor(ADVANTAGES, dtype=torch.float64),
        weight_D=torch.tensor(WEIGHTS, dtype=torch.float64),
        reply_D=torch.tensor(reply),
        num_replies=max(reply) + 1,
    )


def _logp() -> Tensor:
    return (torch.tensor(BEHAVIOUR, dtype=torch.float64) + torch.tensor(RATIOS, dtype=torch.float64).log()).requires_grad_()


def _slopes(loss: Tensor, logp: Tensor) -> list[float]:
    (slopes,) = torch.autograd.grad(loss, logp)
    return [float(slope) for slope in slopes]


def test_reinforce_slopes_are_minus_weight_times_advantage() -> None:
    logp = _logp()
    expected = [-w * a for w, a in zip(WEIGHTS, ADVANTAGES, strict=True)]
    assert _slopes(Reinforce(Gradient()).loss(logp, _draws()), logp) == pytest.approx(expected)


def test_ppo_is_silent_where_the_ratio_has_gone_far_enough() -> None:
    # d(r A)/dlogp = r A inside; 0 where A > 0 and r > 1.3, or A < 0 and r < 0.8; where the ratio went the wrong way it still pulls back.
    logp = _logp()
    objective = PPO(Gradient(clip_low=0.2, clip_high=0.3))
    expected = []
    for w, a, r in zip(WEIGHTS, ADVANTAGES, RATIOS, strict=True):
        is_silent = (a > 0 and r > 1.3) or (a < 0 and r < 0.8)
        expected.append(0.0 if is_silent else -w * r * a)
    assert _slopes(objective.loss(logp, _draws()), logp) == pytest.approx(expected)


def test_ppos_dual_bound_stops_a_bad_reply_that_became_far_likelier() -> None:
    # The last draw: A = -1, r = 6 > 3, so that the gain is the constant -3.
    logp = _logp()
    loss = PPO(Gradient(dual=3.0)).loss(logp, _draws())
    without = PPO(Gradient()).loss(logp, _draws())
    slopes = _slopes(loss, logp)
    assert slopes[-1] == 0.0
    assert _slopes(PPO(Gradient()).loss(logp, _draws()), logp)[-1] == pytest.approx(0.6 * 6.0)
    assert float((without - loss).detach()) == pytest.approx(0.6 * (6.0 - 3.0))


def test_cispo_keeps_every_tokens_gradient_under_a_clipped_weight() -> None:
    logp = _logp()
    expected = [-w * min(max(r, 0.8), 1.3) * a for w, a, r in zip(WEIGHTS, ADVANTAGES, RATIOS, strict=True)]
    assert _slopes(CISPO(Gradient(clip_low=0.2, clip_high=0.3)).loss(logp, _draws()), logp) == pytest.approx(expected)


def test_gspo_gives_all_tokens_of_a_reply_the_same_pull() -> None:
    # One advantage a reply. Ratios: sqrt(1.0 x 1.1) and (0.9 x 1.5 x 0.5)**(1/3) = 0.877, both inside; 6, outside on the side of A.
    draws = Draws(
        behaviour_D=torch.tensor(BEHAVIOUR, dtype=torch.float64),
        advantage_D=torch.tensor([2.0, 2.0, -1.0, -1.0, -1.0, 0.5], dtype=torch.float64),
        weight_D=torch.tensor(WEIGHTS, dtype=torch.float64),
        reply_D=torch.tensor([0, 0, 1, 1, 1, 2]),
        num_replies=3,
    )
    logp = _logp()
    first, second = math.sqrt(1.1), (0.9 * 1.5 * 0.5) ** (1 / 3)
    expected = [-0.3 * first * 2.0 / 2] * 2 + [1.2 * second * 1.0 / 3] * 3 + [0.0]
    assert _slopes(GSPO(Gradient()).loss(logp, draws), logp) == pytest.approx(expected)


@pytest.mark.parametrize("objective", [Reinforce(Gradient()), PPO(Gradient()), CISPO(Gradient())])
def test_a_separable_loss_is_the_sum_over_any_parts(objective: Reinforce | PPO | CISPO) -> None:
    logp, draws = _logp(), _draws()
    parts = [torch.tensor([0, 3]), torch.tensor([1, 2, 4, 5])]
    whole = objective.loss(logp, draws)
    of_parts = sum(float(objective.loss(logp[part], draws.at(part)).detach()) for part in parts)
    assert of_parts == pytest.approx(float(whole.detach()))


def test_on_policy_all_gradients_are_reinforces() -> None:
    logp = torch.tensor(BEHAVIOUR, dtype=torch.float64).requires_grad_()
    plain = _slopes(Reinforce(Gradient()).loss(logp, _draws()), logp)
    for objective in (PPO(Gradient()), CISPO(Gradient()), PPO(Gradient(dual=3.0))):
        assert _slopes(objective.loss(logp, _draws()), logp) == pytest.approx(plain)


def test_imitation_slopes_are_minus_the_weights() -> None:
    logp = _logp()
    assert _slopes(imitation(logp, torch.tensor(WEIGHTS, dtype=torch.float64)), logp) == pytest.approx([-w for w in WEIGHTS])


@pytest.mark.parametrize("kind", [DPO, SPIN])
def test_a_preference_pulls_by_how_wrong_it_still_is(kind: type[DPO]) -> None:
    # arXiv:2305.18290, the gradient below equation 7: -beta sigmoid(-beta margin) for the better, with the other sign for the worse.
    chosen = torch.tensor([-1.0, -2.0], dtype=torch.float64, requires_grad=True)
    rejected = torch.tensor([-1.5, -1.0], dtype=torch.float64, requires_grad=True)
    pairs = Pairs(
        chosen_P=chosen,
        rejected_P=rejected,
        chosen_reference_P=torch.tensor([-1.2, -1.5], dtype=torch.float64),
        rejected_reference_P=torch.tensor([-1.1, -1.4], dtype=torch.float64),
        weight_P=torch.tensor([0.25, 0.75], dtype=torch.float64),
    )
    loss = kind(Preference(beta=0.5)).loss(pairs)
    margins = [0.5 * ((-1.0 + 1.2) - (-1.5 + 1.1)), 0.5 * ((-2.0 + 1.5) - (-1.0 + 1.4))]
    assert float(loss.detach()) == pytest.approx(sum(w * math.log1p(math.exp(-m)) for w, m in zip((0.25, 0.75), margins, strict=True)))
    pulls = [w * 0.5 / (1 + math.exp(m)) for w, m in zip((0.25, 0.75), margins, strict=True)]
    slopes_chosen, slopes_rejected = torch.autograd.grad(loss, (chosen, rejected))
    assert slopes_chosen.tolist() == pytest.approx([-pull for pull in pulls])
    assert slopes_rejected.tolist() == pytest.approx(pulls)


def _two_policies() -> tuple[Tensor, Tensor, Tensor]:
    logits = torch.tensor([0.3, -0.2, 0.9], dtype=torch.float64, requires_grad=True)
    reference = torch.tensor([-0.4, 0.5, 0.1], dtype=torch.float64).log_softmax(0)
    return logits, logits.log_softmax(0), reference


def test_the_full_divergence_and_its_gradient_are_the_kls() -> None:
    logits, log_probs, reference = _two_policies()
    found = divergence(log_probs[None], reference[None], torch.ones(1, dtype=torch.float64))
    p = log_probs.detach().exp()
    by_hand = float((p * (log_probs.detach() - reference)).sum())
    assert float(found.detach()) == pytest.approx(by_hand)
    # dKL/dlogit_j = p_j (log p_j - log q_j - KL)
    (slopes,) = torch.autograd.grad(found, logits)
    assert slopes.tolist() == pytest.approx((p * (log_probs.detach() - reference - by_hand)).tolist())


def test_k2s_gradient_is_the_kls_in_expectation_and_k3s_value_is() -> None:
    logits, log_probs, reference = _two_policies()
    p, ones = log_probs.detach().exp(), torch.ones(3, dtype=torch.float64)
    kl = divergence(log_probs[None], reference[None], ones[:1])
    (exact,) = torch.autograd.grad(kl, logits, retain_graph=True)
    (of_k2,) = torch.autograd.grad(k2(log_probs, reference, p), logits, retain_graph=True)
    assert of_k2.tolist() == pytest.approx(exact.tolist())
    assert float(k3(log_probs, reference, p).detach()) == pytest.approx(float(kl.detach()))
    (of_k3,) = torch.autograd.grad(k3(log_probs, reference, p), logits)
    assert of_k3.tolist() != pytest.approx(exact.tolist(), abs=1e-3)


def test_the_entropys_gradient_is_its_formulas() -> None:
    logits, log_probs, _ = _two_policies()
    found = entropy(log_probs[None], torch.ones(1, dtype=torch.float64))
    p = log_probs.detach().exp()
    h = -float((p * log_probs.detach()).sum())
    (slopes,) = torch.autograd.grad(found, logits)
    assert float(found.detach()) == pytest.approx(h)
    assert slopes.tolist() == pytest.approx((-p * (log_probs.detach() + h)).tolist())


def test_masked_places_have_no_share_in_divergence_or_entropy() -> None:
    log_probs = torch.tensor([[math.log(0.25), math.log(0.75), -math.inf]])
    reference = torch.tensor([[math.log(0.5), math.log(0.5), -math.inf]])
    one = torch.ones(1)
    assert float(divergence(log_probs, reference, one)) == pytest.approx(0.25 * math.log(0.5) + 0.75 * math.log(1.5))
    assert float(entropy(log_probs, one)) == pytest.approx(-0.25 * math.log(0.25) - 0.75 * math.log(0.75))


def test_generalized_advantages_by_hand() -> None:
    # deltas: .9 x .4 - .5 = -.14, .9 x .1 - .4 = -.31, 1 - .1 = .9; trace .9 x .8 = .72
    found = credit(1.0, (0.5, 0.4, 0.1), discount=0.9, trace=0.8)
    assert found == pytest.approx((-0.14 + 0.72 * (-0.31 + 0.72 * 0.9), -0.31 + 0.72 * 0.9, 0.9))


def test_with_a_whole_trace_advantages_are_returns_minus_values_and_with_none_one_step_errors() -> None:
    assert credit(1.0, (0.5, 0.4), discount=1.0, trace=1.0) == pytest.approx((0.5, 0.6))
    assert credit(1.0, (0.5, 0.4), discount=1.0, trace=0.0) == pytest.approx((-0.1, 0.6))
    assert credit(1.0, (), discount=1.0, trace=0.5) == ()


def test_the_value_loss_is_half_the_weighted_squared_error() -> None:
    found = value_loss(torch.tensor([1.0, 2.0]), torch.tensor([0.0, 4.0]), torch.tensor([0.25, 0.75]))
    assert float(found) == pytest.approx((0.25 * 1 + 0.75 * 4) / 2)
