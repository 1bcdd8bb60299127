"""From trajectories to what a forward pass needs: distinct places, and what is drawn and weighed at each.

A place is what stood before a drawn token, with what the mask allowed. Hundreds of trajectories share few places; each is
computed once. Every normalizer and coefficient is folded into weights here, so that gradients do not depend on how places are
spread over micro-batches or ranks.

Shape letters: D drawn tokens, R replies, P pairs.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from socratic.config import Objective
from socratic.learner.keeping import Pair
from socratic.learner.objectives.draws import Draws
from socratic.records import Trajectory, Turn

Tokens = tuple[int, ...]


@dataclass(kw_only=True, slots=True)
class Place:
    """One distinct place at which tokens were drawn."""

    prefix: Tokens
    allowed: Tokens | None
    share: float = 0.0  # this place's part of all draws of the generation; sums to 1 over a batch
    kl: float = 0.0  # share times the game's coefficient
    entropy: float = 0.0  # likewise
    draws: list[int] = field(default_factory=list)  # which draws were made here


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What one optimizer step learns from."""

    places: tuple[Place, ...]
    tokens: tuple[int, ...]  # the token of each draw
    draws: Draws  # weighted for the policy gradient
    kept_D: Tensor  # each draw's weight for imitation
    kl_D: Tensor  # each draw's weight for an estimated distance to the magnet
    is_played_D: Tensor  # False for a reply that is only remembered: it has no log-probability of play
    pairs_P2: Tensor  # which replies are paired: better, worse
    weight_P: Tensor
    num_tokens: int  # drawn tokens with a choice

    def on(self, device: torch.device) -> "Batch":
        """Return the batch with its tensors on a device."""
        if device.type == "cpu":
            return self
        draws = self.draws
        return replace(
            self,
            draws=replace(
                draws,
                behaviour_D=draws.behaviour_D.to(device),
                advantage_D=draws.advantage_D.to(device),
                weight_D=draws.weight_D.to(device),
                reply_D=draws.reply_D.to(device),
            ),
            kept_D=self.kept_D.to(device),
            kl_D=self.kl_D.to(device),
            is_played_D=self.is_played_D.to(device),
            pairs_P2=self.pairs_P2.to(device),
            weight_P=self.weight_P.to(device),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Norm:
    """How tokens are weighed against each other."""

    kind: str  # tokens, turns or constant
    constant: int  # tokens of the longest reply that may be drawn

    def weight(self, num_drawn: int, *, draws: int, replies: int) -> float:
        """Return the weight of one token of a reply with `num_drawn`, in a game with that many draws and replies."""
        if self.kind == "tokens":
            return 1.0 / draws
        return 1.0 / (replies * (num_drawn if self.kind == "turns" else self.constant))


PER_TOKEN = Norm(kind="tokens", constant=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Whole:
    """How much there is of each game in a whole generation, of which a batch may be a part."""

    draws: Mapping[str, int]
    replies: Mapping[str, int]  # with a draw
    imitated: Mapping[str, int]  # draws of what is kept
    pairs: Mapping[str, int]
    parts: int = 1  # steps that the generation is learned from in


def measure_whole(trajectories: Sequence[Trajectory], kept: Sequence[bool] = (), pairs: Sequence[Pair] = (), parts: int = 1) -> Whole:
    """Return what a generation's batches are normalized by, so that each game weighs alike however it is cut into them."""
    draws, replies = _count(trajectories)
    imitated: Counter[str] = Counter()
    for trajectory, is_kept in zip(trajectories, kept or [False] * len(trajectories), strict=True):
        imitated[trajectory.game] += is_kept * sum(len(drawn_positions(turn)) for turn in trajectory.turns if is_imitable(turn))
    return Whole(
        draws=draws,
        replies=replies,
        imitated=+imitated,
        pairs=Counter(pair.game for pair in pairs),
        parts=parts,
    )


def make_batch(
    trajectories: Sequence[Trajectory],
    objective_of: Callable[[str], Objective],
    *,
    norm: Norm = PER_TOKEN,
    kept: Sequence[bool] = (),
    pairs: Sequence[Pair] = (),
    whole: Whole | None = None,
) -> Batch:
    """Gather the draws of all trajectories and pairs.

    Each game weighs 1 / (number of games), so that a game with long replies or many turns does not drown the others, times the
    coefficients of its objective; within a game `norm` says what a token weighs. Tokens that the mask forced were not drawn and
    weigh nothing.

    Args:
        trajectories: what was played, with an advantage for each turn.
        objective_of: a game's coefficients.
        norm: how tokens are weighed.
        kept: for each trajectory, whether it is imitated; empty: none is.
        pairs: replies to compare, which may be of earlier generations.
        whole: of which generation this is a part; None: it is the whole.
    """
    gathered = _Gathered(whole or measure_whole(trajectories, kept, pairs), objective_of, norm)
    gathered.take_trajectories(trajectories, kept or [False] * len(trajectories))
    gathered.take_pairs(pairs)
    return gathered.batch()


class _Gathered:
    """A batch that still grows."""

    def __init__(self, whole: Whole, objective_of: Callable[[str], Objective], norm: Norm) -> None:
        self._objective_of = objective_of
        self._norm = norm
        self._whole = whole
        self._places: dict[tuple[Tokens, Tokens | None], Place] = {}
        self._tokens: list[int] = []
        self._behaviour: list[float] = []
        self._advantage: list[float] = []
        self._weight: list[float] = []
        self._kept: list[float] = []
        self._kl: list[float] = []
        self._is_played: list[bool] = []
        self._reply: list[int] = []
        self._reply_of: dict[int, int] = {}  # by identity of the turn
        self._num = 0
        self._pairs: list[tuple[int, int]] = []
        self._pair_weights: list[float] = []

    def take_trajectories(self, trajectories: Sequence[Trajectory], kept: Sequence[bool]) -> None:
        whole = self._whole
        # A part's weights are those of the whole, times the number of parts: a step is as long as one on everything.
        scale = whole.parts / len(whole.draws)
        for trajectory, is_kept in zip(trajectories, kept, strict=True):
            game = trajectory.game
            if not whole.draws[game]:
                continue
            objective = self._objective_of(game)
            share = scale / whole.draws[game]
            copied = (
                objective.ce * whole.parts / (len(whole.imitated) * whole.imitated[game]) if is_kept and whole.imitated.get(game) else 0.0
            )
            for turn, advantage in zip(trajectory.turns, trajectory.advantages, strict=True):
                drawn = drawn_positions(turn)
                weight = scale * self._norm.weight(len(drawn), draws=whole.draws[game], replies=whole.replies[game]) if drawn else 0.0
                gain, drift = objective.pg * weight, objective.kl * weight
                for place in self._take_reply(turn, drawn):
                    place.share += share
                    place.kl += share * objective.kl
                    place.entropy += share * objective.entropy
                num = len(drawn)
                self._advantage += [advantage] * num
                self._weight += [gain] * num
                self._kept += [copied if is_imitable(turn) else 0.0] * num
                self._kl += [drift] * num

    def take_pairs(self, pairs: Sequence[Pair]) -> None:
        whole = self._whole
        for pair in pairs:
            weight = self._objective_of(pair.game).pref * whole.parts / (len(whole.pairs) * whole.pairs[pair.game])
            self._pairs.append((self._only_paired(pair.chosen), self._only_paired(pair.rejected)))
            self._pair_weights.append(weight)

    def batch(self) -> Batch:
        def column(values: Sequence[float]) -> Tensor:
            return torch.tensor(values, dtype=torch.float32)

        draws = Draws(
            behaviour_D=column(self._behaviour),
            advantage_D=column(self._advantage),
            weight_D=column(self._weight),
            reply_D=torch.tensor(self._reply, dtype=torch.int64),
            num_replies=self._num,
        )
        return Batch(
            places=tuple(self._places.values()),
            tokens=tuple(self._tokens),
            draws=draws,
            kept_D=column(self._kept),
            kl_D=column(self._kl),
            is_played_D=torch.tensor(self._is_played, dtype=torch.bool),
            pairs_P2=torch.tensor(self._pairs, dtype=torch.int64).reshape(-1, 2),
            weight_P=column(self._pair_weights),
            num_tokens=len(self._tokens),
        )

    def _only_paired(self, turn: Turn) -> int:
        """Return the number of a reply, which is taken without weight where it is not of this generation's trajectories."""
        if id(turn) not in self._reply_of:
            drawn = drawn_positions(turn)
            self._take_reply(turn, drawn)
            for values in (self._advantage, self._weight, self._kept, self._kl):
                values += [0.0] * len(drawn)
        return self._reply_of[id(turn)]

    def _take_reply(self, turn: Turn, drawn: Sequence[int]) -> list[Place]:
        """Add a reply's draws; return their places."""
        self._reply_of[id(turn)] = self._num
        visited = []
        for position in drawn:
            allowed = None if turn.allowed is None else turn.allowed[position]
            key = (turn.context_ids + turn.token_ids[:position], allowed)
            place = self._places.get(key)
            if place is None:
                place = self._places[key] = Place(prefix=key[0], allowed=allowed)
            place.draws.append(len(self._tokens))
            visited.append(place)
            self._tokens.append(turn.token_ids[position])
            self._reply.append(self._num)
        self._behaviour += [turn.logprobs[position] for position in drawn] if turn.logprobs else [0.0] * len(drawn)
        self._is_played += [bool(turn.logprobs)] * len(drawn)
        self._num += 1
        return visited


def is_imitable(turn: Turn) -> bool:
    """Return whether a reply may be imitated where its episode is kept: a legal move, said to its end."""
    return turn.is_legal and not turn.is_truncated


def drawn_positions(turn: Turn) -> list[int]:
    """Return at which positions of a reply a token was drawn: everywhere, or where the mask left a choice."""
    if turn.allowed is None:
        return list(range(len(turn.token_ids)))
    return [position for position, tokens in enumerate(turn.allowed) if len(tokens) > 1]


def _count(trajectories: Sequence[Trajectory]) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Return each game's number of draws, and of replies with a draw."""
    draws: Counter[str] = Counter()
    replies: Counter[str] = Counter()
    for trajectory in trajectories:
        for turn in trajectory.turns:
            num = len(drawn_positions(turn))
            draws[trajectory.game] += num
            replies[trajectory.game] += num > 0
    return draws, replies
