"""Every fault that is planted in a store is found, and the store where it arises is named, and no other."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow
import pyarrow.compute
import pyarrow.parquet
import pytest

from pipeline.reconciliation.model import Hop
from shared.partitions import manifest_key, processed_key, raw_key, rejected_key
from tests.integration.reconciliation.conftest import DAYS, FIRST, MAIN, MOVED, Stores

Plant = Callable[[Stores], object]
_KEY = 20240115
_OF_DAY = f"date_key = {_KEY} AND retailer_key = 1"
_LINE = f"{_OF_DAY} AND transaction_id = 'T15-1' AND line_id = '1'"
_RAW, _MANIFEST = raw_key(MAIN, FIRST), manifest_key(MAIN, FIRST)
_REJECTED, _PARQUET = rejected_key(MAIN, FIRST), processed_key(MAIN, FIRST)


@dataclass(frozen=True)
class Fault:
    """A fault, where it arises, and how it is planted."""

    name: str
    hop: Hop
    plant: Plant
    words: str = ""
    """What the difference says."""
    day: date | None = FIRST


def sql(*statements: str) -> Plant:
    """Change the warehouse manually."""
    return lambda stores: [stores.execute(each) for each in statements]


def raw(change: Callable[[list[dict[str, Any]]], object]) -> Plant:
    """Change the lines of the raw object; the manifest stays."""

    def plant(stores: Stores) -> None:
        lines = [json.loads(line) for line in stores.read(stores.raw, _RAW).splitlines()]
        change(lines)
        stores.put(stores.raw, _RAW, b"".join(json.dumps(line).encode() + b"\n" for line in lines))

    return plant


def raw_with_checksum(change: Callable[[list[dict[str, Any]]], object]) -> Plant:
    """Change the lines of the raw object, and the manifest with them."""

    def plant(stores: Stores) -> None:
        raw(change)(stores)
        body = stores.read(stores.raw, _RAW)
        stores.edit_manifest(sha256=hashlib.sha256(body).hexdigest(), size_bytes=len(body))

    return plant


def parquet(change: Callable[[pyarrow.Table], pyarrow.Table]) -> Plant:
    """Change the rows of the processed object."""

    def plant(stores: Stores) -> None:
        table = pyarrow.parquet.read_table(io.BytesIO(stores.read(stores.processed, _PARQUET)))
        written = io.BytesIO()
        pyarrow.parquet.write_table(change(table), written)
        stores.put(stores.processed, _PARQUET, written.getvalue())

    return plant


def put(bucket: str, key: str, body: bytes) -> Plant:
    return lambda stores: stores.put(getattr(stores, bucket), key, body)


def delete(bucket: str, *keys: str) -> Plant:
    def plant(stores: Stores) -> None:
        for key in keys:
            stores.delete(getattr(stores, bucket), key)

    return plant


def manifest(**changes: Any) -> Plant:
    return lambda stores: stores.edit_manifest(**changes)


def _swap(lines: list[dict[str, Any]], field: str = "product_id") -> None:
    """Exchange a value between two lines with equal amounts."""
    lines[2][field], lines[4][field] = lines[4][field], lines[2][field]
    assert lines[2]["net_amount"] == lines[4]["net_amount"]
    assert lines[2][field] != lines[4][field]


def _offset(lines: list[dict[str, Any]]) -> None:
    lines[2] |= {"net_amount": "24.0000"}
    lines[4] |= {"net_amount": "26.0000"}


def _replaced(table: pyarrow.Table, column: str, change: Callable[[list[Any]], object]) -> pyarrow.Table:
    values = table[column].to_pylist()
    change(values)
    position = table.column_names.index(column)
    return table.set_column(position, column, pyarrow.array(values, table.schema.field(column).type))


def _swap_values(values: list[Any]) -> None:
    first, second = 0, next(place for place, each in enumerate(values) if each != values[0])
    values[first], values[second] = values[second], values[first]


def _renamed(values: list[Any]) -> None:
    values[0] = "Another name"


def _offset_values(values: list[Any]) -> None:
    values[0], values[1] = values[0] + 1, values[1] - 1


SWAPPED_FACTS = (
    "UPDATE fact_sales AS one SET product_key = other.product_key FROM fact_sales AS other"
    f" WHERE one.{_OF_DAY.replace('AND ', 'AND one.')} AND other.{_OF_DAY.replace('AND ', 'AND other.')}"
    " AND one.line_id = '1' AND other.line_id = '1'"
    " AND (one.transaction_id, other.transaction_id) IN (('T15-1', 'T15-2'), ('T15-2', 'T15-1'))"
)
SUMMARY_ROW = (
    f"{_OF_DAY} AND (product_key, store_key) = (SELECT product_key, store_key FROM fact_daily_sales"
    f" WHERE {_OF_DAY} ORDER BY 1, 2 LIMIT 1)"
)
LEDGER_ROW = "retailer_id = 'retailer_1' AND business_date = '2024-01-15'"

FAULTS = [
    # The raw zone
    Fault("a raw row is deleted", Hop.RAW, raw(lambda lines: lines.pop(3)), "T15-1/2 is missing"),
    Fault("a raw row is changed", Hop.RAW, raw(lambda lines: lines[2].update(net_amount="1.0000")),
          "net_amount 1.0000"),
    Fault("a raw row is doubled", Hop.RAW, raw(lambda lines: lines.append(lines[3])), "another checksum"),
    Fault("two raw rows are swapped", Hop.RAW, raw(_swap), "product_id"),
    Fault("an offsetting pair in raw", Hop.RAW, raw(_offset), "net_amount 24.0000 instead of 25.0000"),
    Fault("a raw row and its checksum are changed", Hop.RAW, raw_with_checksum(_swap), "another object"),
    Fault("raw bytes are not JSON", Hop.RAW, put("raw", _RAW, b"garbage\n"), "does not follow the contract"),
    Fault("raw bytes are those of another date", Hop.RAW,
          lambda stores: stores.put(stores.raw, _RAW, stores.read(stores.raw, raw_key(MAIN, DAYS[1]))),
          "belong to another source or date"),
    Fault("the raw object is missing", Hop.RAW, delete("raw", _RAW), "the object is missing"),
    Fault("the manifest is missing", Hop.RAW, delete("raw", _MANIFEST), "no manifest"),
    Fault("the partition is missing", Hop.RAW, delete("raw", _RAW, _MANIFEST, _REJECTED), "no manifest"),
    Fault("the manifest's amount is edited", Hop.RAW,
          manifest(amounts={"USD": {"landed": "1.00", "landed_tax": "22.5"}}), "1.00 USD landed"),
    Fault("the manifest's count is edited", Hop.RAW, manifest(landed=18, fetched=20), "18 landed"),
    Fault("the manifest's rejects are edited", Hop.RAW, manifest(rejected=3), "fetched are not"),
    Fault("the manifest's control report is edited", Hop.RAW, manifest(control_report={"lines": 7, "net": {}}),
          "control report"),
    Fault("the manifest is that of another date", Hop.RAW, manifest(business_date="2024-01-16"), "not its own"),
    Fault("the manifest is not JSON", Hop.RAW, put("raw", _MANIFEST, b"{}"), "cannot be read"),
    Fault("an orphan object in raw", Hop.RAW, put("raw", _RAW.replace("sales_data", "sales_data (1)"), b"{}"),
          "nothing has written an object of this name"),
    # Rejected records
    Fault("the rejected object is deleted", Hop.REJECTED, delete("raw", _REJECTED), "the object is missing"),
    Fault("a rejected record is deleted", Hop.REJECTED,
          lambda stores: stores.put(stores.raw, _REJECTED, stores.read(stores.raw, _REJECTED).splitlines()[0] + b"\n"),
          "another checksum"),
    Fault("an orphan rejected object", Hop.REJECTED, put("raw", rejected_key(MAIN, DAYS[1]), b"{}\n"),
          "nothing was rejected", DAYS[1]),
    Fault("a dead letter is deleted", Hop.REJECTED,
          sql("DELETE FROM ops.dead_letters WHERE position = 'page 1, row 3'"), "1 rejected record of the object"),
    # Parquet
    Fault("the Parquet object is missing", Hop.PROCESSED, delete("processed", _PARQUET), "the object is missing"),
    Fault("a Parquet row is deleted", Hop.PROCESSED, parquet(lambda table: table.slice(1)), "is missing"),
    Fault("a Parquet row is doubled", Hop.PROCESSED,
          parquet(lambda table: pyarrow.concat_tables([table, table.slice(0, 1)])), "should not be there"),
    Fault("two Parquet rows are swapped", Hop.PROCESSED,
          parquet(lambda table: _replaced(table, "product_id", _swap_values)), "the same sums, but other rows"),
    Fault("an offsetting pair in Parquet", Hop.PROCESSED,
          parquet(lambda table: _replaced(table, "net_amount", _offset_values)), "the same sums, but other rows"),
    Fault("a description in Parquet is changed", Hop.PROCESSED,
          parquet(lambda table: _replaced(table, "product_name", _renamed)), "Another name instead of Lantern"),
    Fault("the Parquet object is garbage", Hop.PROCESSED, put("processed", _PARQUET, b"PAR1 no more"),
          "cannot be read"),
    Fault("an orphan Parquet object", Hop.PROCESSED, put("processed", processed_key(MAIN, date(2024, 1, 20)), b"PAR1"),
          "never landed", date(2024, 1, 20)),
    # Facts
    Fault("a fact is deleted", Hop.FACTS, sql(f"DELETE FROM fact_sales WHERE {_LINE}"), "T15-1/1 is missing"),
    Fault("a fact is changed", Hop.FACTS, sql(
        f"UPDATE fact_sales SET unit_price = 1, total_amount = 2, net_amount = 2 WHERE {_LINE}"), "net_amount 2.0000"),
    Fault("a fact is doubled", Hop.FACTS, sql(
        "INSERT INTO fact_sales SELECT (jsonb_populate_record(fact, '{\"line_id\": \"99\"}')).*"
        f" FROM fact_sales AS fact WHERE {_LINE}"), "T15-1/99 should not be there"),
    Fault("two facts are swapped", Hop.FACTS, sql(SWAPPED_FACTS), "the same sums, but other rows"),
    Fault("an offsetting pair of facts", Hop.FACTS, sql(
        "UPDATE fact_sales SET unit_price = changed.price, total_amount = 2 * changed.price,"
        " net_amount = 2 * changed.price"
        " FROM (VALUES ('T15-1', 13), ('T15-2', 12)) AS changed (transaction_id, price)"
        f" WHERE {_OF_DAY} AND line_id = '1' AND fact_sales.transaction_id = changed.transaction_id"),
        "the same sums, but other rows"),
    Fault("a fact has another customer", Hop.FACTS, sql(
        "UPDATE fact_sales SET customer_key = (SELECT customer_key FROM dim_customer WHERE customer_id = 'C1'"
        f" AND retailer_key = 1) WHERE {_OF_DAY} AND transaction_id = 'T15-1'"), "customer_id C1 instead of C2"),
    Fault("the tax of a fact is changed", Hop.FACTS, sql(
        f"UPDATE fact_sales SET tax_amount = 0, net_tax_amount = 0 WHERE {_LINE}"), "tax"),
    Fault("the facts of a date are missing", Hop.FACTS, sql(f"DELETE FROM fact_sales WHERE {_OF_DAY}"),
          "T15-0/1 is missing"),
    Fault("a fact is under another date", Hop.FACTS, sql(
        "INSERT INTO fact_sales SELECT (jsonb_populate_record(fact, '{\"date_key\": 20240120}')).*"
        f" FROM fact_sales AS fact WHERE {_LINE}"), "no load has published these lines", date(2024, 1, 20)),
    Fault("a superseded line is deleted", Hop.FACTS, sql("DELETE FROM ops.superseded_sales"), f"{MOVED}/1 is missing"),
    # The ledger
    Fault("the ledger's money is edited", Hop.LEDGER, sql(
        "UPDATE ops.load_ledger_amounts SET in_warehouse = in_warehouse + 0.01"
        f" WHERE {LEDGER_ROW} AND measure = 'net'"), "USD in the warehouse"),
    Fault("the ledger's count is edited", Hop.LEDGER, sql(
        f"UPDATE ops.load_ledger SET landed = landed + 1, fetched = fetched + 1, duplicate = duplicate + 1"
        f" WHERE {LEDGER_ROW}"), "landed"),
    # Summaries
    Fault("a summary row is edited", Hop.SUMMARIES, sql(
        "UPDATE fact_daily_sales SET net_amount = net_amount + 0.02, adjustment_amount = adjustment_amount + 0.02"
        f" WHERE {SUMMARY_ROW}"), "net"),
    Fault("a summary row is deleted", Hop.SUMMARIES, sql(f"DELETE FROM fact_daily_sales WHERE {SUMMARY_ROW}"),
          "missing"),
    Fault("two summary rows are exchanged", Hop.SUMMARIES, sql(
        "UPDATE fact_daily_sales SET discount_amount = discount_amount + CASE WHEN store_key = (SELECT min(store_key)"
        f" FROM dim_store WHERE retailer_key = 1) THEN 1 ELSE -1 END WHERE {_OF_DAY} AND product_key ="
        " (SELECT product_key FROM dim_product WHERE product_id = 'P5' AND retailer_key = 1)"),
        "its rows do not follow from the facts"),
    Fault("a count of transactions is edited", Hop.SUMMARIES, sql(
        f"UPDATE fact_daily_transactions SET transaction_count = transaction_count + 1 WHERE {_OF_DAY}"),
        "transaction_count"),
    # Views
    Fault("the views are not refreshed", Hop.VIEWS, lambda stores: publish_more(stores), "before load", None),
]  # fmt: skip


def publish_more(stores: Stores) -> None:
    """Another date, without a refresh of the views."""
    from tests.integration.reconciliation.conftest import LOADED_AT, records_of

    after_the_refresh = LOADED_AT.replace(hour=4)
    stores.land(date(2024, 1, 18), records_of(date(2024, 1, 18)), at=after_the_refresh)
    stores.load(date(2024, 1, 18), at=after_the_refresh)


IN_EVERY_RUN = {
    "a raw row is changed", "two raw rows are swapped", "the partition is missing", "a dead letter is deleted",
    "an orphan Parquet object", "two Parquet rows are swapped", "a fact is deleted", "two facts are swapped",
    "an offsetting pair of facts", "the ledger's money is edited", "a summary row is edited",
    "the views are not refreshed",
}  # fmt: skip
"""One or two of each hop. The others are found by the same code, and are long tests: each takes half a second."""


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(each, id=each.name, marks=[] if each.name in IN_EVERY_RUN else [pytest.mark.long])
        for each in FAULTS
    ],
)
def test_a_planted_fault_is_found_where_it_arises_and_nowhere_else(
    request: pytest.FixtureRequest, fault: Fault
) -> None:
    in_objects = fault.hop in (Hop.RAW, Hop.PROCESSED)
    stores: Stores = request.getfixturevalue("object_stores" if in_objects else "stores")
    fault.plant(stores)

    report = stores.reconcile(last=date(2024, 1, 31), sources=[MAIN])

    assert not report.ok
    differing = [(each.retailer_id, each.business_date) for each in report.differing]
    found = [one for each in report.differing for one in each.differences]
    found += [one for each in report.view_differences for one in each.differences]
    assert {one.hop for one in found} == {fault.hop}, [str(each) for each in found]
    assert differing == ([(MAIN, fault.day)] if fault.day else [])
    assert fault.words in " ".join(str(each) for each in found), [str(each) for each in found]
    assert all(each.what_to_do for each in found)


def test_there_are_at_least_40_faults() -> None:
    assert len({each.name for each in FAULTS}) == len(FAULTS) >= 40
    assert {each.name for each in FAULTS} >= IN_EVERY_RUN
    assert {each.hop for each in FAULTS} == set(Hop) - {Hop.SOURCE}
