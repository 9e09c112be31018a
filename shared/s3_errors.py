"""Failures of S3 as the platform's errors: which bucket, which key, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions as boto

from shared.errors import FixConfiguration, RetailError, RetryLater, StopRun

_WRONG_KEYS = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "AuthFailure"}
_DENIED = {"AccessDenied", "AllAccessDisabled", "403", "Forbidden"}
_PASSING = {"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "Throttling", "OperationAborted"}
_CONNECTION = (boto.HTTPClientError, boto.ConnectionError, boto.IncompleteReadError)
_NO_KEYS = (boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError)
_RAW_OR_PROCESSED = "S3_BUCKET_RAW / S3_BUCKET_PROCESSED"


class ObjectMissing(StopRun):
    """An object that the caller needs is not in the bucket."""


class BucketMissing(FixConfiguration):
    """A configured bucket does not exist."""


@contextmanager
def explained(action: str, bucket: str, key: str | None, where: str) -> Iterator[None]:
    """Turn every botocore error inside the block into one of `shared/errors.py`.

    `action` completes "S3 denies us …" (for example `s3:GetObject`), `where` is the endpoint or region.
    """
    try:
        yield
    except boto.ClientError as error:
        raise _from_response(error, action, bucket, key, where) from error
    except _NO_KEYS as error:
        raise FixConfiguration(
            f"No credentials for S3 at {where}. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in .env,"
            " or use an IAM role."
        ) from error
    except _CONNECTION as error:
        raise RetryLater(
            f"No S3 store responds at {where}. Start it (`make up`, or `docker-compose up -d`),"
            " or correct S3_ENDPOINT_URL."
        ) from error
    except boto.ParamValidationError as error:
        raise FixConfiguration(f"{bucket!r} is not a bucket name. Correct {_RAW_OR_PROCESSED} in .env.") from error
    except boto.BotoCoreError as error:
        raise StopRun(f"S3 at {where} failed at {action} on {_place(bucket, key)}: {error}.") from error


def _from_response(error: boto.ClientError, action: str, bucket: str, key: str | None, where: str) -> RetailError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    place = _place(bucket, key)
    if code == "NoSuchBucket" or (key is None and status == 404):
        return BucketMissing(
            f"Bucket {bucket} does not exist at {where}. Create it (`make up`, or `docker-compose up -d`),"
            f" or correct {_RAW_OR_PROCESSED} in .env."
        )
    if code in ("NoSuchKey", "404", "NotFound") or status == 404:
        return ObjectMissing(
            f"{place} does not exist at {where}. Ingest that date first: python -m ingestion.main DATE"
        )
    if code in _WRONG_KEYS:
        return FixConfiguration(
            f"S3 at {where} rejected our keys ({code}). Correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in .env."
        )
    if code in _DENIED or status == 403:
        return FixConfiguration(
            f"S3 denies us {action} on bucket {bucket} at {where}."
            " Give the key of AWS_ACCESS_KEY_ID that right, or use another key."
        )
    if code in _PASSING or status == 429 or status >= 500:
        return RetryLater(
            f"S3 at {where} failed at {action} on {place} ({code or status}). Run again in a few minutes."
        )
    return StopRun(f"S3 at {where} rejected {action} on {place} ({code or status}).")


def _place(bucket: str, key: str | None) -> str:
    return f"s3://{bucket}/{key}" if key else f"bucket {bucket}"
