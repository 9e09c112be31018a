"""Where a source is and how to authenticate: `connection` of a definition, and what a connector gets of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints, field_validator

from shared.counts import listed
from shared.errors import FixConfiguration
from shared.sources.authentication import AccessKeyAuth, Auth, PasswordAuth, PrivateKeyAuth
from shared.sources.databases import DATABASES, NOT_ENCRYPTED, TlsPart, encryption_faults
from shared.sources.file_drops import location_faults
from shared.sources.parts import Part
from shared.sources.programs import PROGRAMS, Config, program_connection_faults, with_values
from shared.sources.references import EnvReference, SecretReference, Value, find_text, references_in
from shared.urls import has_credentials

if TYPE_CHECKING:
    from shared.sources.definition import SourceDefinition

FILES = "files"
"""The connector of sources whose files `retail etl` loads."""
EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=255)]


class ConnectionPart(Part):
    """Where the source is, and how to authenticate."""

    url: Value | None = Field(default=None, description="Address of the API or database")
    location: Value | None = Field(
        default=None, description="Only for files: drops/*.csv, s3://bucket/prefix/*.csv or sftp://host/folder/*.csv"
    )
    host_key: Value | None = Field(default=None, description="Only for SFTP: the server's key, ssh-ed25519 AAAA…")
    auth: Auth | None = None
    tls: TlsPart | None = Field(default=None, description="Only for databases on a server: how it is encrypted")
    command: tuple[Value, ...] | None = Field(
        default=None, description="Only for singer and dlt: the program, and its arguments"
    )
    config: Config | None = Field(
        default=None, description="Only for singer and dlt: the tap's configuration, or the arguments of the function"
    )
    environment: Mapping[EnvironmentName, Value] | None = Field(
        default=None, description="Only for singer and dlt: variables of the program. It sees no others"
    )

    @field_validator("url", "location")
    @classmethod
    def _without_credentials(cls, given: object) -> object:
        address = given.default if isinstance(given, EnvReference) else given
        if isinstance(address, str) and has_credentials(address):
            raise ValueError("an address with a user or password in it has to be `{secret: NAME}`")
        return given


def connection_faults(connector: str, given: ConnectionPart) -> Iterator[tuple[str, str]]:
    """What is wrong with the keys of a connector's `connection`: key, and reason."""
    if connector not in DATABASES and given.tls is not None:
        yield "tls", NOT_ENCRYPTED
    yield from program_connection_faults(connector, given)
    if connector in PROGRAMS:
        return
    if connector == FILES:
        yield from location_faults(given)
        return
    if given.url is None:
        yield "url", "it is missing"
    for key in ("location", "host_key"):
        if getattr(given, key) is not None:
            yield key, f"it is only for `connector: {FILES}`"
    if connector in DATABASES:
        yield from encryption_faults(connector, given)
    elif isinstance(given.auth, PasswordAuth | PrivateKeyAuth | AccessKeyAuth):
        only = "databases and files" if isinstance(given.auth, PasswordAuth) else "files"
        yield "auth", f"`kind: {given.auth.kind}` is only for {only}"


@dataclass(frozen=True)
class Program:
    """A program that reads a source for us."""

    command: tuple[str, ...]
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Its texts are templates (`request_templates.py`)."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What must not be shown of its output."""


@dataclass(frozen=True)
class Connection:
    """A definition's connection with the references replaced by their values."""

    url: str = field(repr=False)
    """The address of an API, or the location of files."""
    auth: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The keys of the definition's `auth`, `kind` included; empty without one."""
    url_setting: str = ""
    """Where a user corrects the address, for messages."""
    auth_settings: str = ""
    """Where a user corrects the credentials, for messages."""
    host_key: str = ""
    """Of an SFTP server."""
    program: Program | None = None
    """Of `singer` and `dlt`."""


def connect(definition: SourceDefinition, environ: Mapping[str, str]) -> Connection:
    """The connection of a source. Raises FixConfiguration that lists every missing variable."""
    given = definition.connection
    if given is None:
        raise FixConfiguration(
            f"{definition.id} has no connection: its files are loaded by `retail etl --retailer {definition.id}`."
        )
    missing = sorted({each.name for each in references_in(given) if not find_text(each, environ)})
    if missing:
        raise FixConfiguration(
            f"{definition.id} is not configured. Set {listed(missing)} in .env or the environment"
            f" (named in sources/{definition.id}.yaml)."
        )
    auth = {} if given.auth is None else _texts(given.auth, environ)
    address = given.url or given.location or ""
    own_file = f"`connection` in sources/{definition.id}.yaml"
    return Connection(
        url=find_text(address, environ) or "",
        host_key=find_text(given.host_key or "", environ) or "",
        auth=auth,
        url_setting=_setting(address) or own_file,
        auth_settings=" and ".join(dict.fromkeys(each.name for each in references_in(given.auth))) or own_file,
        program=_program(given, environ),
    )


def _program(given: ConnectionPart, environ: Mapping[str, str]) -> Program | None:
    if given.command is None:
        return None
    secrets = (find_text(each, environ) for each in references_in(given) if isinstance(each, SecretReference))
    return Program(
        tuple(find_text(each, environ) or "" for each in given.command),
        with_values(given.config or {}, environ),
        {name: find_text(value, environ) or "" for name, value in (given.environment or {}).items()},
        tuple(dict.fromkeys(filter(None, secrets))),
    )


def _texts(auth: Part, environ: Mapping[str, str]) -> dict[str, str]:
    given = {name: getattr(auth, name) for name in type(auth).model_fields}
    return {name: find_text(value, environ) or "" for name, value in given.items() if value is not None}


def _setting(value: str | EnvReference | SecretReference) -> str:
    return "" if isinstance(value, str) else value.name
