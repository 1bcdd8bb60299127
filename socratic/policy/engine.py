"""The engine: contexts in, drawn replies out, with their log-probabilities at the time.

Under a mask a whole reply costs one forward pass: the token tree holds every context and every beginning of a legal
reply after which there is a choice. Free text is drawn token by token over a key-value cache. Equal contexts are
computed once either way, and several versions share a batch where they are adapters. Every drawn token uses one uniform,
keyed by its turn and position, so that a draw never depends on which other rows share the batch.

Shape letters: B rows, U distinct contexts, T time, V vocabulary, M selected nodes, A allowed tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache

from socratic.policy.mixing import AdapterRows
from socratic.policy.options import OptionTrie, Tokens, option_trie, walk
from socratic.policy.token_tree import pack_token_trees
from socratic.policy.transformer import Policy, restrict
from socratic.policy.weights import PolicyWeights
from socratic.seeds import Seed


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """One reply to draw."""

    context_ids: Tokens
    seed: Seed  # its i-th uniform draws the i-th token
    options: tuple[Tokens, ...] | None = None  # legal replies, end of text included; None: free text


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """A reply as it was drawn; see `records.Turn` for the fields."""

    token_ids: Tokens
    logprobs: tuple[float, ...]
    allowed: tuple[Tokens, ...] | None
    is_truncated: bool = False


class Engine:
    """Draws replies from a policy; a pure function of (weights, prompts) at a fixed number of torch threads."""

    def __init__(self, policy: Policy, *, temperature: float, max_new_tokens: int, pack_tokens: int) -> None:
        self.policy = policy
        self.temperature = temperature
        self.max_new_tokens = max_new_tokens
        self.pack_tokens = pack_tokens

    def draw(self, prompts: Sequence[Prompt], weights: PolicyWeights | None = None) -> list[Drawn]:
        """Draw a reply to each prompt, in order; `weights` lends other trained weights for this call."""
        return self.draw_each(prompts, [weights] * len(prompts))

    @torch.no_grad()
    def draw_each(self, prompts: Sequence[Prompt], weights: Sequence[PolicyWeights | None]) -> list[Drawn]:
        """Draw a reply to each prompt, in order, with the weights at its place; None: what the policy wears.

        Free text of all versions is drawn in one batch where they are adapters; everything else takes a pass for each version.
        """
        versions: dict[str, PolicyWeights | None] = {}
        asked: dict[tuple[str, bool], list[int]] = {}
        for place, (prompt, lent) in enumerate(zip(prompts, weights, strict=True)):
            key = lent.fingerprint if lent else ""
            versions.setdefault(key, lent)
            asked.setdefault((key, prompt.options is None), []).append(place)
        drawn: dict[int, Drawn] = {}
        free = {key: places for (key, is_free), places in asked.items() if is_free}
        if len(free) > 1 and self.policy.mixes_versions:
            places = [place for own in free.values() for place in own]
            rows = [version for version, own in enumerate(free.values()) for _ in own]
            with self.policy.wearing_each([versions[key] for key in free]) as adapters:
                drawn.update(zip(places, self._draw_free([prompts[i] for i in places], rows, adapters), strict=True))
            asked = {key: places for key, places in asked.items() if not key[1]}
        for (key, is_free), places in asked.items():
            with self.policy.wearing(versions[key]):
                found = (self._draw_free if is_free else self._draw_masked)([prompts[i] for i in places])
            drawn.update(zip(places, found, strict=True))
        return [drawn[place] for place in range(len(prompts))]

    @torch.no_grad()
    def option_log_probs(
        self, asked: Sequence[tuple[Tokens, tuple[Tokens, ...]]], weights: PolicyWeights | None = None
    ) -> list[list[float]]:
        """Return the log-probability of each option of each (context, options), as masked play draws it."""
        with self.policy.wearing(weights):
            tables = self._choice_log_probs(asked)
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
        with self.policy.wearing(weights):
            for tree in pack_token_trees(sequences, self.pack_tokens):
                logits_MV = self.policy.next_token(tree, tree.ends_S) / self.temperature
                for row, member in zip(torch.log_softmax(logits_MV, dim=-1), tree.members, strict=True):
                    rows[sequences[member]] = row
        return [
            [sum(float(rows[context + option[:n]][token]) for n, token in enumerate(option)) for option in options]
            for context, options in asked
        ]

    def _draw_masked(self, prompts: Sequence[Prompt]) -> list[Drawn]:
        asked = [(prompt.context_ids, prompt.options) for prompt in prompts if prompt.options is not None]
        tables = self._choice_log_probs(asked)
        chances = {key: [[float(p) for p in np.exp(row)] for row in table] for key, table in tables.items()}
        drawn = []
        for prompt, key in zip(prompts, asked, strict=True):
            trie = option_trie(key[1])
            uniforms = [prompt.seed.uniform(i) for i in range(len(trie.choices))]
            option = walk(trie, chances[key], uniforms)
            drawn.append(_masked_reply(trie, option, tables[key]))
        return drawn

    def _choice_log_probs(
        self, asked: Sequence[tuple[Tokens, tuple[Tokens, ...]]]
    ) -> dict[tuple[Tokens, tuple[Tokens, ...]], list[list[float]]]:
        """Return, for each distinct question, the masked log-probabilities at each choice of its trie."""
        tables: dict[tuple[Tokens, tuple[Tokens, ...]], list[list[float]]] = {key: [] for key in asked}
        places = [(key, choice) for key in tables for choice in option_trie(key[1]).choices]
        sequences = [key[0] + choice.beginning for key, choice in places]
        rows: list[list[float]] = [[] for _ in places]
        for tree in pack_token_trees(sequences, self.pack_tokens):
            logits_MV = self.policy.next_token(tree, tree.ends_S) / self.temperature
            log_probs_MA = restrict(logits_MV, [places[member][1].allowed for member in tree.members])
            for member, row in zip(tree.members, log_probs_MA.tolist(), strict=True):
                rows[member] = row[: len(places[member][1].allowed)]
        for (key, _), row in zip(places, rows, strict=True):
            tables[key].append(row)
        return tables

    def _draw_free(
        self, prompts: Sequence[Prompt], versions_B: Sequence[int] | None = None, adapters: AdapterRows | None = None
    ) -> list[Drawn]:
        """Draw token by token; `adapters` is told which of the worn versions each row of a pass wears, if there are several."""
        seat = adapters.seat if adapters else _seat_nobody
        versions_B = versions_B or [0] * len(prompts)
        places = list(zip(versions_B, [prompt.context_ids for prompt in prompts], strict=True))
        contexts = list(dict.fromkeys(places))
        row_of = {place: row for row, place in enumerate(contexts)}
        seat([version for version, _ in contexts])
        cache, mask_UT, logits_UV = self._prefill([context for _, context in contexts])
        rows_B = torch.tensor([row_of[place] for place in places])
        cache.batch_select_indices(rows_B)
        state = _FreeDraw(prompts=prompts, ends=self.policy.chat.end_ids, mask_BT=mask_UT[rows_B], logits_BV=logits_UV[rows_B])
        for step in range(self.max_new_tokens):
            tokens_B = state.draw(step, self.temperature)
            kept = state.retire(tokens_B)
            if not len(kept) or step + 1 == self.max_new_tokens:
                break
            if len(kept) < len(tokens_B):
                cache.batch_select_indices(kept)
            seat([versions_B[row] for row in state.rows])
            state.logits_BV = self._decode(cache, tokens_B[kept], state.mask_BT)
        return state.replies()

    def _prefill(self, contexts: Sequence[Tokens]) -> tuple[DynamicCache, Tensor, Tensor]:
        width = max(len(context) for context in contexts)
        tokens = np.zeros((len(contexts), width), dtype=np.int64)
        mask = np.zeros((len(contexts), width), dtype=np.int64)
        for row, context in enumerate(contexts):
            tokens[row, width - len(context) :] = context
            mask[row, width - len(context) :] = 1
        mask_UT = torch.from_numpy(mask)
        cache = DynamicCache()
        out = self.policy.model(
            input_ids=torch.from_numpy(tokens),
            attention_mask=mask_UT,
            position_ids=(mask_UT.cumsum(-1) - 1).clamp(min=0),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return cache, mask_UT, out.logits[:, -1].float()

    def _decode(self, cache: DynamicCache, tokens_B: Tensor, mask_BT: Tensor) -> Tensor:
        out = self.policy.model(
            input_ids=tokens_B[:, None],
            attention_mask=mask_BT,
            position_ids=mask_BT.sum(-1, keepdim=True) - 1,
            past_key_values=cache,
            use_cache=True,
        )
        logits: Tensor = out.logits[:, -1].float()
        return logits


class _FreeDraw:
    """Rows of free text that still grow."""

    def __init__(self, *, prompts: Sequence[Prompt], ends: frozenset[int], mask_BT: Tensor, logits_BV: Tensor) -> None:
        self.mask_BT = mask_BT
        self.logits_BV = logits_BV
        self.rows = list(range(len(prompts)))  # which prompt each live row belongs to
        self._seeds = [prompt.seed for prompt in prompts]
        self._ends = ends
        self._tokens: list[list[int]] = [[] for _ in prompts]
        self._logprobs: list[list[float]] = [[] for _ in prompts]

    def draw(self, step: int, temperature: float) -> Tensor:
        """Draw the next token of each live row: one uniform a row and a cumulative sum."""
        logits_BV = self.logits_BV / temperature if temperature != 1.0 else self.logits_BV
        peak_B1 = torch.logsumexp(logits_BV, dim=-1, keepdim=True)
        sums_BV = torch.exp(logits_BV - peak_B1).cumsum(dim=-1)
        uniform_B1 = torch.tensor([[self._seeds[row].uniform(step)] for row in self.rows], dtype=torch.float32)
        tokens_B1 = torch.searchsorted(sums_BV, uniform_B1 * sums_BV[:, -1:], right=True).clamp_(max=sums_BV.shape[1] - 1)
        logprobs_B = (logits_BV.gather(1, tokens_B1) - peak_B1)[:, 0].tolist()
        for row, token, logprob in zip(self.rows, tokens_B1[:, 0].tolist(), logprobs_B, strict=True):
            self._tokens[row].append(token)
            self._logprobs[row].append(logprob)
        return tokens_B1[:, 0]

    def retire(self, tokens_B: Tensor) -> Tensor:
        """Drop the rows that ended; return the indexes of those that go on."""
        kept = [i for i, token in enumerate(tokens_B.tolist()) if token not in self._ends]
        self.rows = [self.rows[i] for i in kept]
        index = torch.tensor(kept, dtype=torch.int64)
        if len(kept) < len(tokens_B):
            self.mask_BT = self.mask_BT[index]
        self.mask_BT = torch.cat([self.mask_BT, self.mask_BT.new_ones((len(kept), 1))], dim=1)
        return index

    def replies(self) -> list[Drawn]:
        unfinished = set(self.rows)
        return [
            Drawn(token_ids=tuple(tokens), logprobs=tuple(logprobs), allowed=None, is_truncated=row in unfinished)
            for row, (tokens, logprobs) in enumerate(zip(self._tokens, self._logprobs, strict=True))
        ]


def _seat_nobody(versions_B: Sequence[int]) -> None:
    """Leave every row the one version that is worn."""
    del versions_B


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
