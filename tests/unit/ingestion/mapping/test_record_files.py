"""JSON, a JSON object on each line, and Parquet are read like tables, with every digit of an amount."""

from __future__ import annotations

import datetime
import gzip
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pytest
from pyarrow import parquet

from ingestion.connectors.files import archives
from ingestion.mapping.layouts import load_layout
from shared.config import PROJECT_ROOT
from shared.errors import FixConfiguration, StopRun
from tests.fakes.csv_sources import reading, rows, shop_layout, write
from tests.fakes.csv_sources import row as csv_row
from tests.unit.ingestion.mapping.test_archives import archive

DATA = Path(os.environ.get("RETAIL_TEST_DATA", PROJECT_ROOT.parent / "shared" / "data"))
LINES = shop_layout(
    format={"lines": "items"},
    columns={
        "transaction_id": "id",
        "line_id": None,
        "product_id": "items.sku",
        "product_name": "items.name",
        "quantity": "items.qty",
        "unit_price": "items.price",
        "sold_at": "at",
        "customer_id": "buyer.id",
    },
)
_AMOUNTS = ("transaction_id", "quantity", "unit_price")


def order(number: int, **given: Any) -> dict[str, Any]:
    """An order with a line."""
    line = {"sku": "P1", "name": "Cup", "qty": 2, "price": 3.5}
    return {"id": f"R{number}", "at": "2024-01-15T10:30:00", "buyer": {"id": "C1"}, "items": [line]} | given


def row(**given: Any) -> dict[str, Any]:
    """A row as `csv_sources.row` has it, with types."""
    values = csv_row().split(",")
    names = ("Receipt", "Line", "Product", "Name", "Qty", "Price", "When", "Customer")
    return {**dict(zip(names, values, strict=True)), "Qty": 2, "Price": Decimal("3.50"), **given}


def lines_of(*records: Any) -> str:
    """A JSON object on each line."""
    return "".join(json.dumps(each, default=str) + "\n" for each in records)


def test_a_record_of_each_line_is_a_row(tmp_path: Path) -> None:
    path = write(tmp_path / "sales.ndjson", lines_of(row(Price=1.1), row(Receipt="R2", Qty="3")))
    with reading(path) as outcome:
        assert outcome.landed(*_AMOUNTS) == [("R1", 2, Decimal("1.1")), ("R2", 3, Decimal("3.5"))]
        assert outcome.read.files[0].rows == 2


@pytest.mark.parametrize("price", ["0.1", "12345.6789", "100000.0001", "3.50", "7"])
def test_numbers_keep_their_digits(tmp_path: Path, price: str) -> None:
    text = json.dumps(row(Price=0)).replace('"Price": 0', f'"Price": {price}')
    for name, content in (("a.jsonl", text + "\n"), ("a.json", f"[{text}]")):
        with reading(write(tmp_path / name, content)) as outcome:
            assert outcome.landed("unit_price") == [Decimal(price)]


def test_the_elements_of_an_array_are_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "orders.json", json.dumps([order(1), order(2, items=order(1)["items"] * 2)], indent=2))
    with reading(path, layout=LINES) as outcome:
        assert outcome.landed("transaction_id", "customer_id", "product_name") == [
            ("R1", "C1", "Cup"),
            ("R2", "C1", "Cup"),
            ("R2", "C1", "Cup"),
        ]


def test_the_array_may_be_within_a_document(tmp_path: Path) -> None:
    layout = LINES.model_copy(update={"format": LINES.format.model_copy(update={"records": "data.orders"})})
    content = json.dumps({"page": 1, "data": {"orders": [order(1), order(2)]}}, indent=1)
    with reading(write(tmp_path / "orders.json", content), layout=layout) as outcome:
        assert outcome.landed("transaction_id") == ["R1", "R2"]
    missing = write(tmp_path / "other.json", '{"data": {"orders": []}}')
    with pytest.raises(FixConfiguration, match=r"no records at 'data\.orders'"), reading(missing, layout=layout):
        pass


def test_parquet_has_its_types(tmp_path: Path) -> None:
    when = datetime.datetime(2024, 7, 15, 9, 30, tzinfo=datetime.UTC)
    table = pyarrow.table(
        {
            "id": ["R1", "R2"],
            "at": pyarrow.array([when, when], pyarrow.timestamp("ns", "UTC")),
            "buyer": [{"id": "C1"}, None],
            "items": [
                [{"sku": "P1", "qty": 2, "price": Decimal("3.5000")}],
                [{"sku": "P2", "qty": 1, "price": Decimal("0.1000")}, {"sku": "P3", "qty": -1, "price": Decimal(2)}],
            ],
        }
    )
    parquet.write_table(table, tmp_path / "orders.parquet")
    layout = LINES.model_copy(update={"columns": {k: v for k, v in LINES.columns.items() if k != "product_name"}})
    with reading(tmp_path / "orders.parquet", layout=layout) as outcome:
        assert sorted(outcome.landed("transaction_id", "product_id", "unit_price", "customer_id", "sold_at")) == [
            ("R1", "P1", Decimal("3.5"), "C1", "2024-07-15 09:30:00+00"),
            ("R2", "P2", Decimal("0.1"), "GUEST", "2024-07-15 09:30:00+00"),
            ("R2", "P3", Decimal(2), "GUEST", "2024-07-15 09:30:00+00"),
        ]


def test_binary_fractions_have_the_digits_that_are_exact(tmp_path: Path) -> None:
    table = pyarrow.table({name: [value] for name, value in row(Price=0.1 + 0.2).items()})
    parquet.write_table(table, tmp_path / "sales.parquet")
    with reading(tmp_path / "sales.parquet") as outcome:
        assert outcome.landed("unit_price") == [Decimal("0.3")]


def test_compressed_and_in_an_archive_they_are_the_same(tmp_path: Path) -> None:
    content = lines_of(row(), row(Receipt="R2"))
    (tmp_path / "a.ndjson.gz").write_bytes(gzip.compress(content.encode()))
    packed = archive(tmp_path / "b.zip", {"b.ndjson": content})
    with reading(tmp_path / "a.ndjson.gz") as one, reading(packed) as other:
        assert (
            one.landed(*_AMOUNTS) == other.landed(*_AMOUNTS) == [("R1", 2, Decimal("3.5")), ("R2", 2, Decimal("3.5"))]
        )
        assert [one.read.files[0].compression, other.read.files[0].compression] == ["gzip", "zip"]
        assert other.read.files[0].name == "b.zip/b.ndjson"


def test_json_and_csv_of_one_source_may_be_mixed(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", rows(csv_row()))
    write(tmp_path / "b.json", lines_of(row(Receipt="R2")))
    with reading(tmp_path) as outcome:
        assert outcome.landed("transaction_id") == ["R1", "R2"]


def test_another_line_is_rejected_by_itself(tmp_path: Path) -> None:
    deep: Any = "x"
    for _ in range(2_000):
        deep = [deep]
    content = lines_of(row()) + '{"Receipt": \n\n[1]\n"text"\n' + lines_of(row(Name="\ud800"), row(Receipt="R2"))
    path = write(tmp_path / "sales.ndjson", content + f'{{"a": {"[" * 100_000}\n')
    with reading(path, most=1.0) as outcome:
        assert outcome.landed("transaction_id") == ["R1", "R2"]
        found = outcome.connection.execute("SELECT source_line, code, payload FROM rejected_rows ORDER BY 1").fetchall()
    assert [(line, code) for line, code, _ in found] == [(number, "MALFORMED") for number in (2, 4, 5, 6, 8)]
    assert json.loads(found[0][2]) == {"line": '{"Receipt": '}


def test_an_order_without_lines_is_rejected(tmp_path: Path) -> None:
    path = write(tmp_path / "orders.json", json.dumps([order(1), order(2, items=[]), order(3, items=None), [], 7]))
    with reading(path, layout=LINES, most=1.0) as outcome:
        assert outcome.landed("transaction_id") == ["R1"]
        found = outcome.connection.execute("SELECT source_line, code, reason FROM rejected_rows ORDER BY 1").fetchall()
    assert [(line, code) for line, code, _ in found] == [
        (2, "MISSING_FIELD"),
        (3, "MISSING_FIELD"),
        (4, "MALFORMED"),
        (5, "MALFORMED"),
    ]
    assert found[0][2] == "the array items is empty or missing"


def test_the_id_of_a_record_does_not_depend_on_the_others(tmp_path: Path) -> None:
    layout = shop_layout(columns={"line_id": None})
    one = write(tmp_path / "one.ndjson", lines_of(row()))
    more = write(tmp_path / "more.ndjson", lines_of(row(Receipt="R0", Promotion="summer"), {**row(), "Note": None}))
    with reading(one, layout=layout) as first, reading(more, layout=layout) as second:
        assert first.landed("line_id")[0] in second.landed("line_id")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("cut.ndjson", lines_of(row()) + '{"Receipt": "R', "line 2: the file is cut off in its last line"),
        ("cut.json", json.dumps([row(Price=1)])[:-20], "after record 0: it is not valid JSON, or cut off"),
        ("pretty.json", json.dumps({"orders": [1]}, indent=2), "`records` in `format`"),
        ("none.json", "[]", "has no records"),
        ("wide.ndjson", lines_of({f"m{n}": n for n in range(1_001)}), "more than 1,000 different members"),
        ("other.ndjson", lines_of({"Quantity": 1}), "needs the columns Receipt, Line"),
    ],
)
def test_other_files_stop_the_load(tmp_path: Path, name: str, content: str, message: str) -> None:
    path = write(tmp_path / name, content)
    with pytest.raises((FixConfiguration, StopRun), match=message.replace("(", r"\(")), reading(path):
        pass


def test_a_damaged_parquet_file_stops_the_load(tmp_path: Path) -> None:
    (tmp_path / "sales.parquet").write_bytes(b"PAR1" + b"x" * 500)
    with pytest.raises(StopRun, match="not a Parquet file that can be read"), reading(tmp_path / "sales.parquet"):
        pass


def test_a_small_file_cannot_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_BYTES", 1_000_000)
    table = pyarrow.table({"Receipt": pyarrow.array(["x" * 100] * 100_000).dictionary_encode()})
    parquet.write_table(table, tmp_path / "bomb.parquet")
    assert (tmp_path / "bomb.parquet").stat().st_size < 10_000
    with (
        pytest.raises(FixConfiguration, match="more than 1,000,000 bytes unpacked"),
        reading(tmp_path / "bomb.parquet"),
    ):
        pass


@pytest.mark.long
@pytest.mark.real_data
@pytest.mark.parametrize("ending", ["ndjson", "json", "parquet"])
def test_online_retail_is_the_same_in_every_kind_of_file(ending: str, tmp_path: Path) -> None:
    source = DATA / "online_retail.csv.zst"
    if not source.is_file():
        pytest.skip("online_retail.csv.zst is neither in RETAIL_TEST_DATA nor in ../shared/data")
    target = tmp_path / f"sales.{ending}"
    form = {"ndjson": "JSON", "json": "JSON, ARRAY true", "parquet": "PARQUET"}[ending]
    duckdb.sql(f"COPY (FROM read_csv('{source}', all_varchar = true)) TO '{target}' (FORMAT {form})")
    with reading(target, layout=load_layout("online_retail")) as outcome:
        [(rows, amount)] = outcome.connection.execute("SELECT count(*), sum(net_amount) FROM landed_records").fetchall()
    assert (rows, amount) == (541_909, Decimal("9747747.934"))
