"""A source of files, and the three kinds of places where its files can be dropped."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml

from local_stack.databases import WarehouseAccess
from pipeline.drop_result import DropResult
from pipeline.drop_selection import Retry
from pipeline.file_drops import DropRequest, load_drops
from shared.commands import new_run_id
from tests.conftest import S3Access
from tests.fakes.csv_sources import SHOP, row, rows
from tests.fakes.sftp_server import SftpServer, running_sftp_server
from tests.integration.etl.conftest import Platform

SOURCE = "shop"
MAPPING = {key: value for key, value in SHOP.items() if key not in ("name", "retailer_id", "time_zone")}


def sales_of(day: int, *, price: str = "3.50", count: int = 10) -> str:
    """A file with sales of that day of January 2024."""
    lines = [row(Receipt=f"D{day}-{n}", When=f"{day:02d}/01/2024 12:{n:02d}", Price=price) for n in range(count)]
    return rows(*lines)


class DropPlace(Protocol):
    """A place for tests."""

    connection: dict[str, Any]
    environment: dict[str, str]

    def put(self, name: str, text: str | bytes, *, age_seconds: float = 3600) -> None:
        """Write a file that was last modified so long ago."""

    def names(self, folder: str = "") -> list[str]:
        """The files in the place, or in a folder in it."""


@dataclass
class FolderDrop:
    """A folder of this machine; also what the SFTP server shows."""

    folder: Path
    connection: dict[str, Any]
    environment: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, text: str | bytes, *, age_seconds: float = 3600) -> None:
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        then = time.time() - age_seconds
        os.utime(path, (then, then))

    def names(self, folder: str = "") -> list[str]:
        place = self.folder / folder
        return sorted(path.name for path in place.iterdir() if path.is_file()) if place.is_dir() else []


@dataclass
class S3Drop:
    """A prefix of a bucket."""

    s3: S3Access
    connection: dict[str, Any]
    environment: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, text: str | bytes, *, age_seconds: float = 3600) -> None:
        body = text if isinstance(text, bytes) else text.encode()
        self.s3.client.put_object(Bucket=self.s3.bucket_processed, Key=f"drops/{name}", Body=body)

    def names(self, folder: str = "") -> list[str]:
        prefix = f"drops/{folder}/" if folder else "drops/"
        found = self.s3.client.list_objects_v2(Bucket=self.s3.bucket_processed, Prefix=prefix, Delimiter="/")
        return sorted(each["Key"].removeprefix(prefix) for each in found.get("Contents", ()))


@dataclass
class Drops:
    """A platform with one source of dropped files."""

    platform: Platform
    place: Any
    sources: Path
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def define(self, *, read: dict[str, Any] | None = None, **changed: Any) -> None:
        """Write the definition of the source."""
        definition = {
            "id": SOURCE, "name": "The Shop", "connector": "files", "schedule": "on_arrival",
            "time_zone": "Europe/London", "currencies": ["GBP"], "connection": self.place.connection,
            "mapping": MAPPING, "read": read or {}, **changed,
        }  # fmt: skip
        text = yaml.safe_dump(definition, sort_keys=False)
        (self.sources / f"{SOURCE}.yaml").write_text(text, encoding="utf-8")
        self.platform.extra |= {"SOURCES_DIRECTORY": str(self.sources), **self.place.environment}

    def load(self, *names: str, all_rejected: bool = False, **request: Any) -> DropResult:
        """`retail sources load`, in this process; the names are files that are loaded again."""
        retry = Retry(names, all_rejected)
        wanted = DropRequest(SOURCE, new_run_id("files"), retry, refresh=request.pop("refresh", False), **request)
        return load_drops(wanted, self.platform.settings, clock=self.now)

    def ledger(self) -> dict[str, str]:
        """The status of each file."""
        return dict(self.platform.query("SELECT file_name, status FROM ops.dropped_files WHERE is_listed OR true"))

    def alerts(self) -> list[tuple[Any, ...]]:
        """The open alerts: kind and summary."""
        return self.platform.query("SELECT kind, summary FROM ops.alerts WHERE status <> 'resolved' ORDER BY 1, 2")


def statuses(result: DropResult) -> dict[str, str]:
    """What became of each file in a run."""
    return {each.name: each.status for each in result.files}


@pytest.fixture(scope="session")
def sftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with running_sftp_server(tmp_path_factory.mktemp("sftp")) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> FolderDrop:
    place = tmp_path / "drops"
    place.mkdir()
    return FolderDrop(place, {"location": f"{place}/*.csv"})


@pytest.fixture
def sftp(folder: FolderDrop, sftp_server: SftpServer) -> FolderDrop:
    auth = {"kind": "private_key", "user": {"env": "SFTP_USER"}, "private_key": {"secret": "SFTP_KEY"}}
    location = f"sftp://127.0.0.1:{sftp_server.port}{folder.folder}/*.csv"
    connection = {"location": location, "host_key": sftp_server.host_key, "auth": auth}
    return FolderDrop(folder.folder, connection, {"SFTP_USER": sftp_server.user, "SFTP_KEY": sftp_server.private_key})


@pytest.fixture
def bucket(s3: S3Access) -> S3Drop:
    return S3Drop(s3, {"location": f"s3://{s3.bucket_processed}/drops/*.csv"})


@pytest.fixture(params=["folder", "bucket", "sftp"])
def any_drops(request: pytest.FixtureRequest, warehouse: WarehouseAccess, s3: S3Access, tmp_path: Path) -> Drops:
    """One for each kind of place."""
    return _drops(Platform(warehouse, s3), request.getfixturevalue(request.param), tmp_path)


@pytest.fixture
def drops(warehouse: WarehouseAccess, s3: S3Access, folder: FolderDrop, tmp_path: Path) -> Drops:
    """With a folder."""
    return _drops(Platform(warehouse, s3), folder, tmp_path)


def _drops(platform: Platform, place: DropPlace, directory: Path) -> Drops:
    sources = directory / "sources"
    sources.mkdir()
    return Drops(platform, place, sources)
