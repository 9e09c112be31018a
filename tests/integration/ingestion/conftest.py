"""Real retailers, a real warehouse and a real S3 API for ingestion's tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from ingestion.connectors.protocol import Runtime
from ingestion.main import run
from ingestion.results import IngestResult
from shared.config import Settings, load_settings
from shared.database import session, transaction
from shared.partitions import Manifest, manifest_key, raw_key, rejected_key
from tests import shipped_sources
from tests.fakes.vendors import Vendor

if TYPE_CHECKING:
    from local_stack.databases import WarehouseAccess
    from tests.conftest import S3Access


@dataclass
class Platform:
    """Ingestion with real parts around it; sleeping costs nothing and is written down."""

    settings: Settings
    environment: dict[str, str]
    s3: S3Access
    slept: list[float]

    def ingest(self, day: str, *retailers: str, since_watermark: bool = False, **changes: Any) -> IngestResult:
        settings = self.settings.model_copy(update={"ingest": self.settings.ingest.model_copy(update=changes)})
        return run(
            date.fromisoformat(day),
            retailers or ("retailer_1", "retailer_2", "retailer_3"),
            settings=settings,
            run_id=f"test-{uuid4().hex[:8]}",
            since_watermark=since_watermark,
            runtime=Runtime(sleep=self.slept.append),
        )

    def read(self, key: str) -> bytes:
        body: bytes = self.s3.client.get_object(Bucket=self.s3.bucket_raw, Key=key)["Body"].read()
        return body

    def raw(self, retailer_id: str, day: str) -> bytes:
        return self.read(raw_key(retailer_id, date.fromisoformat(day)))

    def records(self, retailer_id: str, day: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.raw(retailer_id, day).splitlines()]

    def manifest(self, retailer_id: str, day: str) -> Manifest:
        return Manifest.model_validate_json(self.read(manifest_key(retailer_id, date.fromisoformat(day))))

    def rejected(self, retailer_id: str, day: str) -> list[dict[str, Any]]:
        lines = self.read(rejected_key(retailer_id, date.fromisoformat(day))).splitlines()
        return [json.loads(line) for line in lines]

    def object_keys(self) -> list[str]:
        found = self.s3.client.list_objects_v2(Bucket=self.s3.bucket_raw).get("Contents", [])
        return sorted(item["Key"] for item in found)

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with session(self.dsn, application_name="test") as connection, transaction(connection) as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall()

    def execute(self, sql: str, *parameters: object) -> None:
        with session(self.dsn, application_name="test") as connection, transaction(connection) as cursor:
            cursor.execute(sql, parameters)

    @property
    def dsn(self) -> str:
        return self.settings.warehouse_dsn.get_secret_value()


@pytest.fixture
def make_platform(warehouse: WarehouseAccess, s3: S3Access) -> Callable[[Sequence[Vendor]], Platform]:
    """Builds a platform that knows these vendors."""

    def make(vendors: Sequence[Vendor]) -> Platform:
        environment = {
            **s3.environment,
            **shipped_sources.ENVIRONMENT,
            "WAREHOUSE_DSN": warehouse.loader_dsn,
            "INGEST_REQUESTS_PER_SECOND": "10000",
            "INGEST_TIMEOUT_SECONDS": "10",
            "INGEST_MAX_ATTEMPTS": "12",
        }
        for vendor in vendors:
            environment |= vendor.environment
        return Platform(load_settings(environment), environment, s3, [])

    return make


@pytest.fixture
def platform(vendors: dict[str, Vendor], make_platform: Callable[[Sequence[Vendor]], Platform]) -> Platform:
    """Ingestion against the three real vendors."""
    return make_platform(list(vendors.values()))
