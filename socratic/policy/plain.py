"""Free text by a model's own forward pass, over transformers' cache: for models whose layers the fast pass does not know.

Rows are drawn side by side until the last has ended. It is also what the fast pass is held against.

Shape letters: B rows, U distinct contexts, T time, V vocabulary.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache

from socratic.policy.drawing import Drawn, Prompt
from socratic.policy.fast.sampling import draw_tokens
from socratic.policy.mixing import AdapterRows
from socratic.policy.options import Tokens
from socratic.policy.transformer import Policy
from socratic.policy.weights import PolicyWeights


class PlainDraw:
    """Draws replies token by token."""

    def __init__(self, policy: Policy, *, temperature: float, max_new_tokens: int) -> None:
        """Draw from `policy`."""
        self.policy = policy
        self.temperature = temperature
        self.max_new_tokens = max_new_tokens

    @torch.no_grad()
    def __call__(self, prompts: Sequence[Prompt], weights: Sequence[PolicyWeights | None]) -> list[Drawn]:
        """Draw a reply to each prompt, in order, with the weights at its place; in one batch where versions are adapters."""
        versions: dict[str, PolicyWeights | None] = {}
        own: dict[str, list[int]] = {}
        for place, lent in enumerate(weights):
            key = lent.fingerprint if lent else ""
            versions.setdefault(key, lent)
            own.setdefault(key, []).append(place)
        drawn: dict[int, Drawn] = {}
        if len(own) > 1 and self.policy.mixes_versions:
            places = [place for each in own.values() for place in each]
            rows = [version for version, each in enumerate(own.values()) for _ in each]
            with self.policy.wearing_each(list(versions.values())) as adapters:
                drawn.update(zip(places, self._draw_free([prompts[i] for i in places], rows, adapters), strict=True))
        else:
            for key, places in own.items():
                with self.policy.wearing(versions[key]):
                    drawn.update(zip(places, self._draw_free([prompts[i] for i in places]), strict=True))
        return [drawn[place] for place in range(len(prompts))]

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
        rows_B = torch.tensor([row_of[place] for place in places], device=logits_UV.device)
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
        device = self.policy.model.device
        mask_UT = torch.from_numpy(mask).to(device)
        cache = DynamicCache()
        out = self.policy.model(
            input_ids=torch.from_numpy(tokens).to(device),
            attention_mask=mask_UT,
            position_ids=(mask_UT.cumsum(-1) - 1).clamp(min=0),
            cache=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return cache, mask_UT, out.logits[:, -1].float()

    def _decode(self, cache: DynamicCache, tokens_B: Tensor, mask_BT: Tensor) -> Tensor:
        out = self.policy.model(
            input_ids=tokens_B[:, None],
            attention_mask=mask_BT,
            position_ids=mask_BT.sum(-1, keepdim=True) - 1,
            cache=cache,
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
        uniforms_B = torch.tensor([self._seeds[row].uniform(step) for row in self.rows], dtype=torch.float32, device=self.logits_BV.device)
        tokens_B, logprobs_B = draw_tokens(self.logits_BV, uniforms_B, temperature)
        for row, token, logprob in zip(self.rows, tokens_B.tolist(), logprobs_B.tolist(), strict=True):
            self._tokens[row].append(token)
            self._logprobs[row].append(logprob)
        return tokens_B

    def retire(self, tokens_B: Tensor) -> Tensor:
        """Drop the rows that ended; return the indexes of those that go on."""
        kept = [i for i, token in enumerate(tokens_B.tolist()) if token not in self._ends]
        self.rows = [self.rows[i] for i in kept]
        index = torch.tensor(kept, dtype=torch.int64, device=tokens_B.device)
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
