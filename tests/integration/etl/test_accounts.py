"""Files into the warehouse: every row and cent is in exactly one bucket, and nothing is written twice."""

from __future__ import annotations

import gzip
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow
import pytest
import yaml

import transformation.main
from ingestion.models.retailer_data import SalesRecord
from shared.partitions import Manifest, manifest_key, raw_key
from tests.integration.etl.conftest import FIRST, RETAILER, Platform, Row, sales, write

_LEDGER = """
SELECT sum(fetched), sum(landed), sum(rejected), sum(inserted), sum(updated), sum(unchanged), sum(duplicate),
    sum(withdrawn), sum(in_warehouse)
FROM ops.load_ledger WHERE load_id = %s
"""


def test_every_row_and_cent_is_in_one_bucket(platform: Platform, tmp_path: Path) -> None:
    rows = sales()
    result = platform.load(write(tmp_path / "sales.csv", rows), job_name="first")
    kept = set(rows)
    money, loaded = sum(row.money for row in rows), sum(row.money for row in kept)
    assert result.balanced
    assert {name: bucket.rows for name, bucket in result.buckets.items()} == {
        "landed": len(rows),
        "rejected": 0,
        "duplicate": len(rows) - len(kept),
        "inserted": len(kept),
        "updated": 0,
        "unchanged": 0,
        "withdrawn": 0,
        "in_warehouse": len(kept),
    }
    assert result.buckets["landed"].amounts["GBP"] == money
    assert result.buckets["in_warehouse"].amounts["GBP"] == loaded
    assert platform.facts() == (len(kept), loaded)
    ledger = platform.query(_LEDGER, result.load_id)[0]
    assert ledger == (len(rows), len(rows), 0, len(kept), 0, 0, len(rows) - len(kept), 0, len(kept))
    recorded = platform.query("SELECT file_name, row_count, encoding, layout_name, job_name FROM ops.source_files")
    assert recorded == [("sales.csv", len(rows), "utf-8", RETAILER, "first")]
    assert platform.query("SELECT stage, status FROM ops.pipeline_runs ORDER BY 1") == [
        ("ingest", "succeeded"),
        ("quality", "succeeded"),
        ("refresh", "succeeded"),
        ("transform", "succeeded"),
    ]


def test_the_raw_zone_has_what_the_contract_would_write(platform: Platform, tmp_path: Path) -> None:
    rows = sales()
    platform.load(write(tmp_path / "sales.csv", rows))
    for ahead in range(6):
        day = FIRST + timedelta(days=ahead)
        body = platform.read_object(raw_key(RETAILER, day))
        records = [SalesRecord.model_validate_json(line) for line in body.splitlines()]
        assert b"".join(record.model_dump_json().encode() + b"\n" for record in records) == body
        expected = [row for row in rows if row.day == day]
        assert [record.transaction_id for record in records] == [row.invoice for row in expected], "in the file's order"
        assert sum(record.net_amount for record in records) == sum(row.money for row in expected)
        manifest = Manifest.model_validate_json(platform.read_object(manifest_key(RETAILER, day)))
        assert (manifest.landed, manifest.distinct, manifest.size_bytes) == (13, 12, len(body))
        assert [source.name for source in manifest.sources] == ["sales.csv"]


def test_the_same_file_again_writes_nothing(platform: Platform, tmp_path: Path) -> None:
    path = write(tmp_path / "sales.csv", sales())
    platform.load(path)
    versions, objects = platform.versions(), platform.objects()
    recorded = platform.query("SELECT count(*) FROM ops.load_ledger") + platform.query(
        "SELECT * FROM ops.source_partitions"
    )
    again = platform.load(path)
    assert (again.load_id, again.balanced, again.changed_days) == (None, True, ())
    assert again.buckets["unchanged"].rows == again.buckets["in_warehouse"].rows == len(set(sales()))
    assert again.load_path == {"2011-01": "unchanged"}
    assert platform.versions() == versions
    assert platform.objects() == objects
    assert recorded == platform.query("SELECT count(*) FROM ops.load_ledger") + platform.query(
        "SELECT * FROM ops.source_partitions"
    )


def test_the_same_rows_compressed_or_in_another_order_are_the_same_file(platform: Platform, tmp_path: Path) -> None:
    rows = sales()
    platform.load(write(tmp_path / "sales.csv", rows))
    objects = platform.objects()
    again = platform.load(write(tmp_path / "sales.csv", reversed(rows)))
    assert (again.load_id, platform.objects()) == (None, objects)
    packed = tmp_path / "renamed.csv.gz"
    packed.write_bytes(gzip.compress((tmp_path / "sales.csv").read_bytes()))
    assert platform.load(packed).load_id is None, "another name with the same content contradicts nothing"


def test_a_corrected_file_changes_only_the_corrected_rows(platform: Platform, tmp_path: Path) -> None:
    rows = sales()
    path = write(tmp_path / "sales.csv", rows)
    platform.load(path)
    before, objects = {row[:3]: row[3] for row in platform.versions()}, platform.objects()
    third = FIRST + timedelta(days=2)
    changed = [replace(row, quantity="9", price="1.00") if row is rows[27] else row for row in rows]
    assert rows[27].day == third
    removed = [row for row in changed if row != rows[30]]
    result = platform.load(write(path, removed))
    assert result.changed_days == (third,)
    assert len(result.unchanged_days) == 5
    assert result.balanced
    kept = set(removed)
    assert platform.facts() == (len(kept), sum(row.money for row in kept))
    after = {row[:3]: row[3] for row in platform.versions()}
    touched = {key[0] for key, version in after.items() if before.get(key) != version}
    assert touched == {int(f"{third:%Y%m%d}")}
    now = platform.objects()
    assert {key for key in now if now[key] != objects.get(key)} == {
        raw_key(RETAILER, third),
        manifest_key(RETAILER, third),
    }


def test_dates_that_a_newer_file_does_not_have_stay(platform: Platform, tmp_path: Path) -> None:
    rows = sales()
    path = write(tmp_path / "sales.csv", rows)
    platform.load(path)
    result = platform.load(write(path, [row for row in rows if row.day == FIRST]))
    assert result.load_id is None
    assert platform.facts()[0] == len(set(rows))


def test_a_folder_of_compressed_files_is_one_load(platform: Platform, tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    first, second = sales(3), sales(3, first=FIRST + timedelta(days=3), start=200_000)
    plain = write(tmp_path / "plain.csv", first)
    (folder / "a.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    with pyarrow.output_stream(str(folder / "b.csv.zst"), compression="zstd") as packed:
        packed.write(write(plain, second).read_bytes())
    result = platform.load(folder)
    assert result.balanced
    assert platform.facts()[0] == len(set(first)) + len(set(second))
    names = platform.query("SELECT business_date, file_names FROM ops.source_partitions ORDER BY 1")
    assert [tuple(found) for _, found in names] == [("a.csv.gz",)] * 3 + [("b.csv.zst",)] * 3
    assert platform.load(folder / "b.csv.zst").load_id is None


def test_two_loads_of_one_file_at_once_end_as_one(platform: Platform, tmp_path: Path) -> None:
    path = write(tmp_path / "sales.csv", sales())
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: platform.load(path, refresh=False), range(2)))
    assert Counter(result.load_id is None for result in results) == {True: 1, False: 1}
    assert all(result.balanced for result in results)
    assert platform.facts()[0] == len(set(sales()))


@pytest.mark.long
def test_the_warehouse_can_be_loaded_from_the_raw_zone_alone(platform: Platform, tmp_path: Path) -> None:
    rows = sales(12)
    platform.load(write(tmp_path / "sales.csv", rows))
    loaded = platform.digest()
    platform.empty_the_warehouse()
    assert platform.digest() != loaded
    for day in sorted({row.day for row in rows}, reverse=True):
        assert transformation.main.run(day, [RETAILER], settings=platform.settings, run_id="again").ok
    assert platform.digest() == loaded


def test_flagged_rows_are_in_flagged_sales(platform: Platform, tmp_path: Path) -> None:
    rows = [*sales(), Row("100999", "POST", "POSTAGE", "1", FIRST, "18.00", "12001")]
    path = write(tmp_path / "sales.csv", rows)
    result = platform.load(path)
    found = platform.query("SELECT business_date, transaction_id, rule_code FROM ops.flagged_sales")
    assert (FIRST, "100999", "NON_PRODUCT") in found
    assert len(found) == len(set(found)) > 0
    assert {code for _, _, code in found} == {code for code, count in result.read.flagged.items() if count}
    platform.load(write(path, sales()))
    assert not platform.query("SELECT 1 FROM ops.flagged_sales WHERE transaction_id = '100999'")


def test_a_dry_run_needs_no_services_and_changes_nothing(platform: Platform, tmp_path: Path) -> None:
    from pipeline.file_load import run_file_load
    from pipeline.file_load_request import FileLoadRequest

    path = write(tmp_path / "sales.csv", sales())
    result = run_file_load(FileLoadRequest(sources=[str(path)], layout=RETAILER, dry_run=True), run_id="dry")
    assert (result.dry_run, result.balanced, result.as_dict()["rows"]["landed"]) == (True, True, len(sales()))
    assert (platform.objects(), platform.facts()[0]) == ({}, 0)


def test_constants_of_the_layout_are_part_of_the_content(platform: Platform, tmp_path: Path) -> None:
    from ingestion.mapping.layouts import load_layout

    path = write(tmp_path / "sales.csv", sales(2))
    platform.load(path)
    text = yaml.safe_dump(
        load_layout(RETAILER).model_dump(mode="json", exclude_defaults=True, by_alias=True, exclude={"name"})
    )
    own = tmp_path / "own.yaml"
    own.write_text(text.replace("value: Online", "value: Webshop"), encoding="utf-8")
    result = platform.load(path, layout=str(own))
    assert len(result.changed_days) == 2
    assert platform.query("SELECT store_name FROM dim_store WHERE store_key <> 0") == [("Webshop",)]
