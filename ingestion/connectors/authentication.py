"""Adds the credentials of a definition to each request: every kind of `connection.auth` (docs/SOURCES.md)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit, urlunsplit

import requests

from ingestion.connectors import protocol
from ingestion.connectors.http.client import Authorization, HeaderKey, HttpClient
from ingestion.connectors.http.headers import is_token
from ingestion.connectors.protocol import Runtime
from shared.config import IngestSettings
from shared.errors import FixConfiguration, StopRun
from shared.sources.definition import Connection, SourceDefinition

_EXPIRY_MARGIN_SECONDS = 30
_LONGEST_LIFETIME_SECONDS = 86_400
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def authorization_of(
    source: SourceDefinition, connection: Connection, ingest: IngestSettings, runtime: Runtime, opened: ExitStack
) -> Authorization | None:
    """What adds the credentials of a source, or None if it has none. `opened` closes what that needs."""
    auth = connection.auth
    match auth.get("kind"):
        case "header":
            return HeaderKey(auth["name"], auth["value"])
        case "query":
            return QueryKey(auth["name"], auth["value"])
        case "bearer":
            return HeaderKey("Authorization", f"Bearer {auth['token']}")
        case "basic":
            return HeaderKey("Authorization", _basic(auth["user"], auth["password"]))
        case "oauth2":
            return client_credentials(source, connection, ingest, runtime, opened)
        case "hmac":
            return Signature(auth, runtime.clock)
        case _:
            return None


@dataclass(frozen=True)
class QueryKey:
    """A fixed key in the query of every request."""

    parameter: str
    key: str = field(repr=False)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """See `Authorization`."""
        request.prepare_url(request.url, {self.parameter: self.key})
        return request

    def renew(self) -> bool:
        """False: there is no other key."""
        return False


class Signature:
    """Signs every attempt: a signature is valid for a few minutes only."""

    def __init__(self, auth: Mapping[str, str], clock: Callable[[], datetime]) -> None:
        self._auth, self._clock = auth, clock

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """See `Authorization`."""
        auth = self._auth
        parts = {
            "method": str(request.method),
            "path": request.path_url,
            "timestamp": str(int(self._clock().timestamp())),
            "client_id": auth["client_id"],
        }
        message = _PLACEHOLDER.sub(lambda found: parts[found[1]], auth["message"])
        signed = hmac.new(auth["secret"].encode(), message.encode(), getattr(hashlib, auth["digest"])).digest()
        request.headers[auth["client_header"]] = auth["client_id"]
        request.headers[auth["timestamp_header"]] = parts["timestamp"]
        is_hex = auth["encoding"] == "hex"
        request.headers[auth["signature_header"]] = signed.hex() if is_hex else base64.b64encode(signed).decode()
        return request

    def renew(self) -> bool:
        """False: the secret stays the same."""
        return False


class ClientCredentials:
    """Bearer tokens of OAuth2, requested when needed and again when rejected."""

    def __init__(
        self, source_id: str, client: HttpClient, path: str, auth: Mapping[str, str], monotonic: Callable[[], float]
    ) -> None:
        """`client` should not retry: the request that needs the token is retried."""
        self._source_id, self._client, self._path, self._auth = source_id, client, path, auth
        self._monotonic = monotonic
        self._token = ""
        self._valid_until = 0.0

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """See `Authorization`."""
        if not self._token or self._monotonic() >= self._valid_until:
            self.renew()
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def renew(self) -> bool:
        """Request a new token."""
        auth = self._auth
        form = {"grant_type": "client_credentials"} | ({"scope": auth["scope"]} if "scope" in auth else {})
        if auth["send_as"] == "form":
            form |= {name: auth[name] for name in ("client_id", "client_secret")}
        response = self._client.post_form(self._path, form)
        token = protocol.required_field(self._source_id, response, "access_token", str)
        seconds = _LONGEST_LIFETIME_SECONDS
        if "expires_in" in response.value:
            seconds = protocol.required_field(self._source_id, response, "expires_in", int)
        if not is_token(token):
            raise StopRun(
                f"{self._source_id} sent an access token that no header can have: with spaces, line ends or"
                " characters beyond ASCII, or too long. Have its tokens corrected."
            )
        self._token, seconds = token, max(0, min(seconds, _LONGEST_LIFETIME_SECONDS))
        # For a very short lifetime, half of it is left for the request itself.
        self._valid_until = self._monotonic() + max(seconds - _EXPIRY_MARGIN_SECONDS, seconds / 2)
        return True


def client_credentials(
    source: SourceDefinition, connection: Connection, ingest: IngestSettings, runtime: Runtime, opened: ExitStack
) -> ClientCredentials:
    """OAuth2 client credentials. `opened` closes the client that requests the tokens."""
    auth = connection.auth
    address, path = _split(source, connection.url, auth["token_url"])
    own = Connection(address, auth, connection.url_setting, connection.auth_settings)
    once = ingest.model_copy(update={"max_attempts": 1})
    sent = HeaderKey("Authorization", _basic(auth["client_id"], auth["client_secret"]))
    client = protocol.http_client(source, own, once, runtime, sent if auth["send_as"] == "basic" else None)
    opened.callback(client.close)
    return ClientCredentials(source.id, client, path, auth, runtime.monotonic)


def _split(source: SourceDefinition, url: str, token_url: str) -> tuple[str, str]:
    """The address and the path at which tokens are requested."""
    if token_url.startswith("/"):
        return url, token_url
    parts = urlsplit(token_url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise FixConfiguration(
            f"{source.id}: connection.auth.token_url is neither a path nor an address. Correct {source.file}."
        )
    return f"{parts.scheme}://{parts.netloc}", urlunsplit(("", "", parts.path or "/", parts.query, ""))


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
