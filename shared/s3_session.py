"""S3 clients of boto3, configured from the settings."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import boto3
import boto3.session
from botocore.config import Config

from shared.config import S3Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ONE_AT_A_TIME = Lock()
"""A session can make one client at a time."""


def make_client(settings: S3Settings, timeout_seconds: float, attempts: int) -> S3Client:
    """A client, which two threads may share. Raises ValueError for an unusable endpoint."""
    secret = settings.secret_access_key
    with _ONE_AT_A_TIME:
        return _session(settings).client(
            "s3",
            endpoint_url=settings.endpoint_url,
            region_name=settings.region,
            aws_access_key_id=settings.access_key_id,
            aws_secret_access_key=secret.get_secret_value() if secret else None,
            config=Config(
                connect_timeout=min(timeout_seconds, 10),
                read_timeout=timeout_seconds,
                retries={"total_max_attempts": attempts, "mode": "standard"},
                max_pool_connections=32,
                # S3-compatible stores do not all know the newer default checksums.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3={"addressing_style": "path"} if settings.endpoint_url else {},
            ),
        )


def _session(settings: S3Settings) -> boto3.session.Session:
    """With configured keys, the session of the process, which loads the S3 model only once (0.1 s).

    Otherwise a new session, because a session keeps the credentials that it found.
    """
    if settings.access_key_id is None:
        return boto3.session.Session()
    if boto3.DEFAULT_SESSION is None:
        boto3.setup_default_session()
    return boto3.DEFAULT_SESSION or boto3.session.Session()
