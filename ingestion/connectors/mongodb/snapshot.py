"""One state of a MongoDB: every pipeline of a `MongoSnapshot` sees it, if the server is a member of a replica set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pymongo
from pymongo.errors import PyMongoError

from ingestion.connectors.mongodb.address import Hosts, client_options
from ingestion.connectors.mongodb.failures import fault_of
from ingestion.connectors.mongodb.pipelines import Pipeline
from ingestion.connectors.mongodb.values import as_text, fitting
from ingestion.connectors.sql.address import Address
from ingestion.connectors.sql.dialect import Row, Timeouts

if TYPE_CHECKING:
    from pymongo.client_session import ClientSession

DOCUMENTS_AT_ONCE = 1_000
_SNAPSHOTS_SINCE = 13
"""The version of the protocol of MongoDB 5.0."""
_FIRST_DOCUMENTS = 50
"""They show how large documents are."""
_LEAST_MS = 1_000


@dataclass(frozen=True)
class MongoSnapshot:
    """A session that only reads."""

    database: MongoDatabase
    client: Any
    session: ClientSession | None
    """None: the server has no snapshots, so each pipeline sees what is committed when it runs."""
    as_of: datetime
    """Everything up to this time of the server is in it, UTC."""

    def batches(self, pipeline: Pipeline, documents_at_once: int) -> Iterator[bytes]:
        """The documents that a pipeline returns as BSON, so many at once, or fewer if they are large."""
        first = min(documents_at_once, _FIRST_DOCUMENTS)
        with self.database.explained(), self._cursor("aggregate_raw_batches", pipeline, first) as cursor:
            for batch in cursor:
                cursor.batch_size(fitting(batch, documents_at_once))
                yield batch

    def documents(self, pipeline: Pipeline) -> Iterator[dict[str, Any]]:
        """The same, one by one, as the driver reads them."""
        with self.database.explained(), self._cursor("aggregate", pipeline, DOCUMENTS_AT_ONCE) as cursor:
            yield from cursor

    def rows(self, pipeline: Pipeline) -> Iterator[Row]:
        """What a pipeline returns, as texts."""
        for each in self.documents(pipeline):
            yield [as_text(each.get(name)) for name in pipeline.returned]

    def collections(self) -> list[str]:
        """The names of the collections and views that the user may read."""
        with self.database.explained():
            names: Sequence[str] = self._database.list_collection_names(authorizedCollections=True)
            return sorted(names)

    @property
    def _database(self) -> Any:
        return self.client[self.database.hosts.first.database]

    def _cursor(self, method: str, pipeline: Pipeline, documents_at_once: int) -> Any:
        run = getattr(self._database[pipeline.collection], method)
        return run(
            list(pipeline.stages),
            session=self.session,
            batchSize=documents_at_once,
            maxTimeMS=self.database.timeouts.statement_ms,
            allowDiskUse=True,  # to sort more than 100 MB; it writes only temporary files
        )


class MongoDatabase:
    """A source's database. The connections to the host that responded are kept from one snapshot to the next."""

    def __init__(self, hosts: Hosts, timeouts: Timeouts) -> None:
        self.hosts, self.timeouts = hosts, timeouts
        self.rows_at_once = DOCUMENTS_AT_ONCE
        self._client: Any = None

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Raises an error of the driver as one of the platform's, without a document or a value."""
        try:
            yield
        except Exception as error:
            fault = fault_of(error)
            if fault is None:
                raise
            raise fault.error(self.hosts.all) from None

    def begin(self) -> MongoSnapshot:
        """Begin a snapshot on the first host that can be read. End it with `end`."""
        client, self._client = self._client, None
        if client is not None:
            try:
                return self._begin(client)
            except Exception:  # noqa: BLE001 - another host may be read, and a new connection says what is wrong
                _close(client)
        with self.explained():
            failures = list[PyMongoError]()
            for member in self.hosts.members:
                client = self._connected(member)
                try:
                    return self._begin(client)
                except pymongo.errors.ConnectionFailure as error:
                    failures.append(error)
                except BaseException:
                    _close(client)
                    raise
                _close(client)
            raise failures[-1]

    def end(self, snapshot: MongoSnapshot, *, is_complete: bool) -> None:
        """End a snapshot. `is_complete`: its documents were all read, so that nothing is left to be closed."""
        with suppress(Exception):  # nothing of it is needed any more
            if snapshot.session is not None:
                snapshot.session.end_session()
        if not is_complete or self._client is not None:
            _close(snapshot.client)
            return
        self._client = snapshot.client

    def close(self) -> None:
        """Close the connections that are kept."""
        client, self._client = self._client, None
        if client is not None:
            _close(client)

    def _connected(self, member: Address) -> Any:
        waiting = max(_LEAST_MS, round(self.timeouts.connect_seconds * 1000 / len(self.hosts.members)))
        return pymongo.MongoClient(
            **client_options(member, self.hosts.auth_database),
            appname="retail-ingest",
            serverSelectionTimeoutMS=waiting,
            connectTimeoutMS=waiting * 3 // 4,  # less, so that the driver can say what it waited for
            socketTimeoutMS=self.timeouts.statement_ms + round(self.timeouts.connect_seconds * 1000),
            serverMonitoringMode="poll",
            tz_aware=True,
            datetime_conversion="DATETIME_AUTO",
            unicode_decode_error_handler="replace",
            connect=False,
        )

    def _begin(self, client: Any) -> MongoSnapshot:
        """Raises NotPrimaryError if the host is a member of a replica set that has no data to be read."""
        hello = client.admin.command("hello")
        is_member = "setName" in hello or "hosts" in hello
        if is_member and not (hello.get("isWritablePrimary") or hello.get("secondary")):
            raise pymongo.errors.NotPrimaryError("this member of the replica set cannot be read now", hello)
        has_snapshots = is_member or hello.get("msg") == "isdbgrid"
        session = None
        if has_snapshots and hello.get("maxWireVersion", 0) >= _SNAPSHOTS_SINCE:
            session = client.start_session(snapshot=True)
        return MongoSnapshot(self, client, session, _as_of(hello))


def _as_of(hello: dict[str, Any]) -> datetime:
    """What a member has certainly got: a snapshot has what the majority of the members have confirmed."""
    replicated = hello.get("lastWrite", {}).get("majorityWriteDate")
    times: list[datetime] = [each.replace(tzinfo=UTC) for each in (hello["localTime"], replicated) if each is not None]
    return min(times)


def _close(client: Any) -> None:
    with suppress(Exception):  # it may be lost already
        client.close()
