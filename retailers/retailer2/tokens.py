"""Access tokens: signed, so that they outlive a restart, and revocable."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from retailers.rejections import Rejected


@dataclass
class Tokens:
    """Issues and checks tokens that are valid for `lifetime` seconds of real time."""

    secret: str
    lifetime: int
    now: Callable[[], float] = time.time
    _revoked: set[str] = field(default_factory=set)
    _issued: int = 0

    def issue(self) -> str:
        """A new token, different from every other."""
        self._issued += 1
        now = self.now()
        claims = f"{int(now) + self.lifetime}.{int(now * 1e6) % 10**9 + self._issued}"
        return f"{claims}.{self._signature(claims)}"

    def check(self, token: str) -> None:
        """Raises Rejected if we did not issue the token, or if it has expired."""
        claims, _, signature = token.rpartition(".")
        if not claims or not hmac.compare_digest(signature.encode(), self._signature(claims).encode()):
            raise _rejected("invalid_token", "this access token is not known")
        if int(claims.split(".")[0]) <= self.now() or token in self._revoked:
            raise _rejected("token_expired", "the access token has expired, get a new one from /oauth/token")

    def revoke(self, token: str) -> None:
        """Expire a token before its time."""
        self._revoked.add(token)

    def _signature(self, claims: str) -> str:
        return hmac.new(self.secret.encode(), claims.encode(), hashlib.sha256).hexdigest()[:40]


def _rejected(code: str, message: str) -> Rejected:
    return Rejected(401, code, message, {"WWW-Authenticate": f'Bearer error="{code}"'})


def bearer(header: str | None) -> str:
    """The token of an Authorization header. Raises Rejected when there is none."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _rejected("missing_token", "send Authorization: Bearer and an access token from /oauth/token")
    return token.strip()
