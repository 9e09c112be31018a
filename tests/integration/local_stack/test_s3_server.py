from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import psutil
import pytest
from botocore.exceptions import ClientError

from local_stack.postgres import free_port
from local_stack.s3_server import S3Process, start_server
from tests.conftest import S3Access

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1024 * 1024


class Restartable:
    """A server on one directory that can be killed and started again."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._port = free_port()
        self.process: S3Process = self._start()

    def _start(self) -> S3Process:
        return start_server(self._directory / "data", self._port, self._directory / "s3.log")

    @property
    def client(self) -> S3Client:
        return boto3.client(
            "s3",
            endpoint_url=self.process.endpoint,
            aws_access_key_id="any",
            aws_secret_access_key="any",
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
