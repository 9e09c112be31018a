"""Decides whether the local S3 accepts a request: it is signed with the platform's key, and no web page sends it.

AWS Signature Version 4, in the header `Authorization` or in a presigned URL:
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html

The bytes of a body are checked where the signature contains their hash. Programs may sign `UNSIGNED-PAYLOAD` instead,
or send signed chunks (`STREAMING-…`), whose own signatures are not checked: the signature of the request proves who
sends them, and on the loopback interface nobody can change them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import quote, unquote_plus, unquote_to_bytes, urlsplit

SKEW = timedelta(minutes=15)
"""How far the clock of the sender may be off."""
LONGEST_EXPIRY_SECONDS = 7 * 24 * 3600
"""Of a presigned URL."""
ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM}\s+Credential=(?P<credential>[^,\s]+)\s*,\s*SignedHeaders=(?P<headers>[^,\s]+)\s*,"
    r"\s*Signature=(?P<signature>[0-9a-f]{64})"
)
_PAYLOAD = re.compile(rf"[0-9a-f]{{64}}|{UNSIGNED}|STREAMING-[A-Z0-9-]+")
_UNRESERVED = "-_.~"
_OUR_HOSTS = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class AccessKey:
    """The one key of a store."""

    key_id: str
    secret: str = field(repr=False)


class RequestRejected(Exception):
    """The response has this HTTP status, S3 code and message."""

    def __init__(self, status: str, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Request:
    """A request as it was sent, from its WSGI environment."""

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._environ = environ
        self.method = str(environ["REQUEST_METHOD"])

    def header(self, name: str) -> str | None:
        """A header's value, None when it was not sent."""
        return self._environ.get(_environ_key(name))

    @cached_property
    def path(self) -> str:
        """The path, percent-encoded as it is signed, whatever the sender left plain."""
        sent = str(self._environ["RAW_URI"]).partition("?")[0]
        path = urlsplit(sent).path if sent.startswith(("http://", "https://")) else sent
        return quote(unquote_to_bytes(path.encode("latin-1")), safe=f"/{_UNRESERVED}")

    @cached_property
    def query(self) -> tuple[tuple[str, str], ...]:
        """Names and values, decoded."""
        sent = str(self._environ.get("QUERY_STRING") or "").encode("latin-1").decode("utf-8", "replace")
        pairs = (part.partition("=") for part in sent.split("&") if part)
        return tuple((unquote_plus(name), unquote_plus(value)) for name, _, value in pairs)

    def read_body(self, most_bytes: int | None = None) -> bytes:
        """What the request sends, or so many bytes of it."""
        length = str(self._environ.get("CONTENT_LENGTH") or "")
        if not length.isdecimal() and not self._environ.get("wsgi.input_terminated"):
            return b""
        sizes = [*([int(length)] if length.isdecimal() else []), *([] if most_bytes is None else [most_bytes])]
        return bytes(self._environ["wsgi.input"].read(min(sizes, default=-1)))

    def amazon_headers(self) -> set[str]:
        """The headers `x-amz-…` that were sent, as WSGI names them."""
        return {key for key in self._environ if key.startswith("HTTP_X_AMZ_")}


def reject_web_pages(request: Request) -> None:
    """Reject what a browser sends for a page, which may be anybody's. Raises RequestRejected.

    Browsers name the page, except in requests to an address that they take for the page's own: its domain may resolve
    to this machine.
    """
    if request.header("origin") is not None or request.header("sec-fetch-site") not in (None, "none"):
        raise _denied("Web pages may not use this store.")
    try:
        host = urlsplit(f"//{request.header('host') or ''}").hostname or ""
    except ValueError:
        host = ""
    if host not in _OUR_HOSTS:
        raise _denied("This store is at 127.0.0.1 and localhost only.")


def verify(request: Request, key: AccessKey, now: datetime) -> str:
    """Check the signature. Returns what it says of the body: its sha256 in hex, or that the body is not signed.

    Raises RequestRejected with the code that S3 has for it.
    """
    names = {name for name, _ in request.query}
    claim = _from_query(request) if "X-Amz-Algorithm" in names else _from_header(request)
    if not hmac.compare_digest(claim.key_id.encode(), key.key_id.encode()):
        raise RequestRejected("403 Forbidden", "InvalidAccessKeyId", "This is not the key of this store.")
    _check_time(claim, now)
    signed = {_environ_key(name) for name in claim.signed_headers}
    if _environ_key("host") not in signed or request.amazon_headers() - signed:
        raise _denied("There were headers present in the request which were not signed.")
    text = "\n".join((ALGORITHM, claim.time, claim.scope, hashlib.sha256(_canonical(request, claim)).hexdigest()))
    expected = _sign(_signing_key(key.secret, *claim.scope.split("/")), text).hex()
    if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
        raise RequestRejected(
            "403 Forbidden", "SignatureDoesNotMatch", "The signature does not match. Check the secret key."
        )
    return claim.payload


def check_body(body: bytes, payload: str) -> None:
    """Compare a body with what the signature says of it. Raises RequestRejected when it is another one."""
    if hashlib.sha256(body).hexdigest() != payload:
        raise RequestRejected(
            "400 Bad Request", "XAmzContentSHA256Mismatch", "The body is not the one that was signed."
        )


def is_hash(payload: str) -> bool:
    """Whether the signature contains the hash of the body."""
    return len(payload) == 64


@dataclass(frozen=True)
class _Claim:
    """What a request says of its signature. `scope` is day/region/service/aws4_request."""

    key_id: str
    scope: str
    signed_headers: tuple[str, ...]
    signature: str
    time: str
    payload: str
    expires_in: timedelta | None = None
    """Of a presigned URL."""


def _from_header(request: Request) -> _Claim:
    header = request.header("authorization")
    if any(name == "AWSAccessKeyId" for name, _ in request.query):  # version 2, the default of boto3
        raise RequestRejected("400 Bad Request", "InvalidRequest", f"Please use {ALGORITHM}, or in boto3: s3v4.")
    if header is None:
        raise _denied("Access Denied")
    found = _AUTHORIZATION.fullmatch(header.strip())
    if found is None:
        raise _malformed(f"The header Authorization is not {ALGORITHM}, the only one that is accepted.")
    payload = request.header("x-amz-content-sha256") or ""
    if not _PAYLOAD.fullmatch(payload):
        raise RequestRejected("400 Bad Request", "InvalidArgument", "x-amz-content-sha256 is missing or no such value.")
    return _Claim(
        *_split(found["credential"]),
        tuple(found["headers"].split(";")),
        found["signature"],
        request.header("x-amz-date") or "",
        payload,
    )


def _from_query(request: Request) -> _Claim:
    given = dict(request.query)
    try:
        expires_in = int(given["X-Amz-Expires"])
        if given["X-Amz-Algorithm"] != ALGORITHM or not 0 < expires_in <= LONGEST_EXPIRY_SECONDS:
            raise ValueError
        return _Claim(
            *_split(given["X-Amz-Credential"]),
            tuple(given["X-Amz-SignedHeaders"].split(";")),
            given["X-Amz-Signature"],
            given["X-Amz-Date"],
            request.header("x-amz-content-sha256") or UNSIGNED,
            timedelta(seconds=expires_in),
        )
    except (KeyError, ValueError):
        raise RequestRejected(
            "400 Bad Request", "AuthorizationQueryParametersError", "The presigned URL is incomplete."
        ) from None


def _split(credential: str) -> tuple[str, str]:
    """Key id and scope."""
    key_id, *scope = credential.rsplit("/", 4)
    if len(scope) != 4 or scope[2:] != ["s3", "aws4_request"]:
        raise _malformed("The credential is not KEY/DATE/REGION/s3/aws4_request.")
    return key_id, "/".join(scope)


def _check_time(claim: _Claim, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(claim.time, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise _denied("A valid x-amz-date is required.") from None
    if claim.time[:8] != claim.scope[:8]:
        raise _malformed("The date of the credential is not that of x-amz-date.")
    if claim.expires_in is not None:
        if not signed_at - SKEW <= now <= signed_at + claim.expires_in:
            raise _denied("Request has expired")
    elif abs(now - signed_at) > SKEW:
        raise RequestRejected(
            "403 Forbidden", "RequestTimeTooSkewed", "The clock of the sender is more than 15 minutes off."
        )


def _canonical(request: Request, claim: _Claim) -> bytes:
    query = sorted(
        (quote(name, safe=_UNRESERVED), quote(value, safe=_UNRESERVED))
        for name, value in request.query
        if name != "X-Amz-Signature"
    )
    # Headers are bytes that WSGI shows as latin-1.
    headers = [
        name.encode() + b":" + b" ".join((request.header(name) or "").encode("latin-1").split())
        for name in claim.signed_headers
    ]
    return b"\n".join(
        (
            request.method.encode(),
            request.path.encode(),
            "&".join(f"{name}={value}" for name, value in query).encode(),
            *headers,
            b"",
            ";".join(claim.signed_headers).encode(),
            claim.payload.encode(),
        )
    )


@lru_cache(maxsize=16)
def _signing_key(secret: str, *scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope:
        key = _sign(key, part)
    return key


def _sign(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _environ_key(name: str) -> str:
    key = name.upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


def _denied(message: str) -> RequestRejected:
    return RequestRejected("403 Forbidden", "AccessDenied", message)


def _malformed(message: str) -> RequestRejected:
    return RequestRejected("400 Bad Request", "AuthorizationHeaderMalformed", message)
