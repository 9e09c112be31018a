"""A file that is not a plain table is in the warehouse as its layout says: exact totals, flags, nothing left over."""

from __future__ import annotations

import zipfile
from decimal import Decimal
from pathlib import Path

from tests.fakes.csv_sources import HEADER, SHOP, row, write_layout
from tests.integration.etl.conftest import Platform

COLUMNS = {**SHOP["columns"], "total_amount": "Price", "product_id": "Product"}
LAYOUT = {
    **SHOP,
    "columns": {name: source for name, source in COLUMNS.items() if name != "unit_price"},
    "format": {"skip_lines": "auto", "signs": ["brackets"]},
    "line_type": [{"is": "return", "where": {"quantity": {"below": 0}}}, {"is": "sale"}],
    "skip_rows": [{"where": {"Receipt": {"one_of": ["Total"]}}, "totals": {"total_amount": "Price"}}],
}


def test_totals_flags_and_notes_of_an_export_in_an_archive(platform: Platform, tmp_path: Path) -> None:
    lines = [
        "Sales of January",
        HEADER,
        row(Qty=3, Price="10.00"),
        row(Line=2, Qty=-3, Price="(12.00)", Name="N" * 300),
        row(Receipt="R2", Line=1, Qty=4, Price="3.00"),
        "Total,,,,,1.00",
    ]
    path = tmp_path / "january.zip"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("sales.csv", "\n".join(lines) + "\n")
    layout = str(write_layout(tmp_path / "shop.yaml", LAYOUT))

    result = platform.load(path, layout=layout)

    assert (result.balanced, result.read.skipped, result.read.landed) == (True, 1, 3)
    assert result.as_dict()["files"][0]["name"] == "january.zip/sales.csv"
    assert result.as_dict()["notes"] == [
        "january.zip/sales.csv, line 6, column 'Price': the total 1.0000 is the sum of the lines",
        "RETURNS_EXCEED_SALES: transaction R1: 12.00 GBP were returned, 10.00 sold",
    ]
    assert platform.query(
        "SELECT transaction_id, line_id, unit_price, total_amount, net_amount FROM fact_sales ORDER BY 1, 2"
    ) == [
        ("R1", "1", Decimal("3.3333"), Decimal(10), Decimal(10)),
        ("R1", "2", Decimal(4), Decimal(12), Decimal(-12)),
        ("R2", "1", Decimal("0.75"), Decimal(3), Decimal(3)),
    ]
    assert platform.query("SELECT line_id, rule_code FROM ops.flagged_sales ORDER BY 2") == [
        ("2", "CLEANED_TEXT"),
        ("2", "RETURNS_EXCEED_SALES"),
    ]
    assert platform.load(path, layout=layout).load_id is None
