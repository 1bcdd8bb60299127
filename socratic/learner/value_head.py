"""The value head: it foretells a seat's return from what the policy made of its context.

It reads the policy's last hidden state and does not pull at it: what the policy is trained for stays the policy's own.

Shape letters: C contexts, H hidden size.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from socratic.config import ValueHead
from socratic.errors import CheckpointError
from socratic.learner.objectives.value import value_loss
from socratic.policy.token_tree import pack_token_trees
from socratic.policy.transformer import Policy
from socratic.records import Json, Trajectory
from socratic.seeds import Seed

Tokens = tuple[int, ...]
Arrays = Mapping[str, NDArray[np.float32]]
# Steps of the head for each generation's returns: it is small, and its targets move.
STEPS = 4


class ForetellingHead:
    """Two layers over the policy's hidden state, with an optimizer of their own."""

    def __init__(self, policy: Policy, section: ValueHead, seed: Seed, max_nodes: int) -> None:
        """Draw the head's weights from `seed`; it foretells 0 at first."""
        self._policy = policy
        self._max_nodes = max_nodes
        size = policy.model.config.hidden_size
        self._net = nn.Sequential(nn.Linear(size, size), nn.Tanh(), nn.Linear(size, 1))
        generator = torch.Generator().manual_seed(seed.key >> 1)
        with torch.no_grad():
            for name, parameter in self._net.named_parameters():
                values = torch.zeros(parameter.shape)
                if name == "0.weight":
                    values.normal_(0.0, size**-0.5, generator=generator)
                parameter.copy_(values)
        self._net.to(policy.model.device)
        self._optimizer = torch.optim.AdamW(self._net.parameters(), lr=section.lr, weight_decay=0.0, foreach=False, fused=False)

    def foretell(self, trajectories: Sequence[Trajectory]) -> list[tuple[float, ...]]:
        """Return the value of each turn of each trajectory."""
        contexts = list(dict.fromkeys(turn.context_ids for each in trajectories for turn in each.turns))
        if not contexts:
            return [() for _ in trajectories]
        with torch.no_grad():
            values = dict(zip(contexts, self._values(self._hidden(contexts)).tolist(), strict=True))
        return [tuple(values[turn.context_ids] for turn in each.turns) for each in trajectories]

    def learn(
        self, trajectories: Sequence[Trajectory], foretold: Sequence[Sequence[float]], traces: Sequence[Sequence[float]]
    ) -> dict[str, float]:
        """Take the head's steps towards the returns, `foretold` plus `traces`; return `policy/...` metrics."""
        returns: dict[Tokens, list[float]] = {}
        for each, values, advantages in zip(trajectories, foretold, traces, strict=True):
            for turn, value, advantage in zip(each.turns, values, advantages, strict=True):
                returns.setdefault(turn.context_ids, []).append(value + advantage)
        if not returns:
            return {}
        hidden_CH = self._hidden(list(returns))
        counts_C = torch.tensor([float(len(each)) for each in returns.values()], device=hidden_CH.device)
        means_C = torch.tensor([sum(each) / len(each) for each in returns.values()], device=hidden_CH.device)
        weight_C = counts_C / counts_C.sum()
        for _ in range(STEPS):
            self._optimizer.zero_grad()
            value_loss(self._values(hidden_CH), means_C, weight_C).backward()
            self._optimizer.step()
        foreseen = _explained(returns, dict(zip(returns, self._values(hidden_CH).tolist(), strict=True)))
        return {} if foreseen is None else {"policy/explained_variance": foreseen}

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return the weights and the optimizer's moments."""
        held = {}
        for name, parameter in self._net.named_parameters():
            held[f"weight/{name}"] = parameter.detach().cpu().numpy().copy()
            moments = self._optimizer.state.get(parameter, {})
            for moment in ("exp_avg", "exp_avg_sq") if moments else ():
                held[f"{moment}/{name}"] = moments[moment].cpu().numpy().copy()
        return held

    def state(self) -> dict[str, Json]:
        """Return how many steps each weight's optimizer has taken."""
        return {name: float(held["step"]) for name, p in self._net.named_parameters() if (held := self._optimizer.state.get(p))}

    def restore(self, arrays: Arrays, steps: Mapping[str, Json]) -> None:
        """Take back what `arrays` and `state` returned.

        Raises:
            CheckpointError: something is missing.
        """
        try:
            for name, parameter in self._net.named_parameters():
                with torch.no_grad():
                    parameter.copy_(torch.from_numpy(arrays[f"weight/{name}"]))
                if name in steps:
                    self._optimizer.state[parameter] = {
                        "step": torch.tensor(float(str(steps[name])), dtype=torch.float32),
                        "exp_avg": torch.from_numpy(arrays[f"exp_avg/{name}"]).to(parameter),
                        "exp_avg_sq": torch.from_numpy(arrays[f"exp_avg_sq/{name}"]).to(parameter),
                    }
        except KeyError as error:
            raise CheckpointError(f"the checkpoint holds no whole value head: {error} is missing") from None

    def _values(self, hidden_CH: Tensor) -> Tensor:
        values_C1: Tensor = self._net(hidden_CH)
        return values_C1[:, 0]

    @torch.no_grad()
    def _hidden(self, contexts: Sequence[Tokens]) -> Tensor:
        rows: list[Tensor | None] = [None] * len(contexts)
        for tree in pack_token_trees(contexts, self._max_nodes):
            for member, row in zip(tree.members, self._policy.next_token.hidden(tree, tree.ends_S), strict=True):
                rows[member] = row
        return torch.stack([row for row in rows if row is not None])


def _explained(returns: Mapping[Tokens, Sequence[float]], values: Mapping[Tokens, float]) -> float | None:
    """Return 1 - mean squared error over variance of the returns; None where those do not vary."""
    pairs = [(value, values[context]) for context, each in returns.items() for value in each]
    mean = sum(value for value, _ in pairs) / len(pairs)
    variance = sum((value - mean) ** 2 for value, _ in pairs)
    return 1.0 - sum((value - foretold) ** 2 for value, foretold in pairs) / variance if variance > 0 else None
