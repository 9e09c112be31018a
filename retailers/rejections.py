"""Why a request is rejected. Each retailer formats it in its own JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Rejected(Exception):
    """A request that gets an error. `code` is the same for all retailers; `message` says what to fix."""

    status: int
    code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)


def invalid(message: str) -> Rejected:
    """A parameter is wrong."""
    return Rejected(400, "invalid_parameter", message)


def unavailable(retry_after: float | None = None) -> Rejected:
    """The retailer's API is temporarily unavailable."""
    headers = {} if retry_after is None else {"Retry-After": str(max(0, round(retry_after)))}
    return Rejected(503, "unavailable", "the service is unavailable, try again later", headers)


def rate_limited(retry_after: float) -> Rejected:
    """Too many requests."""
    return Rejected(429, "rate_limited", "too many requests", {"Retry-After": str(max(1, round(retry_after + 0.49)))})
