"""The examples in docs/FILES.md work as shown."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

from ingestion.mapping.layouts import load_layout
from ingestion.mapping.rules import catalogue
from ingestion.models.reject_reasons import RejectReason
from shared.config import PROJECT_ROOT
from tests.fakes.csv_sources import reading, write

GUIDE = (PROJECT_ROOT / "docs" / "FILES.md").read_text(encoding="utf-8")


def example(name: str) -> str:
    found = re.search(rf"<!-- example: {re.escape(name)} -->\n```\w+\n(.*?)```", GUIDE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_layout_of_the_guide_reads_the_file_of_the_guide(tmp_path: Path) -> None:
    layout = load_layout(str(write(tmp_path / "corner-shop.yaml", example("corner-shop.yaml"))))
    path = write(tmp_path / "corner-shop.csv", example("corner-shop.csv").encode("cp1252"))
    with reading(path, layout=layout, most=0.0) as outcome:
        assert outcome.read.files[0].encoding == "cp1252"
        found = outcome.connection.execute(
            "SELECT transaction_id, line_type, product_category, customer_id, net_amount, sold_at::VARCHAR"
            " FROM landed_records ORDER BY transaction_id, product_id DESC"
        ).fetchall()
        assert found == [
            ("1001", "sale", "Getränke", "K17", Decimal("12.98"), "2024-01-15 08:30:00+00"),
            ("1001", "sale", "Backwaren", "K17", Decimal("1.29"), "2024-01-15 08:30:00+00"),
            ("1002", "return", "Getränke", "GUEST", Decimal("-6.49"), "2024-01-15 09:05:00+00"),
            ("1003", "sale", "Deposit", "GUEST", Decimal("0.25"), "2024-01-15 09:20:00+00"),
        ]
        assert "net 8.03 EUR" in GUIDE
        assert sum(row[4] for row in found) == Decimal("8.03")


def test_every_rule_that_rejects_is_explained() -> None:
    rejecting = {code for code, rule in catalogue().items() if rule.severity == "error"}
    explained = set(re.findall(r"^\| `([A-Z_]+)` \| error \|", GUIDE, re.MULTILINE))
    assert explained == rejecting
    assert explained <= {reason.value for reason in RejectReason}
