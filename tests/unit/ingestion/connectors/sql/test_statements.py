"""Statements: names are quoted, values are bound, and the user's query stays as it is."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ingestion.connectors.sql.columns import Kind, Zone, as_text, readable
from ingestion.connectors.sql.dialects import DIALECTS, dialect_of
from ingestion.connectors.sql.mapping import SelectedColumns
from ingestion.connectors.sql.queries import Queries
from ingestion.connectors.sql.rows import RowReader
from ingestion.connectors.sql.statements import Selection, compiled, double_quoted, parameters_of
from shared.sources.databases import SQL_DATABASES, DatabaseRead

BERLIN = Zone(ZoneInfo("Europe/Berlin"), is_utc=False)
DAY = date(2024, 3, 31)
COLUMNS = SelectedColumns(("receipt", "line", "sold_at", "cur"), (), (), ("sold_at",), ("receipt", "line"), "cur", "")
KINDS = {"receipt": Kind.OTHER, "line": Kind.OTHER, "sold_at": Kind.TIME, "cur": Kind.OTHER, "changed": Kind.INSTANT}


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("WHERE a >= :start AND a < :end", {"start", "end"}),
        ("WHERE a = ':day'", set()),
        ("SELECT 'it''s :day', \":day\", `:day`, [a :day] FROM t -- :day\n/* :day\n :day */", set()),
        ("SELECT a::date, :day::date", {"day"}),
        ("SELECT $$ :day $$, $x$ :day $x$", set()),
        ("WHERE a[1:2] = :day", {"day"}),
        ("to_char(a, 'HH24:MI') = '10:30'", set()),
        ("WHERE :unknown", {"unknown"}),
    ],
)
def test_a_parameter_is_one_only_outside_of_texts_names_comments_and_casts(sql: str, found: set[str]) -> None:
    assert parameters_of(sql) == found


def test_a_statement_is_compiled_for_drivers_with_other_parameters() -> None:
    sql = "SELECT '5 %', a % 2 FROM t -- 7 %\nWHERE a = :day AND b = ':day' AND c = :other"
    assert compiled(sql, {"day": 1}, pyformat=False) == sql
    text = compiled(sql, {"day": 1}, pyformat=True)
    assert text == "SELECT '5 %%', a %% 2 FROM t -- 7 %%\nWHERE a = %(day)s AND b = ':day' AND c = :other"
    assert text % {"day": 1} == sql.replace("= :day AND", "= 1 AND")


def test_names_are_quoted_whatever_they_contain() -> None:
    assert Selection.of(None, 'pos.sales"; DROP TABLE x --', double_quoted).query == (
        'SELECT * FROM "pos"."sales""; DROP TABLE x --"'
    )
    assert dialect_of("mysql").quote("a`b") == "`a``b`"
    assert dialect_of("mssql").quote("a]b") == "[a]]b]"


def test_a_comment_or_semicolon_at_the_end_of_a_query_does_not_hide_what_follows() -> None:
    found = Selection.of("SELECT 1 AS a; ", None, double_quoted).select('"a"', '"a" = 1')
    assert found == 'SELECT "a" FROM (\nSELECT 1 AS a\n) AS sales WHERE "a" = 1'
    assert "-- all\n)" in Selection.of("SELECT 1 -- all", None, double_quoted).select("*")


def test_every_kind_of_database_has_a_dialect() -> None:
    assert {*DIALECTS} == {*SQL_DATABASES}


def queries(connector: str, **read: Any) -> Queries:
    given = {"table": "sales", "date_column": "sold_at", "changed_by": "changed", "net_amount": "net", **read}
    dialect = dialect_of(connector)
    selection = Selection.of(given.get("query"), given["table"], dialect.quote)
    return Queries(dialect, selection, BERLIN, DatabaseRead.model_validate(given), COLUMNS)


def test_sql_server_gets_its_own_statements() -> None:
    found = queries("mssql")
    lines = found.lines(KINDS, DAY)
    assert lines.sql == (
        "SELECT [receipt], [line], [sold_at], [cur] FROM (\nSELECT * FROM [sales]) AS sales"
        " WHERE [sold_at] >= CAST(:start AS datetime2(6)) AND [sold_at] < CAST(:end AS datetime2(6))"
        " ORDER BY [receipt], [line]"
    )
    assert found.report(KINDS, DAY).sql.startswith("SELECT [cur], count(*), sum(CAST([net] AS decimal(38, 10))) FROM")
    changes = found.changes(KINDS, datetime(2024, 3, 31, 9, tzinfo=UTC))
    assert "[changed] >= CAST(:since AS datetimeoffset(6))" in changes.sql
    assert "GROUP BY DATEADD(minute, DATEDIFF(minute, CAST('19000101' AS datetime2(0)), [sold_at])" in changes.sql
    by_key = queries("mssql", changed_by=None, incrementing_key="id")
    above = by_key.above(KINDS, 7)
    assert ", max([id]) FROM (\nSELECT * FROM [sales]) AS sales WHERE [id] > :key GROUP BY DATEADD" in above.sql
    assert above.parameters == {"key": 7}
    assert by_key.highest_key().sql == "SELECT max([id]) FROM (\nSELECT * FROM [sales]) AS sales"


def test_booleans_and_integers_are_what_the_mapping_wants() -> None:
    names = ("receipt", "gross", "cents")
    reader = RowReader(SelectedColumns(names, (2,), (1,), (), ("receipt",), "", "EUR"), {}, BERLIN)
    given = [("1", "true", "1"), ("0", "0", "-12"), ("true", None, None), (None, "yes", "1.0")]
    # What the driver of SQL Server has for a bit is a boolean already.
    given.append(("2", as_text(True), str(10**19)))
    assert [tuple(each.values()) for each in reader.read(given)] == [
        ("1", True, 1),
        ("0", False, -12),
        ("true", None, None),
        (None, "yes", "1.0"),
        ("2", True, str(10**19)),
    ]


@pytest.mark.parametrize(
    ("kind", "is_utc", "start", "end"),
    [
        (Kind.DATE, False, DAY, date(2024, 4, 1)),
        (Kind.TIME, False, datetime(2024, 3, 31), datetime(2024, 4, 1)),  # noqa: DTZ001 - as the column has it
        (Kind.TIME, True, datetime(2024, 3, 30, 23), datetime(2024, 3, 31, 22)),  # noqa: DTZ001
        (Kind.INSTANT, False, datetime(2024, 3, 30, 23, tzinfo=UTC), datetime(2024, 3, 31, 22, tzinfo=UTC)),
        (Kind.EPOCH, False, 1711839600, 1711922400),
        (Kind.EPOCH_MS, False, 1711839600000, 1711922400000),
    ],
)
def test_a_date_begins_and_ends_at_midnight_of_the_source(kind: Kind, is_utc: bool, start: Any, end: Any) -> None:
    bounds = Zone(ZoneInfo("Europe/Berlin"), is_utc).bounds(kind, DAY)
    assert (bounds["start"], bounds["end"], bounds["day"]) == (start, end, DAY)


def test_a_change_in_the_hour_that_is_there_twice_is_not_missed() -> None:
    first, second = datetime(2024, 10, 27, 0, 50, tzinfo=UTC), datetime(2024, 10, 27, 1, 10, tzinfo=UTC)
    shown = "2024-10-27 02:10:00"  # in Berlin, of 00:10 and of 01:10 UTC
    assert str(BERLIN.no_later(Kind.TIME, first)) <= shown
    assert BERLIN.instant(Kind.TIME, shown) == second, "the later one, so that it counts as not yet read"


def test_values_become_exact_texts() -> None:
    from decimal import Decimal

    assert [as_text(value) for value in (0.1, 1e-7, 1e22, Decimal("1E+3"), True, None, 7, b"x")] == [
        *("0.1", "0.0000001", "10000000000000000000000", "1000", "true", None, "7", "x"),
    ]
    assert as_text(datetime(2024, 1, 15, 9, 30, tzinfo=UTC)) == "2024-01-15 09:30:00+00:00"
    assert readable("é".encode()) == "é"
    assert readable(b"caf\xe9") == "caf\\xe9\x1a"
