"""What the connectors of databases must do beyond the contract of all connectors, on real servers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast
from unittest.mock import patch

import pytest

from ingestion.catch_up import includes_change
from ingestion.connectors import registry
from ingestion.connectors.protocol import Connector, Runtime
from ingestion.connectors.sql import snapshot
from local_stack.postgres import free_port
from shared.config import load_settings
from shared.errors import FixConfiguration, RejectRecord, RetailError, RetryLater, StopRun
from shared.partitions import Manifest, RequestWindow
from tests.contract.test_connectors import of_each, settings_of
from tests.fakes.connector_api import DAY
from tests.fakes.databases.till import CHANGED, COLUMNS, DATABASES, NOON, USER, SqliteTill, Till, row
from tests.fakes.mongodb.till import MONGODB

every_database = of_each(DATABASES)
SERVERS = tuple(each for each in DATABASES if each is not SqliteTill)
every_server = of_each(SERVERS)
every_open_source_server = of_each(each for each in DATABASES if each.connector in ("postgresql", "mysql"))


@contextmanager
def reading(
    till: Till,
    directory: Path | None = None,
    changes: Mapping[str, str] = MappingProxyType({}),
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Connector[Any]]:
    """The connector of a till that is being served, with changes of its definition's text and of its variables."""
    environment = {**settings_of(type(till)), **till.environment, **variables}
    if changes and directory:
        shutil.copytree(till.definition.parent, directory, dirs_exist_ok=True)
        text = till.definition.read_text(encoding="utf-8")
        for old, new in changes.items():
            assert old in text, old
            text = text.replace(old, new)
        (directory / till.definition.name).write_text(text, encoding="utf-8")
        environment["SOURCES_DIRECTORY"] = str(directory)
    connector = registry.build(till.definition.stem, load_settings(environment), Runtime())
    try:
        yield connector
    finally:
        connector.close()


def rows_of(connector: Connector[Any], day: date = DAY) -> list[dict[str, Any]]:
    return [each for page in connector.fetch_sales_data(day) for each in page.rows]


def error_of(
    till: Till,
    kind: type[RetailError],
    directory: Path | None = None,
    changes: Mapping[str, str] = MappingProxyType({}),
    variables: Mapping[str, str] = MappingProxyType({}),
) -> str:
    with reading(till, directory, changes, variables) as connector, pytest.raises(kind) as raised:
        connector.check(DAY)
    message = str(raised.value)
    assert message.startswith(f"{till.definition.stem}: ")
    assert till.password not in message
    return message


@every_database
def test_the_report_and_the_lines_are_of_one_snapshot(api: type[Till]) -> None:
    with api().served() as (_, till), reading(till) as connector:
        report = connector.daily_report(DAY)
        till.insert(row("D"))  # committed before the lines are read
        first = rows_of(connector)
        again = rows_of(connector)
    assert report is not None
    assert [each["receipt"] for each in first] == ["A", "B", "C"]
    assert report.lines == len(first)
    assert [each["receipt"] for each in again] == ["A", "B", "C", "D"], "a later reading sees what was committed"


@every_database
def test_a_snapshot_does_not_keep_a_writer_from_committing(api: type[Till]) -> None:
    with api().served() as (_, till), reading(till) as connector:
        pages = connector.fetch_sales_data(DAY)
        assert len(next(pages).rows) == till.most_rows
        till.insert(row("A0"))
        assert [each["receipt"] for page in pages for each in page.rows] == ["C"]


@every_database
def test_a_late_commit_is_found_by_the_next_list_of_changes(api: type[Till]) -> None:
    with api().served() as (_, till), reading(till) as connector:
        now = datetime.now(UTC)
        with closing(till.connect()) as writer:
            writer.cursor().execute("BEGIN" if till.connector != "mssql" else "BEGIN TRANSACTION")
            till.insert_with(writer, row("LATE", updated_at=now - timedelta(minutes=10)))
            [page] = [page for page in connector.fetch_sales_data(DAY) if page.number == 1]
            before = connector.list_changes(now - timedelta(days=1))
            writer.cursor().execute("COMMIT")
        assert before is not None
        assert before.dates == {}
        assert before.as_of < now - timedelta(minutes=10), "changes after it may still be committed"
        listed = connector.list_changes(before.as_of)
        assert listed is not None
        assert [*listed.dates] == [DAY]
        window = RequestWindow(requested_from=page.as_of, requested_until=now)
        landed = cast("Any", Manifest).model_construct(window=window)
        assert not includes_change(landed, listed.dates[DAY]), "the partition is read again"


@every_database
def test_changes_are_listed_with_the_business_date_and_deletions_are_not(api: type[Till]) -> None:
    late_evening = datetime(2024, 1, 15, 23, 30, tzinfo=UTC)  # it is the 16th in Berlin
    with api(lines=(("A",),)).served() as (_, till), reading(till) as connector:
        till.insert(row("B", sold_at=late_evening, updated_at=CHANGED + timedelta(hours=1)))
        till.insert(row("OLD", sold_at=NOON - timedelta(days=9), updated_at=CHANGED - timedelta(days=9)))
        listed = connector.list_changes(CHANGED - timedelta(minutes=1))
        assert listed is not None
        assert listed.dates == {DAY: CHANGED, date(2024, 1, 16): CHANGED + timedelta(hours=1)}
        assert not listed.shows_deletions
        assert connector.list_changes(CHANGED + timedelta(hours=2)) is not None


@every_database
def test_a_business_date_is_that_of_the_source_also_when_the_clocks_change(api: type[Till]) -> None:
    changed = date(2024, 3, 31)  # 23 hours in Berlin
    inside = [datetime(2024, 3, 30, 23, 0, tzinfo=UTC), datetime(2024, 3, 31, 21, 59, 59, tzinfo=UTC)]
    outside = [datetime(2024, 3, 30, 22, 59, 59, tzinfo=UTC), datetime(2024, 3, 31, 22, 0, tzinfo=UTC)]
    with api(lines=((),)).served() as (_, till), reading(till) as connector:
        till.insert(*(row(f"in{number}", sold_at=at) for number, at in enumerate(inside)))
        till.insert(*(row(f"out{number}", sold_at=at) for number, at in enumerate(outside)))
        found = rows_of(connector, changed)
        records = [connector.normalize_sales_record(each) for each in found]
        report = connector.daily_report(changed)
    assert [record.transaction_id for record in records] == ["in0", "in1"]
    assert [record.sold_at for record in records] == inside
    assert {record.business_date for record in records} == {changed}
    assert report is not None
    assert report.lines == 2


@every_database
def test_amounts_are_exact(api: type[Till]) -> None:
    amounts = ["0.1000", "1234567.8901", "9999999.9999", "-0.0001"]
    with api(lines=((),)).served() as (_, till), reading(till) as connector:
        till.insert(*(row(f"A{number}", net_amount=amount) for number, amount in enumerate(amounts)))
        found = [Decimal(each["net_amount"]) for each in rows_of(connector)]
        report = connector.daily_report(DAY)
    assert found == [Decimal(amount) for amount in amounts]
    assert report is not None
    assert report.net == {"EUR": sum(found)}


@every_database
def test_a_date_that_did_not_change_is_read_in_the_same_order(api: type[Till]) -> None:
    with api(lines=((),)).served() as (_, till), reading(till) as connector:
        till.insert(*(row(name) for name in ("C", "A", "B")), row("A", line_no=2))
        assert [(each["receipt"], each["line_no"]) for each in rows_of(connector)] == [
            ("A", "1"),
            ("A", "2"),
            ("B", "1"),
            ("C", "1"),
        ]


@every_database
def test_a_row_that_cannot_be_a_sale_is_read_and_rejected_alone(api: type[Till]) -> None:
    with api(lines=(("A",),)).served() as (_, till), reading(till) as connector:
        till.insert(row("B", kind="?"), row("C", currency="XXZ"), row("D", article="TEA\x07"))
        codes = {}
        for each in rows_of(connector):
            try:
                connector.normalize_sales_record(each)
            except RejectRecord as rejected:
                codes[each["receipt"]] = rejected.code
    assert codes == {"B": "UNKNOWN_TYPE", "C": "UNKNOWN_CURRENCY", "D": "CONTROL_CHARACTER"}


@every_database
def test_nothing_can_be_written(api: type[Till]) -> None:
    with api().served() as (_, till), reading(till) as connector:
        database = connector._database  # type: ignore[attr-defined]
        for statement in ("DELETE FROM sale_lines", "DROP TABLE sale_lines"):
            opened = database.begin()
            with pytest.raises(Exception, match=r"(?i)read.?only|permission|denied"):
                opened.connection.cursor().execute(statement)
            database.end(opened, is_complete=False)
        assert len(rows_of(connector)) == 3


@every_server
def test_a_wrong_password_is_an_error_that_names_its_variable(api: type[Till]) -> None:
    with api(reject_credentials=1).served() as (_, till):
        message = error_of(till, FixConfiguration)
    assert "rejected our credentials" in message
    assert f"{[*api.credentials][-1]}, then run: retail sources check {api.definition.stem}" in message


@every_server
def test_a_server_that_is_down_is_tried_again_later(api: type[Till]) -> None:
    with api().served() as (_, till):
        url = f"{till.url.partition('://')[0]}://127.0.0.1:{free_port()}/till"
        message = error_of(till, RetryLater, variables={api.url_variable: url})
    assert f"no database responds at {url.partition('://')[2]}" in message


@every_open_source_server
def test_a_server_without_the_encryption_that_is_demanded_is_an_error(api: type[Till], tmp_path: Path) -> None:
    with api().served() as (_, till):
        for mode in ("require", "verify-full"):
            changes = {"connection:\n": f"connection:\n  tls: {{mode: {mode}}}\n"}
            message = error_of(till, FixConfiguration, tmp_path, changes)
            assert "the encrypted connection to 127.0.0.1:" in message
            assert "Correct connection.tls in sources/" in message


@every_server
def test_an_unknown_database_is_an_error_that_names_the_address(api: type[Till]) -> None:
    with api().served() as (_, till):
        url = f"{till.url.rpartition('/')[0]}/nowhere"
        with (
            reading(till, variables={api.url_variable: url}) as connector,
            pytest.raises(FixConfiguration, match="nowhere"),
        ):
            connector.check(DAY)


@every_database
def test_a_missing_table_is_an_error(api: type[Till]) -> None:
    with api().served() as (_, till):
        till.execute("DROP TABLE sale_lines")
        assert "does not accept the query" in error_of(till, FixConfiguration)
        till.execute("CREATE TABLE sale_lines (receipt varchar(10), note varchar(10))")


@every_database
def test_a_renamed_column_is_an_error_that_suggests_the_new_name(api: type[Till], tmp_path: Path) -> None:
    with api().served() as (_, till):
        message = error_of(
            till, FixConfiguration, tmp_path, {"product_name: article_name": "product_name: articlename"}
        )
        assert (
            "no column 'articlename', which mapping.columns.product_name names. Did you mean article_name?" in message
        )
        assert "It has: receipt, line_no," in message
        message = error_of(till, FixConfiguration, tmp_path, {"net_amount: net_amount\nm": "net_amount: nett\nm"})
        assert "no column 'nett', which read.net_amount names" in message
        if api is not SqliteTill:  # its columns have no types: a number is a time in seconds
            message = error_of(till, FixConfiguration, tmp_path, {"date_column: sold_at": "date_column: net_amount"})
            assert "is neither a date nor a time" in message


@every_open_source_server
def test_a_user_without_the_right_to_read_is_an_error(api: type[Till]) -> None:
    with api().served() as (_, till):
        if api.connector == "postgresql":
            till.execute(f"REVOKE SELECT ON sale_lines FROM {USER}")
        else:
            till.server.execute(f"REVOKE SELECT ON {till.name}.* FROM {USER}@'127.0.0.1'")
        message = error_of(till, FixConfiguration)
    # MariaDB denies a user without any right to a table that it exists in the database.
    assert "may not read this" in message or "rejected our credentials" in message


ENDLESS = {
    "postgresql": "SELECT s.* FROM sale_lines s, generate_series(1, 1000000000) g WHERE g < 0",
    "mysql": "SELECT s.* FROM sale_lines s WHERE sleep(20) = 1",
    "sqlite": "WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < 1000000000)"
    " SELECT s.* FROM sale_lines s, g WHERE g.n < 0",
    "mssql": "SELECT s.* FROM sale_lines s, sys.all_columns a, sys.all_columns b, sys.all_columns c WHERE a.name = ''",
}


@every_database
def test_a_query_that_takes_too_long_is_ended(api: type[Till], tmp_path: Path) -> None:
    lines = {lines_of(api): f"query: {ENDLESS[api.connector]}"}
    with (
        api().served() as (_, till),
        reading(till, tmp_path, lines, {"INGEST_LISTING_MINUTES": "0.005"}) as connector,
        pytest.raises(RetryLater, match="took longer than INGEST_LISTING_MINUTES"),
    ):
        rows_of(connector)


def lines_of(api: type[Till]) -> str:
    """What the definition of a till says about its lines."""
    return "query: lines.sql" if api.connector == "mysql" else "table: sale_lines"


@every_server
def test_a_connection_that_is_cut_in_the_middle_is_an_error_and_the_next_reading_succeeds(api: type[Till]) -> None:
    with api(lines=((),)).served() as (_, till):
        till.insert(*(row(f"R{number:05}", article_name="x" * 200) for number in range(300)))
        with patch.object(snapshot, "ROWS_AT_ONCE", 20), reading(till) as connector:
            pages = connector.fetch_sales_data(DAY)
            next(pages)
            till.kill_readers()
            if api.connector == "postgresql":  # the others may have sent all of so few rows already
                with pytest.raises(RetryLater, match=r"lost|ended"):
                    list(pages)
            else:
                pages.close()  # type: ignore[attr-defined]
            assert len(rows_of(connector)) == 300


@of_each((*SERVERS, *MONGODB))
def test_a_connection_that_was_ended_while_it_was_idle_is_opened_again(api: type[Till]) -> None:
    with api().served() as (_, till), reading(till) as connector:
        assert len(rows_of(connector)) == 3
        till.kill_readers()
        assert len(rows_of(connector)) == 3


@of_each((*DATABASES, *MONGODB))
def test_a_reading_that_was_left_early_does_not_disturb_the_next(api: type[Till]) -> None:
    with api().served() as (_, till), reading(till) as connector:
        left = connector.fetch_sales_data(DAY)
        next(left)
        assert connector.daily_report(DAY) is not None
        assert len(rows_of(connector)) == 3
        del left


PARAMETRISED = "SELECT * FROM sale_lines WHERE sold_at >= :start AND sold_at < :end AND note <> 'not :day, 5 %' -- :day"


@every_database
def test_a_query_can_select_the_date_itself(api: type[Till], tmp_path: Path) -> None:
    changes = {
        lines_of(api): f'query: "{PARAMETRISED}"',
        "  date_column: sold_at\n": "",
        "  changed_by: updated_at\n": "",
    }
    with api().served() as (_, till):
        till.insert(row("D", sold_at=NOON + timedelta(days=1)))
        with reading(till, tmp_path, changes) as connector:
            report = connector.daily_report(DAY)
            assert [each["receipt"] for each in rows_of(connector)] == ["A", "B", "C"]
            assert [each["receipt"] for each in rows_of(connector, DAY + timedelta(days=1))] == ["D"]
            assert connector.list_changes(CHANGED) is None
    assert report is not None
    assert (report.lines, report.net) == (3, {"EUR": Decimal(75)})


@every_open_source_server
def test_a_report_of_amounts_that_are_none_stops_the_run(api: type[Till]) -> None:
    with api().served() as (_, till), reading(till) as connector:
        if api.connector == "postgresql":
            till.insert(row("D", net_amount="NaN"))
            with pytest.raises(StopRun, match="net_amount of 2024-01-15 adds up to something other than an amount"):
                connector.daily_report(DAY)
        else:  # a column of MariaDB cannot have such a value
            till.execute("ALTER TABLE sale_lines MODIFY sold_at varchar(30)")
            with pytest.raises(FixConfiguration, match="is neither a date nor a time"):
                connector.daily_report(DAY)


def test_text_that_is_not_utf8_is_rejected_and_shown() -> None:
    with SqliteTill(lines=((),)).served() as (_, till), reading(till) as connector:
        with closing(till.connect()) as writer:
            till.insert_with(writer, row("A"))
            writer.execute("UPDATE sale_lines SET article = CAST(x'5445e941' AS TEXT)")
        [found] = rows_of(connector)
        assert found["article"] == "TE\\xe9A\x1a"
        with pytest.raises(RejectRecord, match="CONTROL_CHARACTER"):
            connector.normalize_sales_record(found)


@pytest.mark.parametrize(
    ("sold_at", "day"),
    [
        (1705316400, DAY),
        (1705316400000, DAY),
        ("2024-01-15", DAY),
        ("2024-01-15T23:30:00Z", DAY + timedelta(days=1)),
        ("2024-01-15 23:30:00", DAY + timedelta(days=1)),
    ],
)
def test_sqlite_has_times_in_every_form(sold_at: Any, day: date, tmp_path: Path) -> None:
    changes = {"    sold_at: sold_at": "    sold_at: {column: sold_at, type: integer, format: epoch}"}
    with SqliteTill(lines=((),)).served() as (_, till):
        till.execute("DROP TABLE sale_lines")
        till.execute(f"CREATE TABLE sale_lines ({', '.join(COLUMNS)})")  # without types, so that nothing is converted
        till.insert(row("A", sold_at=sold_at))
        given = (tmp_path, changes) if isinstance(sold_at, int) else ()
        with reading(till, *given) as connector:
            assert [len(rows_of(connector, day + timedelta(days=ahead))) for ahead in (-1, 0, 1)] == [0, 1, 0]
            listed = connector.list_changes(CHANGED - timedelta(minutes=1))
            assert listed is not None
            assert [*listed.dates] == [day]
