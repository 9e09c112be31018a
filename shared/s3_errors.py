"""Failures of S3 as the platform's errors: which bucket, which key, what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from obstore.exceptions import BaseError

from shared.errors import FixConfiguration, RetailError, RetryLater, StopRun, shortened
from shared.urls import without_credentials

_WRONG_KEYS = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "AuthFailure"}
_DENIED = {"AccessDenied", "AllAccessDisabled", "403", "Forbidden"}
_PASSING = {"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "Throttling", "OperationAborted"}
_RAW_OR_PROCESSED = "S3_BUCKET_RAW / S3_BUCKET_PROCESSED"
_CODE = re.compile(r"<Code>([A-Za-z0-9]+)</Code>")
_SHOWN_CHARACTERS = 300
_STATUS = re.compile(r"non-2xx status code: (\d{3})")
_NO_RESPONSE = ("error sending request", "HTTP error", "timed out")


class ObjectMissing(StopRun):
    """An object that the caller needs is not in the bucket."""


class BucketMissing(FixConfiguration):
    """A configured bucket does not exist."""


@dataclass(frozen=True)
class Attempt:
    """What was tried where: `action` completes "S3 denies us …", `where` is the endpoint or region."""

    action: str
    bucket: str
    key: str | None
    where: str

    @property
    def place(self) -> str:
        """The object, or the bucket."""
        return f"s3://{self.bucket}/{self.key}" if self.key else f"bucket {self.bucket}"

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn every error of obstore inside the block into one of `shared/errors.py`."""
        try:
            yield
        except (BaseError, OSError, ValueError) as error:
            text = str(error)
            code, status = _CODE.search(text), _STATUS.search(text)
            if code or status:
                raise self.rejected(code[1] if code else "", int(status[1]) if status else 0) from error
            if any(sign in text for sign in _NO_RESPONSE):
                raise self.no_response() from error
            raise self.failed(text.partition("\n")[0] or type(error).__name__) from error

    def rejected(self, code: str, status: int) -> RetailError:
        """For a response with this S3 code and HTTP status; either may be empty."""
        if code == "NoSuchBucket" or (self.key is None and status == 404):
            return BucketMissing(
                f"Bucket {self.bucket} does not exist at {self.where}. Create it (`make up`, or"
                f" `docker-compose up -d`), or correct {_RAW_OR_PROCESSED} in .env."
            )
        if code in ("NoSuchKey", "404", "NotFound") or status == 404:
            return ObjectMissing(
                f"{self.place} does not exist at {self.where}. Ingest that date first: python -m ingestion.main DATE"
            )
        if code in _WRONG_KEYS:
            return FixConfiguration(
                f"S3 at {self.where} rejected our keys ({code}). Correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                " in .env."
            )
        if code == "RequestTimeTooSkewed":
            return FixConfiguration(
                f"S3 at {self.where} rejects our requests because this machine's clock is more than 15 minutes off."
                " Correct the clock."
            )
        if code in _DENIED or status == 403:
            return FixConfiguration(
                f"S3 denies us {self.action} on bucket {self.bucket} at {self.where}."
                " Give the key of AWS_ACCESS_KEY_ID that right, or use another key."
            )
        if code in _PASSING or status == 429 or status >= 500:
            return RetryLater(
                f"S3 at {self.where} failed at {self.action} on {self.place} ({code or status})."
                " Run again in a few minutes."
            )
        return StopRun(f"S3 at {self.where} rejected {self.action} on {self.place} ({code or status}).")

    def no_response(self) -> RetryLater:
        """For a store that cannot be reached."""
        return RetryLater(
            f"No S3 store responds at {self.where}. Start it (`make up`, or `docker-compose up -d`),"
            " or correct S3_ENDPOINT_URL."
        )

    def no_credentials(self) -> FixConfiguration:
        """For settings without keys, on a machine without a role."""
        return FixConfiguration(
            f"No credentials for S3 at {self.where}. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in .env,"
            " or use an IAM role."
        )

    def failed(self, reason: str) -> StopRun:
        """For a failure without a response."""
        shown = shortened(without_credentials(reason), _SHOWN_CHARACTERS)
        return StopRun(f"S3 at {self.where} failed at {self.action} on {self.place}: {shown}.")


def bad_bucket_name(bucket: str) -> FixConfiguration:
    """For a setting that cannot be a bucket's name."""
    return FixConfiguration(f"{bucket!r} is not a bucket name. Correct {_RAW_OR_PROCESSED} in .env.")
