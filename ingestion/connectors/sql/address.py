"""Where a database is, how to log in to it, and the messages that name it. None of them has the password."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from shared.errors import FixConfiguration
from shared.sources.connection import Connection
from shared.sources.definition import SourceDefinition

_SCHEMES = {
    "postgresql": ("postgresql", "postgres"),
    "mysql": ("mysql", "mariadb"),
    "sqlite": ("sqlite",),
    "mssql": ("mssql", "sqlserver"),
    "mongodb": ("mongodb",),
}
_PORTS = {"postgresql": 5432, "mysql": 3306, "sqlite": 0, "mssql": 1433, "mongodb": 27017}
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Tls:
    """How the connection is encrypted."""

    mode: str
    """`verify-full`, `verify-ca`, `require` or `disable`."""
    ca_file: str
    """Certificates of the CAs that are trusted."""

    def context(self) -> ssl.SSLContext | None:
        """For drivers that take Python's own; None: without TLS. Raises OSError if the file cannot be read."""
        if self.mode == "disable":
            return None
        found = ssl.create_default_context(cafile=self.ca_file or None)
        found.check_hostname = self.mode == "verify-full"
        if self.mode == "require":
            found.verify_mode = ssl.CERT_NONE
        return found


@dataclass(frozen=True)
class Address:
    """A database of one source."""

    source_id: str
    host: str
    port: int
    database: str
    """Its name, or the path of its file."""
    user: str = ""
    password: str = field(default="", repr=False)
    tls: Tls = Tls("disable", "")
    url_setting: str = ""
    auth_setting: str = ""

    @property
    def shown(self) -> str:
        """As messages name it."""
        return f"{self.host}:{self.port}/{self.database}" if self.host else self.database


def address_of(source: SourceDefinition, connection: Connection) -> Address:
    """The address in the definition of a source. Raises FixConfiguration if it is not one of its kind of database."""
    scheme, separator, _ = connection.url.partition("://")
    schemes = _SCHEMES[source.connector]
    example = (
        f"{schemes[0]}:///var/lib/till/pos.db" if source.connector == "sqlite" else f"{schemes[0]}://host/database"
    )
    wrong = FixConfiguration(
        f"{source.id}: its address is not of the form {example}. Correct {connection.url_setting}. Write the characters"
        " @ : / ? # % of a user or password as %40 %3A %2F %3F %23 %25."
    )
    if not separator or scheme.lower() not in schemes:
        raise wrong
    if source.connector == "sqlite":
        path = unquote(connection.url.partition("://")[2])
        if not path.startswith("/") or path == "/":
            raise wrong
        return Address(source.id, "", 0, path, url_setting=connection.url_setting)
    try:
        parts = urlsplit(connection.url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    database = unquote(parts.path.lstrip("/"))
    if not host or not database or "/" in database or parts.query or parts.fragment:
        raise wrong
    own = bool(parts.username or parts.password)
    if own and connection.auth:
        raise FixConfiguration(
            f"{source.id}: both its address and connection.auth have a user. Remove one from sources/{source.id}.yaml."
        )
    return Address(
        source.id,
        host,
        port or _PORTS[source.connector],
        database,
        unquote(parts.username or "") if own else connection.auth.get("user", ""),
        unquote(parts.password or "") if own else connection.auth.get("password", ""),
        _tls(source, host),
        connection.url_setting,
        connection.url_setting if own or not connection.auth else connection.auth_settings,
    )


def _tls(source: SourceDefinition, host: str) -> Tls:
    given = source.connection.tls if source.connection else None
    mode = given.mode if given else "disable" if host in _THIS_MACHINE else "verify-full"
    ca_file = (given.ca_file if given else None) or ssl.get_default_verify_paths().cafile or ""
    if given and given.ca_file and not Path(given.ca_file).is_file():
        raise FixConfiguration(
            f"{source.id}: there is no file {given.ca_file}."
            f" Correct connection.tls.ca_file in sources/{source.id}.yaml."
        )
    return Tls(mode, ca_file)
