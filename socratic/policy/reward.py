"""The reward model: a small Transformer, made here, that says of a text what it is worth.

It is a scratch policy whose head has one output in place of a vocabulary, read at the text's last token.

Shape letters: R texts of a batch, P pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from socratic.config import PolicySection
from socratic.config.feedback import RewardModelSection
from socratic.policy.chat import Chat
from socratic.policy.folders import local_model
from socratic.policy.recipe import PolicyRecipe
from socratic.policy.smollm2 import smollm2_folder
from socratic.policy.sources import build_scratch_model, fetch_from_hub
from socratic.policy.token_tree import pack_token_trees
from socratic.policy.tokenizer import build_tokenizer
from socratic.policy.transformer import Policy
from socratic.policy.weights import PolicyWeights
from socratic.seeds import Seed

# What a text is told in. Each part ends with a token that nobody can write, so that no player's words pass for another part.
Text: TypeAlias = tuple[str, ...]

PACK_TOKENS = 1024  # nodes of one forward pass in training
MAX_REMEMBERED = 1 << 14  # texts whose worth is not computed twice


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two answers to one question, of which one is known to be worth more."""

    question: str  # what the two have in common; worths are comparable within a question only
    better: Text
    worse: Text


@dataclass(frozen=True, kw_only=True, slots=True)
class Lesson:
    """All that a refresh depends on."""

    pairs: tuple[Pair, ...]
    weights: PolicyWeights | None  # where it goes on from; None: from the seed's own first weights
    version: int  # of what comes out
    seed: Seed


@dataclass(frozen=True, kw_only=True, slots=True)
class Learned:
    """What a refresh came to."""

    weights: PolicyWeights
    loss: float  # nats a pair, mean over the last tenth of the steps


@dataclass(frozen=True, kw_only=True, slots=True)
class RewardRecipe:
    """How a reward model is made, small enough to travel; equal recipes give equal tokens and shapes."""

    section: RewardModelSection
    policy: PolicyRecipe  # whose tokenizer it reads with
    seed: Seed


def bradley_terry(better_P: Tensor, worse_P: Tensor) -> Tensor:
    """Return the mean of -log sigmoid(r_better - r_worse), in nats.

    Source: R. Bradley and M. Terry, 1952, as the loss of a reward model in arXiv:2203.02155, section 3.5, equation 1.
    """
    return -nn.functional.logsigmoid(better_P - worse_P).mean()


class RewardWorker:
    """Scores and trains with the weights that each call brings; keeps nothing that changes an answer."""

    def __init__(self, recipe: RewardRecipe) -> None:
        """Build the model.

        Raises:
            ModelMissing: the policy's tokenizer is not on this machine.
            PolicyError: the sizes do not fit each other.
        """
        self._section = recipe.section
        self._model = make_reward_model(recipe)
        self._first = self._model.weights(0)
        self._live = self._first.fingerprint
        self._known: dict[tuple[str, Text], float] = {}

    def score(self, texts: Sequence[Text], weights: PolicyWeights) -> list[float]:
        """Return what each text is worth, in nats of odds.

        Each is computed by itself, so that its last bits do not depend on what is asked beside it.
        """
        self._wear(weights)
        return [self._worth(text, weights.fingerprint) for text in texts]

    def train(self, lesson: Lesson) -> Learned:
        """Return the weights after `steps` steps on pairs drawn from the lesson; the rate falls to 0."""
        section, trained = self._section, self._model.trained()
        self._wear(lesson.weights or self._first)
        self._live = ""
        optimizer = torch.optim.AdamW(trained.values(), lr=section.lr, betas=(0.9, 0.95), weight_decay=0.0, foreach=False, fused=False)
        losses = []
        for step in range(section.steps):
            draws = lesson.seed.child("step", step)
            picked = [lesson.pairs[draws.integer(len(lesson.pairs), place)] for place in range(section.batch)]
            for group in optimizer.param_groups:
                group["lr"] = section.lr * (1.0 - step / section.steps)
            optimizer.zero_grad()
            worths_R = self._worths([pair.better for pair in picked] + [pair.worse for pair in picked])
            loss = bradley_terry(worths_R[: len(picked)], worths_R[len(picked) :])
            loss.backward()
            nn.utils.clip_grad_norm_(trained.values(), 1.0)
            optimizer.step()
            losses.append(float(loss.detach()))
        tail = losses[-max(1, section.steps // 10) :]
        return Learned(weights=self._model.weights(lesson.version), loss=sum(tail) / len(tail))

    def _wear(self, weights: PolicyWeights) -> None:
        if self._live != weights.fingerprint:
            self._model.load(weights)
            self._live = weights.fingerprint

    def _worth(self, text: Text, fingerprint: str) -> float:
        key = (fingerprint, text)
        if key not in self._known:
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            with torch.no_grad():
                self._known[key] = float(self._worths([text])[0])
        return self._known[key]

    def _worths(self, texts: Sequence[Text]) -> Tensor:
        """Return what each text is worth, shape (R,); what texts share at their beginning is computed once."""
        rows = [tuple(token for part in text for token in self._model.chat.encode_reply(part)) for text in texts]
        trees = pack_token_trees(rows, PACK_TOKENS)
        found_R = torch.cat([self._model.next_token(tree, tree.ends_S)[:, 0] for tree in trees])
        members = np.array([member for tree in trees for member in tree.members])
        return found_R[torch.from_numpy(np.argsort(members))]


def make_reward_model(recipe: RewardRecipe) -> Policy:
    """Return a Transformer of one output, its weights drawn from the recipe's seed.

    Raises:
        ModelMissing: the policy's tokenizer is not on this machine.
        PolicyError: the sizes do not fit each other.
    """
    section = recipe.section
    tokenizer = _tokenizer(recipe.policy)
    sizes = PolicySection(hidden=section.hidden, layers=section.layers, heads=section.heads)
    model = build_scratch_model(len(tokenizer), sizes, recipe.seed.child("weights"))
    # Of the head over the vocabulary one row is kept; built without memory, the new one draws nothing.
    head = nn.Linear(section.hidden, 1, bias=False, device="meta")
    head.weight = nn.Parameter(model.lm_head.weight.detach()[:1].clone())
    model.lm_head = head
    return Policy(model, Chat(tokenizer))


def _tokenizer(recipe: PolicyRecipe) -> PreTrainedTokenizerBase:
    source = recipe.section.source
    if source == "scratch":
        return build_tokenizer(recipe.lexicon)
    folder = smollm2_folder() if source == "smollm2" else local_model(source) or fetch_from_hub(source)
    loaded: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    return loaded
