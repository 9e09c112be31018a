"""A source whose API has neither a control report nor a list of changes: nothing that it lacks counts as a proof."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retail_quality.queries import LedgerReader
from shared.config import PROJECT_ROOT
from tests.fakes.source_definitions import copy_sources
from tests.integration.ingestion.test_incremental import morning_after
from tests.integration.ingestion.test_sources import OUTLET, Bare
from tests.integration.plugin.conftest import Page, browser

if TYPE_CHECKING:
    from pathlib import Path

    from local_stack.databases import WarehouseAccess
    from tests.fakes.vendors import Vendor
    from tests.integration.cli.conftest import Retail
    from tests.integration.ingestion.conftest import Platform

DAY = "2024-01-15"
COMPARED = ("changes_read", "money_matches_report", "rows_match_report")
"""The checks that compare with a control report or a list of changes."""
STATUSES = """
SELECT check_name, status, score IS NULL FROM ops.data_quality_results
WHERE retailer_id = %s AND check_name = ANY (%s) ORDER BY 1
"""


def test_what_a_source_does_not_report_is_not_checked_in_the_ledger_and_on_the_quality_page(
    platform: Platform, vendors: dict[str, Vendor], warehouse: WarehouseAccess, retail: Retail, tmp_path: Path
) -> None:
    sources = copy_sources(tmp_path / "sources")
    own = OUTLET.replace("connector: retailer1", f"connector: {Bare.__module__}:{Bare.__name__}")
    (sources / "outlet_shop.yaml").write_text(own, encoding="utf-8")
    vendors["retailer_1"].clock(morning_after(DAY))
    environment = {**platform.environment, "SOURCES_DIRECTORY": str(sources)}
    platform.execute(  # its API had a list of changes once
        "INSERT INTO ops.pipeline_metadata (retailer_id, last_processed_date, changes_read_until, has_change_list)"
        " VALUES ('outlet_shop', %s, '2024-01-16 06:00Z', true)",
        DAY,
    )

    done = retail(environment, "run", DAY, "--retailer", "retailer_1", "--retailer", "outlet_shop")

    assert "3/5 transform  ok     2 retailers" in done.stdout, done.stdout + done.stderr
    ledger = "SELECT reported IS NULL, fetched > 0, in_warehouse > 0 FROM ops.load_ledger WHERE retailer_id = %s"
    assert platform.query(ledger, "outlet_shop") == [(True, True, True)]
    assert platform.query(ledger, "retailer_1")[-1] == (False, True, True)
    assert platform.query(STATUSES, "outlet_shop", list(COMPARED)) == [(name, "not_checked", True) for name in COMPARED]
    assert platform.query(STATUSES, "retailer_1", list(COMPARED)) == [(name, "pass", False) for name in COMPARED]

    assert platform.query("SELECT retailer_id, has_change_list FROM ops.pipeline_metadata ORDER BY 1") == [
        ("outlet_shop", False),
        ("retailer_1", True),
    ]

    with browser(LedgerReader(lambda: warehouse.reader_dsn)) as client:
        details, overview = (Page.read(client.get(f"/retail{path}").text) for path in (f"/days/{DAY}", "/"))
    ((rows,),) = platform.query(
        "SELECT to_char(in_warehouse, 'FM999,999') FROM ops.load_ledger WHERE retailer_id = 'outlet_shop'"
    )
    for found in (
        ["rows_match_report", "outlet_shop", "no control report", rows],
        ["money_matches_report", "outlet_shop", "no control report", "not compared"],
    ):
        assert found in details.rows
    assert ["changes_read", "outlet_shop"] in [row[:2] for row in details.rows if "no list of changes was read" in row]
    unreported = [" ".join(row) for row in overview.rows if "Adds up, no report" in row]
    assert len(unreported) == 1
    assert "outlet_shop" in unreported[0]


def test_the_documents_name_the_checks_that_such_a_source_has_not() -> None:
    section = (PROJECT_ROOT / "docs" / "SOURCES.md").read_text(encoding="utf-8").partition("## Control report")[2]
    assert all(f"`{name}`" in section.partition("\n## ")[0] for name in (*COMPARED, "not_checked"))
