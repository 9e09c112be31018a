"""Microsoft SQL Server, with pymssql: a transaction at SNAPSHOT isolation.

No server was at hand when this was written: the statements are tested, and the contract suite runs on a server where
MSSQL_TEST_URL names one (docs/connectors/databases.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from importlib import import_module
from typing import Any

from ingestion.connectors.sql import dialect
from ingestion.connectors.sql.address import Address
from ingestion.connectors.sql.columns import Kind, as_texts
from ingestion.connectors.sql.dialect import Fault, Parameters, Row, Timeouts

_KINDS = {
    "date": Kind.DATE,
    "datetime": Kind.TIME,
    "datetime2": Kind.TIME,
    "smalldatetime": Kind.TIME,
    "datetimeoffset": Kind.INSTANT,
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint", "decimal", "numeric"), Kind.NUMBER),
}
_FAULTS = {
    dialect.rejected_login: (18456, 18452, 18470, 18486, 18487, 18488),
    dialect.unknown_database: (4060, 911),
    dialect.forbidden: (229, 230, 262, 297, 300, 916),
    dialect.wrong_query: (102, 105, 156, 170, 207, 208, 319, 1033, 4104, 8155, 8156, 3952, 40515),
    dialect.wrong_values: (220, 232, 241, 242, 245, 8114, 8115, 8134),
    dialect.too_slow: (-2, 20003),
    dialect.unreachable: (20009, 20002, 53, 40613, 40197, 10928, 10929),
    dialect.lost: (20004, 20006, 20047, 10053, 10054, 596),
}
_EXPLANATIONS = {number: explain for explain, numbers in _FAULTS.items() for number in numbers}


class MsSql:
    """See `Dialect`."""

    is_pyformat = True

    def quote(self, name: str) -> str:
        """See `Dialect`."""
        return "[" + name.replace("]", "]]") + "]"

    def minute(self, column: str, kind: Kind) -> str:
        """See `Dialect`."""
        if kind is Kind.DATE:
            return column
        first = "CAST('19000101' AS datetime2(0))"
        return f"DATEADD(minute, DATEDIFF(minute, {first}, {column}), {first})"

    def between(self, column: str, kind: Kind) -> str:
        """See `Dialect`."""
        return f"{column} >= {_typed(':start', kind)} AND {column} < {_typed(':end', kind)}"

    def since(self, column: str, kind: Kind) -> str:
        """See `Dialect`."""
        return f"{column} >= {_typed(':since', kind)}"

    def latest(self, column: str, kind: Kind) -> str:
        """See `Dialect`."""
        if kind is Kind.INSTANT:
            return f"CAST(max({column}) AT TIME ZONE 'UTC' AS datetime2(6))"
        return f"max({column})"

    def exact_sum(self, column: str) -> str:
        """See `Dialect`."""
        return f"sum(CAST({column} AS decimal(38, 10)))"

    def connect(self, address: Address, timeouts: Timeouts) -> Any:
        """See `Dialect`."""
        return _driver().connect(
            server=address.host,
            port=str(address.port),
            user=address.user,
            password=address.password,
            database=address.database,
            login_timeout=max(1, round(timeouts.connect_seconds)),
            timeout=max(1, timeouts.statement_ms // 1000),
            charset="UTF-8",
            appname="retail-ingest",
            autocommit=True,
            encryption="off" if address.tls.mode == "disable" else "require",
        )

    def begin(self, connection: Any, timeouts: Timeouts) -> str:
        """See `Dialect`."""
        with connection.cursor() as cursor:
            cursor.execute("IF @@TRANCOUNT > 0 ROLLBACK; SET TRANSACTION ISOLATION LEVEL SNAPSHOT; SET XACT_ABORT ON")
            cursor.execute("SELECT CONVERT(varchar(27), SYSUTCDATETIME(), 126)")
            now = cursor.fetchone()[0]
            cursor.execute("BEGIN TRANSACTION")
        return f"{now[:26]}+00:00"

    def end(self, connection: Any) -> None:
        """See `Dialect`."""
        with connection.cursor() as cursor:
            cursor.execute("IF @@TRANCOUNT > 0 ROLLBACK")

    def kinds(self, connection: Any, sql: str, parameters: Parameters, names: Sequence[str]) -> Mapping[str, Kind]:
        """See `Dialect`."""
        with connection.cursor() as cursor:
            cursor.execute(*_bound(sql.replace("SELECT *", "SELECT TOP 0 *", 1), parameters))
            found = [name for name, *_ in cursor.description]
            cursor.fetchall()
            types = ", ".join(_base_type(self.quote(name), sql) for name in names if name in found)
            known: Sequence[str | None] = ()
            if types:
                cursor.execute(*_bound(f"SELECT {types}", parameters))
                known = cursor.fetchone()
        known_names = [name for name in names if name in found]
        kinds = {
            name: _KINDS.get(kind, Kind.OTHER) if kind else Kind.UNKNOWN
            for name, kind in zip(known_names, known, strict=True)
        }
        return {name: kinds.get(name, Kind.OTHER) for name in found}

    def stream(self, connection: Any, sql: str, parameters: Parameters, rows_at_once: int) -> Iterator[Sequence[Row]]:
        """See `Dialect`."""
        with connection.cursor() as cursor:
            cursor.execute(*_bound(sql, parameters))
            while rows := cursor.fetchmany(rows_at_once):
                yield as_texts(rows)

    def fault(self, error: Exception) -> Fault | None:
        """See `Dialect`."""
        if isinstance(error, ModuleNotFoundError):
            return Fault(dialect.without_driver, "pymssql")
        if not type(error).__module__.startswith("pymssql"):
            return None
        number = error.args[0] if error.args else None
        number = number[0] if isinstance(number, tuple) else number
        return Fault(_EXPLANATIONS.get(number, dialect.ended) if isinstance(number, int) else dialect.lost, str(error))


def _driver() -> Any:
    return import_module("pymssql")


def _typed(parameter: str, kind: Kind) -> str:
    """A parameter as a value of the column's type, so that an index can be used."""
    types = {Kind.DATE: "date", Kind.TIME: "datetime2(6)", Kind.INSTANT: "datetimeoffset(6)"}
    types[Kind.UNKNOWN] = types[Kind.TIME]
    return f"CAST({parameter} AS {types[kind]})" if kind in types else parameter


def _bound(sql: str, parameters: Parameters) -> tuple[str, dict[str, Any]]:
    """A statement and its values; times as texts of ISO 8601, which every language of a session reads alike."""
    return sql, {
        name: value.isoformat() if isinstance(value, date | datetime) else value for name, value in parameters.items()
    }


def _base_type(column: str, sql: str) -> str:
    """SQL of the type of a quoted column's first value."""
    first = f"SELECT TOP 1 {column} FROM ({sql}) AS typed WHERE {column} IS NOT NULL"  # noqa: S608 - a quoted name
    return f"CONVERT(sysname, SQL_VARIANT_PROPERTY(CAST(({first}) AS sql_variant), 'BaseType'))"
