"""What only boto3 can do in S3: its client, its errors in the words of `shared/errors.py`, and keys of any kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import boto3.session
from botocore import exceptions as boto
from botocore.config import Config

from shared.config import S3Settings
from shared.s3_errors import Attempt

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_TIMEOUT_SECONDS = 20
_ATTEMPTS = 4


def client_for(settings: S3Settings) -> S3Client:
    """boto3's client for the store of these settings."""
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
def explained(action: str, bucket: str, key: str | None, settings: S3Settings) -> Iterator[None]:
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


def list_any_keys(settings: S3Settings, bucket: str, prefix: str) -> Iterator[tuple[str, int, datetime, str]]:
    """Key, bytes, time and entity tag of every object whose key begins with `prefix`, whatever else is in the key."""
    with explained("s3:ListBucket", bucket, None, settings):
        for page in client_for(settings).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for each in page.get("Contents", ()):
                yield each["Key"], each["Size"], each["LastModified"], each["ETag"]
