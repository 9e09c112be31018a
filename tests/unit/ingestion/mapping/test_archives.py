"""Zip archives and Excel workbooks are read like files, and hostile ones are not unpacked."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ingestion.connectors.files import archives
from ingestion.connectors.files.headers import recognise_layout
from shared.errors import FixConfiguration
from tests.fakes.csv_sources import reading, row, rows, shop_layout, write

CASES = Path(__file__).parent / "cases"
HEADER = ["Receipt", "Line", "Product", "Name", "Qty", "Price", "When", "Customer"]
LINE = ["R1", 1, "P1", "Cup", 2, 3.5, "15/01/2024 10:30", None]
_SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)


def archive(path: Path, members: dict[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip archive with these members."""
    with zipfile.ZipFile(path, "w", compression) as out:
        for name, content in members.items():
            out.writestr(name, content)
    return path


def workbook(path: Path, **sheets: list[list[Any]]) -> Path:
    """A workbook with texts and numbers, made of the one in the cases."""
    with zipfile.ZipFile(CASES / "orders.xlsx") as model:
        kept = {name: model.read(name) for name in model.namelist() if "sheet" not in name and "workbook" not in name}
    kept["xl/workbook.xml"] = (
        '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
        ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>'
        + "".join(f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(sheets, 1))
        + "</sheets></workbook>"
    ).encode()
    base = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    kept["xl/_rels/workbook.xml.rels"] = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        + "".join(
            f'<Relationship Id="rId{n}" Type="{base}/worksheet" Target="worksheets/sheet{n}.xml"/>'
            for n in range(1, len(sheets) + 1)
        )
        + "</Relationships>"
    ).encode()
    for number, lines in enumerate(sheets.values(), 1):
        body = "".join(f"<row>{''.join(map(_cell, line))}</row>" for line in lines)
        kept[f"xl/worksheets/sheet{number}.xml"] = _SHEET.format(body).encode()
    return archive(path, {**kept})


def _cell(value: Any) -> str:
    if value is None:
        return "<c/>"
    return f"<c><v>{value}</v></c>" if not isinstance(value, str) else f'<c t="inlineStr"><is><t>{value}</t></is></c>'


def error_of(path: Path, **changed: Any) -> str:
    """The message of reading a file, which has to fail; without the folder's name."""
    with pytest.raises(FixConfiguration) as caught, reading(path, layout=shop_layout(**changed)):
        pass
    return str(caught.value).replace(f"{path.parent}/", "")


def test_the_files_of_an_archive_are_read_like_those_of_a_folder(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "july.zip",
        {
            "b/second.csv": rows(row(Line=2), row(Line=3, Qty="x")),
            "first.txt": rows(row(Line=1)),
            "__MACOSX/b/second.csv": "\x00\x01",
            "b/.hidden.csv": "?",
            "readme.md": "no sales",
        },
    )
    with reading(path) as outcome:
        assert [file.name for file in outcome.read.files] == ["july.zip/b/second.csv", "july.zip/first.txt"]
        assert outcome.landed("line_id") == ["1", "2"]
        assert outcome.rejected() == [(3, "NOT_A_NUMBER", "Qty", "x")]
    with reading(tmp_path) as outcome:
        assert outcome.read.landed == 2


def test_the_checksum_of_a_file_in_an_archive_is_that_of_its_content(tmp_path: Path) -> None:
    content = rows(row())
    plain = write(tmp_path / "sales.csv", content)
    packed = archive(tmp_path / "sales.zip", {"sales.csv": content})
    with reading(plain) as first, reading(packed) as second:
        assert first.read.files[0].sha256 == second.read.files[0].sha256


@pytest.mark.parametrize("name", ["../../escaped.csv", "/escaped.csv", "C:\\escaped.csv"])
def test_a_path_in_an_archive_is_only_a_name(tmp_path: Path, name: str) -> None:
    with reading(archive(tmp_path / "sales.zip", {name: rows(row())})) as outcome:
        assert outcome.read.landed == 1
    for place in (tmp_path, tmp_path.parent, Path(tempfile.gettempdir()), Path("/")):
        assert not (place / "escaped.csv").exists()


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    bomb = archive(tmp_path / "bomb.zip", {"sales.csv": b"0" * 8_000_000})
    assert "bomb.zip: 'sales.csv' has more than 300 times its packed size." in error_of(bomb)


def test_an_archive_inside_another_is_not_unpacked(tmp_path: Path) -> None:
    inner = archive(tmp_path / "inner.zip", {"sales.csv": rows(row())}).read_bytes()
    outer = archive(tmp_path / "outer.zip", {"inner.zip": inner}, zipfile.ZIP_STORED)
    assert "outer.zip/inner.zip is an archive within an archive. Unpack it first." in error_of(outer)


def test_a_workbook_inside_an_archive_is_read(tmp_path: Path) -> None:
    content = workbook(tmp_path / "june.xlsx", June=[HEADER, LINE]).read_bytes()
    with reading(archive(tmp_path / "sheets.zip", {"2024/june.xlsx": content})) as outcome:
        assert [(file.name, file.rows) for file in outcome.read.files] == [("sheets.zip/2024/june.xlsx", 1)]


def test_an_archive_that_says_less_than_it_has_is_not_unpacked(tmp_path: Path) -> None:
    path = archive(tmp_path / "liar.zip", {"sales.csv": rows(*(row(Line=n) for n in range(500)))})
    content = path.read_bytes()
    with zipfile.ZipFile(path) as stored:
        size = stored.infolist()[0].file_size
    path.write_bytes(content.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little")))
    assert "liar.zip" in error_of(path)


@pytest.mark.parametrize(
    ("limit", "most", "message"),
    [
        ("MOST_MEMBERS", 1, "sales.zip has 2 files in it; at most 1 are allowed."),
        ("MOST_BYTES", 100, "at most 100 are allowed. Divide it into several files."),
    ],
)
def test_an_archive_has_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int, message: str
) -> None:
    monkeypatch.setattr(archives, limit, most)
    assert message in error_of(archive(tmp_path / "sales.zip", {"a.csv": rows(row()), "b.csv": rows(row(Line=2))}))


def test_an_archive_without_sales_lists_what_it_has(tmp_path: Path) -> None:
    assert "sales.zip has no file with sales in it; it has 'notes.md'." in error_of(
        archive(tmp_path / "sales.zip", {"notes.md": "x"})
    )


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    path = archive(tmp_path / "sales.zip", {"sales.csv": rows(row())})
    assert "sales.zip is damaged" in error_of(write(path, path.read_bytes()[:-40]))


def test_a_workbook_needs_one_sheet_with_rows_or_its_name(tmp_path: Path) -> None:
    path = workbook(tmp_path / "sales.xlsx", May=[HEADER, LINE], June=[HEADER, [*LINE[:4], 5, *LINE[5:]]])
    assert "sales.xlsx has 2 sheets with rows (May, June). Name one in the layout: `sheet`" in error_of(path)
    assert "sales.xlsx has no sheet 'July', which the layout names; it has May, June." in error_of(
        path, format={"sheet": "July"}
    )
    with reading(path, layout=shop_layout(format={"sheet": "June"})) as outcome:
        assert [int(quantity) for quantity in outcome.landed("quantity")] == [5]
    with reading(workbook(tmp_path / "one.xlsx", Empty=[], June=[HEADER, LINE])) as outcome:
        assert outcome.read.landed == 1


def test_a_calculated_number_has_the_digits_that_excel_shows(tmp_path: Path) -> None:
    line = [*LINE[:5], 0.1 + 0.2, *LINE[6:]]
    with reading(workbook(tmp_path / "sales.xlsx", June=[["June"], [], HEADER, line]),
                 layout=shop_layout(format={"skip_lines": "auto"})) as outcome:  # fmt: skip
        assert [str(price) for price in outcome.landed("unit_price")] == ["0.3000"]


def test_a_damaged_workbook_is_named(tmp_path: Path) -> None:
    path = archive(tmp_path / "sales.xlsx", {"xl/workbook.xml": "<workbook", "xl/worksheets/sheet1.xml": "x"})
    assert "sales.xlsx cannot be read as a workbook" in error_of(path)


def test_a_layout_is_recognised_within_an_archive(tmp_path: Path) -> None:
    header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
    path = archive(tmp_path / "retail.zip", {"retail.csv": f"{header}\n1,2,3,4,5,6,7,8\n"})
    assert recognise_layout([str(path)]).name == "online_retail"
