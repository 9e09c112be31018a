"""What the connector of MongoDB must do beyond the contract of all connectors, over its wire protocol."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from bson import Binary, DatetimeMS, Decimal128, Int64, ObjectId, Regex

from ingestion.connectors.mongodb import snapshot
from ingestion.connectors.protocol import Connector
from ingestion.mapping.json_objects import Unread
from local_stack.postgres import free_port
from shared.errors import FixConfiguration, RejectRecord, RetailError, RetryLater, StopRun
from tests.contract import test_databases
from tests.contract.test_connectors import of_each
from tests.contract.test_databases import rows_of
from tests.fakes.connector_api import DAY
from tests.fakes.databases.till import CHANGED, NOON, row
from tests.fakes.mongodb.expressions import CommandFailed
from tests.fakes.mongodb.server import FakeMongo, serving
from tests.fakes.mongodb.till import MONGODB, MongoTill, receipt

every_mongodb = of_each(MONGODB)
Changes = Mapping[str, str]
NONE: Changes = MappingProxyType({})
SOON = {"INGEST_TIMEOUT_SECONDS": "2"}


def reading(
    till: MongoTill, directory: Path | None = None, changes: Changes = NONE, variables: Changes = NONE
) -> AbstractContextManager[Connector[Any]]:
    """As `test_databases.reading`, with a time limit that a test can wait for."""
    return test_databases.reading(till, directory, changes, {**SOON, **variables})


def receipts_of(connector: Connector[Any], day: date = DAY) -> list[str]:
    return [each["receipt"] for each in rows_of(connector, day)]


def error_of(
    till: MongoTill,
    kind: type[RetailError],
    directory: Path | None = None,
    changes: Changes = NONE,
    variables: Changes = NONE,
) -> str:
    return test_databases.error_of(till, kind, directory, changes, {**SOON, **variables})


def rejections_of(connector: Connector[Any]) -> dict[str, str]:
    """Receipt → why its line is rejected; empty where it is not."""
    found = {}
    for each in rows_of(connector):
        try:
            connector.normalize_sales_record(each)
            found[each["receipt"]] = ""
        except RejectRecord as rejected:
            found[each["receipt"]] = rejected.code
    return found


@every_mongodb
def test_the_report_and_the_lines_are_of_one_snapshot(api: type[MongoTill]) -> None:
    with api().served() as (_, till), reading(till) as connector:
        report = connector.daily_report(DAY)
        till.insert(row("D"))
        first, again = receipts_of(connector), receipts_of(connector)
    assert report is not None
    assert (report.lines, first) == (3, ["A", "B", "C"])
    assert again == ["A", "B", "C", "D"], "a later reading sees what was committed"


@every_mongodb
def test_what_is_written_while_a_date_is_read_is_not_in_its_later_pages(api: type[MongoTill]) -> None:
    with api().served() as (_, till), reading(till) as connector:
        pages = connector.fetch_sales_data(DAY)
        assert len(next(pages).rows) == till.most_rows
        till.insert(row("D"))
        assert [each["receipt"] for page in pages for each in page.rows] == ["C"]


def test_a_server_without_snapshots_is_read_without_one() -> None:
    with MongoTill().served() as (_, till):
        till.mongo.is_replica_set = False
        with reading(till) as connector:
            report = connector.daily_report(DAY)
            till.insert(row("D"))
            assert receipts_of(connector) == ["A", "B", "C", "D"], "which differs from the report, so it is read again"
        assert report is not None
        assert report.lines == 3
        assert not any("readConcern" in each for each in till.mongo.names("aggregate"))


def test_only_commands_that_read_are_sent_and_one_snapshot_is_demanded() -> None:
    with MongoTill().served() as (_, till):
        before = len(till.mongo.commands)
        with reading(till) as connector:
            connector.check(DAY)
            connector.daily_report(DAY)
            list(connector.fetch_sales_data(DAY))
            connector.list_changes(CHANGED)
        sent = till.mongo.commands[before:]
        assert till.mongo.open_cursors == 0
    assert {next(iter(each)) for each in sent} <= {
        *("hello", "ismaster", "saslStart", "saslContinue", "listCollections", "aggregate", "getMore"),
        *("killCursors", "endSessions"),
    }
    report, lines = [
        each
        for each in sent
        if "aggregate" in each
        and {"$group", "$sort"} & {key for stage in each["pipeline"] for key in stage}
        and not any("$limit" in stage for stage in each["pipeline"])
    ][:2]
    assert report["readConcern"]["level"] == lines["readConcern"]["level"] == "snapshot"
    assert "atClusterTime" in lines["readConcern"], "that of the control report"
    assert lines["maxTimeMS"] == 60 * 60_000
    assert {each["batchSize"] for each in sent if "getMore" in each} == {2}
    assert lines["pipeline"][1] == {"$sort": {"sold_at": 1, "_id": 1}}
    bounds = lines["pipeline"][0]["$match"]["sold_at"]
    midnights = [datetime(2024, 1, 14, 23, tzinfo=UTC), datetime(2024, 1, 15, 23, tzinfo=UTC)]
    assert [bounds[name].replace(tzinfo=UTC) for name in ("$gte", "$lt")] == midnights


@every_mongodb
def test_only_the_fields_that_the_mapping_reads_leave_the_server(api: type[MongoTill]) -> None:
    with api(lines=(("A",),)).served() as (_, till), reading(till) as connector:
        [found] = rows_of(connector)
    assert "cashier" not in found
    assert found.keys() == {"_id", "receipt", "sold_at", "updated_at", "store", "currency", "customer", "lines"}


@every_mongodb
def test_values_are_read_exactly(api: type[MongoTill]) -> None:
    given = receipt(row("A"))
    given["lines"][0] |= {"quantity": 2.0, "price": 12.35, "net_amount": Decimal128("24.7000")}
    given |= {"updated_at": CHANGED.replace(microsecond=123_000), "store": ObjectId("65a5a5a5a5a5a5a5a5a5a5a5")}
    with api(lines=((),)).served() as (_, till), reading(till) as connector:
        till.insert_documents(given)
        [found] = rows_of(connector)
        record = connector.normalize_sales_record(found)
        report = connector.daily_report(DAY)
    [line] = found["lines"]
    assert (line["quantity"], line["price"], line["net_amount"]) == (2, 12.35, "24.7000")
    assert (found["sold_at"], found["updated_at"]) == ("2024-01-15T11:00:00Z", "2024-01-16T08:00:00.123Z")
    assert found["_id"] == str(given["_id"])
    assert (record.store_id, record.unit_price, record.sold_at) == ("65a5a5a5a5a5a5a5a5a5a5a5", Decimal("12.35"), NOON)
    assert record.customer_id == "GUEST"
    assert report is not None
    assert report.net == {"EUR": Decimal("24.7")}


@every_mongodb
def test_sums_are_exact_for_decimals_doubles_integers_and_texts(api: type[MongoTill]) -> None:
    amounts = [Decimal128("0.1000"), 0.1, 0.2, 0.7, "1234567.8901", Int64(3), Decimal128("9999999.9999"), -0.0001]
    documents = [receipt(row(f"A{number}")) for number in range(len(amounts))]
    for document, amount in zip(documents, amounts, strict=True):
        document["lines"][0]["net_amount"] = amount
    with api(lines=((),)).served() as (_, till), reading(till) as connector:
        till.insert_documents(*documents)
        report = connector.daily_report(DAY)
    assert report is not None
    assert report.net == {"EUR": sum(Decimal(str(amount)) for amount in amounts)}


BROKEN = {
    "nan": ("price", float("nan"), "NOT_A_NUMBER"),
    "decimal_nan": ("price", Decimal128("NaN"), "NOT_A_NUMBER"),
    "infinite": ("net_amount", Decimal128("-Infinity"), "NOT_A_NUMBER"),
    "digits": ("price", 0.1 + 0.2, "TOO_MANY_DIGITS"),
    "expression": ("kind", Regex("x"), "MALFORMED"),
    "huge": ("quantity", Decimal128("1E+6000"), "NOT_A_NUMBER"),
    "binary": ("article", {"code": Binary(b"\1\2\3"), "name": "Tea"}, ""),
    "text": ("article", "TEA", "MALFORMED"),
}


@every_mongodb
def test_a_value_that_is_none_rejects_its_record_alone_and_not_the_report(api: type[MongoTill]) -> None:
    documents = {name: receipt(row(name)) for name in ("ok", *BROKEN, "late", "empty", "single", "missing")}
    for name, (key, value, _) in BROKEN.items():
        documents[name]["lines"][0][key] = value
    documents["late"]["updated_at"] = DatetimeMS(10**15)
    documents["empty"]["lines"] = []
    documents["single"]["lines"] = {"no": 1}
    del documents["missing"]["lines"][0]["article"]
    with api(lines=((),)).served() as (_, till), reading(till) as connector:
        till.insert_documents(*documents.values())
        found = rejections_of(connector)
        report = connector.daily_report(DAY)
    expected = {
        "ok": "",
        "late": "INVALID_DATE",
        "empty": "MALFORMED",
        "single": "MALFORMED",
        "missing": "MISSING_FIELD",
    }
    assert found == expected | {name: code for name, (_, _, code) in BROKEN.items()}
    assert report is not None
    assert report.lines == len(documents), "a rejected line counts"
    assert report.net["EUR"].is_finite()


def test_a_text_that_is_not_utf8_rejects_its_record_alone() -> None:
    with MongoTill(lines=(("A",),)).served() as (_, till), reading(till) as connector:
        till.insert(row("B", article="CAF_"))
        till.mongo.spoil = lambda reply: reply.replace(b"CAF_", b"CAF\xe9")
        rows = rows_of(connector)
        assert isinstance(rows[1]["lines"][0]["article"]["code"], Unread)
        assert rejections_of(connector) == {"A": "", "B": "MALFORMED"}


@every_mongodb
def test_changes_are_listed_with_the_business_date_and_deletions_are_not(api: type[MongoTill]) -> None:
    late_evening = datetime(2024, 1, 15, 23, 30, tzinfo=UTC)  # it is the 16th in Berlin
    with api(lines=(("A",),)).served() as (_, till), reading(till) as connector:
        till.insert(row("B", sold_at=late_evening, updated_at=CHANGED + timedelta(hours=1)))
        till.insert(row("OLD", sold_at=NOON - timedelta(days=9), updated_at=CHANGED - timedelta(days=9)))
        listed = connector.list_changes(CHANGED - timedelta(minutes=1))
    assert listed is not None
    assert listed.dates == {DAY: CHANGED, date(2024, 1, 16): CHANGED + timedelta(hours=1)}
    assert not listed.shows_deletions
    assert listed.as_of <= datetime.now(UTC) - timedelta(minutes=15), "what commits late is listed again"


def test_a_document_that_the_filter_now_leaves_out_has_changed_its_date(tmp_path: Path) -> None:
    filtered = {"  date_column": "  filter: {currency: {$ne: CHF}}\n  date_column"}
    with MongoTill(lines=(("A",),)).served() as (_, till), reading(till, tmp_path, filtered) as connector:
        till.insert(row("B", currency="CHF", updated_at=CHANGED + timedelta(hours=1)))
        assert receipts_of(connector) == ["A"]
        listed = connector.list_changes(CHANGED + timedelta(minutes=30))
        report = connector.daily_report(DAY)
    assert listed is not None
    assert [*listed.dates] == [DAY]
    assert report is not None
    assert (report.lines, report.net) == (1, {"EUR": Decimal(25)})


def test_members_that_lag_behind_count_as_read_only_up_to_what_they_have() -> None:
    with MongoTill(lines=((),)).served() as (_, till):
        till.mongo.lag = timedelta(hours=2)
        with reading(till) as connector:
            [page] = connector.fetch_sales_data(DAY)
    assert page.as_of < datetime.now(UTC) - timedelta(hours=2)


@every_mongodb
def test_a_business_date_is_that_of_the_source_also_when_the_clocks_change(api: type[MongoTill]) -> None:
    changed = date(2024, 3, 31)  # 23 hours in Berlin
    inside = [datetime(2024, 3, 30, 23, 0, tzinfo=UTC), datetime(2024, 3, 31, 21, 59, 59, tzinfo=UTC)]
    outside = [datetime(2024, 3, 30, 22, 59, 59, tzinfo=UTC), datetime(2024, 3, 31, 22, 0, tzinfo=UTC)]
    with api(lines=((),)).served() as (_, till), reading(till) as connector:
        till.insert(*(row(f"in{number}", sold_at=at) for number, at in enumerate(inside)))
        till.insert(*(row(f"out{number}", sold_at=at) for number, at in enumerate(outside)))
        records = [connector.normalize_sales_record(each) for each in rows_of(connector, changed)]
    assert [record.transaction_id for record in records] == ["in0", "in1"]
    assert {record.business_date for record in records} == {changed}


@pytest.mark.parametrize(
    ("sold_at", "day"),
    [
        ("2024-01-15", DAY),
        ("2024-01-15T23:30:00Z", DAY + timedelta(days=1)),
        ("2024-01-15 23:30:00", DAY),
        (1705361400, DAY + timedelta(days=1)),
        (Int64(1705361400000), DAY + timedelta(days=1)),
        (1705361400.0, DAY + timedelta(days=1)),
    ],
)
def test_times_can_be_texts_and_numbers(sold_at: Any, day: date, tmp_path: Path) -> None:
    epoch = {"    sold_at: sold_at": "    sold_at: {column: sold_at, type: integer, format: epoch}"}
    changes = NONE if isinstance(sold_at, str) else epoch
    with MongoTill(lines=((),)).served() as (_, till), reading(till, tmp_path, changes) as connector:
        till.insert(row("A", sold_at=sold_at))
        assert [len(rows_of(connector, day + timedelta(days=ahead))) for ahead in (-1, 0, 1)] == [0, 1, 0]
        listed = connector.list_changes(CHANGED - timedelta(minutes=1))
    assert listed is not None
    assert [*listed.dates] == [day]


@pytest.mark.parametrize(
    ("sold_at", "words"),
    [
        ("2024-01-15", "is a text in some documents and a date in others"),
        (5, "is a number in some documents and a date in others"),
        (True, "is true or false in some documents and a date in others"),
    ],
)
def test_a_time_of_another_type_would_be_on_no_date_and_stops_the_run(sold_at: Any, words: str) -> None:
    with MongoTill().served() as (_, till):
        till.insert(row("D", sold_at=sold_at))
        message = error_of(till, StopRun)
    assert f"the field 'sold_at' {words}, so some documents would be on no date" in message


@pytest.mark.parametrize(
    ("sold_at", "words"),
    [
        (["2024-01-15", "2024-01-15T10:00:00Z"], "has times in several forms"),
        (["15.01.2024"], "has a text that is neither a date nor a time"),
        ([{"at": 5}], "is an object, not a time"),
    ],
)
def test_texts_that_are_not_times_stop_the_run(sold_at: list[Any], words: str) -> None:
    with MongoTill(lines=((),)).served() as (_, till):
        till.insert(*(row(f"D{number}", sold_at=each) for number, each in enumerate(sold_at)))
        assert words in error_of(till, StopRun)


PIPELINE = """\
  pipeline:
    - {$unwind: {path: $lines, includeArrayIndex: position}}
    - {$set: {net_amount: {$multiply: [$lines.quantity, $lines.price]}}}
  date_column"""


def test_a_pipeline_changes_the_documents_of_a_date(tmp_path: Path) -> None:
    changes = {
        "  date_column": PIPELINE,
        "lines.net_amount\nmapping:\n  lines: lines\n": "net_amount\nmapping:\n",
        "line_id: {column: lines.no,": "line_id: {column: position,",
        "total_amount: {column: lines.net_amount,": "total_amount: {column: net_amount,",
    }
    two = receipt(row("TWO"))
    two["lines"] *= 2
    with MongoTill(lines=((),)).served() as (_, till), reading(till, tmp_path, changes) as connector:
        till.insert_documents(two)
        records = [connector.normalize_sales_record(each) for each in rows_of(connector)]
        report = connector.daily_report(DAY)
    assert [(record.line_id, record.net_amount) for record in records] == [("0", Decimal(25)), ("1", Decimal(25))]
    assert report is not None
    assert (report.lines, report.net) == (2, {"EUR": Decimal(50)})


@every_mongodb
def test_a_wrong_password_is_an_error_that_names_its_variable(api: type[MongoTill]) -> None:
    with api(reject_credentials=1).served() as (_, till):
        message = error_of(till, FixConfiguration)
    assert "rejected our credentials (Authentication failed.)" in message
    assert "MONGODB_TILL_PASSWORD, then run: retail sources check mongodb_till" in message


@every_mongodb
def test_a_server_that_is_down_is_tried_again_later(api: type[MongoTill]) -> None:
    with api().served() as (_, till):
        port = free_port()
        variables = {api.url_variable: f"mongodb://127.0.0.1:{port}/pos", "INGEST_TIMEOUT_SECONDS": "1"}
        message = error_of(till, RetryLater, variables=variables)
    assert f"no database responds at 127.0.0.1:{port}/pos (" in message


def test_the_next_host_is_read_if_the_first_is_down_and_never_one_that_only_the_server_names() -> None:
    with MongoTill().served() as (_, till):
        url = till.url.replace("mongodb://", f"mongodb://127.0.0.1:{free_port()},")
        with reading(till, variables={MongoTill.url_variable: url}) as connector:
            assert receipts_of(connector) == ["A", "B", "C"]
            hosts = connector._database._client.nodes  # type: ignore[attr-defined]
        assert hosts == {("127.0.0.1", till.mongo.port)}, "and not elsewhere.example, which it says is a member"


def test_a_member_that_cannot_be_read_now_is_tried_again_later() -> None:
    with MongoTill().served() as (_, till):
        till.mongo.state = "arbiterOnly"
        assert "ended a statement (this member of the replica set cannot be read now)" in error_of(till, RetryLater)
        till.mongo.state = "secondary"
        with reading(till) as connector:
            assert receipts_of(connector) == ["A", "B", "C"]


def test_a_server_without_the_encryption_that_is_demanded_is_an_error(tmp_path: Path) -> None:
    tls = {"connection:\n": "connection:\n  tls: {mode: verify-full}\n"}
    with MongoTill().served() as (_, till):
        message = error_of(till, FixConfiguration, tmp_path, tls, {"INGEST_TIMEOUT_SECONDS": "1"})
    assert "the encrypted connection to 127.0.0.1:" in message
    assert "Correct connection.tls in sources/mongodb_till.yaml" in message


@every_mongodb
def test_a_missing_collection_or_field_is_an_error_that_suggests_another(api: type[MongoTill], tmp_path: Path) -> None:
    with api().served() as (_, till):
        message = error_of(till, FixConfiguration, tmp_path, {"collection: receipts": "collection: receipt"})
        assert (
            "the user can read no collection 'receipt', which read.collection names. Did you mean receipts?" in message
        )
        message = error_of(till, FixConfiguration, tmp_path, {"date_column: sold_at": "date_column: sold_on"})
        assert "no document has a value in 'sold_on', which `read` names. Did you mean sold_at?" in message
        assert "The newest document has: _id, receipt, sold_at" in message


def failing(code: int, message: str, command: str = "aggregate") -> Any:
    def before(name: str, _: Any) -> None:
        if name == command:
            raise CommandFailed(code, message)

    return before


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (13, FixConfiguration, "may not read this (why). Grant it a role"),
        (50, RetryLater, "took longer than INGEST_LISTING_MINUTES and was ended (why)"),
        (239, RetryLater, "no longer has the state in which reading began (why)"),
        (11602, RetryLater, "ended a statement (why). Run again later."),
        (40324, FixConfiguration, "does not accept the query (why)"),
    ],
)
def test_an_error_of_the_server_says_what_to_do(code: int, kind: type[RetailError], words: str) -> None:
    with MongoTill().served() as (_, till):
        till.mongo.before = failing(code, "why")
        assert words in error_of(till, kind)


def test_a_cursor_that_the_server_ended_is_an_error_and_the_next_reading_succeeds() -> None:
    with MongoTill().served() as (_, till), reading(till) as connector:
        pages = connector.fetch_sales_data(DAY)
        next(pages)
        till.mongo.before = failing(43, "cursor id 1 not found", "getMore")
        with pytest.raises(RetryLater, match="cursor id 1 not found"):
            list(pages)
        till.mongo.before = lambda name, command: None
        assert receipts_of(connector) == ["A", "B", "C"]


@every_mongodb
def test_a_connection_that_is_cut_in_the_middle_is_an_error_and_the_next_reading_succeeds(api: type[MongoTill]) -> None:
    with api().served() as (_, till), reading(till) as connector:
        pages = connector.fetch_sales_data(DAY)
        next(pages)
        till.kill_readers()
        with pytest.raises(RetryLater, match=r"was lost|ended a statement"):
            list(pages)
        assert receipts_of(connector) == ["A", "B", "C"]


def test_a_server_that_does_not_respond_is_not_waited_for_without_end() -> None:
    with MongoTill().served() as (_, till):
        till.mongo.before = lambda name, command: time.sleep(2) if name == "aggregate" else None
        variables = {"INGEST_LISTING_MINUTES": "0.001", "INGEST_TIMEOUT_SECONDS": "0.3"}
        assert "was lost (127.0.0.1:" in error_of(till, RetryLater, variables=variables)


def test_what_is_not_mongodb_is_an_error() -> None:
    class Wrong(FakeMongo):
        def serve(self, connection: Any) -> None:
            connection.recv(100)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with MongoTill().served() as (_, till), serving(Wrong()) as wrong:
        variables = {MongoTill.url_variable: f"mongodb://127.0.0.1:{wrong.port}/pos", "INGEST_TIMEOUT_SECONDS": "1"}
        assert f"127.0.0.1:{wrong.port}/pos" in error_of(till, RetryLater, variables=variables)


def test_an_old_server_is_an_error() -> None:
    with MongoTill().served() as (_, till):
        till.mongo.wire_version = 4
        assert "cannot be read (Server at 127.0.0.1:" in error_of(till, FixConfiguration)


def test_large_documents_are_read_in_small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingestion.connectors.mongodb.values.PAGE_BYTES", 1_000)
    with MongoTill(lines=((),)).served() as (_, till):
        monkeypatch.setattr(snapshot, "DOCUMENTS_AT_ONCE", 100)
        till.insert(*(row(f"R{number:02}", article_name="x" * 300) for number in range(10)))
        with reading(till) as connector:
            sizes = [len(page.rows) for page in connector.fetch_sales_data(DAY)]
    assert sum(sizes) == 10
    assert len(sizes) > 3
