"""The ways to authenticate that a definition can describe."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.sources.parts import Part, Text
from shared.sources.references import NamedValue


class HeaderAuth(Part):
    """A fixed key in a header of every request."""

    kind: Literal["header"]
    name: Text = Field(description="The header, for example X-API-Key")
    value: NamedValue


class OAuth2Auth(Part):
    """OAuth2 client credentials: a token that expires and is requested again."""

    kind: Literal["oauth2"]
    client_id: NamedValue
    client_secret: NamedValue


class HmacAuth(Part):
    """A signature over each request."""

    kind: Literal["hmac"]
    client_id: NamedValue
    secret: NamedValue


class PasswordAuth(Part):
    """User and password."""

    kind: Literal["password"]
    user: NamedValue
    password: NamedValue


class PrivateKeyAuth(Part):
    """User and private key of an SFTP server."""

    kind: Literal["private_key"]
    user: NamedValue
    private_key: NamedValue = Field(description="The text of the key's file, in OpenSSH's or PEM format")
    passphrase: NamedValue | None = Field(default=None, description="Of the private key, if it has one")


class AccessKeyAuth(Part):
    """Keys of an object store that are not those of the platform's own."""

    kind: Literal["access_key"]
    access_key_id: NamedValue
    secret_access_key: NamedValue


FileAuth = PasswordAuth | PrivateKeyAuth | AccessKeyAuth
"""Those of places where files are dropped."""
Auth = Annotated[HeaderAuth | OAuth2Auth | HmacAuth | FileAuth, Field(discriminator="kind")]
