"""How a definition says that we authenticate: `connection.auth`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from shared.sources.part import Part
from shared.sources.references import NamedValue

Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")
]
"""One line without control characters: it is in the subjects of mails and on terminals."""


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
    """User and password of a database."""

    kind: Literal["password"]
    user: NamedValue
    password: NamedValue


Auth = Annotated[HeaderAuth | OAuth2Auth | HmacAuth | PasswordAuth, Field(discriminator="kind")]
