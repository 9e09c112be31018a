"""The server's part of SCRAM-SHA-256 (RFC 7677)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from secrets import token_bytes

_ITERATIONS = 4096


@dataclass
class Login:
    """One client that logs in."""

    passwords: dict[str, str]
    user: str = ""
    _said: str = ""
    _nonce: str = ""
    _salt: bytes = b""

    def first(self, message: bytes) -> bytes:
        """The response to the client's first message."""
        bare = message.decode().split(",", 2)[2]
        parts = dict(each.split("=", 1) for each in bare.split(","))
        self.user, self._nonce = parts["n"], parts["r"] + base64.b64encode(token_bytes(18)).decode()
        self._salt = token_bytes(28)
        response = f"r={self._nonce},s={base64.b64encode(self._salt).decode()},i={_ITERATIONS}"
        self._said = f"{bare},{response}"
        return response.encode()

    def last(self, message: bytes) -> bytes | None:
        """The response to the client's last message; None if the password is wrong."""
        text = message.decode()
        without_proof, _, proof = text.rpartition(",p=")
        said = f"{self._said},{without_proof}".encode()
        salted = hashlib.pbkdf2_hmac("sha256", self.passwords.get(self.user, "").encode(), self._salt, _ITERATIONS)
        stored = hashlib.sha256(_hmac(salted, b"Client Key")).digest()
        client_key = bytes(a ^ b for a, b in zip(base64.b64decode(proof), _hmac(stored, said), strict=True))
        if self.user not in self.passwords or hashlib.sha256(client_key).digest() != stored:
            return None
        return b"v=" + base64.b64encode(_hmac(_hmac(salted, b"Server Key"), said))


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()
