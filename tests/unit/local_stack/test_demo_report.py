"""What the demo prints."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

from rich.console import Console

from local_stack import demo_report


def test_the_records_fit_into_eighty_columns() -> None:
    row = {**dict.fromkeys(demo_report.STEPS, 12_345), "net_amount": {"USD": "482408.49"}}
    facts: Any = SimpleNamespace(retailers={"retailer_1": {"2026-11-25": row}})
    stream = io.StringIO()

    table = demo_report._records(facts, "Records", demo_report.STEPS, money=True)
    Console(file=stream, width=80).print(table)

    assert "…" not in stream.getvalue()
    assert "482,408.49 USD" in stream.getvalue()
