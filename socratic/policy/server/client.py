"""What is said to a vLLM server over HTTP, and what it answers, checked to the letter.

Follows the protocol that vLLM documents for 0.32: the OpenAI-compatible server (`/v1/models`, `/v1/completions` with
`return_token_ids` and `return_tokens_as_token_ids`, `/tokenize`, `/version`), "LoRA Adapters: Dynamically serving LoRA Adapters"
(`/v1/load_lora_adapter`, `/v1/unload_lora_adapter`; needs VLLM_ALLOW_RUNTIME_LORA_UPDATING) and "Async Reinforcement Learning:
HTTP Endpoints" (`/pause?mode=keep`, `/resume`, `/is_paused`; needs VLLM_SERVER_DEV_MODE). `/pause` without a mode aborts what is being
drawn, so the mode is always sent.

Only the address that the user named is asked. Of the environment only the key is read: proxies are not used, because one that is asked
over HTTP would see the key. Nothing heavy is imported here.
"""

import os
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import httpx

from socratic.config import SERVER_KEY, ServerSection
from socratic.errors import ConfigError, PlayError, PolicyError, SocraticError, SyncError
from socratic.records import Json

LOOPBACK = ("localhost", "127.0.0.1", "::1")
CONNECT_S, ASK_S, LOAD_S = 10.0, 30.0, 300.0
# Waits of 1, 2 and 4 s: a server that is busy for a moment is back by then.
TRIES = 4
TOO_MANY, SERVER_ERROR = 429, 500
REFUSED = (401, 403)
MAX_REASON = 200
# The last release whose documented /pause knows no mode: it would take mode=keep for its default and abort what is being drawn.
TOO_OLD = (0, 14)
DEVELOPED = "start it with VLLM_SERVER_DEV_MODE=1 (docs/engines.md has the command)"


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedModel:
    """A line of the server's list of models."""

    name: str
    root: str  # where its weights are
    parent: str | None  # of an adapter: its base model


class VllmClient:
    """Speaks to one server; threads may share it."""

    def __init__(
        self,
        section: ServerSection,
        *,
        patience_s: float = LOAD_S,
        wait: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Speak to the server at `section.address`; a reply may take `patience_s`.

        The key is read from the environment here, and sent over https or to this machine only.

        Raises:
            ConfigError: no header can hold the key.
        """
        self.address = section.address
        self._patience_s = patience_s
        self._wait = wait
        parts = urlsplit(section.address)
        is_private = parts.scheme == "https" or parts.hostname in LOOPBACK
        self._key = _key() if is_private else ""
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        limits = httpx.Limits(max_connections=section.at_once, max_keepalive_connections=section.at_once)
        self._client = httpx.Client(base_url=section.address, headers=headers, limits=limits, transport=transport, trust_env=False)
        weakref.finalize(self, self._client.close)  # connections are kept for the next request, and end with this

    def greet(self, wanted: str = "") -> str:
        """Return the name of the base model `wanted`, or of the only one, on a server that is there and new enough.

        Raises:
            ConfigError: nobody answers, or somebody else.
            PolicyError: it has another model, or several and none is named.
        """
        version = self.version()
        numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
        if len(numbers) == len(TOO_OLD) and numbers <= TOO_OLD:
            raise ConfigError(f"{self._who} is vLLM {version}, whose /pause knows no mode=keep; expected a newer one: upgrade it")
        self._retried("GET", "/is_paused", None, ASK_S, ConfigError, DEVELOPED)  # it is there where /pause is
        names = [model.name for model in self.models() if model.parent is None]
        if wanted in names:
            return wanted
        if not wanted and len(names) == 1:
            return names[0]
        listed = ", ".join(names) or "none"
        if wanted:
            raise PolicyError(f"{self._who} has no model {wanted!r}, found {listed}; set play.server.model to what it calls policy.source")
        raise PolicyError(f"{self._who} has {len(names)} base models ({listed}), expected one; say which in play.server.model")

    def version(self) -> str:
        """Return what the server says its version is."""
        match self._get("/version"):
            case {"version": str(version)}:
                return version
        raise ConfigError(f"{self._who} does not say its version as vLLM does; is play.server.address that of a vLLM server?")

    def models(self) -> list[ServedModel]:
        """Return what the server has: base models, and adapters with their parent."""
        match self._get("/v1/models"):
            case {"data": [*listed]}:
                return [model for each in listed if (model := _served(each)) is not None]
        raise ConfigError(f"{self._who} lists no models as vLLM does; is play.server.address that of a vLLM server?")

    def tokenize(self, model: str, text: str) -> list[int]:
        """Return the server's own tokens of `text`, without special ones."""
        reply = self._post("/tokenize", {"model": model, "prompt": text, "add_special_tokens": False}, ASK_S, PolicyError)
        match reply:
            case {"tokens": [*tokens]} if all(_is_id(token) for token in tokens):
                return cast("list[int]", tokens)
        raise PolicyError(f"{self._who} does not tokenize as vLLM does, found {_shown(reply)}; upgrade it")

    def complete(self, body: Mapping[str, Json]) -> Json:
        """Return the answer to a completion request; it is asked again while the server is busy, which changes nothing of what is drawn.

        Raises:
            PlayError: the server fails or refuses.
        """
        return self._retried("POST", "/v1/completions", body, self._patience_s, PlayError)

    def load_adapter(self, name: str, folder: str, rank: int) -> None:
        """Have the server load the adapter in `folder` under a name that was never used.

        Raises:
            SyncError: it refuses.
        """
        remedy = (
            f"start it with --enable-lora --max-lora-rank {rank} and VLLM_ALLOW_RUNTIME_LORA_UPDATING=1, "
            f"and let it read {folder} (play.server.adapters)"
        )
        self._post("/v1/load_lora_adapter", {"lora_name": name, "lora_path": folder}, LOAD_S, SyncError, remedy)

    def unload_adapter(self, name: str) -> None:
        """Have the server forget an adapter.

        Raises:
            SyncError: it refuses.
        """
        self._post("/v1/unload_lora_adapter", {"lora_name": name}, LOAD_S, SyncError, "restart it, and resume the run")

    def pause(self) -> None:
        """Have the server freeze what it draws, and keep it."""
        self._post("/pause?mode=keep", None, LOAD_S, SyncError, DEVELOPED)

    def resume(self) -> None:
        """Have the server go on with what it draws."""
        self._post("/resume", None, LOAD_S, SyncError, "restart it, and resume the run")

    @property
    def _who(self) -> str:
        return f"the server at {self.address}"

    def _get(self, path: str) -> Json:
        return self._retried("GET", path, None, ASK_S, ConfigError)

    def _post(self, path: str, body: Mapping[str, Json] | None, patience_s: float, error: type[SocraticError], remedy: str = "") -> Json:
        """Ask once: what changes the server is not asked for again, because the first try may have changed it."""
        try:
            return self._parsed(self._send("POST", path, body, patience_s), path, error, remedy)
        except httpx.HTTPError as failure:
            raise error(f"{self._who} did not answer {path} ({type(failure).__name__}); {remedy or 'is it running?'}") from None

    def _retried(
        self, method: str, path: str, body: Mapping[str, Json] | None, patience_s: float, error: type[SocraticError], remedy: str = ""
    ) -> Json:
        reasons: list[str] = []
        until = time.monotonic() + patience_s
        for attempt in range(TRIES):
            if attempt:
                self._wait(2.0 ** (attempt - 1))
            left = until - time.monotonic()
            if left <= 0:
                break
            try:
                reply = self._send(method, path, body, left)
            except httpx.HTTPError as failure:
                reasons.append(type(failure).__name__)
                continue
            if reply.status_code != TOO_MANY and reply.status_code < SERVER_ERROR:
                return self._parsed(reply, path, error, remedy)
            reasons.append(f"status {reply.status_code}: {self._reason(reply)}")
        raise error(
            f"{self._who} did not answer {path} in {len(reasons)} tries ({', '.join(dict.fromkeys(reasons))}); "
            "start it (docs/engines.md has the command), or correct play.server.address"
        )

    def _send(self, method: str, path: str, body: Mapping[str, Json] | None, patience_s: float) -> httpx.Response:
        timeout = httpx.Timeout(patience_s, connect=min(CONNECT_S, patience_s))
        return self._client.request(method, path, json=None if body is None else dict(body), timeout=timeout)

    def _parsed(self, reply: httpx.Response, path: str, error: type[SocraticError], remedy: str) -> Json:
        if reply.status_code in REFUSED:
            # What it says here may repeat the key.
            raise error(f"{self._who} refuses us (status {reply.status_code}); set {SERVER_KEY} to a key that is good there")
        if not reply.is_success:
            what = f"{self._who} refuses {path} (status {reply.status_code}: {self._reason(reply)})"
            raise error(f"{what}; {remedy or 'is it the model of this run, on a vLLM that docs/engines.md names?'}")
        try:
            parsed: Json = reply.json()
        except ValueError:
            return reply.text  # loading and unloading answer with a sentence
        return parsed

    def _reason(self, reply: httpx.Response) -> str:
        # The key is taken out first: a part of it that is left by the cut would not be known again.
        said = reply.text.replace(self._key, "***") if self._key else reply.text
        try:
            parsed: Json = httpx.Response(200, text=said).json()
        except ValueError:
            parsed = None
        match parsed:
            case {"error": {"message": str(message)}} | {"message": str(message)} | {"error": str(message)} | {"detail": str(message)}:
                said = message
        return (said.strip().splitlines() or [""])[0][:MAX_REASON]


def _served(listed: Json) -> ServedModel | None:
    match listed:
        case {"id": str(name), **rest}:
            root, parent = rest.get("root"), rest.get("parent")
            return ServedModel(name=name, root=root if isinstance(root, str) else "", parent=parent if isinstance(parent, str) else None)
    return None


def _is_id(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _shown(value: Json) -> str:
    return repr(value)[:MAX_REASON]


def _key() -> str:
    key = os.environ.get(SERVER_KEY, "").strip()
    if not all("!" <= letter <= "~" for letter in key):
        raise ConfigError(f"the key in {SERVER_KEY} has a letter that no key has, expected printable ASCII without spaces; copy it again")
    return key
