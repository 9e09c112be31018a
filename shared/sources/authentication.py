"""How a source lets us in: `connection.auth` of a definition (docs/SOURCES.md)."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from shared.sources.parts import HeaderName, Part, Text
from shared.sources.references import NamedValue, Value

SIGNED_PARTS = ("method", "path", "timestamp", "client_id")
"""What the message of a signature can contain. `path` has the query, as it is sent."""
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class HeaderAuth(Part):
    """A fixed key in a header of every request."""

    kind: Literal["header"]
    name: Text = Field(description="The header, for example X-API-Key")
    value: NamedValue


class QueryAuth(Part):
    """A fixed key in the address of every request."""

    kind: Literal["query"]
    name: Text = Field(description="The parameter, for example api_key")
    value: NamedValue


class BearerAuth(Part):
    """A fixed token: `Authorization: Bearer …`."""

    kind: Literal["bearer"]
    token: NamedValue


class BasicAuth(Part):
    """A user and a password: `Authorization: Basic …`."""

    kind: Literal["basic"]
    user: NamedValue
    password: NamedValue


class OAuth2Auth(Part):
    """OAuth2 client credentials: a token that expires and is requested again."""

    kind: Literal["oauth2"]
    client_id: NamedValue
    client_secret: NamedValue
    token_url: Value = Field(
        default="/oauth/token", description="Where tokens are requested: a path below `url`, or another address"
    )
    scope: Text | None = Field(default=None, description="What to request access to")
    send_as: Literal["form", "basic"] = Field(
        default="form", description="How id and secret are sent: in the form, or as user and password"
    )

    @field_validator("token_url")
    @classmethod
    def _is_a_path_or_an_address(cls, given: object) -> object:
        if isinstance(given, str) and not re.match(r"/|https?://[^@/]+(/|$)", given):
            raise ValueError("it is neither a path that begins with / nor an address such as https://login.example.com")
        return given


class HmacAuth(Part):
    """A signature over each request."""

    kind: Literal["hmac"]
    client_id: NamedValue
    secret: NamedValue
    message: str = Field(
        default="{method}\n{path}\n{timestamp}",
        description="What is signed: a text with {method}, {path} (with the query), {timestamp} and {client_id}",
    )
    digest: Literal["sha256", "sha512", "sha1"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    client_header: HeaderName = "X-Client-Id"
    timestamp_header: HeaderName = "X-Timestamp"
    signature_header: HeaderName = "X-Signature"

    @field_validator("message")
    @classmethod
    def _has_known_parts(cls, given: str) -> str:
        for name in _PLACEHOLDER.findall(given):
            if name not in SIGNED_PARTS:
                listed = ", ".join(f"{{{each}}}" for each in SIGNED_PARTS)
                raise ValueError(f"{{{name}}} is not a part of a request; allowed: {listed}")
        if "{path}" not in given:
            raise ValueError("without {path} one signature would be valid for every request")
        return given


Auth = Annotated[HeaderAuth | QueryAuth | BearerAuth | BasicAuth | OAuth2Auth | HmacAuth, Field(discriminator="kind")]
