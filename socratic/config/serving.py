"""A server that draws the free text of play in the place of the run's own engine."""

from urllib.parse import urlsplit

from pydantic import Field, field_validator

from socratic.config.base import Positive, Section

SERVER_KEY = "VLLM_API_KEY"
EXPECTED = "expected one such as http://127.0.0.1:8000, with a port up to 65535 and no path"


class ServerSection(Section):
    """A vLLM server, asked over HTTP; a key is read from the environment variable VLLM_API_KEY."""

    address: str = ""  # http://127.0.0.1:8000; empty: the run's own engine draws
    model: str = ""  # what the server calls the base model; empty: the only one it has
    adapters: str = ""  # a folder that this machine and the server see at the same path; empty: the run's own
    tolerance: float = Field(0.05, gt=0)  # nats a token, on average, by which its log-probabilities may differ from ours
    at_once: Positive = 64  # replies that each actor waits for at a time

    @field_validator("address")
    @classmethod
    def _is_an_address(cls, address: str) -> str:
        """Refuse what cannot be asked, or holds a secret; what it holds is not repeated."""
        if not address:
            return address
        try:
            parts = urlsplit(address)
            _ = parts.port
        except ValueError:
            raise ValueError(f"play.server.address is no address that can be asked, {EXPECTED}") from None
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError(
                "play.server.address has more than an address, and a run's configuration is no place for a key; "
                f"put it into the environment variable {SERVER_KEY}"
            )
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"play.server.address is {address!r}, {EXPECTED}")
        if parts.path.strip("/"):
            raise ValueError(f"play.server.address has the path {parts.path!r}, {EXPECTED}")
        return address.rstrip("/")
