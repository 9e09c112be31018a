from __future__ import annotations

import io
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import psutil
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from local_stack import processes
from local_stack.credentials import load_or_create
from local_stack.environment import pipeline_environment
from local_stack.layout import Layout
from local_stack.postgres import free_port
from local_stack.s3_server import S3Process, key_settings, main, start_server
from local_stack.s3_signatures import AccessKey
from local_stack.services import s3_service
from shared.config import PROJECT_ROOT, load_settings
from shared.errors import FixConfiguration
from shared.s3_admin import abort_uploads, ensure_bucket
from shared.s3_client import Bucket
from tests.conftest import S3Access
from tests.waiting import wait_until

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1024 * 1024
KEY = AccessKey("id", "secret")


class Restartable:
    """A server on one directory that can be killed and started again."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._port = free_port()
        self.process: S3Process = self._start()

    def _start(self) -> S3Process:
        return start_server(self._directory / "data", self._port, self._directory / "s3.log", KEY)

    @property
    def client(self) -> S3Client:
        return boto3.client(
            "s3",
            endpoint_url=self.process.endpoint,
            aws_access_key_id=KEY.key_id,
            aws_secret_access_key=KEY.secret,
            region_name="us-east-1",
        )

    @property
    def blobs(self) -> list[Path]:
        return list((self._directory / "data" / "blobs").glob("*/*"))

    def kill_and_start_again(self) -> None:
        self.process.process.kill()
        self.process.process.wait()
        self.process = self._start()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Restartable]:
    restartable = Restartable(tmp_path)
    restartable.client.create_bucket(Bucket="raw")
    yield restartable
    restartable.process.stop()


def body(client: S3Client, key: str) -> bytes:
    return client.get_object(Bucket="raw", Key=key)["Body"].read()


def test_a_killed_server_comes_back_with_content_metadata_and_dates(server: Restartable) -> None:
    key = "raw/retailer_1/year=2024/month=01/day=15/ü x+y.json"
    server.client.put_object(
        Bucket="raw", Key=key, Body=b"{}\n", ContentType="application/x-ndjson", Metadata={"run_id": "r1"}
    )
    before = server.client.head_object(Bucket="raw", Key=key)

    server.kill_and_start_again()

    after = server.client.head_object(Bucket="raw", Key=key)
    assert body(server.client, key) == b"{}\n"
    assert after["Metadata"] == {"run_id": "r1"}
    for field in ("ETag", "ContentType", "ContentLength", "LastModified"):
        assert after[field] == before[field]


def test_what_was_replaced_or_deleted_stays_so_after_a_kill(server: Restartable) -> None:
    client = server.client
    for key in ("a", "b", "c", "d/e"):
        client.put_object(Bucket="raw", Key=key, Body=b"old")
    client.put_object(Bucket="raw", Key="a", Body=b"new")
    client.delete_object(Bucket="raw", Key="b")
    client.delete_objects(Bucket="raw", Delete={"Objects": [{"Key": "c"}, {"Key": "d/e"}]})

    server.kill_and_start_again()

    listed = server.client.list_objects_v2(Bucket="raw")
    assert [item["Key"] for item in listed.get("Contents", [])] == ["a"]
    assert body(server.client, "a") == b"new"
    assert len(server.blobs) == 1


def test_buckets_are_kept_and_deleted_ones_are_not(server: Restartable) -> None:
    server.client.create_bucket(Bucket="kept")
    server.client.create_bucket(Bucket="dropped")
    server.client.delete_bucket(Bucket="dropped")

    server.kill_and_start_again()

    assert [bucket["Name"] for bucket in server.client.list_buckets()["Buckets"]] == ["kept", "raw"]


def test_a_multipart_upload_a_copy_and_tags_survive_a_kill(server: Restartable) -> None:
    content = os.urandom(9 * MIB)
    client = server.client
    client.upload_fileobj(io.BytesIO(content), "raw", "big")
    client.copy_object(Bucket="raw", Key="copy", CopySource={"Bucket": "raw", "Key": "big"})
    client.put_object_tagging(Bucket="raw", Key="copy", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})

    server.kill_and_start_again()

    assert body(server.client, "big") == content
    assert body(server.client, "copy") == content
    assert server.client.get_object_tagging(Bucket="raw", Key="copy")["TagSet"] == [{"Key": "k", "Value": "v"}]


def test_an_upload_that_was_not_completed_leaves_nothing(server: Restartable) -> None:
    client = server.client
    upload = client.create_multipart_upload(Bucket="raw", Key="half")["UploadId"]
    client.upload_part(Bucket="raw", Key="half", PartNumber=1, UploadId=upload, Body=b"x" * MIB)

    server.kill_and_start_again()

    assert server.client.list_objects_v2(Bucket="raw")["KeyCount"] == 0
    assert server.blobs == []


def test_an_aborted_upload_gives_its_space_back(server: Restartable) -> None:
    client = server.client
    upload = client.create_multipart_upload(Bucket="raw", Key="half")["UploadId"]
    client.upload_part(Bucket="raw", Key="half", PartNumber=1, UploadId=upload, Body=b"x" * MIB)

    client.abort_multipart_upload(Bucket="raw", Key="half", UploadId=upload)

    assert server.blobs == []


def test_versions_survive_a_kill(server: Restartable) -> None:
    client = server.client
    client.put_bucket_versioning(Bucket="raw", VersioningConfiguration={"Status": "Enabled"})
    first = client.put_object(Bucket="raw", Key="v", Body=b"one")["VersionId"]
    client.put_object(Bucket="raw", Key="v", Body=b"two")
    client.delete_object(Bucket="raw", Key="v")

    server.kill_and_start_again()

    assert server.client.get_object(Bucket="raw", Key="v", VersionId=first)["Body"].read() == b"one"
    assert len(server.client.list_object_versions(Bucket="raw")["Versions"]) == 2
    with pytest.raises(ClientError, match="NoSuchKey"):
        server.client.get_object(Bucket="raw", Key="v")


def test_a_range_is_served_and_a_replacement_does_not_disturb_a_reader(server: Restartable) -> None:
    content = os.urandom(4 * MIB)
    server.client.put_object(Bucket="raw", Key="k", Body=content)

    opened = server.client.get_object(Bucket="raw", Key="k")["Body"]
    server.client.put_object(Bucket="raw", Key="k", Body=b"new")

    assert opened.read() == content
    assert server.client.get_object(Bucket="raw", Key="k", Range="bytes=1-2")["Body"].read() == b"ew"


@pytest.mark.long
def test_large_objects_do_not_stay_in_memory(server: Restartable) -> None:
    process = psutil.Process(server.process.process.pid)
    before = process.memory_info().rss
    content = os.urandom(MIB) * 64
    for name in ("one", "two", "three"):
        server.client.upload_fileobj(io.BytesIO(content), "raw", name)
        assert len(body(server.client, name)) == len(content)

    grown = process.memory_info().rss - before

    assert grown < len(content), f"{grown / MIB:.0f} MiB for 192 MiB stored"


@pytest.mark.parametrize(
    "call",
    [
        lambda s3: s3.client.put_object(Bucket=s3.bucket_raw, Key="k", Body=b"x" * 100_000),
        lambda s3: s3.client.get_object(Bucket=s3.bucket_raw, Key="k"),
        lambda s3: s3.client.list_objects_v2(Bucket=s3.bucket_raw),
        lambda s3: s3.client.upload_fileobj(io.BytesIO(b"x" * 9 * MIB), s3.bucket_raw, "k"),
    ],
)
def test_a_denied_bucket_returns_access_denied(s3: S3Access, call: Callable[[S3Access], object]) -> None:
    s3.deny(s3.bucket_raw)

    with pytest.raises(ClientError) as rejected:
        call(s3)

    assert rejected.value.response["Error"]["Code"] == "AccessDenied"
    s3.client.put_object(Bucket=s3.bucket_processed, Key="k", Body=b"still allowed")


def put_by_form(endpoint: str, bucket: str, key: str) -> urllib.request.Request:
    """What the form of a web page sends. Browsers send it to any address."""
    fields = f'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\n{key}\r\n'
    file = '--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nforged\r\n--b--\r\n'
    return urllib.request.Request(
        f"{endpoint}/{bucket}",
        (fields + file).encode(),
        {"Content-Type": "multipart/form-data; boundary=b"},
        method="POST",
    )


def response_to(request: urllib.request.Request) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_nobody_without_the_key_reads_or_changes_anything(s3: S3Access) -> None:
    s3.client.put_object(Bucket=s3.bucket_raw, Key="k", Body=b"ours")
    address = f"{s3.endpoint}/{s3.bucket_raw}/k"
    requests = [
        put_by_form(s3.endpoint, s3.bucket_raw, "k"),
        urllib.request.Request(address),
        urllib.request.Request(f"{s3.endpoint}/{s3.bucket_raw}?list-type=2"),
        urllib.request.Request(f"{s3.endpoint}/"),
        urllib.request.Request(address, b"forged" * 100_000, method="PUT"),
        urllib.request.Request(address, method="DELETE"),
        urllib.request.Request(address, method="OPTIONS"),
        urllib.request.Request(f"{s3.endpoint}/{s3.bucket_raw}", method="DELETE"),
        urllib.request.Request(f"{s3.endpoint}/_local/denied", b"[]", method="PUT"),
        urllib.request.Request(f"{s3.endpoint}/moto-api/reset", b"", method="POST"),
    ]

    for request in requests:
        status, body = response_to(request)
        assert (status, b"<Code>AccessDenied</Code>" in body) == (403, True), request.full_url
    assert s3.client.get_object(Bucket=s3.bucket_raw, Key="k")["Body"].read() == b"ours"


def test_a_web_page_cannot_use_a_url_that_a_program_has_signed(s3: S3Access) -> None:
    s3.client.put_object(Bucket=s3.bucket_raw, Key="k", Body=b"ours")
    client = boto3.client(
        "s3",
        endpoint_url=s3.endpoint,
        aws_access_key_id=s3.server.key.key_id,
        aws_secret_access_key=s3.server.key.secret,
        region_name="us-east-1",
        config=Config(signature_version="s3v4"),
    )
    url = client.generate_presigned_url("get_object", {"Bucket": s3.bucket_raw, "Key": "k"})
    writing = client.generate_presigned_url("put_object", {"Bucket": s3.bucket_raw, "Key": "new"})

    assert response_to(urllib.request.Request(url)) == (200, b"ours")
    assert response_to(urllib.request.Request(url, headers={"Origin": "https://example.com"}))[0] == 403
    assert response_to(urllib.request.Request(url, headers={"Host": "example.com"}))[0] == 403
    put = urllib.request.Request(writing, b"new", {"Content-Type": "application/octet-stream"}, method="PUT")
    assert response_to(put)[0] == 200
    assert s3.client.get_object(Bucket=s3.bucket_raw, Key="new")["Body"].read() == b"new"


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (lambda key: replace(key, secret="wrong"), "SignatureDoesNotMatch"),
        (lambda key: replace(key, key_id="wrong"), "InvalidAccessKeyId"),
    ],
)
def test_another_key_is_an_error_that_says_which_settings_to_correct(
    s3: S3Access, key: Callable[[AccessKey], AccessKey], code: str
) -> None:
    environment = {**s3.environment, **key_settings(key(s3.server.key)), "WAREHOUSE_DSN": "postgresql://none"}
    store = load_settings(environment).s3

    with pytest.raises(FixConfiguration, match=rf"rejected our keys \({code}\). Correct AWS_ACCESS_KEY_ID"):
        Bucket(store, s3.bucket_raw).put("k", b"x" * MIB)
    with pytest.raises(FixConfiguration, match=rf"rejected our keys \({code}\). Correct AWS_ACCESS_KEY_ID"):
        abort_uploads(store, s3.bucket_raw, untouched_since=datetime.now(UTC))


def test_a_body_that_was_changed_on_its_way_is_not_stored(s3: S3Access) -> None:
    url = f"{s3.endpoint}/{s3.bucket_raw}/k"
    request = AWSRequest("PUT", url, data=b"signed")
    S3SigV4Auth(Credentials(s3.server.key.key_id, s3.server.key.secret), "s3", "us-east-1").add_auth(request)

    sent = urllib.request.Request(url, b"forged", dict(request.headers), method="PUT")
    status, body = response_to(sent)

    assert (status, b"XAmzContentSHA256Mismatch" in body) == (400, True)
    assert "Contents" not in s3.client.list_objects_v2(Bucket=s3.bucket_raw)


def test_a_body_in_chunks_is_stored(s3: S3Access) -> None:
    class InChunks(S3SigV4Auth):
        def payload(self, request: AWSRequest) -> str:
            return "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

    url = f"{s3.endpoint}/{s3.bucket_raw}/k"
    body = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"
    headers = {
        "Content-Type": "text/plain",
        "Content-Encoding": "aws-chunked",
        "X-Amz-Decoded-Content-Length": "5",
        "X-Amz-Trailer": "x-amz-checksum-crc32",
    }
    request = AWSRequest("PUT", url, headers, body)
    InChunks(Credentials(s3.server.key.key_id, s3.server.key.secret), "s3", "us-east-1").add_auth(request)

    assert response_to(urllib.request.Request(url, body, dict(request.headers), method="PUT"))[0] == 200
    assert s3.client.get_object(Bucket=s3.bucket_raw, Key="k")["Body"].read() == b"hello"


def test_the_settings_of_the_platform_have_the_key_of_its_store(tmp_path: Path) -> None:
    credentials = load_or_create(tmp_path / "credentials.json")
    ports = dict.fromkeys(("postgres", "airflow", "retailer1", "retailer2", "retailer3"), 1) | {"s3": free_port()}
    service = s3_service(Layout(tmp_path), ports["s3"], credentials)
    (tmp_path / ".local").mkdir()
    environment = {**service.environment, "PYTHONPATH": str(PROJECT_ROOT)}
    process = processes.start(
        "s3", service.command, log_file=tmp_path / "s3.log", checkout=PROJECT_ROOT, environment=environment
    )
    try:
        wait_until(service.is_ready, 30)
        store = load_settings(pipeline_environment(ports, credentials, {})).s3
        assert ensure_bucket(store, store.bucket_raw) == "created"
        Bucket(store, store.bucket_raw).put("k", b"{}")
    finally:
        processes.stop([process], 5)


def test_a_server_without_a_key_does_not_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--port", "1", "--directory", str(tmp_path)], {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": ""})
    assert "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set" in capsys.readouterr().err
