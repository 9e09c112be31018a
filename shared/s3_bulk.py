"""Writes and lists many objects of one bucket at low cost, for bulk loads.

`shared/s3_client.py` spends two milliseconds of processor time on a request, mostly in boto3. A bulk load makes
hundreds of requests while it loads. object_store (through obstore) spends a quarter of that, including the body, and
does not hold Python's lock while it sends. Errors are those of `shared/s3_errors.py`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import obstore
from botocore import exceptions as boto
from obstore.exceptions import BaseError
from obstore.store import S3Store

from shared.config import S3Settings
from shared.errors import FixConfiguration
from shared.s3_errors import explained

T = TypeVar("T")
PART_BYTES = 8 * 1024 * 1024
_PARTS_IN_FLIGHT = 2
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
_CODE = re.compile(r"<Code>([A-Za-z0-9]+)</Code>")
_STATUS = re.compile(r"non-2xx status code: (\d{3})")
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class ObjectMark:
    """Identifies a version of an object without reading it."""

    e_tag: str
    size_bytes: int


class BulkBucket:
    """One bucket. Safe to share between threads; connects with the first call."""

    def __init__(self, settings: S3Settings, bucket: str, *, timeout_seconds: float = 20, attempts: int = 4) -> None:
        """`attempts` per call include the first. Raises FixConfiguration for an unusable endpoint."""
        self._bucket = bucket
        self._where = settings.endpoint_url or f"AWS {settings.region}"
        endpoint = urlsplit(settings.endpoint_url) if settings.endpoint_url else None
        if endpoint is not None and not (endpoint.scheme in ("http", "https") and endpoint.hostname):
            raise FixConfiguration(f"S3_ENDPOINT_URL {settings.endpoint_url!r} is not a URL. Correct it in .env.")
        if not _BUCKET.fullmatch(bucket):
            raise FixConfiguration(
                f"{bucket!r} is not a bucket name. Correct S3_BUCKET_RAW / S3_BUCKET_PROCESSED in .env."
            )
        options: dict[str, Any] = {
            "region": settings.region,
            "virtual_hosted_style_request": endpoint is None and "." not in bucket,
            # As boto3 does: TLS protects the body, and on the loopback interface nobody can change it.
            "unsigned_payload": endpoint is None or endpoint.scheme == "https" or endpoint.hostname in _LOOPBACK,
            "client_options": {
                "allow_http": True,
                "connect_timeout": timedelta(seconds=min(timeout_seconds, 10)),
                "timeout": timedelta(seconds=timeout_seconds),
            },
            "retry_config": {
                "max_retries": attempts - 1,
                "retry_timeout": timedelta(seconds=timeout_seconds * attempts),
                "backoff": {
                    "init_backoff": timedelta(milliseconds=200),
                    "max_backoff": timedelta(seconds=5),
                    "base": 2,
                },
            },
        }
        if settings.endpoint_url:
            options["endpoint"] = settings.endpoint_url
        if settings.sse:
            options["server_side_encryption"] = settings.sse
        if settings.sse_kms_key_id:
            options["sse_kms_key_id"] = settings.sse_kms_key_id
        with explained("s3:ListBucket", bucket, None, self._where):
            self._store = S3Store(bucket, **options, **_credentials(settings))

    def put(self, key: str, data: bytes | memoryview | Path, *, content_type: str = "application/json") -> str:
        """Write a complete object; a large file is uploaded in parts. Returns its entity tag."""
        put = self._call(
            "s3:PutObject",
            key,
            lambda: obstore.put(
                self._store,
                key,
                data,
                attributes={"Content-Type": content_type},
                use_multipart=None if isinstance(data, Path) else False,
                chunk_size=PART_BYTES,
                max_concurrency=_PARTS_IN_FLIGHT,
            ),
        )
        return str(put["e_tag"])

    def read(self, key: str) -> bytes:
        """The object's content. Raises ObjectMissing."""
        return self._call("s3:GetObject", key, lambda: obstore.get(self._store, key).bytes().to_bytes())

    def download(self, key: str, path: Path) -> str:
        """Write the object to `path` and return its sha256 in hex. Raises ObjectMissing."""
        digest = hashlib.sha256()

        def stream() -> None:
            with path.open("wb") as file:
                for chunk in obstore.get(self._store, key).stream(min_chunk_size=PART_BYTES):
                    file.write(chunk)
                    digest.update(chunk)

        self._call("s3:GetObject", key, stream)
        return digest.hexdigest()

    def marks(self, prefix: str) -> Mapping[str, ObjectMark]:
        """Every object below the folder `prefix`, by key."""
        found: dict[str, ObjectMark] = {}

        def listed() -> None:
            for page in obstore.list(self._store, prefix):
                found.update({item["path"]: ObjectMark(str(item["e_tag"]), item["size"]) for item in page})

        self._call("s3:ListBucket", None, listed)
        return found

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; a missing one is not an error."""
        if names := list(keys):
            self._call("s3:DeleteObject", names[0], lambda: obstore.delete(self._store, names))

    def _call(self, action: str, key: str | None, call: Callable[[], T]) -> T:
        with explained(action, self._bucket, key, self._where):
            try:
                return call()
            except (BaseError, OSError, ValueError) as error:
                raise _as_boto(error, action, self._where) from error


def _credentials(settings: S3Settings) -> dict[str, Any]:
    if settings.access_key_id and settings.secret_access_key:
        return {
            "access_key_id": settings.access_key_id,
            "secret_access_key": settings.secret_access_key.get_secret_value(),
        }
    import boto3.session  # only here: an IAM role or a profile
    from obstore.auth.boto3 import Boto3CredentialProvider

    try:
        return {"credential_provider": Boto3CredentialProvider(boto3.session.Session())}
    except ValueError as error:
        raise boto.NoCredentialsError from error


def _as_boto(error: Exception, action: str, where: str) -> Exception:
    """The same failure as a botocore error, so that one place explains it."""
    text = str(error)
    code, status = _CODE.search(text), _STATUS.search(text)
    if code or status:
        response: Any = {
            "Error": {"Code": code.group(1) if code else ""},
            "ResponseMetadata": {"HTTPStatusCode": int(status.group(1)) if status else 0},
        }
        return boto.ClientError(response, action)
    if "error sending request" in text or "HTTP error" in text or "timed out" in text:
        return boto.EndpointConnectionError(endpoint_url=where)
    return boto.BotoCoreError() if not text else _Other(text.splitlines()[0])


class _Other(boto.BotoCoreError):
    """A failure without a response of the server."""

    def __init__(self, text: str) -> None:
        Exception.__init__(self, text)
        self.kwargs = {}
