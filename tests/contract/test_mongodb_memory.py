"""A date of ten times the documents, and documents of a hundred times the lines, need hardly more memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import bson
import pytest
from bson import Decimal128, Int64
from bson.raw_bson import RawBSONDocument

from tests.contract.test_connectors import settings_of
from tests.fakes.databases.till import row
from tests.fakes.mongodb import till
from tests.fakes.mongodb.expressions import Document
from tests.fakes.mongodb.server import Client, FakeMongo
from tests.fakes.mongodb.till import MongoTill, receipt
from tests.integration.ingestion.test_memory import peak_mib

if TYPE_CHECKING:
    from tests.conftest import Say

FEW, MANY = 30_000, 300_000
MOST_MIB = 400


class MadeUpMongo(FakeMongo):
    """Makes up documents while they are read, so that the server needs no memory and little time for them."""

    documents, lines_each = 0, 1

    def _aggregate(self, client: Client, command: Document) -> Document:
        stages = [key for stage in command["pipeline"] for key in stage]
        if "$limit" in stages:
            return super()._aggregate(client, command)
        lines = self.documents * self.lines_each
        if "$group" in stages:
            found: list[Any] = [{"_id": "EUR", "lines": lines, "net": Decimal128(str(25 * lines))}]
            return {"cursor": {"firstBatch": found, "id": Int64(0), "ns": "pos.receipts"}}
        self.left, self.template = self.documents, bson.encode(self._document())
        return {"cursor": {"firstBatch": [], "id": Int64(1), "ns": "pos.receipts"}}

    def _document(self) -> Document:
        document = receipt(row("R00000000"))
        [line] = document["lines"]
        return {**document, "lines": [{**line, "no": number + 1} for number in range(self.lines_each)]}

    def _getmore(self, _: Client, command: Document) -> Document:
        # As a server does: no more than 16 MB at once.
        count = min(command["batchSize"], self.left, 16 * 1024 * 1024 // len(self.template))
        names = (b"R%08d" % (self.left - place) for place in range(count))
        batch = [RawBSONDocument(self.template.replace(b"R00000000", name)) for name in names]
        self.left -= count
        return {"cursor": {"nextBatch": batch, "id": Int64(1 if self.left else 0), "ns": "pos.receipts"}}


@contextmanager
def made_up(documents: int, lines_each: int) -> Iterator[dict[str, str]]:
    """The settings with which a date of so many documents is read."""
    with patch.object(till, "FakeMongo", MadeUpMongo), MongoTill(lines=(("A",),)).served() as (environment, served):
        served.mongo.documents, served.mongo.lines_each = documents, lines_each
        yield {**settings_of(MongoTill), **environment, "INGEST_LISTING_MINUTES": "30"}


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_date_with_ten_times_the_documents_or_longer_ones_needs_hardly_more_memory(say: Say) -> None:
    peaks = {}
    for documents, lines_each in ((FEW, 1), (MANY, 1), (MANY // 500, 500)):
        with made_up(documents, lines_each) as environment:
            started = time.monotonic()
            module = ["tests.fakes.databases.read_date", "mongodb_till", "2024-01-15"]
            peaks[documents, lines_each] = peak_mib(module, environment)
            seconds = time.monotonic() - started
        lines = documents * lines_each
        say(f"{documents:,} documents, {lines:,} lines: {peaks[documents, lines_each]:.0f} MiB, {seconds:.0f} s")
    assert max(peaks.values()) < MOST_MIB
    assert max(peaks.values()) < peaks[FEW, 1] * 1.5
