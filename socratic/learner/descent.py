"""One optimizer step: every component's slopes with respect to log-probabilities, then those through the policy, pack by pack.

A component is a function of the log-probabilities of drawn tokens, and sees no model. Its slope at each token is taken first, by
autograd on that vector alone; the policy's gradient is then the sum of slope times log-probability over packs. Where a component
couples tokens (a ratio of whole replies, a pair of replies), the vector of the whole batch is computed beforehand, without
gradients: so no component depends on how the batch is cut. Distances and entropies over whole distributions are sums over places,
and are taken in the pack.

Shape letters: D drawn tokens of a batch, K of a pack, M places, A allowed tokens or the whole vocabulary, P pairs.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from socratic.config import LearnerSection
from socratic.learner.batch import Batch
from socratic.learner.objectives.draws import Draws, PairObjective, Pairs, TokenObjective
from socratic.learner.objectives.entropy import entropy
from socratic.learner.objectives.imitation import imitation
from socratic.learner.objectives.magnet import divergence, k2, k3
from socratic.learner.packs import Pack, make_packs
from socratic.learner.ranks import Ranks
from socratic.policy.transformer import Policy, restrict
from socratic.policy.weights import PolicyWeights

ESTIMATORS = {"k2": k2, "k3": k3}
# What packs bring to be summed, over packs and over ranks.
SUMMED = (
    "policy/loss",
    "policy/loss_pg",
    "policy/loss_ce",
    "policy/loss_kl",
    "policy/entropy",
    "policy/kl_magnet",
    "policy/kl_t0",
    "draws",
    "ratio",
    "ratio_squared",
    "clipped",
    "k3_old",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class References:
    """The versions that the policy is compared with."""

    magnet: PolicyWeights
    t0: PolicyWeights | None  # None: the distance to t0 is not measured now
    preferred: PolicyWeights | None  # the reference of preferences


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How far a step goes."""

    rate: float  # learning rate
    decay: float  # what is left of the entropy bonus


class Descent:
    """Takes optimizer steps on batches."""

    def __init__(
        self,
        policy: Policy,
        section: LearnerSection,
        accelerator: Accelerator,
        *,
        gradient: TokenObjective,
        preference: PairObjective,
        temperature: float,
    ) -> None:
        """Descend on what of `policy` is trained, dividing logits by `temperature` as play does."""
        self._policy = policy
        self._section = section
        self._accelerator = accelerator
        self._ranks = Ranks(accelerator)
        self._gradient = gradient
        self._preference = preference
        self._temperature = temperature
        optimizer = torch.optim.AdamW(
            policy.trained().values(),
            lr=section.lr,
            betas=section.betas,
            weight_decay=section.weight_decay,
            foreach=False,
            fused=False,
        )
        # In evaluation mode: the model goes to its device and is not wrapped, because gradients are summed by hand.
        self._next_token: nn.Module = accelerator.prepare_model(policy.next_token, evaluation_mode=True)
        self.optimizer = accelerator.prepare(optimizer)

    def step(self, batch: Batch, references: References, pace: Pace) -> dict[str, float]:
        """Take one step; return its metrics, of the policy before the step. Without any gradient the weights stay as they are.

        (An optimizer with momentum would go on by itself.)
        """
        self.optimizer.zero_grad()
        sums, whole = self.gradients(batch, references, entropy_decay=pace.decay)
        norm = self._accelerator.clip_grad_norm_(self._policy.trained().values(), self._section.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = pace.rate
        if float(norm) > 0 or not isfinite(float(norm)):
            self.optimizer.step()
        return {**sums, **whole, "policy/grad_norm": float(norm)}

    def gradients(self, batch: Batch, references: References, *, entropy_decay: float = 1.0) -> tuple[dict[str, float], dict[str, float]]:
        """Add the loss's gradient to the policy's; return metrics that are sums over places, and the others."""
        device = self._accelerator.device
        batch = batch.on(device)
        packs = [pack.on(device) for pack in self._ranks.own(make_packs(batch, self._section.pack_tokens))]
        slopes_D, whole = self._coupled(batch, packs, references)
        sums: dict[str, float] = defaultdict(float)
        most = 0.0
        for pack in packs:
            for name, value in self._accumulate(batch, pack, slopes_D, references, entropy_decay).items():
                if name == "offpolicy/logp_diff_max":
                    most = max(most, value)
                else:
                    sums[name] += value
        parameters = list(self._policy.trained().values())
        self._ranks.total_gradients(parameters)
        found = self._over_ranks(sums)
        whole["offpolicy/logp_diff_max"] = self._ranks.greatest(most)
        # The magnet's distance is told over the places that are held to it.
        held = sum(place.share for place in batch.places if place.kl > 0)
        if "policy/kl_magnet" in found:
            found["policy/kl_magnet"] /= held
        found["policy/loss"] = found.get("policy/loss", 0.0) + whole.pop("policy/loss", 0.0)
        return found, whole

    def _over_ranks(self, sums: Mapping[str, float]) -> dict[str, float]:
        """Return the sums over all ranks; one without packs brings none, so that all bring every name that there may be."""
        if self._ranks.num == 1:
            return dict(sums)
        odd = sums.keys() - set(SUMMED)
        assert not odd, f"{odd} is not among the metrics that ranks sum"
        pairs = [[sums.get(name, 0.0), float(name in sums)] for name in SUMMED]
        totals = self._ranks.total(torch.tensor(pairs, device=self._accelerator.device)).tolist()
        return {name: value for name, (value, num) in zip(SUMMED, totals, strict=True) if num}

    def _coupled(self, batch: Batch, packs: list[Pack], references: References) -> tuple[Tensor | None, dict[str, float]]:
        """Return every draw's slope where a component couples tokens; None where none does."""
        has_pairs = len(batch.weight_P) > 0
        if self._gradient.is_separable and not has_pairs:
            return None, {}
        leaf_D = self._read(packs, len(batch.tokens), None).requires_grad_()
        metrics: dict[str, float] = {}
        loss = leaf_D.new_zeros(())
        if not self._gradient.is_separable:
            loss_pg = self._gradient.loss(leaf_D, batch.draws)
            loss = loss + loss_pg
            metrics["policy/loss_pg"] = float(loss_pg.detach())
        if has_pairs:
            reference_D = self._read(packs, len(batch.tokens), references.preferred)
            pairs = _pairs(batch, leaf_D, reference_D)
            loss_pref = self._preference.loss(pairs)
            loss = loss + loss_pref
            with torch.no_grad():
                gains_P = (pairs.chosen_P - pairs.chosen_reference_P) - (pairs.rejected_P - pairs.rejected_reference_P)
            metrics["policy/loss_pref"] = float(loss_pref.detach())
            metrics["policy/preference_margin"] = float(gains_P.mean())
            metrics["policy/preference_accuracy"] = float((gains_P > 0).float().mean())
        (slopes_D,) = torch.autograd.grad(loss, leaf_D)
        return slopes_D, {**metrics, "policy/loss": float(loss.detach())}

    def _read(self, packs: list[Pack], num_draws: int, weights: PolicyWeights | None) -> Tensor:
        """Return every draw's log-probability under other weights, or the live ones, without gradients, shape (D,)."""
        logp_D = torch.zeros(num_draws, device=self._accelerator.device)
        with torch.no_grad(), self._policy.wearing(weights):
            for pack in packs:
                drawn = self._drawn(pack)
                logp_D[pack.draws_K] = drawn[0] if drawn else self._log_probs(pack)[pack.rows_K, pack.columns_K]
        return self._ranks.total(logp_D)

    def _accumulate(
        self, batch: Batch, pack: Pack, slopes_D: Tensor | None, references: References, entropy_decay: float
    ) -> dict[str, float]:
        """Add one pack's gradient; return its part of each metric."""
        has_magnet = bool(pack.kl_M.any())
        needs_whole = (has_magnet and self._section.kl_form == "full") or bool(pack.entropy_M.any()) or references.t0 is not None
        drawn = None if needs_whole else self._drawn(pack)
        if drawn:
            return self._accumulate_drawn(batch, pack, drawn, slopes_D, references.magnet if has_magnet else None)
        with torch.no_grad():
            magnet_MA = self._reference(pack, references.magnet) if has_magnet else None
            t0_MA = None
            if references.t0 is not None:
                is_magnet = magnet_MA is not None and references.magnet.fingerprint == references.t0.fingerprint
                t0_MA = magnet_MA if is_magnet else self._reference(pack, references.t0)
        log_probs_MA = self._log_probs(pack)
        logp_K = log_probs_MA[pack.rows_K, pack.columns_K]
        magnet_K = None if magnet_MA is None else magnet_MA[pack.rows_K, pack.columns_K]
        slopes_K, metrics = self._separable(batch, pack, logp_K.detach(), magnet_K)
        if slopes_D is not None:
            slopes_K = slopes_K + slopes_D[pack.draws_K]
        surrogate = (slopes_K * logp_K).sum()
        bonus = entropy_decay * entropy(log_probs_MA, pack.entropy_M)
        loss = surrogate - bonus
        metrics["policy/loss"] -= float(bonus.detach())
        if magnet_MA is not None and self._section.kl_form == "full":
            pull = divergence(log_probs_MA, magnet_MA, pack.kl_M)
            loss = loss + pull
            metrics["policy/loss"] += float(pull.detach())
        self._accelerator.backward(loss)
        with torch.no_grad():
            metrics["policy/entropy"] = float(entropy(log_probs_MA, pack.shares_M))
            if magnet_MA is not None:
                metrics["policy/kl_magnet"] = float(divergence(log_probs_MA, magnet_MA, pack.shares_M * (pack.kl_M > 0)))
            if t0_MA is not None:
                metrics["policy/kl_t0"] = float(divergence(log_probs_MA, t0_MA, pack.shares_M))
            metrics.update(self._off_policy(batch, pack, logp_K))
        return metrics

    def _accumulate_drawn(
        self, batch: Batch, pack: Pack, drawn: tuple[Tensor, Tensor], slopes_D: Tensor | None, magnet: PolicyWeights | None
    ) -> dict[str, float]:
        """Do the same where no component asks for whole distributions; the distance to the magnet is then told by k3, on the draws."""
        logp_K, entropy_M = drawn
        magnet_K = None
        if magnet is not None:
            with torch.no_grad(), self._policy.wearing(magnet):
                found = self._drawn(pack)
            assert found is not None
            magnet_K = found[0]
        slopes_K, metrics = self._separable(batch, pack, logp_K.detach(), magnet_K)
        if slopes_D is not None:
            slopes_K = slopes_K + slopes_D[pack.draws_K]
        self._accelerator.backward((slopes_K * logp_K).sum())
        with torch.no_grad():
            metrics["policy/entropy"] = float((entropy_M * pack.shares_M).sum())
            if magnet_K is not None:
                num_M = torch.zeros_like(pack.shares_M).index_add_(0, pack.rows_K, torch.ones_like(logp_K))
                weights_K = (pack.shares_M * (pack.kl_M > 0) / num_M.clamp(min=1.0))[pack.rows_K]
                metrics["policy/kl_magnet"] = float(k3(logp_K, magnet_K, weights_K))
            metrics.update(self._off_policy(batch, pack, logp_K))
        return metrics

    def _drawn(self, pack: Pack) -> tuple[Tensor, Tensor] | None:
        """Return drawn tokens' log-probabilities and places' entropies without the whole table; None where only that will do."""
        if pack.allowed is not None:
            return None
        return self._policy.next_token.drawn(pack.tree, pack.tree.ends_S, pack.rows_K, pack.columns_K, self._temperature)

    def _separable(self, batch: Batch, pack: Pack, logp_K: Tensor, magnet_K: Tensor | None) -> tuple[Tensor, dict[str, float]]:
        """Return the slopes of the components that are sums over single tokens, and their losses."""
        leaf_K = logp_K.requires_grad_()
        loss = leaf_K.new_zeros(())
        metrics: dict[str, float] = {}
        parts: dict[str, Tensor] = {}
        if self._gradient.is_separable:
            parts["policy/loss_pg"] = self._gradient.loss(leaf_K, batch.draws.at(pack.draws_K))
        kept_K = batch.kept_D[pack.draws_K]
        if bool(kept_K.any()):
            parts["policy/loss_ce"] = imitation(leaf_K, kept_K)
        if magnet_K is not None and self._section.kl_form in ESTIMATORS:
            parts["policy/loss_kl"] = ESTIMATORS[self._section.kl_form](leaf_K, magnet_K, batch.kl_D[pack.draws_K])
        for name, part in parts.items():
            loss = loss + part
            metrics[name] = float(part.detach())
        metrics["policy/loss"] = float(loss.detach())
        if not loss.requires_grad:
            return torch.zeros_like(logp_K), metrics
        (slopes_K,) = torch.autograd.grad(loss, leaf_K)
        return slopes_K, metrics

    def _off_policy(self, batch: Batch, pack: Pack, logp_K: Tensor) -> dict[str, float]:
        """Return sums over draws of what the ratio to the policy that played is like, and the greatest difference."""
        is_played_K = batch.is_played_D[pack.draws_K]
        difference_K = (logp_K - batch.draws.behaviour_D[pack.draws_K])[is_played_K]
        if not len(difference_K):
            return {}
        ratio_K = difference_K.exp()
        low, high = 1.0 - self._section.gradient.clip_low, 1.0 + self._section.gradient.clip_high
        return {
            "draws": float(len(ratio_K)),
            "ratio": float(ratio_K.sum()),
            "ratio_squared": float((ratio_K**2).sum()),
            "clipped": float(((ratio_K < low) | (ratio_K > high)).sum()),
            # k3 on draws of the policy that played, with r = pi / pi_play.
            "k3_old": float((ratio_K - 1.0 - difference_K).sum()),
            "offpolicy/logp_diff_max": float(difference_K.abs().max()),
        }

    def _reference(self, pack: Pack, weights: PolicyWeights) -> Tensor:
        with self._policy.wearing(weights):
            return self._log_probs(pack)

    def _log_probs(self, pack: Pack) -> Tensor:
        logits_MV: Tensor = self._next_token(pack.tree, pack.tree.ends_S)
        return restrict(logits_MV / self._temperature, pack.allowed)


def ratio_metrics(sums: Mapping[str, float]) -> dict[str, float]:
    """Return what `gradients` summed over draws, as `offpolicy/...` and `policy/...` metrics."""
    num = sums.get("draws", 0.0)
    if not num:
        return {}
    return {
        "offpolicy/is_ratio_mean": sums["ratio"] / num,
        # Effective sample size as a share of the draws (Kish 1965).
        "offpolicy/ess": sums["ratio"] ** 2 / (num * sums["ratio_squared"]),
        "policy/clip_frac": sums["clipped"] / num,
        "policy/kl_old": sums["k3_old"] / num,
    }


def _pairs(batch: Batch, logp_D: Tensor, reference_D: Tensor) -> Pairs:
    draws: Draws = batch.draws
    logp_R, reference_R = draws.totals(logp_D), draws.totals(reference_D)
    chosen_P, rejected_P = batch.pairs_P2[:, 0], batch.pairs_P2[:, 1]
    return Pairs(
        chosen_P=logp_R[chosen_P],
        rejected_P=logp_R[rejected_P],
        chosen_reference_P=reference_R[chosen_P],
        rejected_reference_P=reference_R[rejected_P],
        weight_P=batch.weight_P,
    )
