"""What the warehouse would reject, the contract rejects first: record by record, so that it never stops a load."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from pydantic import ValidationError

from ingestion.landing.control_totals import LARGEST_SUM, check_sum
from ingestion.mapping.json_rows import JsonReader
from ingestion.mapping.map_json import map_json
from ingestion.mapping.single_rows import landed_records
from ingestion.mapping.workspace import workspace
from ingestion.models.columns import CONTRACT, MEMBER_FIELDS
from ingestion.models.retailer_data import ItemType, SalesRecord
from local_stack.databases import WarehouseAccess
from shared.business_dates import FIRST_DATE, LAST_DATE
from shared.database import session, transaction
from shared.errors import StopRun
from tests.fakes.changed_rows import ROWS, VALUES, changed, places
from tests.fakes.mapped_rows import MappedRows
from tests.fakes.raw_zone import DAY, record
from tests.fakes.retailer_mappings import retailer_mapping
from tests.fakes.vendor_rows import line_2, row_1, row_3
from tests.integration.transformation.test_load_paths import Loader
from transformation.load.plan import LoadPath

LOADED_TABLES = (
    "public.fact_sales", "public.fact_daily_sales", "public.fact_daily_transactions", "public.dim_customer",
    "public.dim_product", "public.dim_store", "public.dim_date", "public.dim_retailer", "ops.superseded_sales",
    "ops.customer_observations", "ops.transaction_dates", "ops.flagged_sales",
)  # fmt: skip
"""Tables with values of records. The other tables of a load hold counts and sums that it calculates."""
CHECKS = {
    "ck_fact_sales_line_type": "LineType",
    "ck_fact_sales_measures": "check_measures, and Field(ge=0)",
    "ck_fact_sales_total": "check_measures",
    "ck_fact_sales_tax": "check_measures, and Field(ge=0)",
    "ck_fact_sales_item_type": "ItemType",
    "ck_dim_customer_interval": "UtcTime: before 9999-12-31",
}
"""Every check of these tables, and what in the contract implies it."""
_CHECKS = """
SELECT constraints.conname
FROM pg_constraint AS constraints
WHERE constraints.contype = 'c' AND constraints.conrelid = ANY (%s::regclass[])
"""
_COLUMNS = """
SELECT c.oid::regclass::text, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid
WHERE c.oid = ANY (%s::regclass[]) AND a.attnum > 0 AND NOT a.attisdropped
"""
_STORED_AS = {
    "dim_customer": {"customer_id", "customer_name", "segment", "city", "country"},
    "dim_product": {"product_id", "product_name", "category"},
    "dim_store": {"store_id", "store_name", "city", "country"},
}
LONGEST_ID, LONGEST_TEXT = "\U0001f600" * 64, "\U0001f600" * 255
"""64 and 255 characters of four bytes each."""
FIRST_TIME = datetime(1900, 1, 1, tzinfo=UTC)
LAST_TIME = datetime(2200, 1, 1, tzinfo=UTC) - timedelta(microseconds=1)
LONG_TEXTS = {
    name: LONGEST_ID if name.endswith("_id") else LONGEST_TEXT
    for name in (column.name for column in CONTRACT if column.type == "text")
    if name not in ("retailer_id", "line_type", "currency", "item_type")
}


def query(access: WarehouseAccess, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with psycopg2.connect(access.owner_dsn) as connection, connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def test_every_check_of_a_loaded_table_follows_from_the_contract(warehouse: WarehouseAccess) -> None:
    found = {name for (name,) in query(warehouse, _CHECKS, list(LOADED_TABLES))}
    assert found == CHECKS.keys(), "say in CHECKS what implies the new check, and add extreme values to EXTREMES"


def test_every_column_holds_what_its_field_allows(warehouse: WarehouseAccess) -> None:
    columns = {
        (table.removeprefix("ops."), name): (kind, is_required)
        for table, name, kind, is_required in query(warehouse, _COLUMNS, list(LOADED_TABLES))
    }
    for field in (each for each in CONTRACT if each.stored.in_fact):
        kind, is_required = columns["fact_sales", field.fact_name]
        assert not (is_required and field.is_nullable), field.name
        if field.name in MEMBER_FIELDS or field.stored.is_key:
            continue
        digits = re.fullmatch(r"numeric\((\d+),(\d+)\)", field.type)
        if digits is None:
            assert kind in ("text", "timestamp with time zone", "character(3)", "boolean"), field.name
            continue
        stored = re.fullmatch(r"numeric\((\d+),(\d+)\)", kind)
        assert stored is not None, field.name
        (precision, scale), (most, places) = (tuple(map(int, each.groups())) for each in (digits, stored))
        assert places >= scale, field.name
        assert most - places >= precision - scale, field.name
    for table, names in _STORED_AS.items():
        assert {columns[table, name][0] for name in names} == {"text"}


def extremes() -> Iterator[SalesRecord]:
    """Records at the limits of the contract, one limit each and all together."""
    largest = {"quantity": Decimal("999999999.999"), "unit_price": Decimal(0), "total_amount": Decimal(0)}
    dearest = {
        "quantity": Decimal(1),
        "unit_price": Decimal("9999999999.9999"),
        "total_amount": Decimal("9999999999.9999"),
    }
    richest = {
        "quantity": Decimal("99999.99"),
        "unit_price": Decimal("1000000000"),
        "total_amount": Decimal("99999990000000"),
    }
    rounded = {"quantity": Decimal("0.001"), "unit_price": Decimal("0.001"), "total_amount": Decimal("0.005")}
    changes: list[dict[str, Any]] = [{name: text} for name, text in LONG_TEXTS.items()]
    changes += [LONG_TEXTS]
    changes += [
        {name: time} for name in ("changed_at", "customer_since", "sold_at") for time in (FIRST_TIME, LAST_TIME)
    ]
    for measures in (largest, dearest, richest, rounded):
        net = {"net_quantity": measures["quantity"], "net_amount": measures["total_amount"]}
        changes.append({**measures, **net})
        changes.append({**measures, **{name: -value for name, value in net.items()}, "line_type": "return"})
        changes.append(
            {
                **measures,
                "net_quantity": -net["net_quantity"],
                "net_amount": net["net_amount"],
                "line_type": "adjustment",
            }
        )
    largest_tax = {"tax_amount": Decimal("99999999999999.9999")}
    changes += [{**largest_tax, "net_tax_amount": largest_tax["tax_amount"]}]
    changes += [{"discount_amount": Decimal(25), "net_amount": Decimal(0), "item_type": kind} for kind in ItemType]
    changes += [
        {"tax_included": True, "tax_amount": Decimal("3.99"), "net_tax_amount": Decimal("3.99"), "net_amount": "21.01"}
    ]
    divided = {"quantity": Decimal(300), "unit_price": Decimal("0.3333"), "total_amount": Decimal(100)}
    changes += [{**divided, "net_quantity": Decimal(300), "net_amount": Decimal(100)}]
    for number, change in enumerate(changes):
        yield record(
            "1", transaction=f"T{number}", **{"customer_id": f"C{number}", "product_id": f"P{number}", **change}
        )


@pytest.fixture(params=[LoadPath.MERGE, LoadPath.BUILD])
def loader(request: pytest.FixtureRequest, warehouse: WarehouseAccess, tmp_path: Any) -> Loader:
    return Loader(warehouse, tmp_path, request.param)


def test_records_at_the_limits_of_the_contract_are_loaded(loader: Loader) -> None:
    records = list(extremes())
    loader.land(*records)
    loader.load()
    assert loader.rows("SELECT count(*) FROM fact_sales") == [
        (len({(each.transaction_id, each.line_id) for each in records}),)
    ]


def test_the_sums_of_a_date_that_can_be_landed_fit_the_columns_of_the_summaries(warehouse: WarehouseAccess) -> None:
    columns = query(warehouse, _COLUMNS, ["fact_daily_sales", "ops.load_ledger_amounts"])
    amounts = [kind for _, name, kind, _ in columns if name.endswith("_amount")]
    found = [re.fullmatch(r"numeric\((\d+),4\)", kind) for kind in amounts]
    assert min(10 ** (int(each[1]) - 4) for each in found if each) == LARGEST_SUM
    assert all(found)
    with pytest.raises(StopRun, match="shop 2024-01-15: its lines add up to 10,000,000,000,000,000 EUR, regardless of"):
        check_sum("shop 2024-01-15", "EUR", LARGEST_SUM)
    check_sum("shop 2024-01-15", "EUR", LARGEST_SUM - 1)


@pytest.mark.parametrize("day", [FIRST_DATE, LAST_DATE])
def test_the_first_and_the_last_business_date_are_loaded(loader: Loader, day: date) -> None:
    loader.land(record("1", day=day, customer_since=None), day=day)
    loader.load(day)
    assert loader.rows("SELECT date_key FROM fact_sales") == [(int(f"{day:%Y%m%d}"),)]


@pytest.mark.parametrize("name", ["sold_at", "changed_at", "customer_since"])
@pytest.mark.parametrize(
    "time",
    [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime.min.replace(tzinfo=UTC),
        FIRST_TIME - timedelta(microseconds=1),
        LAST_TIME + timedelta(microseconds=1),
        datetime(9999, 12, 31, tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        "infinity",
        "-infinity",
        "0044-03-15 BC",
    ],
)
def test_times_that_the_warehouse_uses_itself_or_does_not_have_are_rejected(name: str, time: Any) -> None:
    with pytest.raises(ValidationError):
        record(**{name: time})


@pytest.mark.parametrize("number", [*(pytest.param(each, marks=pytest.mark.long) for each in (1, 2)), 3])
def test_whatever_is_landed_of_a_retailers_rows_is_loaded(
    warehouse: WarehouseAccess, tmp_path: Any, number: int
) -> None:
    rows = [changed(row, place, value) for row in ROWS[number] for place in places(row) for value in VALUES]
    mapping = retailer_mapping(number)
    reader = JsonReader(mapping)
    with workspace(threads=1) as connection:
        map_json(connection, mapping, reader.columns, {1: reader.read(rows)}, DAY)
        records = landed_records(connection)
    # Otherwise they are versions of a few lines, of which one is loaded.
    own = [
        each.model_copy(update={"retailer_id": "retailer_1", "transaction_id": each.transaction_id[:50] + f"-{place}"})
        for place, each in enumerate(records)
    ]
    loader = Loader(warehouse, tmp_path)
    loader.land(*own)
    assert loader.load().entries[0].as_dict()["inserted"] == len(own)


SENTINELS = ["9999-12-31T10:00:00Z", "0001-01-01T00:00:00Z", "1899-12-31T23:59:59Z", "2200-01-01T00:00:00Z"]


@pytest.mark.parametrize("text", SENTINELS)
def test_a_customer_dated_at_the_end_of_time_is_rejected_with_its_line(text: str) -> None:
    time = datetime.fromisoformat(text)
    lines = {
        1: row_1(customer_updated_at=text),
        2: line_2({"buyer": {**line_2()["buyer"], "since": int(time.timestamp())}}),
        3: row_3(
            cliente={
                **row_3()["cliente"],
                "desde": f"{time + timedelta(hours=-2 if time.year == 1899 else 2):%d/%m/%Y %H:%M}",
            }
        ),
    }
    for number, line in lines.items():
        assert MappedRows(retailer_mapping(number)).code(line) in ("OUT_OF_RANGE", "INVALID_DATE"), number


def test_a_row_that_the_warehouse_rejects_is_not_in_the_message(warehouse: WarehouseAccess) -> None:
    statement = (
        "INSERT INTO dim_customer (retailer_key, customer_id, customer_name, valid_from, valid_to, is_current)"
        " VALUES (1, 'C1', 'Ann Secret', '9999-12-31', '9999-12-31', true)"
    )
    with (
        pytest.raises(StopRun) as caught,
        session(warehouse.loader_dsn, application_name="test") as connection,
        transaction(connection) as cursor,
    ):
        cursor.execute(statement)
    assert "check violation (dim_customer, ck_dim_customer_interval)" in str(caught.value)
    assert "Secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
