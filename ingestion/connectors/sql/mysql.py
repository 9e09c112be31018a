"""MySQL and MariaDB, with PyMySQL: an unbuffered result in a read-only transaction with a consistent snapshot."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pymysql
from pymysql.connections import TEXT_TYPES
from pymysql.constants import FIELD_TYPE
from pymysql.converters import encoders
from pymysql.cursors import SSCursor

from ingestion.connectors.sql import dialect
from ingestion.connectors.sql.address import Address
from ingestion.connectors.sql.columns import Kind, readable
from ingestion.connectors.sql.dialect import ComparedAsStored, Fault, Parameters, Row, Timeouts

_KINDS = {
    FIELD_TYPE.DATE: Kind.DATE,
    FIELD_TYPE.DATETIME: Kind.TIME,
    FIELD_TYPE.TIMESTAMP: Kind.INSTANT,
    FIELD_TYPE.BIT: Kind.BITS,
    **dict.fromkeys((FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.INT24, FIELD_TYPE.LONG), Kind.NUMBER),
    **dict.fromkeys((FIELD_TYPE.LONGLONG, FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL), Kind.NUMBER),
}
_FAULTS = {
    dialect.rejected_login: (1045, 1698, 1251, 2059),
    dialect.unknown_database: (1049,),
    dialect.forbidden: (1044, 1142, 1143, 1227, 1370),
    dialect.wrong_query: (1054, 1064, 1060, 1052, 1146, 1305, 1109, 1248, 1356, 1792, 1290),
    dialect.too_slow: (1969, 3024, 1317),
    dialect.wrong_tls: (2026, 3159),
    dialect.unreachable: (2002, 2003, 2005, 1040, 1129, 1130, 1203, 1226),
    dialect.lost: (0, 2006, 2013, 2014, 2027, 1053, 1079, 1158, 1159, 1160, 1161, 1927, 4031),
    dialect.wrong_values: (1264, 1292, 1365, 1366, 1406, 1411, 1690),
}
_EXPLANATIONS = {number: explain for explain, numbers in _FAULTS.items() for number in numbers}


class MySql(ComparedAsStored):
    """See `Dialect`."""

    is_pyformat = True

    def quote(self, name: str) -> str:
        """See `Dialect`."""
        return "`" + name.replace("`", "``") + "`"

    def minute(self, column: str, kind: Kind) -> str:
        """See `Dialect`."""
        return f"DATE_FORMAT({column}, '%Y-%m-%d %H:%i:00')"

    def exact_sum(self, column: str) -> str:
        """See `Dialect`."""
        return f"sum(CAST({column} AS DECIMAL(38,10)))"

    def connect(self, address: Address, timeouts: Timeouts) -> Any:
        """See `Dialect`."""
        context = address.tls.context()
        return pymysql.connect(
            host=address.host,
            port=address.port,
            user=address.user or None,
            password=address.password,
            database=address.database,
            charset="utf8mb4",
            cursorclass=SSCursor,
            conv=dict[Any, Any](encoders),  # without decoders: values stay the texts that the server sends
            connect_timeout=max(1, round(timeouts.connect_seconds)),
            # The server ends a statement first; this is for a network that no longer delivers anything.
            read_timeout=timeouts.statement_ms // 1000 + 60,
            write_timeout=60,
            autocommit=True,
            **({"ssl": context} if context else {"ssl_disabled": True}),
        )

    def begin(self, connection: Any, timeouts: Timeouts) -> str:
        """See `Dialect`."""
        is_mariadb = "MariaDB" in connection.get_server_info()
        limit = (
            f"max_statement_time = {timeouts.statement_ms / 1000:f}"
            if is_mariadb
            else f"max_execution_time = {timeouts.statement_ms}"
        )
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")
            # The server waits for us while a page is mapped: longer than the usual minute.
            cursor.execute(f"SET SESSION time_zone = '+00:00', net_write_timeout = 600, {limit}")
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT UTC_TIMESTAMP(6)")
            [(now,)] = cursor.fetchall()
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        return f"{now}+00:00"

    def end(self, connection: Any) -> None:
        """See `Dialect`."""
        connection.rollback()

    def kinds(self, connection: Any, sql: str, parameters: Parameters, names: Sequence[str]) -> Mapping[str, Kind]:
        """See `Dialect`."""
        with connection.cursor() as cursor:
            cursor.execute(f"{sql} LIMIT 0", _without_zones(parameters))
            return {name: _KINDS.get(code, Kind.OTHER) for name, code, *_ in cursor.description}

    def stream(self, connection: Any, sql: str, parameters: Parameters, rows_at_once: int) -> Iterator[Sequence[Row]]:
        """See `Dialect`."""
        with connection.cursor() as cursor:
            cursor.execute(sql, _without_zones(parameters))
            codes = [code for _, code, *_ in cursor.description]
            while rows := cursor.fetchmany(rows_at_once):
                yield _as_texts(rows, codes)

    def fault(self, error: Exception) -> Fault | None:
        """See `Dialect`."""
        if isinstance(error, UnicodeDecodeError):
            return Fault(dialect.wrong_values, "a text of the database is not in its encoding")
        if isinstance(error, ssl.SSLError):
            return Fault(dialect.wrong_tls, str(error))
        if isinstance(error, RuntimeError) and "cryptography" in str(error):
            return Fault(dialect.without_driver, "cryptography")
        if not isinstance(error, pymysql.Error):
            return Fault(dialect.lost, str(error)) if isinstance(error, OSError) else None
        number = error.args[0] if error.args and isinstance(error.args[0], int) else None
        detail = str(error.args[1]) if len(error.args) > 1 else str(error)
        if number in (2003, 2026) and any(word in detail for word in ("SSL", "certificate", "TLS")):
            return Fault(dialect.wrong_tls, detail)
        if number is None:
            is_lost = isinstance(error, pymysql.InterfaceError | pymysql.OperationalError)
            return Fault(dialect.lost if is_lost else dialect.wrong_query, detail)
        return Fault(_EXPLANATIONS.get(number, dialect.ended), detail)


def _as_texts(rows: Sequence[Row], codes: Sequence[int]) -> Sequence[Row]:
    """Rows whose bytes are texts: a column at a time, since hardly any column has bytes."""
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    found = [place for place, code in enumerate(codes) if code in TEXT_TYPES and bytes in {*map(type, columns[place])}]
    for place in found:
        read = _bits if codes[place] == FIELD_TYPE.BIT else readable
        columns[place] = [read(value) if isinstance(value, bytes) else value for value in columns[place]]
    return list(zip(*columns, strict=True)) if found else rows


def _bits(value: bytes) -> str:
    return str(int.from_bytes(value, "big"))


def _without_zones(parameters: Parameters) -> dict[str, Any]:
    """The session's zone is UTC, and the server's times have none."""
    return {
        name: value.replace(tzinfo=None) if getattr(value, "tzinfo", None) else value  # type: ignore[union-attr, call-arg]
        for name, value in parameters.items()
    }
