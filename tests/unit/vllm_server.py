"""A server that speaks what vLLM documents of its protocol, strictly, over a policy small enough for a test.

It is an independent hand: adapters are read by peft itself from their folder, replies are drawn with torch's own generator, and
log-probabilities come from transformers' plain forward pass. It refuses fields that it does not know, models that it has not, and an
adapter's name that was ever used before. What can go wrong with a real server is a `flaw`.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Condition, Lock, Thread
from typing import Literal, cast
from urllib.parse import urlsplit

import torch
from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from socratic.records import Json

BASE = "tiny-base"
Flaw = Literal[
    "", "ignores adapters", "serves the first", "raw log-probabilities", "cuts short", "other prompt", "no token ids", "lists nothing"
]
# What vLLM 0.32 documents of a completion request, as far as anybody here asks for it: any other field is a mistake of ours, and so is
# another value of those that keep a server's own settings out.
ASKED = ("model", "prompt", "max_tokens", "temperature", "seed", "stop_token_ids", "logprobs", "skip_special_tokens")
HELD_TO: dict[str, Json] = {
    "top_p": 1.0,
    "top_k": 0,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "ignore_eos": True,
    "logprobs": 0,
    "return_token_ids": True,
    "return_tokens_as_token_ids": True,
}


class Refusal(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class VllmServer(ThreadingHTTPServer):
    """One base model, and the adapters that were loaded."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, base: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, max_lora_rank: int = 16) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.flaw: Flaw = ""
        self.key = ""
        self.version = "0.32.0"
        self.is_developed = True  # started with VLLM_SERVER_DEV_MODE=1
        self.busy = 0  # how many requests are still answered with 503
        self.journal: list[str] = []  # what changed the server, in order
        self.num_completions = 0
        self.keys: set[str | None] = set()
        self._base = base
        self._tokenizer = tokenizer
        self._max_lora_rank = max_lora_rank
        self._worn: PeftModel | None = None
        self._inner: dict[str, str] = {}  # a torch module's name may hold no dot: the adapters' names in peft
        self._roots: dict[str, str] = {}
        self._used: set[str] = set()
        self._is_paused = False
        self._awake = Condition()
        self._one_at_a_time = Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def loaded(self) -> list[str]:
        return list(self._roots)

    def answer(self, method: str, path: str, query: str, body: dict[str, Json]) -> Json:
        """Return what a request is answered with."""
        match method, path:
            case "GET", "/version":
                return {"version": self.version}
            case "GET", "/v1/models":
                return {"object": "list", "data": self._models()}
            case "POST", "/tokenize":
                _only(body, {"model", "prompt", "add_special_tokens"})
                self._known(body["model"])
                ids = self._tokenizer.encode(str(body["prompt"]), add_special_tokens=bool(body["add_special_tokens"]))
                return {"count": len(ids), "max_model_len": 2048, "tokens": cast("list[Json]", ids)}
            case "POST", "/v1/load_lora_adapter":
                return self._load(body)
            case "POST", "/v1/unload_lora_adapter":
                return self._unload(body)
            case "GET", "/is_paused" if self.is_developed:
                return {"is_paused": self._is_paused}
            case "POST", "/pause" | "/resume" if self.is_developed:
                return self._pause(path, query)
            case "POST", "/v1/completions":
                return self._complete(body)
        raise Refusal(404, "Not Found")

    def _models(self) -> list[Json]:
        own: list[Json] = [{"id": BASE, "object": "model", "root": BASE, "parent": None, "max_model_len": 2048}]
        adapters: list[Json] = [{"id": name, "object": "model", "root": root, "parent": BASE} for name, root in self._roots.items()]
        return own if self.flaw == "lists nothing" else own + adapters

    def _known(self, model: Json) -> str:
        if model != BASE and model not in self._roots:
            raise Refusal(404, f"The model `{model}` does not exist.")
        return str(model)

    def _load(self, body: dict[str, Json]) -> str:
        _only(body, {"lora_name", "lora_path"})
        name, path = str(body["lora_name"]), Path(str(body["lora_path"]))
        self.journal.append(f"load {name}")
        if name in self._used:
            raise Refusal(400, f"The lora adapter '{name}' has already been loaded.")
        config = json.loads((path / "adapter_config.json").read_text())
        if config["r"] > self._max_lora_rank:
            raise Refusal(500, f"LoRA rank {config['r']} is greater than max_lora_rank {self._max_lora_rank}.")
        inner = f"adapter{len(self._used)}"
        with self._one_at_a_time:
            if self._worn is None:
                self._worn = PeftModel.from_pretrained(self._base, str(path), adapter_name=inner)
            else:
                self._worn.load_adapter(str(path), adapter_name=inner)
        self._used.add(name)
        self._inner[name], self._roots[name] = inner, str(path)
        return f"Success: LoRA adapter '{name}' added successfully."

    def _unload(self, body: dict[str, Json]) -> str:
        _only(body, {"lora_name"})
        name = str(body["lora_name"])
        self.journal.append(f"unload {name}")
        if name not in self._roots:
            raise Refusal(404, f"The lora adapter '{name}' cannot be found.")
        del self._roots[name]
        return f"Success: LoRA adapter '{name}' removed successfully."

    def _pause(self, path: str, query: str) -> Json:
        self.journal.append(f"{path}?{query}" if query else path)
        if path == "/pause" and query != "mode=keep":
            raise Refusal(400, "what is being drawn would be aborted")
        with self._awake:
            self._is_paused = path == "/pause"
            self._awake.notify_all()
        return {"status": "paused" if self._is_paused else "resumed"}

    def _complete(self, body: dict[str, Json]) -> Json:
        _only(body, {*ASKED, *HELD_TO})
        odd = [name for name, value in HELD_TO.items() if body.get(name) != value]
        if odd:
            raise Refusal(400, f"{odd} would change what is drawn, or leave out what it is learned from")
        name = self._known(body["model"])
        with self._awake:
            self._awake.wait_for(lambda: not self._is_paused)
        prompt, ends = cast("list[int]", body["prompt"]), cast("list[int]", body["stop_token_ids"])
        most = cast(int, body["max_tokens"]) - (self.flaw == "cuts short")
        with self._one_at_a_time, torch.no_grad():
            self.num_completions += 1
            ids, told = self._draw(name, prompt, frozenset(ends), most, cast(float, body["temperature"]), cast(int, body["seed"]))
        choice: dict[str, Json] = {
            "index": 0,
            "text": str(self._tokenizer.decode(ids)),
            "finish_reason": "stop" if ids[-1] in ends else "length",
            "logprobs": {
                "tokens": [f"token_id:{token}" for token in ids],
                "token_logprobs": [*told],
                "top_logprobs": [],
                "text_offset": [],
            },
            "prompt_token_ids": cast("list[Json]", prompt[1:] if self.flaw == "other prompt" else prompt),
            "token_ids": cast("list[Json]", ids),
        }
        if self.flaw == "no token ids":
            del choice["token_ids"]
        return {"id": "cmpl-1", "object": "text_completion", "model": name, "choices": [choice]}

    def _draw(
        self, name: str, prompt: list[int], ends: frozenset[int], most: int, temperature: float, seed: int
    ) -> tuple[list[int], list[float]]:
        generator = torch.Generator().manual_seed(seed)
        ids: list[int] = []
        told: list[float] = []
        while len(ids) < most and not (ids and ids[-1] in ends):
            logits = self._logits(name, [*prompt, *ids])
            log_probs = (logits / temperature).log_softmax(-1)
            token = int(torch.multinomial(log_probs.exp(), 1, generator=generator))
            ids.append(token)
            told.append(float((logits.log_softmax(-1) if self.flaw == "raw log-probabilities" else log_probs)[token]))
        return ids, told

    def _logits(self, name: str, tokens: list[int]) -> torch.Tensor:
        worn = self._inner.get(name) if self.flaw != "serves the first" else next(iter(self._inner.values()))
        if worn is None or self._worn is None:
            model: torch.nn.Module = self._base
        else:
            self._worn.set_adapter(worn)
            model = self._worn
        if self.flaw == "ignores adapters" and self._worn is not None:
            with self._worn.disable_adapter():
                return cast(torch.Tensor, model(torch.tensor([tokens])).logits[0, -1])
        return cast(torch.Tensor, model(torch.tensor([tokens])).logits[0, -1])


def _only(body: dict[str, Json], known: set[str]) -> None:
    unknown = sorted(body.keys() - known)
    if unknown:
        raise Refusal(400, f"unknown fields: {unknown}")


class _Answers(BaseHTTPRequestHandler):
    server: VllmServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        parts = urlsplit(self.path)
        key = self.headers.get("Authorization")
        self.server.keys.add(key)
        try:
            if self.server.busy:
                self.server.busy -= 1
                raise Refusal(503, "busy")
            if self.server.key and key != f"Bearer {self.server.key}":
                raise Refusal(401, f"{key} is no key")
            status, reply = 200, self.server.answer(method, parts.path, parts.query, body)
        except Refusal as refusal:
            status, reply = refusal.status, {"error": {"message": str(refusal), "type": "BadRequestError", "code": refusal.status}}
        written = (reply if isinstance(reply, str) else json.dumps(reply)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name is the standard library's)
        """Say nothing."""


@contextmanager
def vllm_serving(base: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, max_lora_rank: int = 16) -> Iterator[VllmServer]:
    """Run a server on this machine meanwhile."""
    server = VllmServer(base, tokenizer, max_lora_rank)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
