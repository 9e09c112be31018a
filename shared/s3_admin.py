"""Buckets and uploads: creates a bucket, reads its clock, and ends multipart uploads that nobody continues."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, cast

from shared.config import S3Settings
from shared.logs import get_logger
from shared.s3_boto import client_for, explained
from shared.s3_client import Bucket
from shared.s3_errors import BucketMissing, ObjectMissing

if TYPE_CHECKING:
    from mypy_boto3_s3.literals import BucketLocationConstraintType

log = get_logger(__name__)


def ensure_bucket(settings: S3Settings, name: str) -> str:
    """Create the bucket unless it exists; returns `created` or `exists`. Raises FixConfiguration or RetryLater."""
    try:
        Bucket(settings, name, timeout_seconds=5, attempts=1).check()
    except BucketMissing:
        _create_bucket(settings, name)
        return "created"
    return "exists"


def _create_bucket(settings: S3Settings, bucket: str) -> None:
    with explained("s3:CreateBucket", bucket, None, settings):
        if settings.region == "us-east-1":  # the one region that must not be named
            client_for(settings).create_bucket(Bucket=bucket)
        else:
            region = cast("BucketLocationConstraintType", settings.region)
            client_for(settings).create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})


def store_time(settings: S3Settings, bucket: str) -> datetime:
    """What time it is by the clock of the store, which also dates its objects. Our own clock may be days ahead.

    For a store that does not say, it is the start of 1970: then nothing in it is taken for old.
    Raises FixConfiguration or RetryLater.
    """
    with explained("s3:ListBucket", bucket, None, settings):
        response = client_for(settings).list_objects_v2(Bucket=bucket, MaxKeys=1)
    shown = response["ResponseMetadata"]["HTTPHeaders"].get("date", "")
    try:
        return parsedate_to_datetime(shown).astimezone(UTC)
    except (ValueError, OverflowError):
        log.warning("the store does not say what time it is, so nothing in it is removed as old", date=shown[:100])
        return datetime.fromtimestamp(0, UTC)


def abort_uploads(settings: S3Settings, bucket: str, *, untouched_since: datetime) -> list[str]:
    """End multipart uploads to which nothing was added since then; returns their keys.

    The time of the newest part decides. An upload without parts takes no space and is left: what a store says about
    its beginning is not always true.
    """
    aborted = []
    with explained("s3:ListBucketMultipartUploads", bucket, None, settings):
        client = client_for(settings)
        listing = client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket)
        found = [(each["Key"], each["UploadId"]) for page in listing for each in page.get("Uploads", ())]
    for key, upload_id in found:
        with suppress(ObjectMissing), explained("s3:ListMultipartUploadParts", bucket, key, settings):
            pages = client.get_paginator("list_parts").paginate(Bucket=bucket, Key=key, UploadId=upload_id)
            times = [part["LastModified"] for page in pages for part in page.get("Parts", ())]
            if times and max(times) < untouched_since:
                with explained("s3:AbortMultipartUpload", bucket, key, settings):
                    client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
                aborted.append(key)
    return aborted
