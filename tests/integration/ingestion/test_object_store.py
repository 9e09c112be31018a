"""The S3 client against a real S3 API."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
import requests

from shared.config import S3Settings
from shared.errors import FixConfiguration, RetryLater, StopRun
from shared.s3_admin import abort_uploads, ensure_bucket
from shared.s3_client import Bucket, BucketMissing, ObjectMissing

if TYPE_CHECKING:
    from tests.conftest import S3Access

LINE = b"0123456789" * 10_000 + b"\n"
PART = 5 * 1024 * 1024
MIB = 1024 * 1024


@pytest.fixture
def bucket(s3: S3Access) -> Bucket:
    return Bucket(settings(s3), s3.bucket_raw)


def settings(s3: S3Access, **changes: str) -> S3Settings:
    values = {
        "endpoint_url": s3.endpoint,
        "access_key_id": s3.server.key.key_id,
        "secret_access_key": s3.server.key.secret,
        "bucket_raw": s3.bucket_raw,
        "bucket_processed": s3.bucket_processed,
    }
    return S3Settings.model_validate({**values, **changes})


def file_of(directory: Path, lines: int) -> Path:
    path = directory / f"{lines}.txt"
    path.write_bytes(LINE * lines)
    return path


@pytest.mark.parametrize("lines", [0, 1, 130], ids=["empty", "small", "three parts"])
def test_a_file_reads_as_it_was_written(bucket: Bucket, tmp_path: Path, lines: int) -> None:
    bucket.put("k", file_of(tmp_path, lines), part_bytes=PART)

    assert bucket.download("k", tmp_path / "k") == hashlib.sha256(LINE * lines).hexdigest()
    assert bucket.list("")["k"].size_bytes == len(LINE) * lines


@contextmanager
def third_part_denied(s3: S3Access) -> Iterator[tuple[str, list[str]]]:
    """The endpoint of a store that denies the third part of an upload, and the parts that it has accepted."""
    uploaded: list[str] = []

    class Proxy(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if "partNumber=3" in self.path:
                self.respond(403, b"<Error><Code>AccessDenied</Code></Error>", {})
                return
            sent = requests.request(self.command, s3.endpoint + self.path, data=body, headers=dict(self.headers))
            if "partNumber" in self.path:
                uploaded.append(self.path)
            self.respond(sent.status_code, sent.content, {"ETag": sent.headers.get("ETag", "")})

        def do_POST(self) -> None:
            self.do_PUT()

        def do_DELETE(self) -> None:
            self.do_PUT()

        def respond(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", uploaded
    finally:
        server.shutdown()
        server.server_close()


def test_an_upload_that_fails_leaves_the_older_object_and_no_parts(
    bucket: Bucket, s3: S3Access, tmp_path: Path
) -> None:
    bucket.put("k", b"older")
    with third_part_denied(s3) as (endpoint, uploaded):
        through = Bucket(settings(s3, endpoint_url=endpoint), s3.bucket_raw)
        with pytest.raises(FixConfiguration, match="S3 denies us s3:PutObject"):
            through.put("k", file_of(tmp_path, 130), part_bytes=PART)

    assert uploaded
    assert bucket.read("k") == b"older"
    assert "Uploads" not in s3.client.list_multipart_uploads(Bucket=s3.bucket_raw)


@pytest.mark.long
def test_many_files_are_uploaded_at_once_in_bounded_memory(bucket: Bucket, tmp_path: Path) -> None:
    process, uploads = psutil.Process(), 4
    path = file_of(tmp_path, 1_000)  # 100 MB
    bucket.put("warm", LINE)
    before, most = process.memory_info().rss, 0
    with ThreadPoolExecutor(uploads) as pool:
        running = [pool.submit(bucket.put, f"k{number}", path, part_bytes=PART) for number in range(uploads)]
        while not all(each.done() for each in running):
            most = max(most, process.memory_info().rss)
            time.sleep(0.01)
    assert len({each.result() for each in running}) == 1
    assert most - before < uploads * 8 * PART


def test_files_copies_folders_and_deleting(bucket: Bucket, s3: S3Access, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"a\nb\n")
    bucket.put("x/1", file, content_type="text/plain")
    bucket.put("x/2", b"")
    bucket.put("xy", b"")
    bucket.copy("x/1", "y/1")

    assert bucket.read("y/1") == b"a\nb\n"
    assert s3.client.head_object(Bucket=s3.bucket_raw, Key="y/1")["ContentType"] == "text/plain"
    assert list(bucket.list("x/")) == ["x/1", "x/2"]
    assert bucket.list("x/")["x/1"].e_tag == bucket.put("z", b"a\nb\n")
    for keys in (["x/1"], ["x/1"], ["x/1", "x/2"], []):
        bucket.delete(keys)
    assert list(bucket.list("")) == ["xy", "y/1", "z"]


def test_a_missing_object_is_not_a_missing_bucket(bucket: Bucket, s3: S3Access, tmp_path: Path) -> None:
    with pytest.raises(ObjectMissing, match=f"s3://{s3.bucket_raw}/k does not exist"):
        bucket.read("k")
    with pytest.raises(ObjectMissing, match=f"s3://{s3.bucket_raw}/k does not exist"):
        bucket.copy("k", "l")
    missing = Bucket(settings(s3), "not-there")
    for call in (
        lambda: missing.read("k"),
        lambda: missing.download("k", tmp_path / "k"),
        lambda: missing.put("k", b""),
        lambda: missing.list(""),
        missing.check,
    ):
        with pytest.raises(BucketMissing, match="Bucket not-there does not exist"):
            call()
    assert issubclass(ObjectMissing, StopRun)
    assert issubclass(BucketMissing, FixConfiguration)


def test_a_bucket_that_denies_access_is_an_error_that_names_the_missing_permission(
    bucket: Bucket, s3: S3Access
) -> None:
    s3.deny(s3.bucket_raw)
    with pytest.raises(FixConfiguration, match=f"S3 denies us s3:PutObject on bucket {s3.bucket_raw}"):
        bucket.put("k", b"")
    with pytest.raises(FixConfiguration, match="S3 denies us s3:ListBucket"):
        bucket.check()
    with pytest.raises(FixConfiguration, match="S3 denies us s3:ListBucketMultipartUploads"):
        abort_uploads(settings(s3), s3.bucket_raw, untouched_since=datetime.now(UTC))


def test_an_unavailable_store_can_be_retried(s3: S3Access) -> None:
    nowhere = settings(s3, endpoint_url="http://127.0.0.1:9")
    with pytest.raises(RetryLater, match=r"No S3 store responds at http://127.0.0.1:9"):
        Bucket(nowhere, s3.bucket_raw, attempts=1).check()
    with pytest.raises(RetryLater, match=r"No S3 store responds at http://127.0.0.1:9"):
        ensure_bucket(nowhere, s3.bucket_raw)


def test_an_invalid_url_or_bucket_name_is_a_configuration_error(s3: S3Access) -> None:
    with pytest.raises(FixConfiguration, match="S3_ENDPOINT_URL"):
        Bucket(settings(s3, endpoint_url="nonsense"), s3.bucket_raw)
    for mistake in (
        "http://u:p@h",
        "http://h/?a=b",
        "http://h#a",
        "http://a b",
        "http://a\tb",
        "http://h//",
        "http://ä",
    ):
        with pytest.raises(FixConfiguration, match="is not a URL of a store"):
            Bucket(settings(s3, endpoint_url=mistake), s3.bucket_raw)
    for url in ("HTTP://[::1]:9000/", "https://project.example.com/storage/v1/s3"):
        Bucket(settings(s3, endpoint_url=url), s3.bucket_raw)
    with pytest.raises(FixConfiguration, match="S3_BUCKET_RAW"):
        Bucket(settings(s3), "no bucket!")


class _Slow(BaseHTTPRequestHandler):
    """Sends 6 MiB in 3 seconds; for `hang`, nothing."""

    requests: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.requests.append(self.path)
        if "hang" in self.path:
            time.sleep(5)
            return
        self.send_response(200)
        for name, value in (("ETag", '"1"'), ("Last-Modified", "Thu, 26 Nov 2026 18:00:00 GMT")):
            self.send_header(name, value)
        self.send_header("Content-Length", str(6 * MIB))
        self.end_headers()
        for _ in range(12):
            self.wfile.write(b"x" * (MIB // 2))
            time.sleep(0.25)

    def log_message(self, *_: object) -> None:
        pass


def test_a_slow_download_ends_and_a_request_without_a_response_is_given_up(s3: S3Access, tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Slow)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        slow = settings(s3, endpoint_url=f"http://127.0.0.1:{server.server_port}")
        bucket = Bucket(slow, s3.bucket_raw, timeout_seconds=1, attempts=2)
        assert bucket.download("slow", tmp_path / "slow") == hashlib.sha256(b"x" * 6 * MIB).hexdigest()
        began = time.monotonic()
        with pytest.raises(RetryLater, match="No S3 store responds"):
            bucket.read("hang")
        assert time.monotonic() - began < timedelta(seconds=4).total_seconds()
        assert [path.rpartition("/")[2] for path in _Slow.requests] == ["slow", "hang", "hang"]
    finally:
        server.shutdown()


@pytest.mark.parametrize("odd", ["raw//x", "raw/a/../x", "raw/./x"])
def test_a_key_of_another_program_does_not_end_a_listing(s3: S3Access, bucket: Bucket, odd: str) -> None:
    tag = bucket.put("raw/retailer_1/k", b"{}")
    s3.client.put_object(Bucket=s3.bucket_raw, Key=odd, Body=b"x")

    found = bucket.list("raw/")

    assert set(found) == {odd, "raw/retailer_1/k"}
    assert (found["raw/retailer_1/k"].size_bytes, found["raw/retailer_1/k"].e_tag) == (2, tag)
