"""The servers that a run with all kinds of sources reads from. Each is started when the first test needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.conftest import S3Access
from tests.contract.conftest import mariadb_server
from tests.fakes.databases.till import MySqlTill, PostgresTill, SqliteTill
from tests.fakes.mongodb.till import MongoTill
from tests.fakes.programs.till import DltTill, SingerTill
from tests.integration.drops.conftest import FolderDrop, S3Drop, sftp_server
from tests.integration.pipeline.all_kinds import AllKinds, Broken, add_shops

if TYPE_CHECKING:
    from local_stack.postgres import PostgresServer
    from local_stack.s3_server import S3Process
    from tests.fakes.mariadb import MariaDbServer
    from tests.fakes.sftp_server import SftpServer
    from tests.fakes.vendors import Vendor

__all__ = ["mariadb_server", "sftp_server"]


@pytest.fixture(scope="module")
def all_kinds(
    vendor_processes: dict[str, Vendor],
    postgres_server: PostgresServer,
    mariadb_server: MariaDbServer,
    s3_server: S3Process,
    sftp_server: SftpServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[AllKinds]:
    """One source of each kind that runs on this machine, served until the tests of the module have ended."""
    directory = tmp_path_factory.mktemp("all_kinds")
    (directory / "sources").mkdir()
    kinds = AllKinds(directory / "sources")
    with ExitStack() as opened:
        for vendor in vendor_processes.values():
            kinds.add_retailer(vendor)
        add_shops(kinds, opened)
        PostgresTill.server, MySqlTill.server = postgres_server, mariadb_server
        for till in (PostgresTill(), MySqlTill(), SqliteTill(), MongoTill()):
            kinds.add_till(opened, till)
        kinds.add_program(opened, SingerTill())
        kinds.add_program(opened, DltTill())
        _add_drops(kinds, directory, s3_server, sftp_server)
        yield kinds


def _add_drops(kinds: AllKinds, directory: Path, s3_server: S3Process, sftp: SftpServer) -> None:
    """A folder, a bucket and an SFTP directory for the daily run, and a folder that is looked at between the runs."""
    for source_id, price, schedule in (("folder_drop", "3.50", "daily"), ("arrivals", "6.00", "on_arrival")):
        folder = _folder(directory / source_id)
        place = FolderDrop(folder, {"location": f"{folder}/*.csv"})
        kinds.add_drop(source_id, place, price, _moved(folder), r"cannot be listed: .*Create it, or correct", schedule)
    bucket = S3Drop(_bucket(s3_server), {}, {"PARTNER_ID": s3_server.key.key_id, "PARTNER_KEY": s3_server.key.secret})
    own_keys = {"access_key_id": {"env": "PARTNER_ID"}, "secret_access_key": {"secret": "PARTNER_KEY"}}
    auth: dict[str, Any] = {"kind": "access_key", **own_keys}
    bucket.connection |= {"location": f"s3://{bucket.s3.bucket_processed}/drops/*.csv", "auth": auth}
    says = "The keys of this location are PARTNER_ID and PARTNER_KEY"
    kinds.add_drop("bucket_drop", bucket, "4.00", _other({"PARTNER_KEY": "wrong"}), says, "daily")

    folder = _folder(directory / "sftp")
    auth = {"kind": "private_key", "user": {"env": "SFTP_USER"}, "private_key": {"secret": "SFTP_KEY"}}
    location = f"sftp://127.0.0.1:{sftp.port}{folder}/*.csv"
    connection = {"location": location, "host_key": sftp.host_key, "auth": auth}
    directory_drop = FolderDrop(folder, connection, {"SFTP_USER": sftp.user, "SFTP_KEY": sftp.private_key})
    says = r"rejected the user or its credentials\. Set SFTP_USER and SFTP_KEY"
    kinds.add_drop("sftp_drop", directory_drop, "5.00", _other({"SFTP_USER": "somebody_else"}), says, "daily")


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _bucket(server: S3Process) -> S3Access:
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        aws_access_key_id=server.key.key_id,
        aws_secret_access_key=server.key.secret,
        region_name="us-east-1",
    )
    name = f"partner-{uuid4().hex[:12]}"
    client.create_bucket(Bucket=name)
    return S3Access(server, client, name, name)


def _moved(folder: Path) -> Broken:
    """Breaks a folder: it is not where it was."""

    @contextmanager
    def broken() -> Iterator[dict[str, str]]:
        hidden = folder.with_suffix(".hidden")
        folder.rename(hidden)
        yield {}
        hidden.rename(folder)

    return broken


def _other(variables: dict[str, str]) -> Broken:
    """Breaks a source by variables that are wrong."""

    @contextmanager
    def broken() -> Iterator[dict[str, str]]:
        yield variables

    return broken
