"""Lineage from files to tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.etl.conftest import RETAILER, Platform, sales, write

FLOWS = (
    "SELECT stage, source_namespace, source_name, right(target_name, 10), business_date, last_date, rows_written"
    " FROM ops.data_lineage WHERE source_name = %s OR right(target_name, 10) = 'fact_sales' ORDER BY lineage_id"
)


def test_a_file_leads_to_each_of_its_dates_and_they_to_the_facts(platform: Platform, tmp_path: Path) -> None:
    file = write(tmp_path / "sales.csv", sales(3))
    assert platform.command("--source", str(file), "--no-report", "--allow-low-quality").returncode == 0

    flows = platform.query(FLOWS, str(file))
    landed = [flow for flow in flows if flow[0] == "ingest"]
    assert {(namespace, name) for _, namespace, name, *_ in landed} == {("file", str(file))}
    assert [first == last for *_, first, last, _ in landed] == [True] * 3
    assert sum(flow[-1] for flow in landed) == 39
    loaded = [flow for flow in flows if flow[3] == "fact_sales"]
    assert sum(flow[-1] for flow in loaded) == platform.query("SELECT count(*) FROM fact_sales")[0][0]


@pytest.mark.long
def test_many_dates_are_one_flow_between_prefixes(platform: Platform, tmp_path: Path) -> None:
    file = write(tmp_path / "sales.csv", sales(40))
    assert platform.command("--source", str(file), "--no-report", "--allow-low-quality").returncode == 0

    (loaded,) = [flow for flow in platform.query(FLOWS, str(file)) if flow[3] == "fact_sales"]
    assert loaded[2] == f"raw/{RETAILER}"
    assert (loaded[5] - loaded[4]).days == 39
    assert loaded[6] == platform.query("SELECT count(*) FROM fact_sales")[0][0]


@pytest.mark.long
def test_lineage_includes_what_a_failed_load_had_landed(platform: Platform, tmp_path: Path) -> None:
    file = write(tmp_path / "sales.csv", sales(3))
    done = platform.command(
        "--source", str(file), "--no-report", "--allow-low-quality", S3_BUCKET_PROCESSED="not-there"
    )
    assert done.returncode != 0

    landed = {str(flow[4]).replace("-", "") for flow in platform.query(FLOWS, str(file)) if flow[0] == "ingest"}
    with_manifest = {
        "".join(filter(str.isdigit, key)) for key in platform.objects("raw/") if key.endswith("_manifest.json")
    }
    assert landed == with_manifest
    assert platform.query("SELECT count(*) FROM ops.data_lineage WHERE stage = 'transform'") == [(0,)]
