"""S3: are the buckets there, may we write to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from uuid import uuid4

import boto3.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from scripts.pipeline_health.advice import Advice, Kind
from scripts.pipeline_health.configuration import s3_settings
from scripts.pipeline_health.findings import Finding, Health, reported
from shared.config import S3Settings
from shared.errors import RetailError
from shared.parallel import run_in_parallel
from shared.s3_client import Bucket, BucketMissing

AREA = "S3"
PREFIX = "_check/"


def check_buckets(environ: Mapping[str, str], advice: Advice) -> list[Finding]:
    """Check both buckets concurrently: write a small object and delete it."""
    found: list[Finding] = []
    with reported(AREA, "buckets", found, lambda _: advice.settings()):
        settings = s3_settings(environ)
        remedy_for = store_remedy(settings, advice)
        buckets = (("raw", settings.bucket_raw), ("processed", settings.bucket_processed))
        checks = [partial(_check, settings, *each, remedy_for) for each in buckets]
        for part in run_in_parallel(lambda check: check(), checks, name="bucket"):
            found += part
    return found


def _check(settings: S3Settings, role: str, name: str, remedy_for: Callable[[RetailError], str]) -> list[Finding]:
    found: list[Finding] = []
    with reported(AREA, f"{role} bucket", found, remedy_for):
        key = f"{PREFIX}{uuid4().hex}"
        bucket = Bucket(settings, name, timeout_seconds=5, attempts=1)
        bucket.check()
        bucket.put(key, b"health check", content_type="text/plain")
        bucket.delete([key])
        found.append(Finding(AREA, f"{role} bucket", Health.OK, f"s3://{name} exists and is writable"))
    return found


def store_remedy(settings: S3Settings, advice: Advice) -> Callable[[RetailError], str]:
    """The remedy for a store that does not respond or lacks a bucket."""

    def remedy_for(error: RetailError) -> str:
        names = "S3_BUCKET_RAW / S3_BUCKET_PROCESSED"
        if isinstance(error, BucketMissing):
            if settings.endpoint_url is None or advice.kind is Kind.OTHER:
                return f"Create it there, or correct {names} and AWS_DEFAULT_REGION"
            return f"{advice.create('s3-init')}, or correct {names}"
        if settings.endpoint_url is None:
            return "Check the network connection. Correct AWS_DEFAULT_REGION, or set S3_ENDPOINT_URL"
        return f"{advice.start('s3')}, or correct S3_ENDPOINT_URL"

    return remedy_for


def describe_store(settings: S3Settings) -> str:
    """Which store, and at AWS whose keys these are: permissions are given to them."""
    if settings.endpoint_url is not None:
        return f"S3 at {settings.place}"
    secret = settings.secret_access_key
    try:
        identity = (
            boto3.session.Session()
            .client(
                "sts",
                region_name=settings.region,
                aws_access_key_id=settings.access_key_id,
                aws_secret_access_key=secret.get_secret_value() if secret else None,
                config=Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1}),
            )
            .get_caller_identity()
        )
    except (BotoCoreError, ClientError) as error:
        reason = " ".join(str(error).split())[:200]
        return f"Amazon S3 in {settings.region}; the owner of the keys is not known ({reason})"
    return f"Amazon S3 in {settings.region}, account {identity['Account']}, as {identity['Arn']}"
