"""S3: read, write, copy, list and delete the objects of a bucket.

Transfers use object_store through obstore: it spends a quarter of boto3's processor time on a request, including the
body, and does not hold Python's lock meanwhile. boto3 does what obstore cannot (`shared/s3_admin.py`). Failures say
which bucket and what to do (`shared/s3_errors.py`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from os import environ
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

import obstore
from obstore.exceptions import InvalidPathError
from obstore.store import S3Store

from shared.config import S3Settings
from shared.errors import FixConfiguration, StopRun
from shared.s3_errors import Attempt, BucketMissing, ObjectMissing, bad_bucket_name
from shared.urls import shown_value

__all__ = ["Bucket", "BucketMissing", "ObjectInfo", "ObjectMissing"]

T = TypeVar("T")
PART_BYTES = 8 * 1024 * 1024
"""A larger file is uploaded in parts of this size; memory per upload is about four of them."""
_PARTS_IN_FLIGHT = 2
_JSON = "application/json"
_LONGEST = timedelta(minutes=15)
"""For one request that makes progress, for example a large download."""
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
_ENDPOINT = re.compile(r"\w+://(?:\[[0-9a-f:.]+\]|[\w.-]+)(?::[0-9]+)?(?:/[\w.~%+-]+)*/?", re.ASCII | re.IGNORECASE)
_OWN_ENDPOINT = {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"}
"""Variables of AWS's own libraries, which obstore reads as well; the bucket is then part of the path."""
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class ObjectInfo:
    """What the store says about an object without reading it."""

    size_bytes: int
    modified_at: datetime
    e_tag: str
    """Identifies this version of the object."""


class Bucket:
    """One bucket. Safe to share between threads; connects with the first call."""

    def __init__(self, settings: S3Settings, name: str, *, timeout_seconds: float = 20, attempts: int = 4) -> None:
        """`timeout_seconds` without progress end a request; `attempts` include the first.

        Raises FixConfiguration for an unusable endpoint or name.
        """
        self.name = name
        self._settings, self._timeout, self._attempts = settings, timeout_seconds, attempts
        self._where = settings.place
        self._endpoint = _parsed(settings.endpoint_url)
        if not _BUCKET.fullmatch(name):
            raise bad_bucket_name(name)

    def check(self) -> None:
        """Raise FixConfiguration unless the bucket exists and lets us list it."""
        # Unlike the response to a HEAD request, that to a rejected GET contains the reason.
        self._call("s3:ListBucket", None, lambda: next(iter(obstore.list(self._store, "_check/", chunk_size=1)), None))

    def put(
        self,
        key: str,
        data: bytes | memoryview | Path,
        *,
        content_type: str = _JSON,
        part_bytes: int = PART_BYTES,
    ) -> str:
        """Write an object, replacing an older one at once. Returns its entity tag.

        A large file is uploaded in parts, which are discarded when one of them fails.
        """
        put = self._call(
            "s3:PutObject",
            key,
            lambda: obstore.put(
                self._store,
                key,
                data,
                attributes={"Content-Type": content_type},
                use_multipart=None if isinstance(data, Path) else False,
                chunk_size=part_bytes,
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

    def list(self, folder: str) -> Mapping[str, ObjectInfo]:
        """Every object below a folder such as `raw/retailer_1/`, by key, in order.

        object_store ends a listing at a key that it cannot express, such as `raw//x`, which other programs may have
        written. boto3 lists such keys as well.
        """
        found: dict[str, ObjectInfo] = {}

        def listed() -> None:
            for page in obstore.list(self._store, folder):
                found.update(
                    {each["path"]: ObjectInfo(each["size"], each["last_modified"], str(each["e_tag"])) for each in page}
                )

        try:
            self._call("s3:ListBucket", None, listed)
        except StopRun as error:
            if not isinstance(error.__cause__, InvalidPathError):
                raise
            from shared.s3_boto import list_any_keys  # boto3 takes a while to import

            listed_again = list_any_keys(self._settings, self.name, folder)
            return {key: ObjectInfo(size, modified_at, tag) for key, size, modified_at, tag in listed_again}
        return found

    def objects_in(self, folder: str) -> Mapping[str, ObjectInfo]:
        """The objects of a folder by key, without those of folders below it."""

        def listed() -> dict[str, ObjectInfo]:
            found = obstore.list_with_delimiter(self._store, folder or None)["objects"]
            return {each["path"]: ObjectInfo(each["size"], each["last_modified"], str(each["e_tag"])) for each in found}

        return self._call("s3:ListBucket", None, listed)

    def info(self, key: str) -> ObjectInfo:
        """What the store says about one object. Raises ObjectMissing."""
        found = self._call("s3:GetObject", key, lambda: obstore.head(self._store, key))
        return ObjectInfo(found["size"], found["last_modified"], str(found["e_tag"]))

    def copy(self, key: str, to: str) -> None:
        """Copy an object inside the store, replacing `to`. Raises ObjectMissing."""
        self._call("s3:PutObject", key, lambda: obstore.copy(self._store, key, to))

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; a missing one is not an error."""
        if names := list(keys):  # stores that cannot delete several objects in one request can delete one
            paths = names if len(names) > 1 else names[0]
            self._call("s3:DeleteObject", names[0], lambda: obstore.delete(self._store, paths))

    def _call(self, action: str, key: str | None, call: Callable[[], T]) -> T:
        with Attempt(action, self.name, key, self._where).explained():
            return call()

    @cached_property
    def _store(self) -> S3Store:
        return S3Store(self.name, **self._options(), **self._credentials())

    def _options(self) -> dict[str, Any]:
        settings = self._settings
        endpoint = self._endpoint
        options: dict[str, Any] = {
            "region": settings.region,
            "virtual_hosted_style_request": endpoint is None
            and "." not in self.name
            and not _OWN_ENDPOINT & environ.keys(),
            # As boto3 does: TLS protects the body, and on the loopback interface nobody can change it.
            "unsigned_payload": endpoint is None or endpoint.scheme == "https" or endpoint.hostname in _LOOPBACK,
            "client_options": {
                "allow_http": True,
                "connect_timeout": timedelta(seconds=min(self._timeout, 10)),
                "read_timeout": timedelta(seconds=self._timeout),
                "timeout": _LONGEST,
            },
            "retry_config": {
                "max_retries": self._attempts - 1,
                "retry_timeout": timedelta(seconds=self._timeout * self._attempts),
                "backoff": {
                    "init_backoff": timedelta(milliseconds=200),
                    "max_backoff": timedelta(seconds=5),
                    "base": 2,
                },
            },
        }
        given = {
            "endpoint": settings.endpoint_url,
            "server_side_encryption": settings.sse,
            "sse_kms_key_id": settings.sse_kms_key_id,
        }
        return options | {name: value for name, value in given.items() if value}

    def _credentials(self) -> dict[str, Any]:
        key, secret = self._settings.access_key_id, self._settings.secret_access_key
        if key and secret:
            return {"access_key_id": key, "secret_access_key": secret.get_secret_value()}
        import boto3.session  # only here: an IAM role or a profile
        from obstore.auth.boto3 import Boto3CredentialProvider

        try:
            return {"credential_provider": Boto3CredentialProvider(boto3.session.Session())}
        except ValueError as error:
            raise Attempt("", self.name, None, self._where).no_credentials() from error


def _parsed(endpoint_url: str | None) -> SplitResult | None:
    if endpoint_url is None:
        return None
    try:
        found = urlsplit(endpoint_url)
        is_url = found.scheme in ("http", "https") and found.hostname and found.port != 0
    except ValueError:  # a port that is not a number, half a bracket
        is_url = False
    # object_store would send a user or a query as a part of the host or path, and end the process at other characters.
    if is_url and _ENDPOINT.fullmatch(endpoint_url):
        return found
    raise FixConfiguration(
        f"S3_ENDPOINT_URL {shown_value(endpoint_url)!r} is not a URL of a store, such as https://s3.example.com:9000."
        " Correct it in .env; the keys belong in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
    )
