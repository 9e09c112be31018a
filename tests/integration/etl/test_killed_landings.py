"""A load of a file that is killed after any of its writes: each date is as it was, or as the file has it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from ingestion.landing.overlap_policy import Overlap
from shared.partition_versions import download_records, find_manifest, read_rejected
from shared.partitions import Manifest
from shared.s3_client import Bucket
from tests.fakes.killed_after_a_write import killed_after
from tests.integration.etl.conftest import FIRST, RETAILER, Platform, Row, sales, write
from transformation.bulk import rebuild

pytestmark = pytest.mark.long

DAYS = (FIRST, FIRST + timedelta(days=1))
# On both dates the file replaces the records; the first one has rejected rows before and after, the second one before.
OLD = [*sales(2), replace(sales(2)[0], quantity="many"), replace(sales(2)[-1], quantity="none")]
NEW = [*sales(2, per_day=15), replace(sales(2)[0], price="free")]
WRITES = 2 + 2 + 2 + 1 + 1 + 2 + 1
"""Two copies of data and two of rejected rows, then data, a rejected object, a removed one, manifests, no copies."""
Contents = dict[date, tuple[Manifest, bytes, bytes]]


def load_old(platform: Platform, path: Path) -> None:
    assert platform.load(write(path, OLD), max_reject_share=0.5).balanced
    write(path, NEW)


def read(platform: Platform, scratch: Path) -> Contents:
    """Every date as readers get it."""
    bucket = Bucket(platform.settings.s3, platform.settings.s3.bucket_raw)
    found = {}
    for day in DAYS:
        manifest = find_manifest(bucket, RETAILER, day)
        assert manifest is not None
        assert download_records(bucket, manifest, scratch)
        rejected = read_rejected(bucket, manifest) if manifest.rejected else b""
        assert rejected is not None
        assert len(rejected.splitlines()) == manifest.rejected
        found[day] = (manifest, scratch.read_bytes(), rejected)
    return found


def contents(found: Contents) -> dict[date, tuple[list[bytes], bytes]]:
    """The records, whose order within a date has no meaning, and the rejected rows."""
    return {day: (sorted(records.splitlines()), rejected) for day, (_, records, rejected) in found.items()}


def digest_of_the_raw_zone(platform: Platform) -> str:
    """Of a warehouse that is loaded from it."""
    rebuild(RETAILER, None, None, settings=platform.settings, run_id="rebuild", clock=lambda: datetime.now(UTC))
    return platform.digest()


def load_and_be_killed_after(platform: Platform, path: Path, number: int) -> bool:
    command = (
        "cli",
        "etl",
        "--source",
        str(path),
        "--layout",
        RETAILER,
        "--no-report",
        "--max-reject-share",
        "0.5",
        "--allow-low-quality",
    )
    return killed_after(number, *command, environment=platform.environment)


def copies(platform: Platform) -> set[str]:
    return set(platform.objects("raw_history/"))


def test_a_load_killed_after_any_write_leaves_readable_partitions(platform: Platform, tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    load_old(platform, path)
    old, old_digest = contents(read(platform, tmp_path / "raw")), platform.digest()
    assert platform.load(path, max_reject_share=0.5).balanced
    new, new_digest = contents(read(platform, tmp_path / "raw")), platform.digest()
    assert old_digest != new_digest

    manifests = []
    for number in range(1, WRITES + 1):
        load_old(platform, path)
        assert load_and_be_killed_after(platform, path, number)
        found = contents(read(platform, tmp_path / "raw"))
        assert all(found[day] in (old[day], new[day]) for day in DAYS)
        manifests.append(sum(found[day] == new[day] for day in DAYS))
        if manifests[-1] != 1:
            assert digest_of_the_raw_zone(platform) == (new_digest if manifests[-1] else old_digest)
        assert bool(copies(platform)) == (number < WRITES)
        assert platform.load(path, max_reject_share=0.5).balanced
        assert contents(read(platform, tmp_path / "raw")) == new
        assert (platform.digest(), copies(platform)) == (new_digest, set())
    # Every date has its old contents up to its manifest. Both manifests are written at once, so one may be missing.
    assert manifests[: WRITES - 3] == [0] * (WRITES - 3)
    assert manifests[-1] == 2


@pytest.mark.parametrize("number", [6, 8], ids=["data replaced", "rejected rows replaced"])
def test_records_are_appended_to_the_version_from_before_a_killed_load(
    platform: Platform, tmp_path: Path, number: int
) -> None:
    path = tmp_path / "sales.csv"
    load_old(platform, path)
    assert load_and_be_killed_after(platform, path, number)
    extra = Row("100900", "20099A", "EXTRA", "2", FIRST, "5.00", "12001")
    result = platform.load(
        write(tmp_path / "late.csv", [extra, replace(extra, quantity="few")]),
        overlap=Overlap.APPEND,
        max_reject_share=0.5,
    )
    assert result.balanced
    kept = {row for row in OLD if row.day == FIRST and row.quantity != "many"} | {extra}
    manifest, records, rejected = read(platform, tmp_path / "raw")[FIRST]
    assert (manifest.distinct, manifest.rejected) == (len(kept), 2)
    assert len(records.splitlines()) >= len(kept)
    assert b"sales.csv" in rejected
    assert b"late.csv" in rejected
