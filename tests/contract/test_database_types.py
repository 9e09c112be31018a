"""The types of columns on real servers: each value is read as what it means, or its record is rejected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from ingestion.connectors.protocol import Connector
from ingestion.source_clock import ANY_TIME
from shared.errors import RejectRecord
from tests.contract.test_connectors import of_each
from tests.contract.test_databases import every_database, reading, rows_of
from tests.fakes.connector_api import DAY
from tests.fakes.databases.till import CHANGED, DATABASES, Till


class Case(NamedTuple):
    """A column's type, a value of it in SQL, and what the record has: or the code with which it is rejected."""

    type: str
    value: str
    expected: Any


AT = datetime(2024, 1, 16, 8, 30, tzinfo=UTC)
UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
TEXTS: dict[str, Sequence[Case]] = {
    "postgresql": [
        Case("uuid", f"'{UUID}'", UUID),
        Case("json", """'{"a": 1.10}'""", '{"a": 1.10}'),
        Case("jsonb", """'{"a": 1.10}'""", '{"a": 1.10}'),
        Case("text[]", "ARRAY['a', 'b']", "{a,b}"),
        Case("numeric[]", "ARRAY[1.10, 2]", "{1.10,2}"),
        Case("bytea", r"'\x5445'", r"\x5445"),
        Case("mood", "'happy'", "happy"),
        Case("inet", "'10.0.0.1'", "10.0.0.1"),
        Case("interval", "'90 minutes'", "01:30:00"),
        Case("bigint", "9223372036854775807", "9223372036854775807"),
        Case("char(9)", "'TEA'", "TEA"),
        Case("xml", "'<a/>'", "<a/>"),
    ],
    "mysql": [
        Case("bigint unsigned", "18446744073709551615", "18446744073709551615"),
        Case("enum('sad', 'happy')", "'happy'", "happy"),
        Case("set('a', 'b')", "'a,b'", "a,b"),
        Case("json", """'{"a": 1.10}'""", '{"a": 1.10}'),
        Case("uuid", f"'{UUID}'", UUID),
        Case("year", "2024", "2024"),
        Case("binary(3)", "'TEA'", "TEA"),
        Case("longblob", "'TEA'", "TEA"),
        Case("bit(9)", "b'100000001'", "257"),
        Case("varchar(9) CHARACTER SET latin1", "'Café'", "Café"),
        Case("longblob", "x'5445e9'", "TE\\xe9"),
        Case("point", "point(1, 2)", "\\xf0? @"),
    ],
    "sqlite": [
        Case("text", "12", "12"),
        Case("numeric", "'tea'", "tea"),
        Case("blob", "x'544541'", "TEA"),
        Case("blob", "x'5445e9'", "TE\\xe9"),
        Case("integer", "9223372036854775807", "9223372036854775807"),
    ],
    "mssql": [
        Case("uniqueidentifier", f"'{UUID}'", UUID),
        Case("bigint", "9223372036854775807", "9223372036854775807"),
        Case("nvarchar(max)", "N'Café'", "Café"),
        Case("varbinary(9)", "0x544541", "TEA"),
    ],
}
PRICES: dict[str, Sequence[Case]] = {
    "postgresql": [
        Case("numeric", "12.50", Decimal("12.50")),
        Case("real", "12.5", Decimal("12.5")),
        Case("double precision", "12.5", Decimal("12.5")),
        Case("text", "'12.50'", Decimal("12.5")),
        Case("money", "12.50", "NOT_A_NUMBER"),
        Case("numeric", "'NaN'", "NOT_A_NUMBER"),
        Case("numeric", "'Infinity'", "NOT_A_NUMBER"),
        Case("double precision", "'-Infinity'", "NOT_A_NUMBER"),
        Case("double precision", "1e30", "NOT_A_NUMBER"),
        Case("numeric", "12.500001", "TOO_MANY_DIGITS"),
        Case("boolean", "true", "NOT_A_NUMBER"),
    ],
    "mysql": [
        Case("decimal(20,10)", "12.5", Decimal("12.5")),
        Case("double", "12.5", Decimal("12.5")),
        Case("float", "12.5", Decimal("12.5")),
        Case("decimal(20,10)", "12.500001", "TOO_MANY_DIGITS"),
        Case("double", "1e30", "NOT_A_NUMBER"),
    ],
    "sqlite": [
        Case("numeric", "12.5", Decimal("12.5")),
        Case("text", "'12.50'", Decimal("12.50")),
        Case("real", "12.5", Decimal("12.5")),
        Case("numeric", "'a dozen'", "NOT_A_NUMBER"),
        Case("real", "9e999", "NOT_A_NUMBER"),
        Case("real", "12.500001", "TOO_MANY_DIGITS"),
    ],
    "mssql": [
        Case("money", "12.5", Decimal("12.5")),
        Case("float", "12.5", Decimal("12.5")),
        Case("decimal(20,10)", "12.500001", "TOO_MANY_DIGITS"),
    ],
}
TIMES: dict[str, Sequence[Case]] = {
    "postgresql": [
        Case("timestamptz", "'2024-01-16 09:30:00+01'", AT),
        Case("timestamp", "'2024-01-16 08:30:00'", AT),
        Case("timestamp", "'2024-01-16 08:30:00.123456'", AT.replace(microsecond=123456)),
        Case("date", "'2024-01-16'", datetime(2024, 1, 15, 23, tzinfo=UTC)),
        Case("text", "'2024-01-16T08:30:00Z'", AT),
        Case("timestamptz", "'infinity'", "INVALID_DATE"),
        Case("timestamp", "'-infinity'", "INVALID_DATE"),
        Case("timestamptz", "'0044-03-15 12:00:00+00 BC'", "INVALID_DATE"),
        Case("timestamptz", "'10000-01-01 12:00:00+00'", "INVALID_DATE"),
        Case("time", "'08:30:00'", "INVALID_DATE"),
    ],
    "mysql": [
        Case("datetime", "'2024-01-16 08:30:00'", AT),
        Case("datetime(6)", "'2024-01-16 08:30:00.123456'", AT.replace(microsecond=123456)),
        Case("timestamp NULL", "'2024-01-16 08:30:00'", AT),
        Case("date", "'2024-01-16'", datetime(2024, 1, 15, 23, tzinfo=UTC)),
        Case("datetime", "'0000-00-00 00:00:00'", "INVALID_DATE"),
        Case("datetime", "'2024-00-16 08:30:00'", "INVALID_DATE"),
        Case("date", "'0000-00-00'", "INVALID_DATE"),
        Case("timestamp NULL", "'0000-00-00 00:00:00'", "INVALID_DATE"),
        Case("time", "'08:30:00'", "INVALID_DATE"),
    ],
    "sqlite": [
        Case("text", "'2024-01-16 08:30:00'", AT),
        Case("text", "'2024-01-16T08:30:00+00:00'", AT),
        Case("text", "'2024-01-16'", datetime(2024, 1, 15, 23, tzinfo=UTC)),
        Case("text", "'yesterday'", "INVALID_DATE"),
        Case("text", "''", "INVALID_DATE"),
    ],
    "mssql": [
        Case("datetimeoffset", "'2024-01-16T09:30:00+01:00'", AT),
        Case("datetime2", "'2024-01-16T08:30:00'", AT),
        Case("datetime", "'2024-01-16T08:30:00'", AT),
        Case("smalldatetime", "'2024-01-16T08:30:00'", AT),
    ],
}
BOOLEANS: dict[str, Sequence[Case]] = {
    "postgresql": [
        Case("boolean", "true", True),
        Case("boolean", "false", False),
        Case("integer", "1", True),
        Case("text", "'true'", True),
        Case("bit(1)", "B'0'", False),
        Case("text", "'perhaps'", "MALFORMED"),
        Case("integer", "2", "MALFORMED"),
    ],
    "mysql": [
        Case("boolean", "true", True),
        Case("tinyint(1)", "0", False),
        Case("bit(1)", "b'1'", True),
        Case("bit(1)", "b'0'", False),
        Case("enum('false', 'true')", "'true'", True),
        Case("tinyint(1)", "2", "MALFORMED"),
    ],
    "sqlite": [
        Case("boolean", "1", True),
        Case("boolean", "false", False),
        Case("text", "'true'", True),
        Case("integer", "-1", "MALFORMED"),
    ],
    "mssql": [
        Case("bit", "1", True),
        Case("bit", "0", False),
        Case("tinyint", "1", True),
    ],
}
WITHOUT_CHECKS = {"mysql": "SET STATEMENT sql_mode = '' FOR "}
"""In older databases there are zero dates, which a server does not accept any more."""


def check_each(api: type[Till], directory: Path, cases: Sequence[Case], field: str, old: str, new: str) -> None:
    """Each value gives the field of the record, or the rejection, that is expected. `new` maps the column `odd`."""
    add = "ADD" if api.connector == "mssql" else "ADD COLUMN"
    found = []
    with api(lines=(("A",),)).served() as (_, till), reading(till, directory, {old: new}) as connector:
        if api.connector == "postgresql":
            till.execute("CREATE TYPE mood AS ENUM ('sad', 'happy')")
        for number, case in enumerate(cases):
            if number:
                till.execute("ALTER TABLE sale_lines DROP COLUMN odd")
            till.execute(f"ALTER TABLE sale_lines {add} odd {case.type}")
            till.execute(f"{WITHOUT_CHECKS.get(api.connector, '')}UPDATE sale_lines SET odd = {case.value}")
            found.append(field_of(connector, field))
    assert found == [case.expected for case in cases]


def field_of(connector: Connector[Any], field: str) -> Any:
    [line] = rows_of(connector)
    try:
        return getattr(connector.normalize_sales_record(line), field)
    except RejectRecord as rejected:
        return str(rejected.code)


NO_DATE = {"postgresql": "'infinity'", "mysql": "'0000-00-00 00:00:00'", "sqlite": "'yesterday'"}
NAME = "    product_name: article_name\n"


@of_each(each for each in DATABASES if each.connector in NO_DATE)
def test_rows_without_a_date_or_a_time_of_change_do_not_disturb_the_others(api: type[Till]) -> None:
    with api(lines=(("A", "B"),)).served() as (_, till), reading(till) as connector:
        for column, name in (("sold_at", "B"), ("updated_at", "A")):
            till.execute(
                f"{WITHOUT_CHECKS.get(api.connector, '')}UPDATE sale_lines"
                f" SET {column} = {NO_DATE[api.connector]} WHERE receipt = '{name}'"
            )
        assert [line["receipt"] for line in rows_of(connector)] == ["A"]
        listed = connector.list_changes(CHANGED - timedelta(days=1))
        assert listed is not None
        # A time of change that is none is later than any time in PostgreSQL only.
        assert listed.dates == ({DAY: ANY_TIME} if api.connector == "postgresql" else {})


@every_database
def test_any_type_can_be_a_text(api: type[Till], tmp_path: Path) -> None:
    check_each(api, tmp_path, TEXTS[api.connector], "product_category", NAME, NAME + "    product_category: odd\n")


@every_database
def test_a_number_is_exact_or_its_record_is_rejected(api: type[Till], tmp_path: Path) -> None:
    check_each(api, tmp_path, PRICES[api.connector], "unit_price", "unit_price: price", "unit_price: odd")


@every_database
def test_a_time_is_read_in_its_zone_or_its_record_is_rejected(api: type[Till], tmp_path: Path) -> None:
    check_each(api, tmp_path, TIMES[api.connector], "changed_at", "changed_at: updated_at", "changed_at: odd")


@every_database
def test_a_boolean_is_read_from_what_the_database_has_for_it(api: type[Till], tmp_path: Path) -> None:
    mapped = "    tax_amount: {value: '0'}\n    tax_included: {column: odd, type: boolean}\n"
    check_each(api, tmp_path, BOOLEANS[api.connector], "tax_included", NAME, NAME + mapped)
