"""Keeping secrets out of whatever is written: manifests, configurations, logs, mirrors."""

import os
import re
from collections.abc import Mapping

from socratic.records import Json

REDACTED = "[redacted]"
SECRET_VARIABLE = re.compile(r"(_KEYS?|_TOKENS?|_PASS|_CREDENTIALS?)$|SECRET|PASSWORD|PASSWD", re.IGNORECASE)
SECRET_SETTING = re.compile(r"(^|[_.-])(api_?key|key|token|secret|password|passwd|credentials?)$", re.IGNORECASE)
# Shorter values are words like "true", which are no secrets and stand everywhere.
SHORTEST_SECRET = 12
SHAPES = re.compile(
    r"""
    \bhf_[A-Za-z0-9]{16,}                     # Hugging Face
    | \bwandb_v1_[A-Za-z0-9_-]{16,}           # W&B; its older keys are 40 hexadecimal digits, like a git commit, and go by their variable
    | \bsk-[A-Za-z0-9_-]{16,}                 # OpenAI, Anthropic and those who follow them
    | \b(?:gh[pousr]_|github_pat_)\w{16,}     # GitHub
    | \bglpat-[\w-]{16,}                      # GitLab
    | \bA(?:KIA|SIA)[A-Z0-9]{16}\b            # AWS
    | \bAIza[\w-]{30,}                        # Google
    | \bxox[abeprs]-[\w-]{10,}                # Slack
    | (?<=://)[^/\s:@]*:[^/\s@]+(?=@)         # user:password in an address
    | (?i:(?<=bearer\s))[\w.~+/-]{16,}=*      # an authorization header
    """,
    re.VERBOSE,
)


def redact(text: str, variables: Mapping[str, str] | None = None) -> str:
    """Return `text` without the values of secret environment variables and without what has a well-known key's shape.

    `variables` stands for the process's own environment where it is None.
    """
    for value in secret_values(os.environ if variables is None else variables):
        text = text.replace(value, REDACTED)
    return SHAPES.sub(REDACTED, text)


def redact_values(values: Mapping[str, Json], variables: Mapping[str, str] | None = None) -> dict[str, Json]:
    """Return a copy with every text redacted, and with every text under a name like `api_key` or `token` replaced."""
    return {key: _redact_value(key, value, variables) for key, value in values.items()}


def find_secret(values: Mapping[str, Json], variables: Mapping[str, str] | None = None) -> str | None:
    """Return the dotted key of the first value that `redact_values` would change; None where there is none."""
    for key, value in values.items():
        if isinstance(value, dict):
            inner = find_secret(value, variables)
            if inner is not None:
                return f"{key}.{inner}"
        elif _redact_value(key, value, variables) != (list(value) if isinstance(value, (list, tuple)) else value):
            return key
    return None


def secret_values(variables: Mapping[str, str]) -> list[str]:
    """Return the values of variables whose names speak of secrets, longest first."""
    found = {value for name, value in variables.items() if SECRET_VARIABLE.search(name) and len(value) >= SHORTEST_SECRET}
    return sorted(found, key=lambda value: (-len(value), value))


def _redact_value(key: str, value: Json, variables: Mapping[str, str] | None) -> Json:
    if isinstance(value, str):
        return REDACTED if value and SECRET_SETTING.search(key) else redact(value, variables)
    if isinstance(value, dict):
        return redact_values(value, variables)
    if isinstance(value, (list, tuple)):
        return [_redact_value(key, inner, variables) for inner in value]
    return value
