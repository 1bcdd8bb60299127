"""The learner: a generation's episodes and rewards in, the next weights out.

What is learned from is in `lessons`, `advantage` and `keeping`; what the loss is made of in `objectives`, one file each; how a step is
taken in `descent`.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from socratic.config import LearnerSection, Objective
from socratic.errors import CheckpointError, ConfigError
from socratic.learner.advantage import Advantages
from socratic.learner.batch import Norm, drawn_positions, make_batch, measure_whole
from socratic.learner.descent import Descent, Pace, References, ratio_metrics
from socratic.learner.keeping import Pair, PairMaker, kept_for_imitation
from socratic.learner.lessons import Taught, silent_games
from socratic.learner.objectives.draws import PairObjective, TokenObjective
from socratic.learner.value_head import ForetellingHead
from socratic.policy.transformer import Policy
from socratic.policy.weights import PolicyWeights, make_weights
from socratic.records import Episode, Feedback, Json, Trajectory, Update
from socratic.registry import OBJECTIVES, PREFERENCES, load_plugin
from socratic.seeds import Seed


class PolicyLearner:
    """Holds the live policy, its optimizer, the magnet, the baselines and what is remembered of play."""

    def __init__(
        self,
        policy: Policy,
        section: LearnerSection,
        *,
        objectives: Mapping[str, Objective],
        temperature: float,
        max_new_tokens: int,
        generations: int,
        seed: Seed,
        device: str = "cpu",
    ) -> None:
        """Train what of `policy` requires gradients; its weights now are t0.

        Args:
            policy: wears the weights of t0.
            section: how to learn.
            objectives: the games whose objective is not the section's.
            temperature: what play divides logits by; learning renormalizes alike.
            max_new_tokens: the longest reply that play draws: the constant of `normalize = "constant"`.
            generations: over which the rate decays.
            seed: of the order of minibatches and of the value head's first weights.
            device: "cpu", or anything else for what accelerate finds.
        """
        self._policy = policy
        self._section = section
        self._objectives = objectives
        self._norm = Norm(kind=section.normalize, constant=max_new_tokens)
        self._generations = generations
        self._seed = seed
        self._advantages = Advantages(section)
        gradient, preference = load_objectives(section)
        self._pair_maker = PairMaker(section.preference, is_against_best=preference.is_against_best)
        self._t0 = policy.weights(0)
        self._magnet = self._t0
        self._version = 0
        self._trained_total = 0
        self._silent: set[str] = set()  # games that taught nothing in the last generation: said once
        self._descent = Descent(
            policy,
            section,
            Accelerator(cpu=device == "cpu"),
            gradient=gradient,
            preference=preference,
            temperature=temperature,
        )
        self._head = None
        if section.baseline == "value":
            self._head = ForetellingHead(policy, section.value, seed.child("value head"), section.pack_tokens)

    def learn(self, index: int, episodes: Sequence[Episode], feedback: Sequence[Feedback]) -> Update:
        """Take generation `index`'s steps; where nothing was drawn, or no component pulls anywhere, the weights stay."""
        torch.set_num_threads(self._section.threads)
        trajectories = self._advantages.trajectories(episodes, feedback, self._head.foretell if self._head else None)
        pairs = self._pair_maker.pairs(trajectories) if any(each.pref for each in self._used(trajectories)) else []
        taught = self._taught(trajectories, pairs)
        metrics = {"policy/lr": self._rate(index)}
        if any(drawn_positions(turn) for each in trajectories for turn in each.turns):
            if self._head:
                metrics.update(self._teach_head(trajectories))
            metrics.update(self._descend(index, trajectories, pairs))
        if any(each.ce for each in self._used(trajectories)):
            metrics["policy/kept_frac"] = sum(each.num_kept for each in taught.values()) / max(1, len(trajectories))
        notes = self._notes(silent_games(episodes, feedback, trajectories, taught))
        self._trained_total += sum(len(drawn_positions(turn)) for each in trajectories for turn in each.turns)
        metrics["tokens/trained_total"] = self._trained_total
        self._version += 1
        every = self._section.magnet_every
        weights = self._policy.weights(self._version)
        if every and (index + 1) % every == 0:
            self._magnet = weights
        return Update(version=self._version, fingerprint=weights.fingerprint, metrics=metrics, notes=notes)

    def weights(self) -> PolicyWeights:
        """Return a copy of the live weights."""
        return self._policy.weights(self._version)

    def t0(self) -> PolicyWeights:
        """Return the weights as they were when the system was closed."""
        return self._t0

    def save(self, folder: Path) -> None:
        """Write weights, optimizer, magnet, t0, baselines and memories as safetensors and JSON."""
        for name, weights in (("weights", self.weights()), ("magnet", self._magnet), ("t0", self._t0)):
            save_file(dict(weights.arrays), folder / f"{name}.safetensors")
        moments: dict[str, NDArray[np.float32]] = {}
        steps: dict[str, float] = {}
        for name, parameter in self._policy.trained().items():
            held = self._descent.optimizer.state.get(parameter, {})
            if held:
                moments[f"{name}/exp_avg"] = held["exp_avg"].float().cpu().numpy()
                moments[f"{name}/exp_avg_sq"] = held["exp_avg_sq"].float().cpu().numpy()
                steps[name] = float(held["step"])
        save_file(moments, folder / "optimizer.safetensors")
        state: dict[str, Json] = {
            "version": self._version,
            "magnet_version": self._magnet.version,
            "trained_total": self._trained_total,
            "optimizer_steps": dict(steps),
            "advantages": dict(self._advantages.state()),
            "pairs": dict(self._pair_maker.state()),
            "silent": [*sorted(self._silent)],
        }
        if self._head:
            state["value_head_steps"] = self._head.state()
            save_file(self._head.arrays(), folder / "value_head.safetensors")
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
            self._silent = set(state["silent"])
            self._t0 = make_weights(0, load_file(folder / "t0.safetensors"))
            self._magnet = make_weights(int(state["magnet_version"]), load_file(folder / "magnet.safetensors"))
            self._policy.load(make_weights(self._version, load_file(folder / "weights.safetensors")))
            self._advantages.restore(state["advantages"])
            self._pair_maker.restore(state["pairs"])
            if self._head:
                self._head.restore(load_file(folder / "value_head.safetensors"), state["value_head_steps"])
            self._load_optimizer(state["optimizer_steps"], load_file(folder / "optimizer.safetensors"))
        except (OSError, KeyError, ValueError) as error:
            raise CheckpointError(f"{folder} does not hold a whole learner: {error}") from None

    def _load_optimizer(self, steps: Mapping[str, float], moments: Mapping[str, NDArray[np.float32]]) -> None:
        for name, parameter in self._policy.trained().items():
            if name in steps:
                self._descent.optimizer.state[parameter] = {
                    "step": torch.tensor(steps[name], dtype=torch.float32),
                    "exp_avg": torch.from_numpy(moments[f"{name}/exp_avg"]).to(parameter),
                    "exp_avg_sq": torch.from_numpy(moments[f"{name}/exp_avg_sq"]).to(parameter),
                }

    def _descend(self, index: int, trajectories: Sequence[Trajectory], pairs: Sequence[Pair]) -> dict[str, float]:
        """Go through the play `epochs` times, `minibatches` steps each; return the steps' metrics."""
        section = self._section
        pace = Pace(rate=self._rate(index), decay=self._decay(index))
        start = self._policy.weights(self._version) if section.preference.reference == "last" and pairs else None
        preferred = {"t0": self._t0, "magnet": self._magnet, "last": start}[section.preference.reference]
        found: list[dict[str, float]] = []
        for epoch in range(section.epochs):
            kept = kept_for_imitation(trajectories, section.imitation, epoch)
            whole = measure_whole(trajectories, kept, pairs, parts=min(section.minibatches, len(trajectories)))
            for part in self._minibatches(index * section.epochs + epoch, len(trajectories)):
                own_pairs = pairs if section.minibatches == 1 else _pairs_of([trajectories[place] for place in part], pairs)
                batch = make_batch(
                    [trajectories[place] for place in part],
                    self._objective_of,
                    norm=self._norm,
                    kept=[kept[place] for place in part],
                    pairs=own_pairs,
                    whole=whole,
                )
                if not batch.places:
                    continue
                measures_t0 = epoch == 0 and index % section.kl_t0_every == 0
                references = References(magnet=self._magnet, t0=self._t0 if measures_t0 else None, preferred=preferred)
                found.append(self._descent.step(batch, references, pace))
        return {**_over_steps(found), "policy/frac_nonfinite": self._frac_nonfinite()}

    def _minibatches(self, number: int, num: int) -> list[list[int]]:
        """Return which trajectories each step learns from; in an order of their own where there are several."""
        count = min(self._section.minibatches, num)
        if count == 1:
            return [list(range(num))]
        draws = self._seed.child("minibatches", number)
        order = sorted(range(num), key=lambda place: (draws.uniform(place), place))
        return [sorted(order[first::count]) for first in range(count)]

    def _teach_head(self, trajectories: Sequence[Trajectory]) -> dict[str, float]:
        assert self._head is not None
        values = self._head.foretell(trajectories)
        traces = [self._advantages.traces(each, told) for each, told in zip(trajectories, values, strict=True)]
        return self._head.learn(trajectories, values, traces)

    def _taught(self, trajectories: Sequence[Trajectory], pairs: Sequence[Pair]) -> dict[str, Taught]:
        kept = kept_for_imitation(trajectories, self._section.imitation, 0)
        num_kept = Counter(each.game for each, is_kept in zip(trajectories, kept, strict=True) if is_kept)
        num_pairs = Counter(pair.game for pair in pairs)
        moved = {each.game for each in trajectories if any(each.advantages)}
        return {
            game: Taught(
                objective=self._objective_of(game),
                has_advantage=game in moved,
                num_kept=num_kept[game],
                num_pairs=num_pairs[game],
            )
            for game in {each.game for each in trajectories}
        }

    def _notes(self, silent: Mapping[str, str]) -> tuple[str, ...]:
        """Return what is said of games that teach nothing, once for as long as it lasts."""
        fresh = [message for game, message in silent.items() if game not in self._silent]
        self._silent = set(silent)
        return tuple(fresh)

    def _used(self, trajectories: Sequence[Trajectory]) -> list[Objective]:
        return [self._objective_of(game) for game in {each.game for each in trajectories}]

    def _objective_of(self, game: str) -> Objective:
        return self._objectives.get(game, self._section.objective)

    def _rate(self, index: int) -> float:
        warm = min(1.0, (index + 1) / self._section.warmup_generations) if self._section.warmup_generations else 1.0
        return self._section.lr * warm * self._decay(index)

    def _decay(self, index: int) -> float:
        """Return what is left of the learning rate and of the entropy bonus at generation `index`."""
        section = self._section
        if section.schedule == "constant":
            return 1.0
        return max(section.floor, 1.0 - index / (section.decay_generations or self._generations))

    def _frac_nonfinite(self) -> float:
        """Return the share of trained weights that are no finite numbers."""
        trained = list(self._policy.trained().values())
        broken = sum(int((~torch.isfinite(parameter.detach())).sum()) for parameter in trained)
        return broken / sum(parameter.numel() for parameter in trained)


def _pairs_of(trajectories: Sequence[Trajectory], pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs whose worse reply is among these trajectories' turns."""
    own = {id(turn) for each in trajectories for turn in each.turns}
    return [pair for pair in pairs if id(pair.rejected) in own]


def _over_steps(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return each metric's mean over the steps; what is measured before the first step only is told as it was then."""
    if not found:
        return {}
    sums: dict[str, float] = defaultdict(float)
    counts: Counter[str] = Counter()
    for step in found:
        for name, value in step.items():
            sums[name] += value
            counts[name] += 1
    means = {name: sums[name] / counts[name] for name in sums if "/" in name}
    # Between play and learning only the first step's policy is the same.
    means["offpolicy/logp_diff_max"] = found[0]["offpolicy/logp_diff_max"]
    return {**means, **ratio_metrics(sums)}


def load_objectives(section: LearnerSection, *, needs_ratio: bool = False) -> tuple[TokenObjective, PairObjective]:
    """Return the policy gradient and the preference that `section` names.

    Args:
        section: names them.
        needs_ratio: play is older than what learns from it, so that a gradient must read the ratio of the two.

    Raises:
        ConfigError: what is named is neither, or reads no ratio where it must.
        UnknownGame: nothing of that name is installed.
        BrokenPlugin: it cannot be loaded.
    """
    gradient = _made(OBJECTIVES, section.gradient.kind, section.gradient, ("loss", "is_separable"))
    if needs_ratio and not getattr(gradient, "reads_ratio", False):
        raise ConfigError(
            f"play.lag is above 0, and the objective {section.gradient.kind!r} does not say that it corrects for play by older weights "
            '(reads_ratio = True); set learner.gradient.kind = "ppo" or "cispo", or play.lag = 0'
        )
    preference = _made(PREFERENCES, section.preference.kind, section.preference, ("loss", "is_against_best"))
    return cast(TokenObjective, gradient), cast(PairObjective, preference)


def _made(group: str, name: str, told: object, members: Sequence[str]) -> object:
    make = load_plugin(group, name)
    kind = group.rpartition(".")[2].removesuffix("s")
    if not callable(make):
        raise ConfigError(f"the {kind} {name!r} is {make!r}, expected a class, or a function that makes one")
    made = make(told)
    lacking = [member for member in members if not hasattr(made, member)]
    if lacking:
        raise ConfigError(f"the {kind} {name!r} has no {lacking[0]!r}; see docs/learning.md for what one is made of")
    return cast(object, made)
