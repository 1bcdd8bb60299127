"""The learner: one optimizer step a generation, through accelerate.

Shape letters: M places, A allowed tokens (padded), or the whole vocabulary without a mask, D distinct drawn tokens.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from torch import Tensor

from socratic.config import LearnerSection, Objective
from socratic.errors import CheckpointError
from socratic.learner.advantage import Advantages
from socratic.learner.batch import Batch, make_batch
from socratic.learner.objectives import divergence, entropy, policy_gradient
from socratic.learner.packs import Pack, make_packs
from socratic.policy.transformer import Policy, restrict
from socratic.policy.weights import PolicyWeights, make_weights
from socratic.records import Episode, Feedback, Update


class PolicyLearner:
    """Holds the live policy, its optimizer, the magnet and the seat baselines."""

    def __init__(
        self,
        policy: Policy,
        section: LearnerSection,
        *,
        objectives: Mapping[str, Objective],
        temperature: float,
        generations: int,
        device: str = "cpu",
    ) -> None:
        """Train what of `policy` requires gradients; its weights now are t0.

        Args:
            policy: wears the weights of t0.
            section: how to learn.
            objectives: the games whose objective is not the section's.
            temperature: what play divides logits by; learning renormalizes alike.
            generations: over which the rate decays.
            device: "cpu", or anything else for what accelerate finds.
        """
        self._policy = policy
        self._section = section
        self._objectives = objectives
        self._temperature = temperature
        self._generations = generations
        self._advantages = Advantages(section)
        self._t0 = policy.weights(0)
        self._magnet = self._t0
        self._version = 0
        self._trained_total = 0
        self._accelerator = Accelerator(cpu=device == "cpu")
        optimizer = torch.optim.AdamW(
            policy.trained().values(),
            lr=section.lr,
            betas=section.betas,
            weight_decay=section.weight_decay,
            foreach=False,
            fused=False,
        )
        self._next_token, self._optimizer = self._accelerator.prepare(policy.next_token, optimizer)

    def learn(self, index: int, episodes: Sequence[Episode], feedback: Sequence[Feedback]) -> Update:
        """Take one step on generation `index`'s episodes; a batch in which nothing was drawn changes nothing."""
        torch.set_num_threads(self._section.threads)
        batch = make_batch(self._advantages.trajectories(episodes, feedback), self._objective_of)
        rate = self._rate(index)
        metrics = {"policy/lr": rate}
        if batch.places:
            metrics.update(self._step(batch, rate, decay=self._decay(index), measures_t0=index % self._section.kl_t0_every == 0))
        self._trained_total += batch.num_tokens
        metrics["tokens/trained_total"] = self._trained_total
        self._version += 1
        every = self._section.magnet_every
        weights = self._policy.weights(self._version)
        if every and (index + 1) % every == 0:
            self._magnet = weights
        return Update(version=self._version, fingerprint=weights.fingerprint, metrics=metrics)

    def weights(self) -> PolicyWeights:
        """Return a copy of the live weights."""
        return self._policy.weights(self._version)

    def t0(self) -> PolicyWeights:
        """Return the weights as they were when the system was closed."""
        return self._t0

    def save(self, folder: Path) -> None:
        """Write weights, optimizer, magnet, t0 and baselines as safetensors and JSON."""
        for name, weights in (("weights", self.weights()), ("magnet", self._magnet), ("t0", self._t0)):
            save_file(dict(weights.arrays), folder / f"{name}.safetensors")
        moments: dict[str, NDArray[np.float32]] = {}
        steps: dict[str, float] = {}
        for name, parameter in self._policy.trained().items():
            held = self._optimizer.state.get(parameter, {})
            if held:
                moments[f"{name}/exp_avg"] = held["exp_avg"].float().cpu().numpy()
                moments[f"{name}/exp_avg_sq"] = held["exp_avg_sq"].float().cpu().numpy()
                steps[name] = float(held["step"])
        save_file(moments, folder / "optimizer.safetensors")
        state = {
            "version": self._version,
            "magnet_version": self._magnet.version,
            "trained_total": self._trained_total,
            "optimizer_steps": steps,
            "advantages": dict(self._advantages.state()),
        }
        (folder / "learner.json").write_text(json.dumps(state, indent=1, sort_keys=True), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Take back what `save` wrote.

        Raises:
            CheckpointError: a file or key is missing, or does not fit this policy.
        """
        try:
            state = json.loads((folder / "learner.json").read_text(encoding="utf-8"))
            self._version = int(state["version"])
            self._trained_total = int(state["trained_total"])
            self._t0 = make_weights(0, load_file(folder / "t0.safetensors"))
            self._magnet = make_weights(int(state["magnet_version"]), load_file(folder / "magnet.safetensors"))
            self._policy.load(make_weights(self._version, load_file(folder / "weights.safetensors")))
            self._advantages.restore(state["advantages"])
            self._load_optimizer(state["optimizer_steps"], load_file(folder / "optimizer.safetensors"))
        except (OSError, KeyError, ValueError) as error:
            raise CheckpointError(f"{folder} does not hold a whole learner: {error}") from None

    def _load_optimizer(self, steps: Mapping[str, float], moments: Mapping[str, NDArray[np.float32]]) -> None:
        for name, parameter in self._policy.trained().items():
            if name in steps:
                self._optimizer.state[parameter] = {
                    "step": torch.tensor(steps[name], dtype=torch.float32),
                    "exp_avg": torch.from_numpy(moments[f"{name}/exp_avg"]).to(parameter),
                    "exp_avg_sq": torch.from_numpy(moments[f"{name}/exp_avg_sq"]).to(parameter),
                }

    def _rate(self, index: int) -> float:
        warm = min(1.0, (index + 1) / self._section.warmup_generations) if self._section.warmup_generations else 1.0
        return self._section.lr * warm * self._decay(index)

    def _decay(self, index: int) -> float:
        """Return what is left of the learning rate and of the entropy bonus at generation `index`."""
        return 1.0 - index / self._generations if self._section.schedule == "linear" else 1.0

    def _step(self, batch: Batch, rate: float, *, decay: float, measures_t0: bool) -> dict[str, float]:
        totals: dict[str, float] = {}
        self._optimizer.zero_grad()
        # The magnet's distance is told over the places that are held to it.
        held = sum(place.share for place in batch.places if place.kl > 0)
        for pack in make_packs(batch, self._section.pack_tokens):
            for name, value in self._accumulate(pack, decay=decay, measures_t0=measures_t0).items():
                totals[name] = max(totals.get(name, 0.0), value) if name.endswith("_max") else totals.get(name, 0.0) + value
        norm = self._accelerator.clip_grad_norm_(self._policy.trained().values(), self._section.clip)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        if "policy/kl_magnet" in totals:
            totals["policy/kl_magnet"] /= held
        return {**totals, "policy/grad_norm": float(norm), "policy/frac_nonfinite": self._frac_nonfinite()}

    def _frac_nonfinite(self) -> float:
        """Return the share of trained weights that are no finite numbers."""
        trained = list(self._policy.trained().values())
        broken = sum(int((~torch.isfinite(parameter.detach())).sum()) for parameter in trained)
        return broken / sum(parameter.numel() for parameter in trained)

    def _accumulate(self, pack: Pack, *, decay: float, measures_t0: bool) -> dict[str, float]:
        """Add one pack's gradient; return its part of each metric."""
        has_magnet = bool(pack.kl_M.any())
        with torch.no_grad():
            magnet_MA = self._reference(pack, self._magnet) if has_magnet else None
            t0_MA = None
            if measures_t0:
                t0_MA = magnet_MA if self._magnet.version == 0 else None
                t0_MA = self._reference(pack, self._t0) if t0_MA is None else t0_MA
        log_probs_MA = self._log_probs(pack)
        drawn_D = log_probs_MA[pack.rows_D, pack.columns_D]
        loss_pg = policy_gradient(drawn_D, pack.gains_D)
        loss = loss_pg - decay * entropy(log_probs_MA, pack.entropy_M)
        if magnet_MA is not None:
            loss = loss + divergence(log_probs_MA, magnet_MA, pack.kl_M)
        self._accelerator.backward(loss)
        with torch.no_grad():
            found = {
                "policy/loss": loss,
                "policy/loss_pg": loss_pg,
                "policy/entropy": entropy(log_probs_MA, pack.shares_M),
                "offpolicy/logp_diff_max": torch.maximum(drawn_D - pack.least_D, pack.greatest_D - drawn_D).max(),
            }
            if magnet_MA is not None:
                found["policy/kl_magnet"] = divergence(log_probs_MA, magnet_MA, pack.shares_M * (pack.kl_M > 0))
            if t0_MA is not None:
                found["policy/kl_t0"] = divergence(log_probs_MA, t0_MA, pack.shares_M)
        return {name: float(value.detach()) for name, value in found.items()}

    def _objective_of(self, game: str) -> Objective:
        return self._objectives.get(game, self._section.objective)

    def _reference(self, pack: Pack, weights: PolicyWeights) -> Tensor:
        with self._policy.wearing(weights):
            return self._log_probs(pack)

    def _log_probs(self, pack: Pack) -> Tensor:
        logits_MV: Tensor = self._next_token(pack.tree, pack.tree.ends_S)
        return restrict(logits_MV / self._temperature, pack.allowed)
