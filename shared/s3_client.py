"""S3: read, write and stream objects; failures say which bucket and what to do (see `shared/s3_errors.py`)."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, cast

from boto3.s3.transfer import TransferConfig

from shared.config import S3Settings
from shared.errors import FixConfiguration, RetailError
from shared.s3_errors import BucketMissing, ObjectMissing, explained
from shared.s3_session import make_client

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.literals import BucketLocationConstraintType
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

__all__ = ["BucketMissing", "ObjectInfo", "ObjectMissing", "ObjectStore", "ObjectWriter"]

PART_BYTES = 8 * 1024 * 1024
"""Size from which a streamed object goes up in parts; memory per writer is about three of them."""
_READ_BYTES = 1024 * 1024
_PARTS_IN_FLIGHT = 2
_JSON = "application/json"
_TRANSFER = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=4)


@dataclass(frozen=True)
class ObjectInfo:
    """What the store says of an object without reading it."""

    key: str
    size_bytes: int
    modified_at: datetime


class _Encryption(TypedDict, total=False):
    ServerSideEncryption: Literal["AES256", "aws:kms"]
    SSEKMSKeyId: str


class _Attributes(_Encryption, total=False):
    ContentType: str


def _encryption(settings: S3Settings) -> _Encryption:
    found: _Encryption = {}
    if settings.sse:
        found["ServerSideEncryption"] = settings.sse
    if settings.sse_kms_key_id:
        found["SSEKMSKeyId"] = settings.sse_kms_key_id
    return found


class ObjectStore:
    """One S3 account. Safe to share between threads; connects with the first call."""

    def __init__(self, settings: S3Settings, *, timeout_seconds: float = 20, attempts: int = 4) -> None:
        """`attempts` per call include the first. Raises FixConfiguration for an unusable endpoint."""
        try:
            self._client = make_client(settings, timeout_seconds, attempts)
        except ValueError as error:
            raise FixConfiguration(
                f"S3_ENDPOINT_URL {settings.endpoint_url!r} is not a URL. Correct it in .env."
            ) from error
        self._where = settings.endpoint_url or f"AWS {settings.region}"
        self._encryption = _encryption(settings)

    def check_bucket(self, bucket: str) -> None:
        """Raise FixConfiguration unless the bucket exists and lets us list it."""
        with explained("s3:ListBucket", bucket, None, self._where):
            self._client.head_bucket(Bucket=bucket)

    def create_bucket(self, bucket: str) -> None:
        """Make a bucket in the configured region."""
        region = self._client.meta.region_name
        with explained("s3:CreateBucket", bucket, None, self._where):
            if region == "us-east-1":  # the one region that must not be named
                self._client.create_bucket(Bucket=bucket)
            else:
                place = cast("BucketLocationConstraintType", region)
                self._client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": place})

    def put(self, bucket: str, key: str, data: bytes, *, content_type: str = _JSON) -> None:
        """Write a small object in one request."""
        with explained("s3:PutObject", bucket, key, self._where):
            self._client.put_object(Bucket=bucket, Key=key, Body=data, ContentType=content_type, **self._encryption)

    def read_bytes(self, bucket: str, key: str) -> bytes:
        """The object's content. Raises ObjectMissing."""
        with explained("s3:GetObject", bucket, key, self._where):
            return self._client.get_object(Bucket=bucket, Key=key)["Body"].read()

    def lines(self, bucket: str, key: str) -> Iterator[bytes]:
        """The object's lines without their ends, streamed. Raises ObjectMissing."""
        with explained("s3:GetObject", bucket, key, self._where):
            body = self._client.get_object(Bucket=bucket, Key=key)["Body"]
            with body:
                yield from body.iter_lines(chunk_size=_READ_BYTES)

    def download(self, bucket: str, key: str, path: Path) -> str:
        """Write the object to `path` and return its sha256 in hex. Raises ObjectMissing."""
        digest = hashlib.sha256()
        with explained("s3:GetObject", bucket, key, self._where):
            body = self._client.get_object(Bucket=bucket, Key=key)["Body"]
            with body, path.open("wb") as file:
                for chunk in body.iter_chunks(_READ_BYTES):
                    digest.update(chunk)
                    file.write(chunk)
        return digest.hexdigest()

    def upload(self, path: Path, bucket: str, key: str, *, content_type: str = "application/octet-stream") -> None:
        """Write a file as an object, large ones in parallel parts; the object appears complete or not at all."""
        with explained("s3:PutObject", bucket, key, self._where), path.open("rb") as file:
            extra = {"ContentType": content_type, **self._encryption}
            self._client.upload_fileobj(file, bucket, key, ExtraArgs=extra, Config=_TRANSFER)

    def info(self, bucket: str, key: str) -> ObjectInfo | None:
        """Size and time of the object, or None when there is none."""
        try:
            with explained("s3:GetObject", bucket, key, self._where):
                head = self._client.head_object(Bucket=bucket, Key=key)
        except ObjectMissing:
            self.check_bucket(bucket)  # a HEAD response is the same for a missing object and a missing bucket
            return None
        return ObjectInfo(key, head["ContentLength"], head["LastModified"])

    def exists(self, bucket: str, key: str) -> bool:
        """Whether the object exists. Raises FixConfiguration when the bucket does not."""
        return self.info(bucket, key) is not None

    def list_keys(self, bucket: str, prefix: str) -> Iterator[str]:
        """Keys that begin with `prefix`, in order."""
        with explained("s3:ListBucket", bucket, None, self._where):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                yield from (item["Key"] for item in page.get("Contents", ()))

    def delete(self, bucket: str, key: str) -> None:
        """Remove the object; a missing one is not an error."""
        with explained("s3:DeleteObject", bucket, key, self._where):
            self._client.delete_object(Bucket=bucket, Key=key)

    def abort_uploads(self, bucket: str, *, untouched_since: datetime) -> list[str]:
        """Give up multipart uploads to which nobody has added since; returns their keys.

        The time of the newest part decides. An upload without parts takes no room and is left: what a store says about
        its beginning is not always true.
        """
        aborted = []
        with explained("s3:ListBucketMultipartUploads", bucket, None, self._where):
            listing = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket)
            found = [(each["Key"], each["UploadId"]) for page in listing for each in page.get("Uploads", ())]
        for key, upload_id in found:
            with suppress(ObjectMissing), explained("s3:ListMultipartUploadParts", bucket, key, self._where):
                pages = self._client.get_paginator("list_parts").paginate(Bucket=bucket, Key=key, UploadId=upload_id)
                times = [part["LastModified"] for page in pages for part in page.get("Parts", ())]
                if times and max(times) < untouched_since:
                    with explained("s3:AbortMultipartUpload", bucket, key, self._where):
                        self._client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
                    aborted.append(key)
        return aborted

    @contextmanager
    def writer(
        self, bucket: str, key: str, *, content_type: str = _JSON, part_bytes: int = PART_BYTES
    ) -> Iterator[ObjectWriter]:
        """Stream an object of unknown size in bounded memory.

        Nothing appears in the bucket before `ObjectWriter.complete()`; a block left without it leaves no trace.
        """
        attributes: _Attributes = {"ContentType": content_type, **self._encryption}
        writer = ObjectWriter(self._client, self._where, bucket, key, attributes, part_bytes)
        try:
            yield writer
        finally:
            writer.abort()


class ObjectWriter:
    """An object being written: one PUT when it is small, else a multipart upload with two parts in flight."""

    def __init__(
        self, client: S3Client, where: str, bucket: str, key: str, attributes: _Attributes, part_bytes: int
    ) -> None:
        self._client, self._where, self._bucket, self._key = client, where, bucket, key
        self._attributes, self._part_bytes = attributes, part_bytes
        self._buffer = bytearray()
        self._digest = hashlib.sha256()
        self._upload_id: str | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._pending: deque[Future[CompletedPartTypeDef]] = deque()
        self._parts: list[CompletedPartTypeDef] = []
        self._part_number = 0
        self._done = False
        self.size_bytes = 0

    @property
    def sha256(self) -> str:
        """Hex digest of all that was written so far."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> None:
        """Append bytes; blocks while two parts are still on their way."""
        self._digest.update(data)
        self.size_bytes += len(data)
        self._buffer += data
        if len(self._buffer) >= self._part_bytes:
            self._send(bytes(self._buffer))
            self._buffer.clear()

    def flush(self) -> None:
        """Wait until everything but the last part is in the store, so that `complete` is short."""
        with explained("s3:PutObject", self._bucket, self._key, self._where):
            while self._pending:
                self._parts.append(self._pending.popleft().result())

    def complete(self) -> None:
        """Make the object appear, replacing an older one at once."""
        if self._upload_id is None:
            with explained("s3:PutObject", self._bucket, self._key, self._where):
                self._client.put_object(
                    Bucket=self._bucket, Key=self._key, Body=bytes(self._buffer), **self._attributes
                )
        else:
            if self._buffer:
                self._send(bytes(self._buffer))
            self.flush()
            with explained("s3:PutObject", self._bucket, self._key, self._where):
                self._client.complete_multipart_upload(
                    Bucket=self._bucket,
                    Key=self._key,
                    UploadId=self._upload_id,
                    MultipartUpload={"Parts": self._parts},
                )
        self._done = True

    def abort(self) -> None:
        """Discard what was sent, unless the object was completed. Never raises: the store expires the rest."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        if self._done or self._upload_id is None:
            return
        with suppress(RetailError), explained("s3:AbortMultipartUpload", self._bucket, self._key, self._where):
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=self._key, UploadId=self._upload_id)
        self._upload_id = None

    def _send(self, part: bytes) -> None:
        with explained("s3:PutObject", self._bucket, self._key, self._where):
            if self._upload_id is None or self._pool is None:
                self._pool = ThreadPoolExecutor(_PARTS_IN_FLIGHT, thread_name_prefix="s3-part")
                self._upload_id = self._client.create_multipart_upload(
                    Bucket=self._bucket, Key=self._key, **self._attributes
                )["UploadId"]
            while len(self._pending) >= _PARTS_IN_FLIGHT:
                self._parts.append(self._pending.popleft().result())
            self._part_number += 1
            self._pending.append(self._pool.submit(self._put_part, self._upload_id, self._part_number, part))

    def _put_part(self, upload_id: str, number: int, part: bytes) -> CompletedPartTypeDef:
        response = self._client.upload_part(
            Bucket=self._bucket, Key=self._key, UploadId=upload_id, PartNumber=number, Body=part
        )
        return {"PartNumber": number, "ETag": response["ETag"]}
