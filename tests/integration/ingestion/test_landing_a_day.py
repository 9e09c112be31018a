"""A day of the three real retailers into the raw zone."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from ingestion.models.retailer_data import SalesRecord

if TYPE_CHECKING:
    from tests.integration.ingestion.conftest import Platform

RETAILERS = ("retailer_1", "retailer_2", "retailer_3")
DAY = "2024-01-15"


def test_every_line_that_the_retailer_reports_is_landed_with_its_money(platform: Platform) -> None:
    result = platform.ingest(DAY)

    assert result.ok, result.as_dict()
    for retailer_id, currency in zip(RETAILERS, ("USD", "GBP", "EUR"), strict=True):
        manifest = platform.manifest(retailer_id, DAY)
        records = [SalesRecord.model_validate(record) for record in platform.records(retailer_id, DAY)]
        assert manifest.control_report is not None
        assert manifest.control_report.lines == len(records) == manifest.landed == manifest.fetched > 300
        assert sum(record.net_amount for record in records) == manifest.control_report.net[currency]
        assert manifest.amounts[currency].landed == manifest.control_report.net[currency]
        assert {record.business_date.isoformat() for record in records} == {DAY}
        assert {record.line_type for record in records} >= {"sale", "return"}


def test_the_manifest_describes_the_source_as_its_definition_does(platform: Platform) -> None:
    platform.ingest(DAY, "retailer_2")
    manifest = platform.manifest("retailer_2", DAY)
    assert manifest.schema_version == 3
    assert manifest.source is not None
    assert (manifest.source.name, manifest.source.connector) == ("Retailer 2", "retailer2")
    assert (manifest.source.time_zone, manifest.source.currencies) == ("Europe/London", ("GBP",))
    assert len(manifest.source.definition_digest or "") == 64


def test_the_manifest_names_the_object_by_its_checksum(platform: Platform) -> None:
    platform.ingest(DAY, "retailer_1")

    body, manifest = platform.raw("retailer_1", DAY), platform.manifest("retailer_1", DAY)
    assert manifest.object_key == "raw/retailer_1/year=2024/month=01/day=15/sales_data.json"
    assert manifest.sha256 == hashlib.sha256(body).hexdigest()
    assert manifest.size_bytes == len(body)
    assert manifest.distinct == manifest.landed
    assert manifest.amounts["USD"].rejected == Decimal(0)


@pytest.mark.parametrize("retailer_id", RETAILERS)
def test_the_lines_are_exactly_what_the_contract_serialises(platform: Platform, retailer_id: str) -> None:
    platform.ingest(DAY, retailer_id)

    for line in platform.raw(retailer_id, DAY).splitlines():
        assert SalesRecord.model_validate_json(line).model_dump_json().encode() == line


def test_landing_the_same_state_again_gives_the_same_bytes(platform: Platform) -> None:
    first = platform.ingest(DAY)
    second = platform.ingest(DAY)

    assert [each.dates[0].sha256 for each in first.results] == [each.dates[0].sha256 for each in second.results]
    assert platform.manifest("retailer_2", DAY).run_id == second.run_id


def test_a_run_is_recorded_with_its_result(platform: Platform) -> None:
    result = platform.ingest(DAY, "retailer_3")

    rows = platform.query("SELECT run_id, stage, status, details->'retailers' FROM ops.pipeline_runs")
    assert rows[0][:3] == (result.run_id, "ingest", "succeeded")
    assert rows[0][3]["retailer_3"]["dates"][0]["landed"] == result.results[0].dates[0].landed
