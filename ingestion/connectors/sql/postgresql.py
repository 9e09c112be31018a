"""PostgreSQL, with psycopg2: a server-side cursor in a read-only transaction at REPEATABLE READ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psycopg2
import psycopg2.extensions

from ingestion.connectors.sql import dialect
from ingestion.connectors.sql.address import Address
from ingestion.connectors.sql.columns import Kind
from ingestion.connectors.sql.dialect import ComparedAsStored, Fault, Parameters, Row, Timeouts
from ingestion.connectors.sql.statements import double_quoted

_KINDS = {1082: Kind.DATE, 1114: Kind.TIME, 1184: Kind.INSTANT, **dict.fromkeys((20, 21, 23, 1700), Kind.NUMBER)}
_BOOLEAN, _PADDED = 16, 1042
_CALCULATED = {25, *_KINDS}
"""Types of counts, sums and times, which a statement can have without a column of the query that has them."""
_SESSION = "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL extra_float_digits = 1;"
"""The texts of values depend on these. LOCAL, so that a pooler's next user does not have them."""
_STATES = {
    "28": dialect.rejected_login,
    "3D": dialect.unknown_database,
    "42501": dialect.forbidden,
    "42": dialect.wrong_query,
    "0A": dialect.wrong_query,
    "22": dialect.wrong_values,
    "57014": dialect.too_slow,
    "57P": dialect.lost,
    "08": dialect.lost,
    "25006": dialect.wrong_query,
    "40": dialect.ended,
    "53": dialect.ended,
    "55": dialect.ended,
    "57": dialect.ended,
    "58": dialect.ended,
    "XX": dialect.ended,
}
"""Beginning of a SQLSTATE → what it means; the longest one counts."""
_WORDS = {
    r"authentication failed|no password supplied|role .* does not exist|not permitted to log": dialect.rejected_login,
    r"database .* does not exist": dialect.unknown_database,
    r"permission denied": dialect.forbidden,
    r"certificate|SSL|no encryption|sslmode|sslrootcert": dialect.wrong_tls,
    r"closed the connection unexpectedly|terminating connection|server closed|could not receive": dialect.lost,
}
"""What libpq says where there is no SQLSTATE."""


class PostgreSql(ComparedAsStored):
    """See `Dialect`."""

    is_pyformat = True

    def quote(self, name: str) -> str:
        """See `Dialect`."""
        return double_quoted(name)

    def minute(self, column: str, kind: Kind) -> str:
        """See `Dialect`."""
        if kind is Kind.EPOCH:
            return f"{column} / 60 * 60"
        return f"date_trunc('minute', {column})"

    def exact_sum(self, column: str) -> str:
        """See `Dialect`."""
        return f"sum({column}::numeric)"

    def connect(self, address: Address, timeouts: Timeouts) -> Any:
        """See `Dialect`."""
        return psycopg2.connect(
            host=address.host,
            port=address.port,
            dbname=address.database,
            user=address.user or None,
            password=address.password or None,
            sslmode=address.tls.mode,
            sslrootcert=address.tls.ca_file if address.tls.mode.startswith("verify") else None,
            connect_timeout=max(2, round(timeouts.connect_seconds)),
            client_encoding="UTF8",
            application_name="retail-ingest",
            # A lost server or network is noticed within a minute.
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
        )

    def begin(self, connection: Any, timeouts: Timeouts) -> str:
        """See `Dialect`."""
        connection.rollback()
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        limit = timeouts.statement_ms
        with connection.cursor() as cursor:
            cursor.execute(
                f"{_SESSION} SET LOCAL statement_timeout = {limit};"
                f" SET LOCAL idle_in_transaction_session_timeout = {limit}; SELECT now()::text"
            )
            return str(cursor.fetchone()[0])

    def end(self, connection: Any) -> None:
        """See `Dialect`."""
        connection.rollback()

    def kinds(self, connection: Any, sql: str, parameters: Parameters, names: Sequence[str]) -> Mapping[str, Kind]:
        """See `Dialect`."""
        with connection.cursor() as cursor:
            cursor.execute(f"{sql} LIMIT 0", parameters)
            found = {each.name: each.type_code for each in cursor.description}
        _read_as_texts(connection, {*found.values()} | _CALCULATED)
        return {name: _KINDS.get(code, Kind.OTHER) for name, code in found.items()}

    def stream(self, connection: Any, sql: str, parameters: Parameters, rows_at_once: int) -> Iterator[Sequence[Row]]:
        """See `Dialect`."""
        with connection.cursor(name="retail") as cursor:
            cursor.execute(sql, parameters)
            while rows := cursor.fetchmany(rows_at_once):
                yield rows

    def fault(self, error: Exception) -> Fault | None:
        """See `Dialect`."""
        if isinstance(error, UnicodeDecodeError):
            return Fault(dialect.wrong_values, "a text of the database is not in its encoding")
        if not isinstance(error, psycopg2.Error):
            return None
        detail = re.sub(r"^connection to server at .*? failed: ", "", str(error).strip().partition("\n")[0])
        state = error.pgcode or ""
        for length in range(len(state), 1, -1):
            if explain := _STATES.get(state[:length]):
                return Fault(explain, detail)
        for words, explain in _WORDS.items():
            if re.search(words, str(error)):
                return Fault(explain, detail)
        if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
            return Fault(dialect.unreachable, detail)
        return Fault(dialect.wrong_query, detail)


def _read_as_texts(connection: Any, types: set[int]) -> None:
    """Have the values of these types read as the texts that the server sends."""
    own = {_BOOLEAN, _PADDED}
    for name, codes, read in (
        ("TEXTS", tuple(types - own), psycopg2.extensions.UNICODE),
        ("BOOLEANS", (_BOOLEAN,), lambda text, _: None if text is None else "true" if text == "t" else "false"),
        # The blanks at the end of character(n) have no meaning in SQL.
        ("PADDED", (_PADDED,), lambda text, _: None if text is None else text.rstrip(" ")),
    ):
        if codes:
            kind = psycopg2.extensions.new_type(codes, name, read)
            psycopg2.extensions.register_type(kind, connection)
