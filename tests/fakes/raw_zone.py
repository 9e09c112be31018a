"""Landed partitions made for tests: records by keyword, and a raw zone to put them in."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from ingestion.models.retailer_data import SalesRecord
from shared.partitions import (
    ControlAmounts,
    ControlReport,
    Manifest,
    RequestWindow,
    manifest_key,
    raw_key,
)
from shared.s3_client import ObjectMissing

DAY = date(2024, 1, 15)
_NOON = timedelta(hours=12)


def record(line: str = "1", transaction: str = "T1", day: date = DAY, **changes: Any) -> SalesRecord:
    """A plausible sale line; `qty`, `price`, `discount` and `tax` set all measures, anything else its own field."""
    quantity = Decimal(changes.pop("qty", 2))
    price = Decimal(changes.pop("price", "12.50"))
    discount, tax = Decimal(changes.pop("discount", 0)), changes.pop("tax", None)
    total, sign = abs(quantity * price), -1 if quantity < 0 else 1
    included = Decimal(tax) if tax is not None and changes.get("tax_included") else Decimal(0)
    sold_at = datetime.combine(day, datetime.min.time(), UTC) + _NOON
    values: dict[str, Any] = {
        "retailer_id": "retailer_1",
        "transaction_id": transaction,
        "line_id": line,
        "line_type": "sale" if quantity >= 0 else "return",
        "business_date": day,
        "sold_at": sold_at,
        "changed_at": sold_at,
        "store_id": "S1",
        "store_name": "Main Street",
        "store_city": "Boston",
        "store_country": "US",
        "product_id": "P1",
        "product_name": "Lantern",
        "product_category": "Home",
        "customer_id": "C1",
        "customer_name": "Ann",
        "customer_segment": "gold",
        "customer_city": "Boston",
        "customer_country": "US",
        "customer_since": datetime(2023, 1, 1, tzinfo=UTC),
        "quantity": abs(quantity),
        "unit_price": price,
        "total_amount": total,
        "net_quantity": quantity,
        "net_amount": sign * (total - discount - included),
        "currency": "USD",
        "discount_amount": discount,
        "tax_amount": None if tax is None else Decimal(tax),
        "net_tax_amount": None if tax is None else sign * Decimal(tax),
    }
    return SalesRecord.model_validate({**values, **changes})


def _net(records: Iterable[SalesRecord]) -> dict[str, Decimal]:
    """Signed net money per currency."""
    net: dict[str, Decimal] = defaultdict(Decimal)
    for item in records:
        net[item.currency] += item.net_amount
    return net


class RawZone:
    """An object store in memory with the methods the transformation uses, and a way to land partitions in it."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}

    def land(
        self,
        records: Sequence[SalesRecord],
        *,
        retailer_id: str = "retailer_1",
        day: date = DAY,
        bucket: str = "raw",
        rejected: int = 0,
        other_dates: Sequence[date] = (),
        window: RequestWindow | None = None,
    ) -> Manifest:
        """Replace a partition, manifest included."""
        body = b"".join(item.model_dump_json().encode() + b"\n" for item in records)
        amounts: dict[str, Decimal] = defaultdict(Decimal)
        tax: dict[str, Decimal] = defaultdict(Decimal)
        for item in records:
            amounts[item.currency] += item.net_amount
            tax[item.currency] += item.net_tax_amount or 0
        latest_last = sorted(records, key=lambda item: item.changed_at)
        keys = {(item.transaction_id, item.line_id): item for item in latest_last}
        now = datetime(2024, 2, 1, tzinfo=UTC)
        manifest = Manifest(
            retailer_id=retailer_id,
            business_date=day,
            run_id="test",
            object_key=raw_key(retailer_id, day),
            sha256=hashlib.sha256(body).hexdigest(),
            size_bytes=len(body),
            fetched=len(records) + rejected,
            landed=len(records),
            rejected=rejected,
            distinct=len(keys),
            amounts={code: ControlAmounts(landed=amount, landed_tax=tax[code]) for code, amount in amounts.items()},
            control_report=ControlReport(lines=len(keys) + rejected, net=_net(keys.values())),
            window=window or RequestWindow(requested_from=now, requested_until=now),
            other_dates=tuple(other_dates),
            code_version="test",
            written_at=now,
        )
        self.put(bucket, manifest.object_key, body)
        self.put(bucket, manifest_key(retailer_id, day), manifest.model_dump_json().encode())
        return manifest

    def put(self, bucket: str, key: str, data: bytes, *, content_type: str = "") -> None:
        """Keep an object."""
        self.objects[bucket, key] = data

    def read_bytes(self, bucket: str, key: str) -> bytes:
        """An object's content. Raises ObjectMissing."""
        if (bucket, key) not in self.objects:
            raise ObjectMissing(f"{bucket}/{key} does not exist")
        return self.objects[bucket, key]

    def download(self, bucket: str, key: str, path: Path) -> str:
        """Write an object to a file; returns its sha256."""
        data = self.read_bytes(bucket, key)
        path.write_bytes(data)
        return hashlib.sha256(data).hexdigest()
