"""What `retail etl` prints names files and folders as they are, whatever their names look like to rich."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cli import etl


def test_brackets_in_names_are_not_markup(capsys: pytest.CaptureFixture[str]) -> None:
    read = SimpleNamespace(
        files=[SimpleNamespace(name="[red]sales.csv")],
        days=(),
        rows=1,
        retailer_id="shop",
        rejected_by_code={},
        flagged={},
        imputed={},
        skipped=(),
        notes=(),
    )
    result: Any = SimpleNamespace(
        read=read,
        load_path={},
        quality=None,
        report="reports/a[/x]/quality_report.html",
        dry_run=True,
        seconds={"total": 1.0},
        as_dict=lambda: {"rows": {}, "money": {}},
    )
    etl._show(result)
    shown = capsys.readouterr().out
    assert "[red]sales.csv: 1 row of shop" in shown
    assert "Quality report: reports/a[/x]/quality_report.html" in shown
