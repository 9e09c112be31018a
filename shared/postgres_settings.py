"""The DSNs of the warehouse: as configured, or assembled from `POSTGRES_…`; including TLS."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

from shared.errors import FixConfiguration
from shared.regular_files import open_regular

NAMES = frozenset(
    {
        *("WAREHOUSE_DSN", "WAREHOUSE_OWNER_DSN", "WAREHOUSE_READER_DSN"),
        *("POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_DB", "POSTGRES_SSLMODE", "POSTGRES_SSLROOTCERT"),
        *("POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_OWNER_PASSWORD", "POSTGRES_READER_PASSWORD"),
    }
)
"""Every variable that is read here."""
OWNER, READER = "retail_owner", "retail_reader"
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_IN_ENV = "in the environment or in .env"


def warehouse_dsn(environ: Mapping[str, str], problems: list[str]) -> str:
    """The loader's DSN: WAREHOUSE_DSN, else its parts. Missing and wrong settings are added to `problems`."""
    if dsn := environ.get("WAREHOUSE_DSN"):
        if not dsn.startswith(("postgresql://", "postgres://")):
            problems.append("WAREHOUSE_DSN is not a libpq URI (postgresql://user:password@host:port/database)")
        return dsn
    if "POSTGRES_PASSWORD" not in environ:
        problems.append("WAREHOUSE_DSN (or POSTGRES_PASSWORD with POSTGRES_HOST …) is missing")
        return "postgresql:///"
    return _from_parts(environ, environ.get("POSTGRES_USER", "retail_user"), environ["POSTGRES_PASSWORD"], problems)


def owner_dsn(environ: Mapping[str, str]) -> str:
    """The DSN of the owner, who may change the schema: WAREHOUSE_OWNER_DSN, else POSTGRES_OWNER_PASSWORD.

    When neither is set, WAREHOUSE_DSN: the loader may own the database. Raises FixConfiguration.
    """
    if dsn := environ.get("WAREHOUSE_OWNER_DSN"):
        return dsn
    password, loader = environ.get("POSTGRES_OWNER_PASSWORD"), environ.get("WAREHOUSE_DSN")
    if not password:
        if loader:
            return loader
        raise FixConfiguration(
            "The owner of the warehouse is not set: set WAREHOUSE_OWNER_DSN, its libpq URI, or POSTGRES_OWNER_PASSWORD"
            f" {_IN_ENV}."
        )
    if loader:
        place, mark, options = loader.partition("://")[2].partition("?")
        server = place.rpartition("@")[2]
        return f"postgresql://{OWNER}:{quote(password, safe='')}@{server}{mark}{options}"
    problems: list[str] = []
    dsn = _from_parts(environ, OWNER, password, problems)
    if problems:
        raise FixConfiguration(f"Configuration: {'; '.join(problems)}. Correct it {_IN_ENV}.")
    return dsn


def reader_dsn(environ: Mapping[str, str]) -> str:
    """The reader's DSN: WAREHOUSE_READER_DSN, else POSTGRES_READER_PASSWORD on POSTGRES_HOST, else the loader's.

    The caller must not write, even with the loader's DSN. Raises FixConfiguration.
    """
    if dsn := environ.get("WAREHOUSE_READER_DSN"):
        return dsn
    problems: list[str] = []
    password = environ.get("POSTGRES_READER_PASSWORD")
    if password and "WAREHOUSE_DSN" not in environ:
        dsn = _from_parts(environ, READER, password, problems)
    else:
        dsn = warehouse_dsn(environ, problems)
    if problems:
        raise FixConfiguration(f"Configuration: {'; '.join(problems)}. Correct it {_IN_ENV}.")
    return dsn


def _from_parts(environ: Mapping[str, str], user: str, password: str, problems: list[str]) -> str:
    host, port = environ.get("POSTGRES_HOST", "localhost"), environ.get("POSTGRES_PORT", "5432")
    database = environ.get("POSTGRES_DB", "retail_analytics")
    server = f"[{host}]" if ":" in host else quote(host, safe="")  # a name, an address, or the directory of a socket
    tls = urlencode(_tls(environ, problems), quote_via=quote, safe="")
    return (
        f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@{server}:{port}/{quote(database, safe='')}"
        + (f"?{tls}" if tls else "")
    )


def _tls(environ: Mapping[str, str], problems: list[str]) -> dict[str, str]:
    found = {}
    if mode := environ.get("POSTGRES_SSLMODE"):
        found["sslmode"] = mode
        if mode not in SSL_MODES:
            problems.append(f"POSTGRES_SSLMODE is {mode!r}, which is none of {', '.join(SSL_MODES)}")
    if certificate := environ.get("POSTGRES_SSLROOTCERT"):
        found["sslrootcert"] = certificate
        try:
            open_regular(Path(certificate)).close()
        except OSError as error:
            problems.append(
                f"POSTGRES_SSLROOTCERT names {certificate}, which cannot be read ({error.strerror})."
                " It is the file with the CA's certificate"
            )
    return found
