"""Signed requests: HMAC-SHA256 over method, path with query, and time."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from retailers.rejections import Rejected

TOLERANCE = 300
"""Seconds that a request's time may differ from ours."""


def signature(secret: str, method: str, target: str, timestamp: str) -> str:
    """Lower-case hex of the HMAC; `target` is the path with its query as sent."""
    return hmac.new(secret.encode(), f"{method}\n{target}\n{timestamp}".encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Signatures:
    """Checks the requests of the only client, by real time."""

    client_id: str
    secret: str
    now: Callable[[], float] = time.time

    def check(self, method: str, target: str, headers: Mapping[str, str]) -> None:
        """Raises Rejected if a header is missing or wrong."""
        client, timestamp, given = (headers.get(name) for name in ("X-Client-Id", "X-Timestamp", "X-Signature"))
        if not client or not timestamp or not given:
            raise Rejected(401, "missing_signature", "faltan X-Client-Id, X-Timestamp o X-Signature")
        if not hmac.compare_digest(client.encode(), self.client_id.encode()):
            raise Rejected(401, "unknown_client", "cliente desconocido")
        if not timestamp.isascii() or not timestamp.isdigit() or abs(int(timestamp[:15]) - self.now()) > TOLERANCE:
            raise Rejected(401, "stale_timestamp", f"X-Timestamp difiere más de {TOLERANCE} s de nuestra hora")
        expected = signature(self.secret, method, target, timestamp)
        if not hmac.compare_digest(given.encode(), expected.encode()):
            raise Rejected(401, "invalid_signature", "la firma no corresponde a la petición")
