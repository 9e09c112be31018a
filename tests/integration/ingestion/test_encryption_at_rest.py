"""Every way of writing an object requests the configured encryption."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.config import S3Settings
from shared.s3_client import Bucket

if TYPE_CHECKING:
    from tests.conftest import S3Access

KMS_KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PART = 5 * 1024 * 1024
LARGE = b"x" * (17 * 1024 * 1024)
Write = Callable[[S3Settings, Path], None]


def put(settings: S3Settings, scratch: Path) -> None:
    Bucket(settings, settings.bucket_raw).put("k", b"{}")


def put_a_large_file(settings: S3Settings, scratch: Path) -> None:
    (scratch / "file").write_bytes(LARGE)
    Bucket(settings, settings.bucket_raw).put("k", scratch / "file")


def copy(settings: S3Settings, scratch: Path) -> None:
    bucket = Bucket(settings, settings.bucket_raw)
    Bucket(settings.model_copy(update={"sse": None, "sse_kms_key_id": None}), settings.bucket_raw).put("j", b"{}")
    bucket.copy("j", "k")


WAYS = [put, put_a_large_file, copy]


def settings(s3: S3Access, **changes: str) -> S3Settings:
    values = {
        "endpoint_url": s3.endpoint,
        "access_key_id": s3.server.key.key_id,
        "secret_access_key": s3.server.key.secret,
        "bucket_raw": s3.bucket_raw,
        "bucket_processed": s3.bucket_processed,
    }
    return S3Settings.model_validate({**values, **changes})


@pytest.mark.parametrize("write", WAYS)
def test_an_object_is_written_with_the_configured_key(s3: S3Access, tmp_path: Path, write: Write) -> None:
    write(settings(s3, sse="aws:kms", sse_kms_key_id=KMS_KEY), tmp_path)

    head = s3.client.head_object(Bucket=s3.bucket_raw, Key="k")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", KMS_KEY)


@pytest.mark.parametrize("write", WAYS)
def test_an_object_is_written_with_the_store_s_own_key(s3: S3Access, tmp_path: Path, write: Write) -> None:
    write(settings(s3, sse="AES256"), tmp_path)

    head = s3.client.head_object(Bucket=s3.bucket_raw, Key="k")
    assert head["ServerSideEncryption"] == "AES256"


@pytest.mark.parametrize("write", WAYS)
def test_no_encryption_is_requested_if_none_is_configured(s3: S3Access, tmp_path: Path, write: Write) -> None:
    write(settings(s3), tmp_path)

    assert "ServerSideEncryption" not in s3.client.head_object(Bucket=s3.bucket_raw, Key="k")
