"""Files in many formats, read by a user's own layout."""

from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path

import pyarrow
import pytest

from tests.fakes.csv_sources import HEADER, reading, row, rows, shop_layout, write

GOOD = rows(row(), row(Line=2, Name='"Cup, large"'), row(Line=3, Name="Café"))


def zstd(content: bytes) -> bytes:
    sink = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return bytes(sink.getvalue())


@pytest.mark.parametrize(
    ("content", "encoding", "delimiter", "compression"),
    [
        (GOOD.encode(), "utf-8", ",", "none"),
        (b"\xef\xbb\xbf" + GOOD.encode(), "utf-8", ",", "none"),
        (GOOD.encode("utf-16"), "utf-16", ",", "none"),
        (b"\xfe\xff" + GOOD.encode("utf-16-be"), "utf-16", ",", "none"),
        (GOOD.encode("utf-16-le"), "utf-16-le", ",", "none"),
        (GOOD.encode("cp1252"), "cp1252", ",", "none"),
        (gzip.compress(GOOD.encode()), "utf-8", ",", "gzip"),
        (gzip.compress(GOOD.encode("cp1252")), "cp1252", ",", "gzip"),
        (zstd(GOOD.encode()), "utf-8", ",", "zstd"),
        (zstd(GOOD.encode("utf-16")), "utf-16", ",", "zstd"),
        (GOOD.replace(",", ";").encode(), "utf-8", ";", "none"),
        (GOOD.replace("Cup, ", "Cup| ").replace(",", "\t").encode(), "utf-8", "\t", "none"),
        (GOOD.replace(",", "|").encode(), "utf-8", "|", "none"),
        (GOOD.replace("\n", "\r\n").encode(), "utf-8", ",", "none"),
        (GOOD.replace("\n", "\r").encode(), "utf-8", ",", "none"),
        (GOOD.replace("\n", "\r\n", 2).encode(), "utf-8", ",", "none"),
        (GOOD.replace("\n", ",\n").encode(), "utf-8", ",", "none"),
        (GOOD.replace("\n", ",\n").replace(",\n", "\n", 1).encode(), "utf-8", ",", "none"),
        (("\n" + GOOD.replace("\n", "\n\n")).encode(), "utf-8", ",", "none"),
        (GOOD.rstrip("\n").encode(), "utf-8", ",", "none"),
    ],
    ids=[
        "plain", "BOM", "UTF-16", "UTF-16 BE", "UTF-16 without BOM", "cp1252", "gzip", "gzip cp1252", "zstd",
        "zstd UTF-16",
        "semicolon", "tab", "pipe", "CRLF", "CR", "CRLF and LF", "delimiter at the end of all lines",
        "delimiter at the end of all rows", "blank lines", "no last line end",
    ],
)  # fmt: skip
def test_the_rows_do_not_depend_on_how_the_file_is_written(
    tmp_path: Path, content: bytes, encoding: str, delimiter: str, compression: str
) -> None:
    with reading(write(tmp_path / "sales.csv", content)) as outcome:
        names = outcome.landed("product_name")
        assert [name.replace(delimiter, ",").replace("|", ",") for name in names] == ["Cup", "Cup, large", "Café"]
        assert outcome.rejected() == []
        file = outcome.read.files[0]
        assert (file.encoding, file.delimiter, file.compression) == (encoding, delimiter, compression)
        assert (file.rows, outcome.read.rows) == (3, 3)


def test_a_folder_is_read_in_order_of_names_whatever_the_case_of_the_endings(tmp_path: Path) -> None:
    write(tmp_path / "b.CSV", rows(row(Line=2)))
    write(tmp_path / "a.csv.gz", gzip.compress(rows(row(Line=1)).encode()))
    write(tmp_path / "c.tsv", rows(row(Line=3)).replace(",", "\t"))
    write(tmp_path / "notes.md", "no sales")
    with reading(tmp_path) as outcome:
        assert [file.name for file in outcome.read.files] == ["a.csv.gz", "b.CSV", "c.tsv"]
        assert outcome.landed("line_id") == ["1", "2", "3"]
    with reading(tmp_path / "*.CSV") as outcome:
        assert outcome.landed("line_id") == ["2"]


def test_rejected_lines_name_their_file(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", rows(row(Qty="x"), row(Line=2)))
    write(tmp_path / "b.csv", rows(row(Line=3), "short", row(Line=4, Qty="y")))
    write(tmp_path / "c.csv", rows(row(Line=5), row(Line=6, Qty="z")))
    with reading(tmp_path) as outcome:
        found = outcome.connection.execute(
            "SELECT source_file, source_line FROM rejected_rows ORDER BY source_file, source_line"
        ).fetchall()
        assert found == [(1, 2), (2, 3), (2, 4), (3, 3)]


def test_typed_rows_have_every_readable_row_before_it_is_cleaned(tmp_path: Path) -> None:
    content = rows(row(Qty=-2, Customer=""), row(Line=2, Qty="x"))
    with reading(write(tmp_path / "sales.csv", content)) as outcome:
        found = outcome.connection.execute(
            "SELECT source_file, source_line, quantity, unit_price, customer_id FROM typed_rows ORDER BY source_line"
        ).fetchall()
        assert [each[:4] for each in found] == [(1, 2, Decimal(-2), Decimal("3.5")), (1, 3, None, Decimal("3.5"))]


def test_without_line_numbers_duplicates_share_an_id_and_different_lines_do_not(tmp_path: Path) -> None:
    layout = shop_layout(columns={"line_id": None})
    content = rows(row(), row(), row(Name="cup"), row(Line=2))
    with reading(write(tmp_path / "a.csv", content), layout=layout) as outcome:
        ids = outcome.landed("line_id")
        assert len(ids) == 4
        assert len(set(ids)) == 3
        assert all(len(each) == 17 and each.startswith("h") for each in ids)
    header = HEADER.split(",")
    order = [7, 6, 5, 4, 3, 2, 1, 0]
    moved = "\n".join(",".join(line.split(",")[place] for place in order) for line in content.splitlines())
    assert moved.startswith(",".join(header[place] for place in order))
    with reading(write(tmp_path / "b.csv", moved), layout=layout) as outcome:
        assert outcome.landed("line_id") == ids


def test_a_duplicate_key_says_which_rows_are_the_same(tmp_path: Path) -> None:
    layout = shop_layout(duplicate_key=["Receipt", "Product"])
    content = rows(row(), row(Line=2, Qty=5), row(Line=3, Product="P2"))
    with reading(write(tmp_path / "sales.csv", content), layout=layout) as outcome:
        assert len(set(outcome.landed("line_id"))) == 2


@pytest.mark.parametrize(
    ("format_", "quantity", "price"),
    [
        ({"thousands": ","}, '"1,234.5"', '"1,000.25"'),
        ({"decimal": ",", "thousands": "."}, '"1.234,5"', '"1.000,25"'),
        ({"decimal": ",", "thousands": " "}, '"1 234,5"', '"1 000,25"'),
        ({"decimal": ","}, '"1234,5"', '"1000,25"'),
        ({"thousands": "'"}, "1'234.5", "1000.25"),
    ],
)
def test_numbers_are_read_as_the_layout_says_they_are_written(
    tmp_path: Path, format_: dict[str, str], quantity: str, price: str
) -> None:
    content = rows(row(Qty=quantity, Price=price))
    with reading(write(tmp_path / "sales.csv", content), layout=shop_layout(format=format_)) as outcome:
        assert outcome.landed("quantity", "unit_price") == [(Decimal("1234.5"), Decimal("1000.25"))]


@pytest.mark.parametrize(
    ("form", "text", "sold_at"),
    [
        ("iso", "2024-07-15 10:30:00", "2024-07-15 09:30:00+00"),
        ("iso", "2024-07-15T10:30:00.5+02:00", "2024-07-15 08:30:00.5+00"),
        ("iso", "2024-07-15T10:30Z", "2024-07-15 10:30:00+00"),
        ("iso", "2024-07-15", "2024-07-14 23:00:00+00"),
        ("epoch", "1721035800", "2024-07-15 09:30:00+00"),
        ("epoch_ms", "1721035800500", "2024-07-15 09:30:00.5+00"),
        ("%Y%m%d%H%M", "202407151030", "2024-07-15 09:30:00+00"),
        ("%d.%m.%Y %H:%M:%S", "15.07.2024 10:30:05", "2024-07-15 09:30:05+00"),
        ("%m/%d/%Y %I:%M %p", "7/15/2024 1:30 PM", "2024-07-15 12:30:00+00"),
        ("%Y-%m-%d %H:%M:%S %z", "2024-07-15 10:30:00 +0200", "2024-07-15 08:30:00+00"),
        ("auto", "15.07.2024 10:30", "2024-07-15 09:30:00+00"),
        ("auto", "07/15/2024 10:30", "2024-07-15 09:30:00+00"),
        ("auto", "2024-07-15 10:30", "2024-07-15 09:30:00+00"),
    ],
)
def test_times_are_read_in_the_layouts_format_and_zone(tmp_path: Path, form: str, text: str, sold_at: str) -> None:
    layout = shop_layout(columns={"sold_at": {"column": "When", "format": form}})
    with reading(write(tmp_path / "sales.csv", rows(row(When=text))), layout=layout) as outcome:
        assert outcome.landed("sold_at") == [sold_at]
        assert [day.isoformat() for day in outcome.read.days] == ["2024-07-15"]


def test_the_business_date_is_that_of_the_zone(tmp_path: Path) -> None:
    layout = shop_layout(time_zone="America/New_York", columns={"sold_at": {"column": "When", "format": "iso"}})
    content = rows(row(When="2024-07-16T03:59:59Z"), row(Line=2, When="2024-07-16T04:00:00Z"))
    with reading(write(tmp_path / "sales.csv", content), layout=layout) as outcome:
        assert [day.isoformat() for day in outcome.landed("business_date")] == ["2024-07-15", "2024-07-16"]


def test_a_date_and_a_time_in_two_columns_are_one_time(tmp_path: Path) -> None:
    layout = shop_layout(
        columns={"sold_at": {"columns": ["When", "Customer"], "format": "%d/%m/%Y %H:%M"}, "customer_id": None}
    )
    content = rows(row(When="15/01/2024", Customer="10:30"))
    with reading(write(tmp_path / "sales.csv", content), layout=layout) as outcome:
        assert outcome.landed("sold_at", "customer_id") == [("2024-01-15 10:30:00+00", "GUEST")]


def test_a_type_column_and_unsigned_amounts_are_given_their_sign(tmp_path: Path) -> None:
    layout = shop_layout(
        columns={"line_type": "Customer", "customer_id": None},
        line_type=[
            {"is": "return", "negate": True, "where": {"line_type": {"one_of": ["R"]}}},
            {"is": "void", "where": {"line_type": {"one_of": ["X"]}}},
            {"is": "sale", "where": {"line_type": {"one_of": ["S"]}}},
        ],
    )
    content = rows(row(Customer="S"), row(Line=2, Customer="R"), row(Line=3, Customer="X"), row(Line=4, Customer="?"))
    with reading(write(tmp_path / "sales.csv", content), layout=layout) as outcome:
        assert outcome.landed("line_type", "quantity", "net_quantity", "net_amount") == [
            ("sale", Decimal(2), Decimal(2), Decimal(7)),
            ("return", Decimal(2), Decimal(-2), Decimal(-7)),
            ("adjustment", Decimal(0), Decimal(0), Decimal(0)),
        ]
        assert outcome.rejected() == [(5, "UNKNOWN_TYPE", "Customer", "?")]


def test_a_total_in_the_file_is_checked_and_kept(tmp_path: Path) -> None:
    layout = shop_layout(columns={"total_amount": "Customer", "customer_id": None})
    content = rows(row(Customer="7.004"), row(Line=2, Customer="7.01"), row(Line=3, Qty=-2, Customer="-7.00"))
    with reading(write(tmp_path / "sales.csv", content), layout=layout) as outcome:
        assert outcome.landed("net_amount") == [Decimal("7.004"), Decimal("-7")]
        assert [(line, code) for line, code, *_ in outcome.rejected()] == [(3, "TOTAL_MISMATCH")]


def test_two_spellings_of_an_id_are_two_ids_and_every_sale_is_kept(tmp_path: Path) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    content = rows(row(Product=composed), row(Line=2, Product=decomposed), row(Line=3, Product=composed.upper()))
    with reading(write(tmp_path / "sales.csv", content)) as found:
        assert found.landed("product_id") == [composed, decomposed, composed.upper()]
        assert found.read.rejected == 0
