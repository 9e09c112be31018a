"""What only boto3 can do in S3: create a bucket, list keys of any kind, end uploads that nobody continues."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, cast

import boto3.session
from botocore import exceptions as boto
from botocore.config import Config

from shared.config import S3Settings
from shared.s3_client import Bucket
from shared.s3_errors import Attempt, BucketMissing, ObjectMissing

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.literals import BucketLocationConstraintType

_TIMEOUT_SECONDS = 20
_ATTEMPTS = 4


def ensure_bucket(settings: S3Settings, name: str) -> str:
    """Create the bucket unless it exists; returns `created` or `exists`. Raises FixConfiguration or RetryLater."""
    try:
        Bucket(settings, name, timeout_seconds=5, attempts=1).check()
    except BucketMissing:
        _create_bucket(settings, name)
        return "created"
    return "exists"


def _create_bucket(settings: S3Settings, bucket: str) -> None:
    with _explained("s3:CreateBucket", bucket, None, settings):
        if settings.region == "us-east-1":  # the one region that must not be named
            _client(settings).create_bucket(Bucket=bucket)
        else:
            region = cast("BucketLocationConstraintType", settings.region)
            _client(settings).create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})


def abort_uploads(settings: S3Settings, bucket: str, *, untouched_since: datetime) -> list[str]:
    """End multipart uploads to which nothing was added since then; returns their keys.

    The time of the newest part decides. An upload without parts takes no space and is left: what a store says about
    its beginning is not always true.
    """
    aborted = []
    with _explained("s3:ListBucketMultipartUploads", bucket, None, settings):
        client = _client(settings)
        listing = client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket)
        found = [(each["Key"], each["UploadId"]) for page in listing for each in page.get("Uploads", ())]
    for key, upload_id in found:
        with suppress(ObjectMissing), _explained("s3:ListMultipartUploadParts", bucket, key, settings):
            pages = client.get_paginator("list_parts").paginate(Bucket=bucket, Key=key, UploadId=upload_id)
            times = [part["LastModified"] for page in pages for part in page.get("Parts", ())]
            if times and max(times) < untouched_since:
                with _explained("s3:AbortMultipartUpload", bucket, key, settings):
                    client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
                aborted.append(key)
    return aborted


def list_any_keys(settings: S3Settings, bucket: str, prefix: str) -> Iterator[tuple[str, int, datetime, str]]:
    """Key, bytes, time and entity tag of every object whose key begins with `prefix`, whatever else is in the key."""
    with _explained("s3:ListBucket", bucket, None, settings):
        for page in _client(settings).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for each in page.get("Contents", ()):
                yield each["Key"], each["Size"], each["LastModified"], each["ETag"]


def _client(settings: S3Settings) -> S3Client:
    secret = settings.secret_access_key
    return boto3.session.Session().client(
        "s3",
        endpoint_url=settings.endpoint_url,
        region_name=settings.region,
        aws_access_key_id=settings.access_key_id,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
        config=Config(
            connect_timeout=10,
            read_timeout=_TIMEOUT_SECONDS,
            retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
            # S3-compatible stores do not all know the newer default checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path"} if settings.endpoint_url else {},
        ),
    )


@contextmanager
def _explained(action: str, bucket: str, key: str | None, settings: S3Settings) -> Iterator[None]:
    """Turn every error of boto3 inside the block into one of `shared/errors.py`."""
    attempt = Attempt(action, bucket, key, settings.place)
    try:
        yield
    except boto.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        raise attempt.rejected(code, status) from error
    except (boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError) as error:
        raise attempt.no_credentials() from error
    except (boto.HTTPClientError, boto.ConnectionError) as error:
        raise attempt.no_response() from error
    except boto.BotoCoreError as error:
        raise attempt.failed(str(error)) from error
