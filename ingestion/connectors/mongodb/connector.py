"""Reads the sales of a source from MongoDB, by its definition (docs/connectors/mongodb.md).

As with any database, a date is read in one snapshot: the control report, which the server calculates, and the lines.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import date
from typing import Any

from ingestion.connectors.mongodb.address import hosts_of
from ingestion.connectors.mongodb.definition import check_definition
from ingestion.connectors.mongodb.fields import TimeField, time_field
from ingestion.connectors.mongodb.pipelines import Pipelines, TimeFields
from ingestion.connectors.mongodb.snapshot import MongoDatabase, MongoSnapshot
from ingestion.connectors.mongodb.values import Shape, pages, read_documents
from ingestion.connectors.protocol import RawPage, Runtime
from ingestion.connectors.sql.columns import Kind, zone_of
from ingestion.connectors.sql.connector import Raw, SnapshotConnector
from ingestion.connectors.sql.dialect import Timeouts
from ingestion.mapping.json_rows import JsonReader
from ingestion.mapping.tables import document_mapping
from shared.config import IngestSettings
from shared.errors import FixConfiguration, StopRun
from shared.sources.connection import Connection
from shared.sources.definition import SourceDefinition

_NAMED = 40


class MongoDbConnector(SnapshotConnector):
    """The connector of the sources in MongoDB."""

    def __init__(
        self, source: SourceDefinition, connection: Connection, ingest: IngestSettings, runtime: Runtime
    ) -> None:
        mapping = document_mapping(source)
        check_definition(source, mapping)
        keys = JsonReader(mapping).keys
        self._shape = Shape(keys)
        self._pipelines = Pipelines(source.read, mapping, zone_of(source), tuple(keys[""]))
        timeouts = Timeouts(ingest.timeout_seconds, ingest.listing_minutes)
        database = MongoDatabase(hosts_of(source, connection), timeouts)
        super().__init__(source, mapping, database, self._pipelines)

    def _kind(self, kinds: TimeFields, name: str | None) -> Kind:
        return kinds[name or ""].kind

    def _kinds(self, snapshot: MongoSnapshot, day: date) -> TimeFields:
        """The form of the times. Raises FixConfiguration if there is no such collection or field."""
        self._check_collection(snapshot)
        return {name: self._time_field(snapshot, name) for name in self._pipelines.timed}

    def _pages(self, snapshot: MongoSnapshot, kinds: TimeFields, day: date) -> Iterator[RawPage[Raw]]:
        as_of, number, most = self._complete_until(snapshot), 0, self._database.rows_at_once
        for batch in snapshot.batches(self._pipelines.lines(kinds, day), most):
            for page in pages(batch):
                number += 1
                documents = [self._shape.complete(each) for each in read_documents(page)]
                yield RawPage(number, documents, as_of, requested=most)
        if not number:
            yield RawPage(1, [], as_of, requested=most)

    def _check_collection(self, snapshot: MongoSnapshot) -> None:
        wanted, found = self._read.collection or "", snapshot.collections()
        if wanted in found:
            return
        near = difflib.get_close_matches(wanted, found, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise FixConfiguration(
            f"{self.retailer_id}: the user can read no collection {wanted!r}, which read.collection names.{hint}"
            f" It can read: {', '.join(found[:_NAMED]) or 'none'}. Correct sources/{self.retailer_id}.yaml, or grant a"
            " role (docs/connectors/mongodb.md)."
        )

    def _time_field(self, snapshot: MongoSnapshot, name: str) -> TimeField:
        extremes = [self._extreme(snapshot, name, direction) for direction in (1, -1)]
        if not all(extremes):
            self._check_empty(snapshot, name)
            return TimeField(name)
        try:
            return time_field(name, *(each["found"] for each in extremes if each))
        except ValueError as error:
            raise StopRun(
                f"{self.retailer_id}: the field {name!r} {error}, so some documents would be on no date. Correct them,"
                f" or leave them out with read.filter in sources/{self.retailer_id}.yaml."
            ) from None

    def _extreme(self, snapshot: MongoSnapshot, name: str, direction: int) -> dict[str, Any] | None:
        return next(snapshot.documents(self._pipelines.extreme(name, direction)), None)

    def _check_empty(self, snapshot: MongoSnapshot, name: str) -> None:
        """Raises FixConfiguration if there are documents: none of them has the field."""
        newest = next(snapshot.documents(self._pipelines.newest()), None)
        if newest is None:
            return
        near = difflib.get_close_matches(name, newest, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise FixConfiguration(
            f"{self.retailer_id}: no document has a value in {name!r}, which `read` names.{hint} The newest document"
            f" has: {', '.join(list(newest)[:_NAMED])}. Correct sources/{self.retailer_id}.yaml."
        )
