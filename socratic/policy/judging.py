"""Language models that read judgements: what each leans to is read from its logits, and nothing it writes is looked at.

A causal model reads the prompt as one message of its chat; its reply is begun for it ("Answer <nonce>:"), and the next token is one
of the labels. One with an encoder reads the prompt, and its first token is the label. A classifier reads the question with the
evidence, and each option, as a pair; the option's score is one logit.

Shape letters: B rows, T time, V vocabulary, K labels, L classes.
"""

import inspect
from collections.abc import Sequence
from typing import TypeAlias, cast

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from socratic.errors import PolicyError
from socratic.policy.asking import Asked, shortened
from socratic.policy.chat import Ids, encode_plainly
from socratic.policy.transformer import Policy
from socratic.policy.weights import PolicyWeights
from socratic.protocols import Weights

Shares: TypeAlias = tuple[float, ...]

# Beyond this a tokenizer's `model_max_length` only says that it knows none.
NO_LIMIT = 1_000_000
ENTAILMENT = "entail"


class CausalReader:
    """Reads with a causal language model."""

    def __init__(self, policy: Policy, batch: int) -> None:
        """Read `batch` prompts at a time."""
        self._policy = policy
        self._words = Words(policy.chat.tokenizer, policy.chat.forbidden)
        self._room = _room(policy.model, policy.chat.tokenizer)
        self._batch = batch
        self._keeps = "logits_to_keep" in inspect.signature(policy.model.forward).parameters

    def prompt(self, asked: Asked) -> Ids:
        """Return the tokens before the label."""
        opened, closed = self._policy.chat.frame()
        before, after = self._words.encode_all(asked.before), self._words.encode_all(asked.after)
        closed = (*closed, *self._words.encode(asked.answer))
        return self._words.fit((*opened, *before), asked.evidence, (*after, *closed), self._room)

    @torch.no_grad()
    def read(self, asked: Sequence[Asked], weights: Weights | None) -> list[Shares]:
        """Return the next token's probabilities over the labels, renormalized, of each prompt."""
        prompts = [self.prompt(each) for each in asked]
        shares: list[Shares] = [()] * len(asked)
        with self._policy.wearing(cast("PolicyWeights | None", weights)):
            for rows in _batches(prompts, self._batch):
                logits_BV = self._last_logits([prompts[row] for row in rows])
                for row, logits_V in zip(rows, logits_BV, strict=True):
                    shares[row] = _shares(logits_V, self._words.labels(len(asked[row].options)))
        return shares

    def _last_logits(self, prompts: Sequence[Ids]) -> Tensor:
        # Padding stands on the right, where a causal model never looks back from.
        model = self._policy.model
        tokens_BT, mask_BT = _padded(prompts, _pad_id(self._policy.chat.tokenizer), model.device)
        last_B = mask_BT.sum(-1) - 1
        rows_B = torch.arange(len(prompts), device=model.device)
        if not self._keeps:
            logits_BTV = model(input_ids=tokens_BT, attention_mask=mask_BT, use_cache=False).logits
            return cast(Tensor, logits_BTV[rows_B, last_B].float())
        kept_T, place_B = torch.unique(last_B, return_inverse=True)
        logits_BTV = model(input_ids=tokens_BT, attention_mask=mask_BT, use_cache=False, logits_to_keep=kept_T).logits
        return cast(Tensor, logits_BTV[rows_B, place_B].float())


class Seq2SeqReader:
    """Reads with an encoder, and takes the first token of the decoder."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, batch: int) -> None:
        """Read `batch` prompts at a time.

        Raises:
            PolicyError: the model does not say how its replies begin.
        """
        start = model.config.decoder_start_token_id
        if not isinstance(start, int):
            raise PolicyError(f"{type(model).__name__} has no decoder_start_token_id; set it in config.json")
        self._start = start
        self._model = model
        self._words = Words(tokenizer, _special(tokenizer))
        self._tokenizer = tokenizer
        self._room = _room(model, tokenizer)
        self._batch = batch

    def prompt(self, asked: Asked) -> Ids:
        """Return the tokens that the encoder reads."""
        eos = self._tokenizer.eos_token_id
        end = (eos,) if isinstance(eos, int) else ()
        after = self._words.encode_all((*asked.after, f"\n{asked.answer}"))
        return self._words.fit(self._words.encode_all(asked.before), asked.evidence, (*after, *end), self._room)

    @torch.no_grad()
    def read(self, asked: Sequence[Asked], weights: Weights | None) -> list[Shares]:
        """Return the first token's probabilities over the labels, renormalized, of each prompt."""
        del weights
        prompts = [self.prompt(each) for each in asked]
        shares: list[Shares] = [()] * len(asked)
        for rows in _batches(prompts, self._batch):
            tokens_BT, mask_BT = _padded([prompts[row] for row in rows], _pad_id(self._tokenizer), self._model.device)
            begun_B1 = torch.full((len(rows), 1), self._start, device=self._model.device)
            out = self._model(input_ids=tokens_BT, attention_mask=mask_BT, decoder_input_ids=begun_B1, use_cache=False)
            for row, logits_V in zip(rows, out.logits[:, -1].float(), strict=True):
                shares[row] = _shares(logits_V, self._words.labels(len(asked[row].options)))
        return shares


class ClassifierReader:
    """Reads with a classifier: question and evidence as the first text, an option as the second.

    An option's score is the logit of the class whose name says entailment, else of the last class (of a reward model the only one),
    and the shares are the softmax of the scores over the options.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, batch: int) -> None:
        """Read `batch` pairs at a time."""
        self._model = model
        self._words = Words(tokenizer, _special(tokenizer))
        self._room = _room(model, tokenizer)
        self._batch = batch
        self._pad = _pad_id(tokenizer)
        self._frame = _pair_frame(tokenizer)
        names = model.config.id2label or {}
        told = [int(index) for index, name in names.items() if str(name).lower().startswith(ENTAILMENT)]
        self._class = told[0] if told else -1
        if model.config.pad_token_id is None:
            model.config.pad_token_id = self._pad
        # By the tokenizer: there are models that take types, and know one.
        self._has_types = "token_type_ids" in tokenizer("a", "a")

    def pair(self, asked: Asked, option: str) -> tuple[Ids, int]:
        """Return the tokens of one pair, and how many of them belong to the first text."""
        opened, between, closed = self._frame
        question = (*opened, *self._words.encode_all((asked.question, "\n")))
        last = (*self._words.encode(option), *closed)
        ids = self._words.fit(question, asked.evidence, (*between, *last), self._room)
        return ids, len(ids) - len(last)

    @torch.no_grad()
    def read(self, asked: Sequence[Asked], weights: Weights | None) -> list[Shares]:
        """Return the softmax of the options' scores."""
        del weights
        pairs = [self.pair(each, option) for each in asked for option in each.options]
        scores = [0.0] * len(pairs)
        for rows in _batches([ids for ids, _ in pairs], self._batch):
            logits_BL = self._logits([pairs[row] for row in rows])
            for row, score in zip(rows, logits_BL[:, self._class].tolist(), strict=True):
                scores[row] = score
        given = iter(scores)
        scored = [torch.tensor([next(given) for _ in each.options], dtype=torch.float64) for each in asked]
        return [tuple(torch.softmax(scores_K, dim=-1).tolist()) for scores_K in scored]

    def _logits(self, pairs: Sequence[tuple[Ids, int]]) -> Tensor:
        tokens_BT, mask_BT = _padded([ids for ids, _ in pairs], self._pad, self._model.device)
        types = {}
        if self._has_types:
            places_T = torch.arange(tokens_BT.shape[1], device=self._model.device)
            firsts_B1 = torch.tensor([[first] for _, first in pairs], device=self._model.device)
            types["token_type_ids"] = ((places_T >= firsts_B1) & (mask_BT > 0)).long()
        logits_BL: Tensor = self._model(input_ids=tokens_BT, attention_mask=mask_BT, **types).logits
        return logits_BL.float()


class Words:
    """A tokenizer's plain words and its label tokens."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, forbidden: frozenset[int]) -> None:
        """Encode without the tokens in `forbidden`; that a letter is unknown may be said."""
        self._tokenizer = tokenizer
        self._forbidden = forbidden - {tokenizer.unk_token_id}
        self._labels: dict[int, Ids] = {}

    def encode(self, text: str) -> Ids:
        """Return the tokens of `text` as plain words.

        Raises:
            PolicyError: a character has no plain token.
        """
        return encode_plainly(self._tokenizer, text, self._forbidden)

    def encode_all(self, parts: Sequence[str]) -> Ids:
        """Return the tokens of the parts, each encoded on its own."""
        return tuple(index for part in parts for index in self.encode(part))

    def fit(self, before: Ids, evidence: str, after: Ids, room: int) -> Ids:
        """Return all three in a row, the middle of the evidence left out where they do not fit.

        Raises:
            PolicyError: there is no room for any evidence.
        """
        left = room - len(before) - len(after)
        if left < 1:
            raise PolicyError(
                f"a judgement's question and options take {len(before) + len(after)} tokens, and the model reads {room}; "
                "use a judge that reads more"
            )
        return (*before, *shortened(self.encode(evidence), left), *after)

    def labels(self, count: int) -> Ids:
        """Return the token of each of the first `count` labels.

        Raises:
            PolicyError: a label is no single token.
        """
        if count not in self._labels:
            self._labels[count] = self._find_labels(count)
        return self._labels[count]

    def _find_labels(self, count: int) -> Ids:
        letters = Asked(question="", evidence="", options=("",) * count, nonce="").labels
        # After a colon a word has its space before it; where that is a token of its own, the bare letter.
        for form in (" {}", "{}"):
            found = [self._tokenizer.encode(form.format(letter), add_special_tokens=False) for letter in letters]
            ids = tuple(each[0] for each in found if len(each) == 1)
            if len(set(ids)) == count and self._tokenizer.unk_token_id not in ids:
                return ids
        raise PolicyError(f"the judge's tokenizer has no single tokens for {letters[0]} to {letters[-1]}; use another model")


def _shares(logits_V: Tensor, labels: Ids) -> Shares:
    return tuple(torch.softmax(logits_V[list(labels)].double(), dim=-1).tolist())


def _batches(rows: Sequence[Ids], size: int) -> list[list[int]]:
    """Return the rows' indexes in batches of like length, in an order that the rows alone decide."""
    order = sorted(range(len(rows)), key=lambda row: (len(rows[row]), rows[row]))
    return [order[start : start + size] for start in range(0, len(order), size)]


def _padded(rows: Sequence[Ids], pad: int, device: torch.device) -> tuple[Tensor, Tensor]:
    width = max(map(len, rows))
    tokens = [[*row, *[pad] * (width - len(row))] for row in rows]
    mask = [[1] * len(row) + [0] * (width - len(row)) for row in rows]
    return torch.tensor(tokens, device=device), torch.tensor(mask, device=device)


def _special(tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    return frozenset(tokenizer.all_special_ids) | {index for index, token in tokenizer.added_tokens_decoder.items() if token.special}


def _pad_id(tokenizer: PreTrainedTokenizerBase) -> int:
    found = [index for index in (tokenizer.pad_token_id, tokenizer.eos_token_id) if isinstance(index, int)]
    return found[0] if found else 0


def _room(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """Return how many tokens the model reads, as far as it says."""
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return min(limit for limit in (positions, tokenizer.model_max_length, NO_LIMIT) if isinstance(limit, int) and limit > 0)


def _pair_frame(tokenizer: PreTrainedTokenizerBase) -> tuple[Ids, Ids, Ids]:
    """Return the special tokens before, between and after the two texts of a pair; a line break between where there are none."""
    found = tokenizer("a", "a", return_special_tokens_mask=True)
    ids, marks = cast("list[int]", found["input_ids"]), cast("list[int]", found["special_tokens_mask"])
    runs: list[Ids] = [()]
    was_said = False
    for index, is_mark in zip(ids, marks, strict=True):
        if is_mark:
            runs[-1] = (*runs[-1], index)
        elif not was_said:
            runs.append(())
        was_said = not is_mark
    if len(runs) == 3:
        return runs[0], runs[1], runs[2]
    return runs[0], tuple(tokenizer.encode("\n", add_special_tokens=False)), runs[-1]
