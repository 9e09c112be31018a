"""Values that a definition does not contain itself: `{env: NAME}` and `{secret: NAME}`.

A definition is committed and shown to everybody, so it names its secrets instead of containing them. They come from the
environment variable NAME, from the file that NAME_FILE names, or from the file NAME in SECRETS_DIRECTORY.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag

from shared.errors import FixConfiguration
from shared.regular_files import read_text
from shared.streams import is_text

Name = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]
"""The name of an environment variable."""


class EnvReference(BaseModel):
    """`{env: NAME, default: text}`: a setting that differs between machines."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    env: Name = Field(description="Environment variable that has the value")
    default: str | None = Field(default=None, description="The value where the variable is not set")

    @property
    def name(self) -> str:
        """The variable."""
        return self.env


class SecretReference(BaseModel):
    """`{secret: NAME}`: a password, key or token."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret: Name = Field(description="Environment variable, NAME_FILE, or file in SECRETS_DIRECTORY with the value")

    @property
    def default(self) -> None:
        """A secret has none."""

    @property
    def name(self) -> str:
        """The variable."""
        return self.secret


def _kind(given: Any) -> str | None:
    if isinstance(given, str):
        return "(text)"
    if isinstance(given, EnvReference) or (isinstance(given, Mapping) and "env" in given):
        return "(env)"
    is_secret = isinstance(given, SecretReference) or (isinstance(given, Mapping) and "secret" in given)
    return "(secret)" if is_secret else None


Reference = EnvReference | SecretReference
Value = Annotated[
    Annotated[Annotated[str, StringConstraints(min_length=1)], Tag("(text)")]
    | Annotated[EnvReference, Tag("(env)")]
    | Annotated[SecretReference, Tag("(secret)")],
    Discriminator(
        _kind,
        custom_error_type="reference",
        custom_error_message="it is neither a text nor `{env: NAME}` nor `{secret: NAME}`",
    ),
]
"""A text, or a reference to one."""
NamedValue = Annotated[
    Annotated[EnvReference, Tag("(env)")] | Annotated[SecretReference, Tag("(secret)")],
    Discriminator(
        lambda given: None if (kind := _kind(given)) == "(text)" else kind,
        custom_error_type="reference",
        custom_error_message="it is neither `{env: NAME}` nor `{secret: NAME}`; a definition contains no credentials",
    ),
]
"""A reference. A definition is committed and shown, so it cannot contain a credential."""


def references_in(value: Any) -> Iterator[Reference]:
    """Every reference in a model, mapping, sequence or value."""
    if isinstance(value, EnvReference | SecretReference):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from references_in(getattr(value, name))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from references_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from references_in(each)


def find_text(value: str | Reference, environ: Mapping[str, str]) -> str | None:
    """The text of a value, or None when a reference has none.

    `environ` is what `shared.config.read_environment` returns. Raises FixConfiguration when a file that should have the
    value cannot be read.
    """
    if isinstance(value, str):
        return value
    found = environ.get(value.name) or _from_file(value.name, environ) or value.default
    if found and not is_text(found):
        raise FixConfiguration(f"{value.name} is not UTF-8 text. Correct it in .env or the environment.")
    return found


def _from_file(name: str, environ: Mapping[str, str]) -> str | None:
    named = environ.get(f"{name}_FILE")
    if named:
        return _read(Path(named), f"{name}_FILE")
    directory = environ.get("SECRETS_DIRECTORY")
    return _read(Path(directory) / name, "SECRETS_DIRECTORY", may_be_missing=True) if directory else None


def _read(path: Path, setting: str, *, may_be_missing: bool = False) -> str | None:
    try:
        return read_text(path).strip()
    except (OSError, UnicodeDecodeError) as error:
        if may_be_missing and isinstance(error, FileNotFoundError | NotADirectoryError):
            return None
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise FixConfiguration(f"{setting} names {path}, which cannot be read ({reason}).") from error
