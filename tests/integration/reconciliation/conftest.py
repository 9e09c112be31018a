"""Four published dates of two sources in all stores, of which every test gets a copy that it may spoil."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import boto3
import psycopg2
import pytest

from ingestion.models.retailer_data import SalesRecord
from local_stack.databases import WarehouseAccess, create_warehouse
from local_stack.postgres import PostgresServer
from local_stack.s3_server import S3Process
from materialized_views import refresh_views
from pipeline.reconciliation.model import Report
from pipeline.reconciliation.reconcile import reconcile
from shared import dead_letters
from shared.config import Settings, load_settings
from shared.database import session, transaction
from shared.dead_letters import DeadLetter, Origin
from shared.partitions import (
    ControlAmounts,
    ControlReport,
    Manifest,
    RequestWindow,
    manifest_key,
    processed_key,
    raw_key,
    rejected_key,
)
from tests.conftest import ROLE_PASSWORDS
from tests.fakes.raw_zone import record
from transformation.main import run as transform

FIRST = date(2024, 1, 15)
DAYS = [FIRST + timedelta(days=ahead) for ahead in range(3)]
LOADED_AT = datetime(2024, 2, 1, 2, tzinfo=UTC)
NOW = datetime(2024, 2, 2, tzinfo=UTC)
MAIN, OTHER = "retailer_1", "retailer_2"
MOVED = "T-moved"
"""A transaction that is under the first two dates."""


def records_of(day: date, retailer_id: str = MAIN, receipts: int = 8) -> list[SalesRecord]:
    """Two lines a receipt, with discounts, tax, a guest, a shipping line, a return, and an exact duplicate."""
    currency = "USD" if retailer_id == MAIN else "GBP"
    same: dict[str, Any] = {"day": day, "retailer_id": retailer_id, "currency": currency}
    lines = []
    for number in range(receipts):
        name, customer = f"T{day:%d}-{number}", ("C1", "C2", "GUEST")[number % 3]
        of_receipt = {**same, "customer_id": customer, "store_id": f"S{number % 2}"}
        lines.append(record("1", name, product_id=f"P{number % 3}", tax="2.50", **of_receipt))
        lines.append(record("2", name, product_id="P5", qty=-1 if number == 7 else 1, price="8", discount="1.5",
                            **of_receipt))  # fmt: skip
    lines.append(record("3", f"T{day:%d}-0", product_id="POST", item_type="shipping", qty=1, price="4.9", **same))
    if retailer_id == MAIN and day in DAYS[:2]:
        changed = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=12)
        lines.append(record("1", MOVED, changed_at=changed, price="3", **same))
    return [*lines, lines[0]]


@dataclass
class Stores:
    """The stores of a platform, how to change them manually, and how to reconcile them."""

    settings: Settings
    owner_dsn: str
    client: Any
    changed: set[tuple[str, str]] = field(default_factory=set)
    """Bucket and key of objects that a test has touched."""

    @property
    def raw(self) -> str:
        return self.settings.s3.bucket_raw

    @property
    def processed(self) -> str:
        return self.settings.s3.bucket_processed

    def execute(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Run a statement as the owner, and commit."""
        with psycopg2.connect(self.owner_dsn) as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            rows = cursor.fetchall() if cursor.description else []
        connection.close()
        return rows

    def read(self, bucket: str, key: str) -> bytes:
        """An object."""
        return bytes(self.client.get_object(Bucket=bucket, Key=key)["Body"].read())

    def put(self, bucket: str, key: str, body: bytes) -> None:
        """Write an object."""
        self.changed.add((bucket, key))
        self.client.put_object(Bucket=bucket, Key=key, Body=body)

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object."""
        self.changed.add((bucket, key))
        self.client.delete_object(Bucket=bucket, Key=key)

    def edit_manifest(self, day: date = FIRST, retailer_id: str = MAIN, **changes: Any) -> None:
        """Change fields of a manifest."""
        key = manifest_key(retailer_id, day)
        self.put(self.raw, key, json.dumps({**json.loads(self.read(self.raw, key)), **changes}).encode())

    def land(
        self, day: date, records: Sequence[SalesRecord], retailer_id: str = MAIN, *,
        rejected: Sequence[DeadLetter] = (), at: datetime = LOADED_AT - timedelta(hours=1),
    ) -> Manifest:  # fmt: skip
        """Write a partition with its manifest, rejected object and dead letters, as landing does."""
        body = b"".join(each.model_dump_json().encode() + b"\n" for each in records)
        rejected_lines = [each.line() for each in rejected]
        distinct = {(each.transaction_id, each.line_id): each for each in records}
        currencies = sorted({each.currency for each in records})
        manifest = Manifest(
            retailer_id=retailer_id, business_date=day, run_id="run-1", object_key=raw_key(retailer_id, day),
            sha256=hashlib.sha256(body).hexdigest(), size_bytes=len(body),
            fetched=len(records) + len(rejected_lines), landed=len(records), rejected=len(rejected_lines),
            rejected_sha256=hashlib.sha256(b"".join(rejected_lines)).hexdigest() if rejected_lines else None,
            distinct=len(distinct),
            amounts={
                code: ControlAmounts(
                    landed=sum((each.net_amount for each in records if each.currency == code), Decimal(0)),
                    landed_tax=sum((each.net_tax_amount or 0 for each in records if each.currency == code), Decimal(0)),
                )
                for code in currencies
            },
            control_report=ControlReport(
                lines=len(distinct) + len(rejected_lines),
                net={
                    code: sum((e.net_amount for e in distinct.values() if e.currency == code), Decimal(0))
                    for code in currencies
                },
            ),
            window=RequestWindow(requested_from=at, requested_until=at), code_version="test", written_at=at,
        )  # fmt: skip
        self.put(self.raw, manifest.object_key, body)
        if rejected_lines:
            self.put(self.raw, rejected_key(retailer_id, day), b"".join(rejected_lines))
            dsn = self.settings.warehouse_dsn.get_secret_value()
            with session(dsn, application_name="test") as connection, transaction(connection) as cursor:
                origin = Origin(retailer_id, day, "ingest", "run-1", rejected_key(retailer_id, day), at)
                dead_letters.record(cursor, rejected_lines, origin)
        else:
            self.delete(self.raw, rejected_key(retailer_id, day))
        self.put(self.raw, manifest_key(retailer_id, day), manifest.model_dump_json().encode())
        return manifest

    def load(self, day: date, retailer_id: str = MAIN, *, at: datetime = LOADED_AT, **options: Any) -> None:
        """Publish a landed date."""
        self.changed.add((self.processed, processed_key(retailer_id, day)))
        done = transform(day, [retailer_id], settings=self.settings, run_id="run-1", clock=lambda: at, **options)
        assert done.ok, done.failed

    def refresh(self, at: datetime = LOADED_AT + timedelta(minutes=5)) -> None:
        """Refresh the views."""
        refresh_views.run(settings=self.settings, run_id="run-1", day=FIRST, clock=lambda: at)

    def reconcile(self, first: date | None = FIRST, last: date = DAYS[-1], **options: Any) -> Report:
        """Reconcile, by default all dates of both sources."""
        now, sources = options.pop("now", NOW), options.pop("sources", (MAIN, OTHER))
        return reconcile(
            self.settings, first, last, sources=sources, clock=lambda: now, sleep=lambda _: None, **options
        )


REJECTED = [
    DeadLetter("MISSING_FIELD", "transaction_id is missing", f"page 1, row {row}", {"id": None, "row": row})
    for row in (3, 9)
]


@dataclass(frozen=True)
class Original:
    """What the copies are made of."""

    stores: Stores
    template: str
    objects: dict[tuple[str, str], bytes]


@pytest.fixture(scope="session")
def original(postgres_server: PostgresServer, s3_server: S3Process, warehouse_template: str) -> Iterator[Original]:
    """Loaded once for all tests."""
    name = f"warehouse_{uuid4().hex[:12]}"
    access = create_warehouse(postgres_server, ROLE_PASSWORDS, name=name, template=warehouse_template)
    stores = _stores(access, s3_server, uuid4().hex[:12])
    for day in DAYS:
        stores.land(day, records_of(day), rejected=REJECTED if day == FIRST else ())
        stores.load(day)
    stores.land(FIRST, records_of(FIRST, OTHER), OTHER)
    stores.load(FIRST, OTHER)
    stores.refresh()
    objects = {
        (bucket, each["Key"]): stores.read(bucket, each["Key"])
        for bucket in (stores.raw, stores.processed)
        for each in stores.client.list_objects_v2(Bucket=bucket)["Contents"]
    }
    yield Original(stores, name, objects)
    postgres_server.drop_database(name)


def _stores(access: WarehouseAccess, server: S3Process, unique: str) -> Stores:
    environment = {
        **server.environment, "S3_BUCKET_RAW": f"raw-{unique}", "S3_BUCKET_PROCESSED": f"processed-{unique}",
        "WAREHOUSE_DSN": access.loader_dsn,
    }  # fmt: skip
    client = boto3.client(
        "s3", endpoint_url=server.endpoint, aws_access_key_id=server.key.key_id,
        aws_secret_access_key=server.key.secret, region_name="us-east-1",
    )  # fmt: skip
    for bucket in ("S3_BUCKET_RAW", "S3_BUCKET_PROCESSED"):
        client.create_bucket(Bucket=environment[bucket])
    return Stores(load_settings(environment), access.owner_dsn, client)


@pytest.fixture
def stores(original: Original, postgres_server: PostgresServer) -> Iterator[Stores]:
    """A copy of the warehouse, and the objects, which are put right again afterwards."""
    name = f"warehouse_{uuid4().hex[:12]}"
    access = create_warehouse(postgres_server, ROLE_PASSWORDS, name=name, template=original.template)
    settings = load_settings({**_environment(original.stores.settings), "WAREHOUSE_DSN": access.loader_dsn})
    copy = Stores(settings, access.owner_dsn, original.stores.client)
    yield copy
    _put_right(copy, original)
    postgres_server.drop_database(name)


@pytest.fixture
def object_stores(original: Original) -> Iterator[Stores]:
    """The warehouse itself, for tests that change objects only: a copy takes half a second."""
    original.stores.changed.clear()
    yield original.stores
    _put_right(original.stores, original)


def _put_right(stores: Stores, original: Original) -> None:
    for bucket, key in stores.changed:
        if (bucket, key) in original.objects:
            stores.client.put_object(Bucket=bucket, Key=key, Body=original.objects[bucket, key])
        else:
            stores.client.delete_object(Bucket=bucket, Key=key)


def _environment(settings: Settings) -> dict[str, str]:
    s3 = settings.s3
    assert s3.access_key_id and s3.secret_access_key and s3.endpoint_url
    return {
        "S3_BUCKET_RAW": s3.bucket_raw, "S3_BUCKET_PROCESSED": s3.bucket_processed, "S3_ENDPOINT_URL": s3.endpoint_url,
        "AWS_ACCESS_KEY_ID": s3.access_key_id, "AWS_SECRET_ACCESS_KEY": s3.secret_access_key.get_secret_value(),
        "AWS_REGION": s3.region,
    }  # fmt: skip
