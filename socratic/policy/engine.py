"""The engine: contexts in, drawn replies out, with their log-probabilities at the time.

Under a mask a whole reply costs one forward pass: the token tree holds every context and every beginning of a legal
reply after which there is a choice. Free text is drawn token by token over a cache, as a stream. Equal contexts are
computed once either way, and several versions share a batch where they are adapters. Every drawn token uses one uniform,
keyed by its turn and position, so that a draw never depends on which other rows share the batch.

Passes are the fast ones where the model is Llama-shaped, and the model's own elsewhere.

Shape letters: V vocabulary, M selected nodes, A allowed tokens.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from socratic.policy.chat import Chat
from socratic.policy.drawing import Drawn, Prompt
from socratic.policy.fast.lane import PASS_NODES, Pace
from socratic.policy.fast.looks import TreeLook
from socratic.policy.fast.wardrobe import Wardrobe
from socratic.policy.fast.weights import is_llama_shaped
from socratic.policy.options import OptionTrie, Tokens, option_trie, walk
from socratic.policy.plain import PlainDraw
from socratic.policy.stream import FastStream, PlainStream, Stream
from socratic.policy.token_tree import TokenTree, pack_token_trees
from socratic.policy.transformer import Policy, restrict
from socratic.policy.weights import PolicyWeights

# Free replies that grow at a time.
MAX_ROWS = 128
KEPT_MB = 512


class Engine:
    """Draws replies from a policy; a pure function of (weights, prompts) at a fixed number of torch threads."""

    def __init__(
        self,
        policy: Policy,
        *,
        temperature: float,
        max_new_tokens: int,
        pack_tokens: int,
        max_rows: int = MAX_ROWS,
        kept_mb: int = KEPT_MB,
        is_fast: bool = True,
    ) -> None:
        """Draw from `policy`.

        Args:
            policy: what draws.
            temperature: what logits are divided by.
            max_new_tokens: the longest free reply.
            pack_tokens: nodes of one pass over a token tree.
            max_rows: free replies that grow at a time.
            kept_mb: memory, in MiB, for what conversations have read between their turns.
            is_fast: take the fast passes where the model allows.
        """
        self.policy = policy
        self.temperature = temperature
        self.max_new_tokens = max_new_tokens
        self.pack_tokens = pack_tokens
        self._max_rows = max_rows
        self._kept_bytes = kept_mb << 20
        self._wardrobe = Wardrobe(policy) if is_fast and is_llama_shaped(policy.model) else None

    @property
    def chat(self) -> Chat:
        """Return what renders views and reads replies."""
        return self.policy.chat

    def stream(self, versions: Sequence[PolicyWeights | None], *, keeps_conversations: bool = False) -> Stream:
        """Return a stream of free replies by `versions`; None is what the policy wears now.

        It may keep what conversations have read between their turns, and forgets all when it is dropped.
        """
        if self._wardrobe is None:
            draw = PlainDraw(self.policy, temperature=self.temperature, max_new_tokens=self.max_new_tokens)
            return PlainStream(draw, versions)
        pace = Pace(
            temperature=self.temperature,
            max_new_tokens=self.max_new_tokens,
            max_rows=self._max_rows,
            pack_tokens=self.pack_tokens,
            ends=self.policy.chat.end_ids,
        )
        return FastStream(self._wardrobe, versions, pace, self._kept_bytes if keeps_conversations else 0)

    def draw(self, prompts: Sequence[Prompt], weights: PolicyWeights | None = None) -> list[Drawn]:
        """Draw a reply to each prompt, in order; `weights` lends other trained weights for this call."""
        return self.draw_each(prompts, [weights] * len(prompts))

    def draw_each(self, prompts: Sequence[Prompt], weights: Sequence[PolicyWeights | None]) -> list[Drawn]:
        """Draw a reply to each prompt, in order, with the weights at its place; None: what the policy wears.

        Free text of all versions is drawn in one batch where they are adapters; everything else takes a pass for each version.
        """
        versions: dict[str, PolicyWeights | None] = {}
        masked: dict[str, list[int]] = {}
        free: list[tuple[int, str]] = []
        for place, (prompt, lent) in enumerate(zip(prompts, weights, strict=True)):
            key = lent.fingerprint if lent else ""
            versions.setdefault(key, lent)
            if prompt.options is None:
                free.append((place, key))
            else:
                masked.setdefault(key, []).append(place)
        drawn: dict[int, Drawn] = {}
        for key, places in masked.items():
            drawn.update(zip(places, self._draw_masked([prompts[i] for i in places], versions[key]), strict=True))
        if free:
            asked_by = list(dict.fromkeys(key for _, key in free))
            stream = self.stream([versions[key] for key in asked_by])
            for place, key in free:
                stream.ask(place, prompts[place], asked_by.index(key))
            while stream.is_busy:
                drawn.update(stream.advance())
        return [drawn[place] for place in range(len(prompts))]

    @torch.no_grad()
    def option_log_probs(
        self, asked: Sequence[tuple[Tokens, tuple[Tokens, ...]]], weights: PolicyWeights | None = None
    ) -> list[list[float]]:
        """Return the log-probability of each option of each (context, options), as masked play draws it."""
        tables = self._choice_log_probs(asked, weights)
        result = []
        for context, options in asked:
            trie, table = option_trie(options), tables[context, options]
            result.append([sum(table[choice][place] for choice, place in path) for path in trie.paths])
        return result

    @torch.no_grad()
    def reply_log_probs(
        self, asked: Sequence[tuple[Tokens, tuple[Tokens, ...]]], weights: PolicyWeights | None = None
    ) -> list[list[float]]:
        """Return the log-probability of each reply's whole text after each context, without a mask."""
        sequences = sorted({context + option[:n] for context, options in asked for option in options for n in range(len(option))})
        rows: dict[Tokens, Tensor] = {}
        for tree in pack_token_trees(sequences, self.pack_tokens, PASS_NODES):
            logits_MV = self._read(tree, weights) / self.temperature
            for row, member in zip(torch.log_softmax(logits_MV, dim=-1), tree.members, strict=True):
                rows[sequences[member]] = row
        return [
            [sum(float(rows[context + option[:n]][token]) for n, token in enumerate(option)) for option in options]
            for context, options in asked
        ]

    def _draw_masked(self, prompts: Sequence[Prompt], weights: PolicyWeights | None) -> list[Drawn]:
        asked = [(prompt.context_ids, prompt.options) for prompt in prompts if prompt.options is not None]
        tables = self._choice_log_probs(asked, weights)
        chances = {key: [[float(p) for p in np.exp(row)] for row in table] for key, table in tables.items()}
        drawn = []
        for prompt, key in zip(prompts, asked, strict=True):
            trie = option_trie(key[1])
            uniforms = [prompt.seed.uniform(i) for i in range(len(trie.choices))]
            option = walk(trie, chances[key], uniforms)
            drawn.append(_masked_reply(trie, option, tables[key]))
        return drawn

    @torch.no_grad()
    def _choice_log_probs(
        self, asked: Sequence[tuple[Tokens, tuple[Tokens, ...]]], weights: PolicyWeights | None
    ) -> dict[tuple[Tokens, tuple[Tokens, ...]], list[list[float]]]:
        """Return, for each distinct question, the masked log-probabilities at each choice of its trie."""
        tables: dict[tuple[Tokens, tuple[Tokens, ...]], list[list[float]]] = {key: [] for key in asked}
        places = [(key, choice) for key in tables for choice in option_trie(key[1]).choices]
        sequences = [key[0] + choice.beginning for key, choice in places]
        rows: list[list[float]] = [[] for _ in places]
        for tree in pack_token_trees(sequences, self.pack_tokens, PASS_NODES):
            logits_MV = self._read(tree, weights) / self.temperature
            log_probs_MA = restrict(logits_MV, [places[member][1].allowed for member in tree.members])
            for member, row in zip(tree.members, log_probs_MA.tolist(), strict=True):
                rows[member] = row[: len(places[member][1].allowed)]
        for (key, _), row in zip(places, rows, strict=True):
            tables[key].append(row)
        return tables

    def _read(self, tree: TokenTree, weights: PolicyWeights | None) -> Tensor:
        """Return float32 next-token logits at the ends of a tree's members, shape (M, V)."""
        if self._wardrobe is None:
            with self.policy.wearing(weights):
                return self.policy.next_token.plain(tree, tree.ends_S)
        model, worn = self._wardrobe.dress([weights])
        look = TreeLook(tree, model.shape, device=model.device, dtype=model.dtype)
        tokens_N, depths_N, ends_M = (torch.from_numpy(each).to(model.device) for each in (tree.tokens_N, tree.depths_N, tree.ends_S))
        return model.logits(model.hidden(tokens_N, depths_N, look, worn)[ends_M]).float()


def _masked_reply(trie: OptionTrie, option: int, table: Sequence[Sequence[float]]) -> Drawn:
    chosen = iter(trie.paths[option])
    allowed = trie.allowed[option]
    logprobs = []
    for tokens in allowed:
        if len(tokens) > 1:
            choice, place = next(chosen)
            logprobs.append(table[choice][place])
        else:
            logprobs.append(0.0)
    return Drawn(token_ids=trie.options[option], logprobs=tuple(logprobs), allowed=allowed)
