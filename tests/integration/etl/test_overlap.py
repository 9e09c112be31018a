"""Dates that were already landed from another file: stop, replace or append."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ingestion.landing.overlap_policy import Overlap
from shared.errors import StopRun
from shared.partitions import raw_key
from tests.fakes.raw_zone import record
from tests.integration.etl.conftest import FIRST, RETAILER, Platform, Row, sales, write


def test_a_file_with_another_name_stops_with_dates_and_files(platform: Platform, tmp_path: Path) -> None:
    platform.load(write(tmp_path / "january.csv", sales()))
    digest, objects = platform.digest(), platform.objects()
    with pytest.raises(StopRun) as stopped:
        platform.load(write(tmp_path / "late.csv", sales(2, start=300_000)))
    assert str(stopped.value) == (
        "late.csv: 2011-01-04, 2011-01-05 of online_retail was landed from january.csv before. Nothing was loaded."
        " Use --on-overlap replace if these files have all records of those dates, or --on-overlap append to add"
        " their records to the landed ones."
    )
    assert (platform.digest(), platform.objects()) == (digest, objects)


def test_replace_keeps_only_the_new_file(platform: Platform, tmp_path: Path) -> None:
    old, new = sales(), sales(2, start=300_000)
    platform.load(write(tmp_path / "january.csv", old))
    result = platform.load(write(tmp_path / "late.csv", new), overlap=Overlap.REPLACE)
    assert result.balanced
    assert result.buckets["withdrawn"].rows == 24
    kept = {row for row in old if row.day > FIRST + timedelta(days=1)} | set(new)
    assert platform.facts() == (len(kept), sum(row.money for row in kept))
    files = platform.query("SELECT DISTINCT file_names FROM ops.source_partitions WHERE business_date = %s", FIRST)
    assert files == [(["late.csv"],)]


def test_append_adds_to_the_landed_records(platform: Platform, tmp_path: Path) -> None:
    old, new = sales(), sales(2, start=300_000)
    platform.load(write(tmp_path / "january.csv", old))
    flags = platform.query("SELECT count(*) FROM ops.flagged_sales")[0][0]
    path = write(tmp_path / "late.csv", new)
    result = platform.load(path, overlap=Overlap.APPEND)
    assert result.balanced
    assert (result.earlier, result.buckets["inserted"].rows, result.buckets["unchanged"].rows) == (26, 24, 24)
    kept = {*old, *new}
    assert platform.facts() == (len(kept), sum(row.money for row in kept))
    assert platform.query("SELECT count(*) FROM ops.flagged_sales")[0][0] >= flags
    files = platform.query("SELECT file_names FROM ops.source_partitions ORDER BY business_date LIMIT 1")
    assert files == [(["january.csv", "late.csv"],)]
    objects = platform.objects()
    again = platform.load(path, overlap=Overlap.APPEND)
    assert (again.load_id, again.balanced, platform.objects()) == (None, True, objects)


def test_append_takes_the_newer_version_of_a_record(platform: Platform, tmp_path: Path) -> None:
    # An equal line is the same record (its id is a digest of its content), however often it comes.
    rows = sales(1)
    platform.load(write(tmp_path / "january.csv", rows))
    extra = Row("100900", "20099A", "EXTRA", "2", FIRST, "5.00", "12001")
    result = platform.load(write(tmp_path / "late.csv", [*rows[:5], extra]), overlap=Overlap.APPEND)
    assert result.balanced
    assert platform.facts()[0] == len(set(rows)) + 1


def test_rejected_rows_stay_when_a_file_is_appended(platform: Platform, tmp_path: Path) -> None:
    rows = sales(1)
    bad = replace(rows[0], quantity="many")
    platform.load(write(tmp_path / "january.csv", [*rows, bad]), max_reject_share=0.5)
    late = [*sales(1, start=300_000), replace(rows[1], price="free")]
    result = platform.load(write(tmp_path / "late.csv", late), overlap=Overlap.APPEND, max_reject_share=0.5)
    assert result.balanced
    assert result.buckets["rejected"].rows == 2
    rejected = platform.query("SELECT position, status FROM ops.dead_letters ORDER BY position")
    assert [position.split(",")[0] for position, _ in rejected] == ["january.csv", "late.csv"]
    assert {status for _, status in rejected} == {"open"}


def test_what_a_retailers_own_system_landed_is_not_overwritten_by_default(platform: Platform, tmp_path: Path) -> None:
    from tests.fakes.raw_zone import RawZone

    zone = RawZone()
    zone.land([record(day=FIRST, retailer_id=RETAILER)], retailer_id=RETAILER, day=FIRST)
    for (_, key), body in zone.objects.items():
        platform.s3.client.put_object(Bucket=platform.s3.bucket_raw, Key=key, Body=body)
    with pytest.raises(StopRun, match="was landed from the retailer's own system before"):
        platform.load(write(tmp_path / "sales.csv", sales(1)))
    result = platform.load(write(tmp_path / "sales.csv", sales(1)), overlap=Overlap.APPEND)
    assert (result.earlier, result.balanced) == (1, True)
    assert b"Lantern" in platform.read_object(raw_key(RETAILER, FIRST))
