"""What the parts of a definition have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from shared.currencies import CURRENCIES


def known_currency(code: str) -> str:
    """The code, if it is a currency of ISO 4217. Raises ValueError."""
    if code not in CURRENCIES:
        raise ValueError(f"{code!r} is not a currency of ISO 4217; an example is EUR")
    return code


Currency = Annotated[str, AfterValidator(known_currency), Field(json_schema_extra={"pattern": "^[A-Z]{3}$"})]
Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")
]
"""One line without control characters: it is in the subjects of mails and on terminals."""
HeaderName = Annotated[str, StringConstraints(max_length=255, pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
"""RFC 9110, 5.1."""


class Part(BaseModel):
    """The base of all parts of a definition: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
