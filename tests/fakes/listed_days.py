"""Reads a date of a source through its connector and the mapping of the landing, without warehouse and object store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from ingestion.connectors import registry
from ingestion.connectors.protocol import Connector, Runtime
from ingestion.landing.listing import reading_listing
from ingestion.landing.rejected_rows import rejected_lines
from ingestion.mapping.workspace import workspace
from shared.config import load_settings
from tests.fakes.http_vendor import HttpVendor, Reply, Request, http_vendor

_MEMORY_MB = 64
_WITHOUT_SOURCES = {"WAREHOUSE_DSN": "postgresql:///", "S3_BUCKET_RAW": "raw", "S3_BUCKET_PROCESSED": "processed"}


@dataclass(frozen=True)
class ListedDay:
    """What would be landed of a date, as the raw zone has it, and what would be rejected."""

    records: list[dict[str, Any]]
    rejected: list[dict[str, Any]]

    def of(self, transaction_id: str) -> list[dict[str, Any]]:
        """The records of a transaction."""
        return [record for record in self.records if record["transaction_id"] == transaction_id]

    def amounts(self, transaction_id: str, *fields: str) -> list[tuple[Any, ...]]:
        """These fields of the records of a transaction."""
        return [tuple(record[name] for name in fields) for record in self.of(transaction_id)]


@dataclass(frozen=True)
class Shop:
    """A source and the server that it is read from."""

    connector: Connector[Any]
    vendor: HttpVendor
    slept: list[float] = field(default_factory=list)
    waited: list[Callable[[float], None]] = field(default_factory=list)

    def slept_with(self, wait: Callable[[float], None]) -> None:
        """Have something else wait for as long as the connector sleeps."""
        self.waited.append(wait)

    def list_day(self, day: str) -> ListedDay:
        """Read a date."""
        wanted = date.fromisoformat(day)
        with (
            workspace(_MEMORY_MB, threads=1) as connection,
            reading_listing(self.connector.mapping, wanted, _MEMORY_MB, connection) as listing,
        ):
            for page in self.connector.fetch_sales_data(wanted):
                listing.add(page)
            _, text = listing.complete()
            assert isinstance(text.body, Path)
            records = [orjson.loads(line) for line in text.body.read_bytes().splitlines()]
            rejected = [orjson.loads(line) for line in rejected_lines(connection.cursor(), wanted, listing)]
        return ListedDay(records, rejected)


@contextmanager
def running_shop(
    definition: Path,
    replies: Callable[[Request], Reply],
    url_variable: str,
    environment: Mapping[str, str],
    changes: Mapping[str, str] | None = None,
) -> Iterator[Shop]:
    """The connector of a definition, reading from `replies` over HTTP. `changes`: texts to replace in it."""
    slept: list[float] = []
    waited: list[Callable[[float], None]] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        for wait in waited:
            wait(seconds)

    with http_vendor(replies) as vendor, _changed(definition, changes or {}) as directory:
        settings = load_settings(
            {**_WITHOUT_SOURCES, "SOURCES_DIRECTORY": str(directory), url_variable: vendor.url, **environment}
        )
        connector = registry.build(definition.stem, settings, Runtime(sleep=sleep))
        try:
            yield Shop(connector, vendor, slept, waited)
        finally:
            connector.close()


@contextmanager
def _changed(definition: Path, changes: Mapping[str, str]) -> Iterator[Path]:
    """The directory of a definition, or of a copy with these texts replaced."""
    if not changes:
        yield definition.parent
        return
    import tempfile

    text = definition.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / definition.name).write_text(text, encoding="utf-8")
        yield Path(directory)
