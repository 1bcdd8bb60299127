"""Judges small enough for a unit test: models of three kinds with random weights, and a server that speaks the endpoint's protocol."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import TypeVar

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from socratic.records import Json, Judgement
from socratic.seeds import Seed

CHATML = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
MARKERS = ("<|im_start|>", "<|im_end|>", "<pad>")
BERT_MARKERS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
Model = TypeVar("Model", bound=PreTrainedModel)

JUDGEMENT = Judgement(question="Who is right?", evidence="for shows a 1", options=("for", "against"))
LONGER = Judgement(question="Where is ann?", evidence="ann is in the hall, bob is not", options=("garden", "hall", "unsaid"))


def byte_tokenizer(markers: Sequence[str] = MARKERS, template: str | None = CHATML) -> PreTrainedTokenizerFast:
    """Return a tokenizer of single bytes; the second marker ends a text, the third pads."""
    vocabulary = {token: index for index, token in enumerate([*markers, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(marker, special=True, normalized=False) for marker in markers])
    made = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=markers[1], pad_token=markers[2])  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    if template:
        made.chat_template = template
    return made


def bert_tokenizer(positions: int = 128) -> PreTrainedTokenizerFast:
    """Return a tokenizer of single letters that puts pairs together as BERT does."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789,.?[]"
    vocabulary = {token: index for index, token in enumerate([*BERT_MARKERS, *letters, *[f"##{letter}" for letter in letters]])}
    tokenizer = Tokenizer(models.WordPiece(vocab=vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.add_special_tokens([AddedToken(marker, special=True, normalized=False) for marker in BERT_MARKERS])
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # as above
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=positions,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


def tiny_llama(vocab_size: int, positions: int = 2048) -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=positions,
    )
    return _drawn(LlamaForCausalLM(config))


def tiny_t5(vocab_size: int) -> T5ForConditionalGeneration:
    config = T5Config(vocab_size=vocab_size, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    config.decoder_start_token_id = 2
    return _drawn(T5ForConditionalGeneration(config))


def tiny_bert(vocab_size: int, labels: Sequence[str]) -> BertForSequenceClassification:
    return _drawn(BertForSequenceClassification(_bert(vocab_size, labels)))


def tiny_masked_bert(vocab_size: int) -> BertForMaskedLM:
    return _drawn(BertForMaskedLM(_bert(vocab_size, ("no", "yes"))))


def saved(folder: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> Path:
    """Return the folder into which both were written."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _bert(vocab_size: int, labels: Sequence[str]) -> BertConfig:
    return BertConfig(
        vocab_size=vocab_size,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=128,
        id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
    )


def _drawn(model: Model) -> Model:
    for place, parameter in enumerate(model.parameters()):
        generator = torch.Generator().manual_seed(Seed(3).child("weights", place).key >> 1)
        parameter.data = torch.empty(parameter.shape).normal_(0.0, 0.4, generator=generator)
    model.train(mode=False)
    return model


class Server(HTTPServer):
    """Answers with what is put into `replies`, in turn, the last one again and again; keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.replies: list[tuple[int, Json]] = []
        self.asked: list[dict[str, Json]] = []
        self.paths: list[str] = []
        self.keys: list[str | None] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Answers(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        self.server.paths.append(self.path)
        self.server.keys.append(self.headers.get("Authorization"))
        status, reply = self.server.replies.pop(0) if len(self.server.replies) > 1 else self.server.replies[0]
        written = (reply if isinstance(reply, str) else json.dumps(reply)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name is the standard library's)
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Server]:
    """Run a server on this machine meanwhile."""
    server = Server()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
