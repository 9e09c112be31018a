"""Files whose columns are not those of the files before: one alert, and what the contract of their source says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingestion.schema_contracts.guard import SchemaFrozen
from tests.integration.etl.conftest import Platform
from tests.integration.etl.test_file_sources import definition
from tests.integration.etl.test_quality import define, shop


def alerts(platform: Platform) -> list[tuple[Any, ...]]:
    return platform.query("SELECT kind, severity, status, detail FROM ops.alerts ORDER BY alert_id")


def with_column(file: Path, name: str) -> Path:
    """The file with one more column, as a file of another day."""
    header, *rows = file.read_text(encoding="utf-8").replace("15/01/2024", "16/01/2024").splitlines()
    wider = file.with_name("later.csv")
    wider.write_text("\n".join([f"{header},{name}", *(f"{row},x" for row in rows)]) + "\n", encoding="utf-8")
    return wider


def test_a_new_column_is_recorded_and_gives_one_alert(platform: Platform, tmp_path: Path) -> None:
    define(platform, tmp_path, definition())
    file, _ = shop(tmp_path)
    wider = with_column(file, "Promotion")
    options: dict[str, Any] = {"layout": None, "retailer_id": "shop"}

    platform.load(file, **options)
    assert alerts(platform) == []
    loaded = platform.load(wider, **options)

    assert loaded.load_id is not None
    [(kind, severity, status, detail)] = alerts(platform)
    assert (kind, severity, status) == ("schema_changed", "warning", "open")
    assert "Since the business date 2024-01-16" in detail
    assert f"added: Promotion (text), in {loaded.read.rows} records" in detail
    platform.load(wider, **options)
    assert [each[2] for each in alerts(platform)] == ["resolved"]


def test_frozen_columns_stop_the_load_with_one_alert_until_they_are_accepted(
    platform: Platform, tmp_path: Path
) -> None:
    define(platform, tmp_path, definition(contract="freeze"))
    file, _ = shop(tmp_path)
    wider = with_column(file, "Promotion")
    options: dict[str, Any] = {"layout": None, "retailer_id": "shop"}
    platform.load(file, **options)

    with pytest.raises(SchemaFrozen, match=r"contract is freeze\. Nothing was landed\. added: Promotion \(text\)"):
        platform.load(wider, **options)

    assert platform.query("SELECT file_name FROM ops.source_files") == [(file.name,)]
    assert [each[:3] for each in alerts(platform)] == [("schema_changed", "error", "open")]
    shown = platform.retail("sources", "schema", "shop")
    assert ("A change waits since" in shown.stderr, "Promotion" in shown.stdout) == (True, False)
    accepted = platform.retail("sources", "accept", "shop")
    assert (accepted.returncode, "accepted: added: Promotion" in accepted.stdout) == (0, True)
    assert "No change of shop waits" in platform.retail("sources", "accept", "shop").stderr
    platform.load(wider, **options)
    assert len(platform.query("SELECT file_name FROM ops.source_files")) == 2
    assert [each[2] for each in alerts(platform)] == ["resolved"]
    assert "version 2 (current)" in platform.retail("sources", "schema", "shop", "--history").stdout


def test_the_rows_of_a_file_that_differs_are_rejected_and_those_of_another_are_not(
    platform: Platform, tmp_path: Path
) -> None:
    define(platform, tmp_path, definition(contract="reject", limits={"reject_share": 0.6}))
    file, _ = shop(tmp_path)
    wider = with_column(file, "Promotion")
    options: dict[str, Any] = {"layout": None, "retailer_id": "shop"}
    platform.load(file, **options)

    loaded = platform.load(file, wider, **options)

    assert dict(loaded.read.rejected_by_code) == {"SCHEMA_CHANGED": loaded.read.rows // 2}
    reasons = platform.query("SELECT DISTINCT reason_code, reason FROM ops.dead_letters")
    assert [code for code, _ in reasons] == ["SCHEMA_CHANGED"]
    assert "the column Promotion is new" in reasons[0][1]
