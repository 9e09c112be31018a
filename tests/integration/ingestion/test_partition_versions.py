"""What is kept of a partition that is replaced, and what readers get, on a real S3 API."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared.partition_versions import (
    download_records,
    drop_copies,
    find_manifest,
    is_complete,
    keep_version,
    read_rejected,
)
from shared.partitions import Manifest, RequestWindow, history_key, manifest_key, raw_key, rejected_key
from shared.s3_client import Bucket
from tests.integration.ingestion.test_object_store import settings

if TYPE_CHECKING:
    from tests.conftest import S3Access

SHOP, DAY = "shop", date(2024, 1, 15)
NOW = datetime(2024, 1, 16, tzinfo=UTC)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def copy_of(content: bytes) -> str:
    return history_key(SHOP, DAY, sha256(content))


@pytest.fixture
def bucket(s3: S3Access) -> Bucket:
    return Bucket(settings(s3), s3.bucket_raw)


def land(bucket: Bucket, records: bytes, rejected: bytes = b"", **changes: Any) -> Manifest:
    """Write a version without keeping the one before."""
    bucket.put(raw_key(SHOP, DAY), records)
    if rejected:
        bucket.put(rejected_key(SHOP, DAY), rejected)
    manifest = Manifest(
        retailer_id=SHOP, business_date=DAY, run_id="r", object_key=raw_key(SHOP, DAY), sha256=sha256(records),
        size_bytes=len(records), fetched=2, landed=1, rejected=1 if rejected else 0, distinct=1, amounts={},
        rejected_sha256=sha256(rejected) if rejected else None,
        window=RequestWindow(requested_from=NOW, requested_until=NOW), code_version="v", written_at=NOW,
    ).model_copy(update=changes)  # fmt: skip
    bucket.put(manifest_key(SHOP, DAY), manifest.model_dump_json().encode())
    return manifest


def test_of_a_date_that_was_never_landed_nothing_is_kept(bucket: Bucket) -> None:
    bucket.put(raw_key(SHOP, DAY), b"of a landing that was killed")
    assert keep_version(bucket, SHOP, DAY, replaced_by="x") == []
    bucket.put(manifest_key(SHOP, DAY), b"{}")
    assert keep_version(bucket, SHOP, DAY, replaced_by="x") == []
    assert find_manifest(bucket, SHOP, DAY) is None


def test_what_is_replaced_is_kept_and_read_until_it_is_dropped(bucket: Bucket, tmp_path: Path) -> None:
    manifest = land(bucket, b"old", b"bad\n")
    copies = keep_version(bucket, SHOP, DAY, replaced_by=sha256(b"newer"))
    assert set(copies) == {copy_of(b"old"), copy_of(b"bad\n")}
    bucket.put(raw_key(SHOP, DAY), b"newer")
    bucket.delete([rejected_key(SHOP, DAY)])

    assert is_complete(bucket, manifest) is True
    assert download_records(bucket, manifest, tmp_path / "records")
    assert (tmp_path / "records").read_bytes() == b"old"
    assert read_rejected(bucket, manifest) == b"bad\n"

    drop_copies(bucket, copies)
    assert (is_complete(bucket, manifest), read_rejected(bucket, manifest)) == (False, None)
    assert not download_records(bucket, manifest, tmp_path / "records")


def test_a_copy_of_an_interrupted_landing_is_used_again(bucket: Bucket) -> None:
    land(bucket, b"old")
    first = keep_version(bucket, SHOP, DAY, replaced_by=sha256(b"new"))
    bucket.put(raw_key(SHOP, DAY), b"new")
    assert keep_version(bucket, SHOP, DAY, replaced_by=sha256(b"newer")) == first
    assert bucket.read(copy_of(b"old")) == b"old"


def test_copies_that_the_manifest_does_not_describe_are_removed(bucket: Bucket) -> None:
    land(bucket, b"old")
    keep_version(bucket, SHOP, DAY, replaced_by=sha256(b"new"))
    land(bucket, b"new")
    assert keep_version(bucket, SHOP, DAY, replaced_by=sha256(b"newer")) == [copy_of(b"new")]
    assert list(bucket.list("raw_history/")) == [copy_of(b"new")]


def test_equal_records_are_not_copied(bucket: Bucket) -> None:
    land(bucket, b"old", b"bad\n")
    assert keep_version(bucket, SHOP, DAY, replaced_by=sha256(b"old")) == [copy_of(b"bad\n")]


def test_rejected_records_of_an_older_manifest_are_read_where_they_are(bucket: Bucket) -> None:
    manifest = land(bucket, b"old", b"bad\n", rejected_sha256=None)
    assert read_rejected(bucket, manifest) == b"bad\n"


def test_an_object_of_another_size_is_not_complete(bucket: Bucket) -> None:
    manifest = land(bucket, b"old")
    assert is_complete(bucket, manifest)
    bucket.put(raw_key(SHOP, DAY), b"longer")
    assert not is_complete(bucket, manifest)


def test_a_copy_that_cannot_be_removed_does_not_fail_the_landing(bucket: Bucket, s3: S3Access) -> None:
    land(bucket, b"old")
    copies = keep_version(bucket, SHOP, DAY, replaced_by=sha256(b"new"))
    s3.deny(s3.bucket_raw)
    drop_copies(bucket, copies)
    s3.deny()
    assert list(bucket.list("raw_history/")) == copies
