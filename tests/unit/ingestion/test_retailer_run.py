"""What a run says of an error that nobody expected."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from unittest.mock import Mock

import pytest

from ingestion.connectors import registry
from ingestion.connectors.protocol import Runtime
from ingestion.landing.write import RawZone
from ingestion.retailer_run import ingest_retailer
from shared.config import load_settings
from tests.unit.shared.sources.test_reading import VALID, written

FAILING = """
from ingestion.services.retailer1_service import Retailer1Service

class Shop(Retailer1Service):
    def daily_report(self, day):
        return {}["att"]
"""


@pytest.mark.parametrize("is_shipped", [False, True])
def test_an_error_of_ones_own_connector_names_its_line_and_one_of_the_platform_is_a_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_shipped: bool
) -> None:
    (tmp_path / "failing_report.py").write_text(FAILING, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    written(tmp_path, VALID.replace("retailer1", "failing_report:Shop"))
    if is_shipped:
        monkeypatch.setitem(registry.CONNECTORS, "failing_report:Shop", "failing_report:Shop")
    environment = {
        "WAREHOUSE_DSN": "postgresql:///",
        "S3_BUCKET_RAW": "raw",
        "S3_BUCKET_PROCESSED": "processed",
        "SOURCES_DIRECTORY": str(tmp_path),
        "SHOP_URL": "http://127.0.0.1:9",
        "SHOP_KEY": "key",
    }
    zone = RawZone(Mock(), "postgresql:///", "run-1")
    day = date(2024, 1, 15)
    result = ingest_retailer("shop", day, zone, load_settings(environment), Runtime(), since_watermark=False)
    assert result.error == (
        "shop 2024-01-15: a bug: KeyError: 'att'. See the log."
        if is_shipped
        else f"shop: its connector failing_report:Shop failed: KeyError: 'att' ({tmp_path}/failing_report.py:6)."
        " See the log."
    )
