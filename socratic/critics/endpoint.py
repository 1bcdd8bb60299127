"""A judge behind an OpenAI-compatible endpoint: asked over HTTP for the log-probabilities of the labels, never for text.

It is outside knowledge, and opens the system. What travels is a plain prompt: how a server's own tokenizer reads markers that players
wrote is the server's affair, and only the nonce fences them there. A server need not answer twice alike; its verdicts are recorded
with the episodes like every other. One that fails for good ends the run with one line: resuming goes on from the last checkpoint.
Of the environment only the key is read: proxies are not used, because one that is asked over HTTP would see the key.
"""

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeGuard
from urllib.parse import SplitResult, urlsplit

import httpx

from socratic.config import JudgeModel
from socratic.errors import ConfigError, PlayError
from socratic.game.calls import unsaid
from socratic.policy.asking import Asked
from socratic.protocols import Weights
from socratic.records import Json

KEY_VARIABLE = "OPENAI_API_KEY"
COMPLETIONS, CHAT = "/completions", "/chat/completions"
READ_S, CONNECT_S = 60.0, 10.0
LEASE_S = 300.0  # of a worker's call, unless it is told otherwise
PATIENCE = 0.8  # share of the lease after which no try begins or goes on: the worker itself says what was wrong, before it is given up
# Waits of 1, 2, 4 and 8 s: a server that restarts is back by then.
TRIES = 5
MOST_CHAT, MOST_COMPLETION = 20, 5  # alternatives of a token that the two protocols give at most
TOO_MANY, SERVER_ERROR = 429, 500
REFUSED = (401, 403)
ROUNDING = 1e-4  # how far above 0 a log-probability may come out
LOOPBACK = ("localhost", "127.0.0.1", "::1")
MAX_REASON = 200

Shares = tuple[float, ...]


def is_endpoint(source: str) -> bool:
    """Say whether a model's source is an endpoint's address."""
    return source.startswith(("http://", "https://"))


def check_address(section: JudgeModel) -> None:
    """Refuse an address that cannot be asked, or that holds a secret.

    Raises:
        ConfigError: what is wrong with it.
    """
    parts = _parts(section.source)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            f"feedback.model.source has more than an address of {parts.hostname}, and a run's configuration is no place for a key; "
            f"put it into the environment variable {KEY_VARIABLE}"
        )
    if not parts.hostname:
        raise ConfigError(f"feedback.model.source is {section.source!r}, expected an address such as http://localhost:8000/v1")
    if not section.name:
        raise ConfigError(f"feedback.model.source is {section.source!r}, and feedback.model.name does not say which model to ask there")


def _parts(source: str) -> SplitResult:
    try:
        parts = urlsplit(source)
        _ = parts.port, httpx.URL(source)
    except (ValueError, httpx.InvalidURL):
        # What it holds is not repeated: with a slip of the pen a password stands where the port should.
        raise ConfigError(
            "feedback.model.source is no address that can be asked, expected one such as http://localhost:8000/v1, with a port up to 65535"
        ) from None
    return parts


def _key() -> str:
    """Return the key of the environment; "" where there is none.

    Raises:
        ConfigError: no header can hold it.
    """
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not all("!" <= letter <= "~" for letter in key):
        raise ConfigError(f"the key in {KEY_VARIABLE} has a letter that no key has, expected printable ASCII without spaces; copy it again")
    return key


class EndpointReader:
    """Reads judgements by asking a server for the next token's log-probabilities."""

    def __init__(
        self,
        section: JudgeModel,
        *,
        lease_s: float = LEASE_S,
        wait: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Ask the model `section.name` at `section.source`, `section.batch` judgements at a time, in less than `lease_s` in all.

        The key is read from the environment here, and sent over https or to this machine only.

        Raises:
            ConfigError: the address cannot be asked, or the key be sent.
        """
        check_address(section)
        address = section.source.rstrip("/")
        self._address = address if address.endswith(COMPLETIONS) else address + CHAT
        self._is_chat = self._address.endswith(CHAT)
        self._name = section.name
        self._at_once = section.batch
        self._patience_s = PATIENCE * lease_s
        self._wait = wait
        self._clock = clock
        parts = urlsplit(address)
        is_private = parts.scheme == "https" or parts.hostname in LOOPBACK
        self._key = _key() if is_private else ""
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        self._client = httpx.Client(headers=headers, transport=transport, trust_env=False)

    def read(self, asked: Sequence[Asked], weights: Weights | None) -> list[Shares]:
        """Return the labels' probabilities, renormalized; NaN where the server names none of them.

        Raises:
            PlayError: the server fails, refuses, or gives no log-probabilities.
        """
        del weights
        until = self._clock() + self._patience_s
        with ThreadPoolExecutor(max_workers=self._at_once) as pool:
            return list(pool.map(partial(self._read, until), asked))

    def _read(self, until: float, asked: Asked) -> Shares:
        found = self._alternatives(self._post(self._body(asked), until))
        masses = [sum(math.exp(min(logprob, 0.0)) for token, logprob in found if token.strip() == label) for label in asked.labels]
        total = sum(masses)
        # A label that is not among the alternatives has less mass than any of them; if none is, the server said nothing of what was asked.
        return tuple(mass / total for mass in masses) if total > 0 else unsaid(len(masses))

    def _body(self, asked: Asked) -> dict[str, Json]:
        common: dict[str, Json] = {"model": self._name, "max_tokens": 1, "temperature": 0}
        if self._is_chat:
            return {**common, "messages": [{"role": "user", "content": asked.text}], "logprobs": True, "top_logprobs": MOST_CHAT}
        return {**common, "prompt": f"{asked.text}\n{asked.answer}", "logprobs": MOST_COMPLETION}

    def _post(self, body: Mapping[str, Json], until: float) -> Json:
        reasons: list[str] = []
        for attempt in range(TRIES):
            pause = 2.0 ** (attempt - 1) if attempt else 0.0
            left = until - self._clock() - pause
            if left <= 0:
                break
            if pause:
                self._wait(pause)
            # To connect and to read are two waits, which together must not pass what is left.
            timeout = httpx.Timeout(min(READ_S, left / 2), connect=min(CONNECT_S, left / 2))
            try:
                reply = self._client.post(self._address, json=dict(body), timeout=timeout)
            except httpx.InvalidURL:
                raise PlayError(f"the judge's address {self._address} cannot be asked; check feedback.model.source") from None
            except httpx.HTTPError as error:
                reasons.append(f"{type(error).__name__}")
                continue
            if reply.status_code == TOO_MANY or reply.status_code >= SERVER_ERROR:
                reasons.append(f"status {reply.status_code}")
                continue
            return self._parsed(reply)
        raise PlayError(
            f"the judge at {self._address} did not answer in {len(reasons)} tries ({', '.join(dict.fromkeys(reasons)) or 'no time left'}); "
            "try again later" + ("" if len(reasons) == TRIES else ", or with a longer play.lease_s")
        )

    def _parsed(self, reply: httpx.Response) -> Json:
        if reply.status_code in REFUSED:
            # What it says here may repeat the key.
            raise PlayError(
                f"the judge at {self._address} refuses us (status {reply.status_code}); set {KEY_VARIABLE} to a key that is good there"
            )
        if not reply.is_success:
            # The key is taken out first: a part of it that is left by the cut would not be known again.
            said = reply.text.replace(self._key, "***") if self._key else reply.text
            reason = (said.strip().splitlines() or [""])[0][:MAX_REASON]
            raise PlayError(
                f"the judge at {self._address} cannot be asked for {self._name!r} (status {reply.status_code}: {reason}); "
                "check feedback.model.source and feedback.model.name"
            )
        try:
            parsed: Json = reply.json()
        except ValueError:
            raise PlayError(f"the judge at {self._address} answers no JSON; is feedback.model.source the address of an API?") from None
        return parsed

    def _alternatives(self, reply: Json) -> list[tuple[str, float]]:
        """Return the next token's alternatives with their log-probabilities."""
        match reply:
            case {"choices": [{"logprobs": {"content": [{"top_logprobs": [*listed]}, *_]}}, *_]} if self._is_chat:
                return [
                    (token, float(logprob))
                    for each in listed
                    if isinstance(each, dict)
                    and isinstance(token := each.get("token"), str)
                    and _is_logprob(logprob := each.get("logprob"))
                ]
            case {"choices": [{"logprobs": {"top_logprobs": [dict(listed), *_]}}, *_]} if not self._is_chat:
                return [(token, float(logprob)) for token, logprob in listed.items() if _is_logprob(logprob)]
        raise PlayError(
            f"the judge at {self._address} gives no log-probabilities of {self._name!r}, and its words are not looked at; "
            "use a model and a server with logprobs and top_logprobs"
        )


def _is_logprob(value: Json) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value <= ROUNDING
