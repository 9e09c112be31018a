"""The S3 adapter against a real S3 API."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.config import S3Settings
from shared.errors import FixConfiguration, RetryLater, StopRun
from shared.s3_client import BucketMissing, ObjectMissing, ObjectStore

if TYPE_CHECKING:
    from tests.conftest import S3Access

LINE = b"0123456789" * 10_000 + b"\n"
PART = 5 * 1024 * 1024


@pytest.fixture
def store(s3: S3Access) -> ObjectStore:
    return ObjectStore(settings(s3))


def settings(s3: S3Access, **changes: str) -> S3Settings:
    values = {
        "endpoint_url": s3.endpoint,
        "access_key_id": "test",
        "secret_access_key": "test",
        "bucket_raw": s3.bucket_raw,
        "bucket_processed": s3.bucket_processed,
    }
    return S3Settings.model_validate({**values, **changes})


@pytest.mark.parametrize("lines", [0, 1, 130], ids=["empty", "small", "three parts"])
def test_a_streamed_object_becomes_visible_when_it_is_completed(
    store: ObjectStore, s3: S3Access, tmp_path: Path, lines: int
) -> None:
    with store.writer(s3.bucket_raw, "k", part_bytes=PART) as writer:
        for _ in range(lines):
            writer.write(LINE)
        assert not store.exists(s3.bucket_raw, "k")
        writer.flush()
        assert not store.exists(s3.bucket_raw, "k")
        writer.complete()

    assert (
        store.download(s3.bucket_raw, "k", tmp_path / "k") == writer.sha256 == hashlib.sha256(LINE * lines).hexdigest()
    )
    info = store.info(s3.bucket_raw, "k")
    assert info is not None
    assert info.size_bytes == writer.size_bytes == len(LINE) * lines


def test_an_object_that_was_not_completed_leaves_the_older_one_and_no_parts(store: ObjectStore, s3: S3Access) -> None:
    store.put(s3.bucket_raw, "k", b"older")
    with pytest.raises(ValueError), store.writer(s3.bucket_raw, "k", part_bytes=PART) as writer:
        for _ in range(130):
            writer.write(LINE)
        raise ValueError

    assert store.read_bytes(s3.bucket_raw, "k") == b"older"
    assert "Uploads" not in s3.client.list_multipart_uploads(Bucket=s3.bucket_raw)


def test_lines_keys_files_and_deleting(store: ObjectStore, s3: S3Access, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"a\nb\n")
    store.upload(file, s3.bucket_raw, "x/1")
    store.put(s3.bucket_raw, "x/2", b"")
    store.put(s3.bucket_raw, "y", b"")

    assert list(store.lines(s3.bucket_raw, "x/1")) == [b"a", b"b"]
    assert list(store.list_keys(s3.bucket_raw, "x/")) == ["x/1", "x/2"]
    store.delete(s3.bucket_raw, "x/1")
    store.delete(s3.bucket_raw, "x/1")
    assert not store.exists(s3.bucket_raw, "x/1")


def test_a_missing_object_is_not_a_missing_bucket(store: ObjectStore, s3: S3Access) -> None:
    with pytest.raises(ObjectMissing, match=f"s3://{s3.bucket_raw}/k does not exist"):
        store.read_bytes(s3.bucket_raw, "k")
    with pytest.raises(BucketMissing, match="Bucket not-there does not exist"):
        store.read_bytes("not-there", "k")
    with pytest.raises(BucketMissing):
        store.exists("not-there", "k")
    with pytest.raises(BucketMissing):
        store.put("not-there", "k", b"")
    assert issubclass(ObjectMissing, StopRun)
    assert issubclass(BucketMissing, FixConfiguration)


def test_a_bucket_that_denies_access_is_an_error_that_names_the_missing_permission(
    store: ObjectStore, s3: S3Access
) -> None:
    s3.deny(s3.bucket_raw)
    with pytest.raises(FixConfiguration, match=f"S3 denies us s3:PutObject on bucket {s3.bucket_raw}"):
        store.put(s3.bucket_raw, "k", b"")
    with pytest.raises(FixConfiguration, match="S3 denies us s3:ListBucket"):
        store.check_bucket(s3.bucket_raw)


def test_an_unavailable_store_can_be_retried(s3: S3Access) -> None:
    store = ObjectStore(settings(s3, endpoint_url="http://127.0.0.1:9"), attempts=1)
    with pytest.raises(RetryLater, match=r"No S3 store responds at http://127.0.0.1:9"):
        store.check_bucket(s3.bucket_raw)


def test_an_invalid_url_or_bucket_name_is_a_configuration_error(store: ObjectStore, s3: S3Access) -> None:
    with pytest.raises(FixConfiguration, match="S3_ENDPOINT_URL"):
        ObjectStore(settings(s3, endpoint_url="nonsense"))
    with pytest.raises(FixConfiguration, match="S3_BUCKET_RAW"):
        store.check_bucket("no bucket!")
