"""A file that cannot be trusted stops the load with file and line; a row that cannot be trusted is rejected alone."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import duckdb
import pytest

from ingestion.connectors.files.dialects import detect_dialect
from ingestion.connectors.files.sources import StoredFile, find_files
from shared.errors import FixConfiguration, RetailError, StopRun
from tests.fakes.csv_sources import HEADER, reading, row, rows, shop_layout, write

GOOD = rows(row(), row(Line=2), row(Line=3))


def error_of(path: Path, kind: type[RetailError] = StopRun, most: float = 0.5, **changed: object) -> str:
    """The message of reading a file, which has to fail; without the folder's name."""
    with pytest.raises(kind) as caught, reading(path, layout=shop_layout(**changed), most=most):
        pass
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(f"{path.parent}/", "")


@pytest.mark.parametrize("source", ["", "  "])
def test_an_empty_name_is_not_the_working_directory(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "private.csv").write_text(GOOD, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FixConfiguration, match="The name of a source is empty"):
        find_files([source])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "sales.csv is empty (0 bytes). Nothing was loaded."),
        (b"\n\r\n\n", "sales.csv contains only blank lines. Nothing was loaded."),
        (HEADER.encode(), "sales.csv has a header and no rows. Nothing was loaded."),
        (
            bytes(range(256)) * 20,
            "sales.csv is not text (it is full of control characters), so it is not a CSV file. Nothing was loaded.",
        ),
        (
            b"PK\x03\x04....",
            "sales.csv is damaged, or packed in a way that cannot be read (File is not a zip file). Fetch it again, or"
            " pack it with zip's usual method. Nothing was loaded.",
        ),
        (
            ",".join(f"c{number}" for number in range(100_000)).encode() + b"\n1\n",
            "sales.csv, line 1: the header has at least 39,037 columns; at most 1,000 are allowed. Is ',' its"
            " delimiter, and is it a sales file? Nothing was loaded.",
        ),
        (
            GOOD.replace("When,Customer", "When,Customer,When").encode(),
            "sales.csv, line 1: the column 'When', which the layout needs, appears 2 times in the header: at 7 and 9."
            " Rename the others. Nothing was loaded.",
        ),
        (
            b"x" * 10_000_000,
            "sales.csv, line 1: the header does not end within 262,144 characters: a quote in it is never closed, or it"
            " is not a CSV file. Nothing was loaded.",
        ),
        (
            GOOD.replace("Price", "price").encode(),
            "sales.csv, line 1: the layout shop needs the column Price; there are Receipt, Line, Product, Name, Qty,"
            " price, When, Customer. Perhaps: is 'price' the 'Price' of the layout? Nothing was loaded.",
        ),
    ],
    ids=[
        "empty",
        "blank",
        "header only",
        "binary",
        "zip",
        "wide",
        "same column twice",
        "no line end",
        "column missing",
    ],
)
def test_a_file_that_does_not_fit_is_an_error_that_says_what_it_is(
    tmp_path: Path, content: bytes, message: str
) -> None:
    assert error_of(write(tmp_path / "sales.csv", content), FixConfiguration) == message


def test_sources_without_a_csv_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert error_of(tmp_path / "empty", FixConfiguration).endswith(
        "*.ndjson, also .gz and .zst; *.zip, *.xlsx, *.parquet)."
    )
    assert error_of(tmp_path / "none.csv", FixConfiguration) == "There is no file none.csv."
    assert error_of(tmp_path / "*.csv", FixConfiguration) == "No file matches *.csv."


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (os.mkfifo, "is a pipe, not a regular file; save its content to a regular file first."),
        (lambda path: path.symlink_to("/dev/zero"), "is a device, not a regular file; save its content"),
        (lambda path: path.symlink_to("/proc/self/status"), "s size is not known, as of files in /proc; save its"),
        (lambda path: path.symlink_to("nowhere.csv"), "No such file or directory."),
    ],
    ids=["pipe", "device", "proc", "broken link"],
)
@pytest.mark.parametrize("source", ["sales.csv", ".", "*.csv"])
def test_a_source_that_is_not_a_regular_file_is_named(
    tmp_path: Path, make: Callable[[Path], None], message: str, source: str
) -> None:
    write(tmp_path / "good.csv", GOOD)
    make(tmp_path / "sales.csv")

    found = error_of(tmp_path / source, FixConfiguration)

    assert "sales.csv cannot be read: " in found
    assert message in found


def test_hidden_links_of_editors_and_folders_are_not_sources(tmp_path: Path) -> None:
    (tmp_path / ".#sales.csv").symlink_to("somebody@somewhere.1234")
    (tmp_path / "older.csv").mkdir()
    write(tmp_path / "sales.csv", GOOD)

    for source in (tmp_path, tmp_path / "*.csv"):
        with reading(source) as outcome:
            assert outcome.read.landed == 3


def test_a_source_that_may_not_be_looked_at_is_named(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 300)
    assert error_of(path, FixConfiguration) == f"{path.name} cannot be read: File name too long."


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_source_without_permission_is_named(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir(mode=0o700)
    path = write(tmp_path / "ours" / "sales.csv", GOOD)
    os.seteuid(65534)
    try:
        with pytest.raises(FixConfiguration, match=r"sales\.csv cannot be read: Permission denied\."):
            find_files([str(path)])
        with pytest.raises(FixConfiguration, match=r"ours cannot be read: Permission denied\."):
            find_files([str(path.parent)])
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_file_cut_off_inside_a_quoted_field_loads_nothing(tmp_path: Path, packed: bool) -> None:
    content = rows(row(), row(Line=2, Name='"Cup'), row(Line=3)).encode()
    path = write(tmp_path / ("sales.csv.gz" if packed else "sales.csv"), gzip.compress(content) if packed else content)
    assert error_of(path) == (
        f"{path.name}, line 3: a quoted field begins in this row and does not end before the file does: the file is cut"
        " off, or a quote is missing. If quotes are characters like any other in this file, write `quote:"
        " none` into `format` of the layout. Nothing was loaded."
    )


def test_compressed_data_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    many = rows(*(row(Line=number, Name=f"Cup {number * 7919}") for number in range(20_000)))
    packed = gzip.compress(many.encode())
    path = write(tmp_path / "sales.csv.gz", packed[: len(packed) // 2])
    message = error_of(path)
    assert message == (
        "sales.csv.gz ends early or is damaged: its gzip data cannot be unpacked to its end. Nothing was loaded;"
        " fetch it again."
    )


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_file_that_is_gone_or_replaced_is_not_called_damaged(tmp_path: Path, packed: bool) -> None:
    content = gzip.compress(b"a,b\n1,2\n") if packed else b"a,b\n1,2\n"
    file = StoredFile.of(1, write(tmp_path / "sales.csv", content))
    file.path.unlink()
    with pytest.raises(StopRun, match=r"sales\.csv cannot be read any more: No such file"):
        file.stats()
    with pytest.raises(StopRun, match=r"sales\.csv cannot be read any more: No such file"):
        detect_dialect(file, shop_layout().format)
    if packed:
        write(file.path, b"a,b\n1,2\n3,4\n")
        for read in (file.stats, lambda: detect_dialect(file, shop_layout().format)):
            with pytest.raises(StopRun, match=r"sales\.csv changed while it was read"):
                read()


@pytest.mark.long
@pytest.mark.parametrize("end", ["\n", "", ",5,1,1,1,1\n1,2,3,4,5,6,7,8\n"], ids=["last", "last, no end", "followed"])
def test_a_line_of_100_mb_is_an_error_that_names_the_line(tmp_path: Path, end: str) -> None:
    path = write(tmp_path / "sales.csv", rows(row()).encode() + b"R1,2,P1," + b"x" * 100_000_000 + end.encode())
    assert error_of(path) == (
        "sales.csv, line 3 is longer than 1,000,000 characters. No sale is that long: a line end or a quote is missing."
        " Nothing was loaded."
    )


@pytest.mark.long
def test_a_quote_that_swallows_the_rest_of_a_large_file_names_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "sales.csv", rows(row()).encode() + b'R1,2,P1,"' + b"x,y\n" * 3_000_000)
    assert error_of(path) == (
        "sales.csv, line 3: a quoted field begins in this row and does not end within 1,000,000 characters: the file is"
        " cut off, or a quote is missing. If quotes are characters like any other in this file, write `quote:"
        " none` into `format` of the layout. Nothing was loaded."
    )


def test_mixed_encodings_are_an_error_that_names_a_line_of_each(tmp_path: Path) -> None:
    content = rows(row(Name="Café")).encode() + row(Line=2, Name="Crème").encode("cp1252") + b"\n"
    assert error_of(write(tmp_path / "sales.csv", content)) == (
        "sales.csv mixes encodings: line 2 is UTF-8, line 3 is not. Save all of it in one encoding, preferably UTF-8."
        " Nothing was loaded."
    )


def test_bytes_that_are_invalid_in_the_declared_encoding_are_an_error(tmp_path: Path) -> None:
    content = rows(row(), row(Line=2, Name="Café")).encode("cp1252")
    message = error_of(write(tmp_path / "sales.csv", content), format={"encoding": "utf-8"})
    assert message.startswith("sales.csv, after line ")
    assert "Declare the file's encoding in the layout" in message


def test_dates_in_two_orders_are_an_error_that_shows_both(tmp_path: Path) -> None:
    path = write(tmp_path / "sales.csv", rows(row(When="15/01/2024 10:30"), row(Line=2, When="01/16/2024 10:30")))
    expected = (
        "sales.csv, line 2, column 'When': '15/01/2024 10:30', and sales.csv, line 3: '01/16/2024 10:30': one is"
        " written %d/%m/%Y %H:%M, the other %m/%d/%Y %H:%M. Nothing was loaded."
    )
    assert error_of(path) == expected
    assert error_of(path, columns={"sold_at": {"column": "When", "format": "auto"}}) == expected


def test_ambiguous_dates_are_an_error_unless_the_layout_gives_a_format(tmp_path: Path) -> None:
    path = write(tmp_path / "sales.csv", rows(row(When="05/01/2024 10:30"), row(Line=2, When="06/01/2024 10:30")))
    assert error_of(path, columns={"sold_at": {"column": "When", "format": "auto"}}) == (
        "sales.csv, line 2, column 'When': '05/01/2024 10:30', and sales.csv, line 3: '06/01/2024 10:30': every date of"
        " the column can be read as %d/%m/%Y %H:%M and as %m/%d/%Y %H:%M: declare the format in the layout. Nothing"
        " was loaded."
    )
    with reading(path) as outcome:
        assert outcome.landed("sold_at") == ["2024-01-05 10:30:00+00", "2024-01-06 10:30:00+00"]


def test_a_file_that_changes_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "sales.csv", GOOD)
    seen = StoredFile.of(1, path)
    write(path, GOOD + row(Line=4) + "\n")
    with pytest.raises(StopRun, match="changed while it was read"):
        seen.check_unchanged()


def test_a_file_whose_size_and_time_were_kept_when_it_was_changed_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "sales.csv", GOOD)
    seen, before = StoredFile.of(1, path), path.stat()
    while path.stat().st_ctime_ns == before.st_ctime_ns:  # the clock of a file system may be coarse
        write(path, GOOD.replace("1", "2"))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    with pytest.raises(StopRun, match="changed while it was read"):
        seen.check_unchanged()


def test_too_many_rejected_rows_stop_the_run_with_counts_and_examples(tmp_path: Path) -> None:
    path = write(tmp_path / "sales.csv", rows(row(Qty="NaN"), row(Line=2), row(Line=3, When="never"), row(Line=4)))
    assert error_of(path, most=0.4) == (
        "2 of 4 rows were rejected (50.0%; at most 40.0% is allowed): INVALID_DATE 1, NOT_A_NUMBER 1. First: sales.csv,"
        " line 2, column 'Qty', value 'NaN': not a number (NOT_A_NUMBER); sales.csv, line 4, column 'When', value"
        " 'never': not a time of the form %d/%m/%Y %H:%M (INVALID_DATE). Nothing was loaded."
    )


def test_what_stops_a_run_does_not_name_a_customer(tmp_path: Path) -> None:
    path = write(tmp_path / "sales.csv", rows(row(Customer="Ana Reed " * 10)))
    assert "column 'Customer': longer than 64 characters (TOO_LONG). Nothing was loaded." in error_of(path)


@pytest.mark.parametrize(
    ("changed", "code", "column"),
    [
        ({"Qty": "1e400"}, "NOT_A_NUMBER", "Qty"),
        ({"Qty": "NaN"}, "NOT_A_NUMBER", "Qty"),
        ({"Qty": "inf"}, "NOT_A_NUMBER", "Qty"),
        ({"Qty": '"1,234.50"'}, "NOT_A_NUMBER", "Qty"),
        ({"Qty": "+5"}, "NOT_A_NUMBER", "Qty"),
        ({"Qty": "٣"}, "NOT_A_NUMBER", "Qty"),
        ({"Qty": ""}, "MISSING_FIELD", "Qty"),
        ({"Qty": "1.2345"}, "TOO_MANY_DIGITS", "Qty"),
        ({"Price": "1.00001"}, "TOO_MANY_DIGITS", "Price"),
        ({"Price": "12345678901"}, "TOO_MANY_DIGITS", "Price"),
        ({"Qty": "0.123", "Price": "0.0001"}, "TOO_MANY_DIGITS", "Qty + Price"),
        ({"Qty": "999999999", "Price": "9999999999"}, "TOO_MANY_DIGITS", "Qty + Price"),
        ({"Price": "-1"}, "NEGATIVE_PRICE", "Qty + Price"),
        ({"When": "30/02/2024 10:30"}, "INVALID_DATE", "When"),
        ({"When": "01/01/0024 10:30"}, "OUT_OF_RANGE", "When"),
        ({"When": "31/12/9999 10:30"}, "OUT_OF_RANGE", "When"),
        ({"When": "31/03/2024 01:30"}, "TIME_DOES_NOT_EXIST", "When"),
        ({"Receipt": "R" * 65}, "TOO_LONG", "Receipt"),
        ({"Product": "a\0b"}, "CONTROL_CHARACTER", "Product"),
        ({"Receipt": '"a\nb"'}, "CONTROL_CHARACTER", "Receipt"),
        ({"Customer": "a\x7fb"}, "CONTROL_CHARACTER", "Customer"),
        ({"Product": "unknown"}, "RESERVED_ID", "Product"),
        ({"Customer": " unknown "}, "RESERVED_ID", "Customer"),
    ],
)
def test_an_invalid_value_rejects_only_its_row(tmp_path: Path, changed: dict[str, str], code: str, column: str) -> None:
    with reading(write(tmp_path / "sales.csv", rows(row(), row(Line=2, **changed), row(Line=3)))) as outcome:
        assert outcome.landed("line_id") == ["1", "3"]
        assert [(line, found, where) for line, found, where, _ in outcome.rejected()] == [(3, code, column)]
        assert outcome.read.rejected_by_code == {code: 1}


def test_minus_zero_is_zero(tmp_path: Path) -> None:
    with reading(write(tmp_path / "sales.csv", rows(row(Qty="-0", Price="-0.00")))) as outcome:
        assert [str(value) for value in outcome.landed("quantity", "net_quantity", "net_amount")[0]] == [
            "0.000", "0.000", "0.0000",
        ]  # fmt: skip


def test_a_time_that_the_clocks_show_twice_is_the_first_of_the_two(tmp_path: Path) -> None:
    with reading(write(tmp_path / "sales.csv", rows(row(When="27/10/2024 01:30")))) as outcome:
        assert outcome.landed("sold_at") == ["2024-10-27 00:30:00+00"]


def test_wrong_field_counts_repeated_headers_and_bad_quotes_are_rejected_with_their_line(tmp_path: Path) -> None:
    content = rows(row(), row(Line=2) + ",more", "R1,3", HEADER, row(Line=4, Name='"Cup" big'), row(Line=5))
    with reading(write(tmp_path / "sales.csv", content)) as outcome:
        assert outcome.landed("line_id") == ["1", "5"]
        assert [(line, code) for line, code, *_ in outcome.rejected()] == [
            (3, "COLUMN_COUNT"), (4, "COLUMN_COUNT"), (5, "REPEATED_HEADER"), (6, "MALFORMED"),
        ]  # fmt: skip
        payloads = outcome.connection.execute("SELECT payload FROM rejected_rows ORDER BY source_line").fetchall()
        assert payloads[0][0].endswith('"more": ["more"]}')
        assert payloads[3][0] == '{"line": "R1,4,P1,\\"Cup\\" big,2,3.50,15/01/2024 10:30,C1"}'


def test_line_numbers_count_blank_lines_and_line_ends_within_quotes(tmp_path: Path) -> None:
    content = "\n\n" + rows(row(), "", row(Line=2, Name='"two\nlines"'), row(Line=3, Qty="many"))
    with reading(write(tmp_path / "sales.csv", content)) as outcome:
        assert [(line, code) for line, code, *_ in outcome.rejected()] == [
            (8, "NOT_A_NUMBER"),
        ]
        assert outcome.landed("product_name") == ["Cup", "two lines"]
        assert outcome.read.rows == 3


def test_a_row_without_a_date_gets_the_date_of_its_neighbour(tmp_path: Path) -> None:
    content = rows(row(When="?"), row(Line=2), row(Line=3, When="16/01/2024 09:00"), row(Line=4, When=""))
    with reading(write(tmp_path / "sales.csv", content)) as outcome:
        days = outcome.connection.execute("SELECT source_line, business_date::VARCHAR FROM rejected_rows").fetchall()
        assert sorted(days) == [(2, "2024-01-15"), (5, "2024-01-16")]


def test_sql_in_every_field_lands_as_text(tmp_path: Path) -> None:
    attack = "'; DROP TABLE landed_records; --"
    given = row(Receipt=attack, Line="1' OR '1'='1", Product="$$x", Name=attack, Customer="{injected}")
    with reading(write(tmp_path / "sales.csv", rows(given))) as outcome:
        assert outcome.landed("transaction_id", "line_id", "product_id", "product_name", "customer_id") == [
            (attack, "1' OR '1'='1", "$$x", attack, "{injected}")
        ]


def test_every_row_is_landed_or_rejected_with_its_money_if_that_can_be_read(tmp_path: Path) -> None:
    content = rows(row(), row(Line=2, When="never"), row(Line=3, Qty="x"), "R1")
    with reading(write(tmp_path / "sales.csv", content)) as outcome:
        read = outcome.read
        assert (read.rows, read.landed, read.rejected) == (4, 1, 3)
        money = outcome.connection.execute(
            "SELECT source_line, net_amount::VARCHAR, currency FROM rejected_rows ORDER BY source_line"
        ).fetchall()
        assert money == [(3, "7.0000", "GBP"), (4, None, "GBP"), (5, None, None)]


def test_a_reader_that_follows_a_growing_file_is_interrupted(tmp_path: Path) -> None:
    path = write(tmp_path / "sales.csv", GOOD)
    seen = StoredFile.of(1, path)
    write(path, GOOD + row(Line=4) + "\n")

    with duckdb.connect() as connection, pytest.raises(duckdb.InterruptException), seen.watched(connection.interrupt):
        connection.execute("SELECT sum(hash(range)) FROM range(1_000_000_000_000)")


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_file_that_never_stops_growing_is_an_error(tmp_path: Path, packed: bool) -> None:
    content = rows(*(row(Line=line) for line in range(2_000))).encode()
    more = row().encode() + b"\n"
    path = write(tmp_path / "sales.csv", gzip.compress(content) if packed else content)
    ended = Event()

    def grow() -> None:
        with path.open("ab") as file:
            while not ended.wait(0.001):
                file.write(gzip.compress(more) if packed else more)
                file.flush()

    writer = Thread(target=grow)
    writer.start()
    try:
        assert error_of(path) == (
            "sales.csv changed while it was read. Nothing was loaded; run again when it is complete."
        )
    finally:
        ended.set()
        writer.join()
