"""Sources are definitions: a new one needs no code, a wrong one fails alone, and what an API lacks is not invented."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.services.retailer1_service import Retailer1Service
from shared.config import SOURCES
from shared.sources.registry import load_sources
from tests.integration.ingestion.test_incremental import morning_after, publish

if TYPE_CHECKING:
    from tests.fakes.vendors import Vendor
    from tests.integration.ingestion.conftest import Platform

DAY = "2024-01-15"
OUTLET = """\
id: outlet_shop
name: Outlet Shop
connector: retailer1
time_zone: America/New_York
currencies: [USD]
connection:
  url: {env: RETAILER1_API_URL}
  auth: {kind: header, name: X-API-Key, value: {secret: RETAILER1_API_KEY}}
"""


class Bare(Retailer1Service):
    """An API that has the listing by date and nothing else."""

    def daily_report(self, day: object) -> None:  # type: ignore[override]
        return None

    def list_changes(self, since: object) -> None:  # type: ignore[override]
        return None


def with_sources(platform: Platform, directory: Path, **definitions: str) -> Platform:
    """The platform with the shipped definitions and these."""
    shutil.copytree(SOURCES, directory, dirs_exist_ok=True)
    for name, text in definitions.items():
        (directory / f"{name}.yaml").write_text(text, encoding="utf-8")
    sources = load_sources(platform.environment, directory)
    return replace(platform, settings=platform.settings.model_copy(update={"sources": sources}))


def test_a_second_source_of_a_known_kind_needs_no_code(platform: Platform, tmp_path: Path) -> None:
    extended = with_sources(platform, tmp_path, outlet_shop=OUTLET)

    result = extended.ingest(DAY, "retailer_1", "outlet_shop")

    assert result.ok, result.as_dict()
    first, second = (each.dates[0] for each in result.results)
    assert (first.landed, first.net_amounts) == (second.landed, second.net_amounts)
    assert {record["retailer_id"] for record in extended.records("outlet_shop", DAY)} == {"outlet_shop"}
    assert extended.raw("outlet_shop", DAY).replace(b"outlet_shop", b"retailer_1") == extended.raw("retailer_1", DAY)


def test_a_source_that_cannot_be_read_fails_alone_and_says_why(platform: Platform, tmp_path: Path) -> None:
    without_secret = OUTLET.replace("RETAILER1_API_KEY", "OUTLET_SHOP_KEY")
    extended = with_sources(platform, tmp_path, outlet_shop=without_secret, broken="id: broken\n")

    result = extended.ingest(DAY, "retailer_1", "outlet_shop", "broken")

    assert [(each.retailer_id, each.error_kind) for each in result.results] == [
        ("retailer_1", None),
        ("outlet_shop", "FixConfiguration"),
        ("broken", "FixConfiguration"),
    ]
    assert "Set OUTLET_SHOP_KEY in .env" in str(result.results[1].error)
    assert "broken.yaml:1: connector: it is missing." in str(result.results[2].error)


def test_a_source_without_control_report_is_landed_and_nothing_is_invented(platform: Platform, tmp_path: Path) -> None:
    bare = OUTLET.replace("connector: retailer1", f"connector: {__name__}:Bare")
    extended = with_sources(platform, tmp_path, outlet_shop=bare)

    result = extended.ingest(DAY, "outlet_shop")

    assert result.ok, result.as_dict()
    landed = result.results[0].dates[0]
    assert landed.landed > 0
    assert landed.reported is None
    assert extended.manifest("outlet_shop", DAY).control_report is None


def test_without_a_change_list_every_run_reads_the_look_back_again(
    platform: Platform, vendors: dict[str, Vendor], tmp_path: Path
) -> None:
    bare = OUTLET.replace("connector: retailer1", f"connector: {__name__}:Bare") + "read: {look_back: 2d}\n"
    extended = with_sources(platform, tmp_path, outlet_shop=bare)
    landed = []
    for day in ("2024-01-15", "2024-01-16", "2024-01-17", "2024-01-18"):
        vendors["retailer_1"].clock(morning_after(day))
        result = extended.ingest(day, "outlet_shop", since_watermark=True)
        assert result.ok, result.as_dict()
        landed.append([str(each.business_date)[-2:] for each in result.results[0].dates])
        assert extended.manifest("outlet_shop", day).window.changes_until is None, "no list of changes was read"
        publish(extended, "outlet_shop", *(str(each.business_date) for each in result.results[0].dates))

    assert landed == [["15"], ["15", "16"], ["15", "16", "17"], ["16", "17", "18"]]


def test_nothing_before_the_start_date_is_read(platform: Platform, vendors: dict[str, Vendor], tmp_path: Path) -> None:
    early = with_sources(platform, tmp_path, outlet_shop=OUTLET)
    vendors["retailer_1"].clock(morning_after("2024-01-12"))
    assert early.ingest("2024-01-12", "outlet_shop").ok
    publish(early, "outlet_shop", "2024-01-12")
    begun = with_sources(platform, tmp_path, outlet_shop=OUTLET + "start_date: 2024-01-14\n")
    vendors["retailer_1"].clock(morning_after(DAY))

    result = begun.ingest(DAY, "outlet_shop", since_watermark=True)

    assert [str(each.business_date) for each in result.results[0].dates] == ["2024-01-14", "2024-01-15"]
    failed = begun.ingest("2024-01-13", "outlet_shop").results[0]
    assert failed.error_kind == "FixConfiguration"
    assert "`start_date` of its definition is 2024-01-14" in str(failed.error)


def test_limits_of_a_definition_take_precedence_over_the_settings(
    platform: Platform, vendors: dict[str, Vendor], tmp_path: Path
) -> None:
    vendors["retailer_1"].faults("bad_rows:0.2")
    strict, lenient = OUTLET + "limits: {reject_share: 0}\n", OUTLET.replace("outlet_shop", "lenient")
    extended = with_sources(platform, tmp_path, outlet_shop=strict, lenient=lenient + "limits: {reject_share: 1}\n")

    result = extended.ingest(DAY, "outlet_shop", "lenient")

    assert [each.error_kind for each in result.results] == ["StopRun", None]
    assert "limits.reject_share of the source" in str(result.results[0].error)
