"""The till of `tests/fakes/databases` in MongoDB: a receipt is a document, and its lines are an array in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch
from urllib.parse import urlsplit

import pymongo
from bson import Decimal128, ObjectId
from pymongo.collection import Collection

from ingestion.connectors.mongodb import snapshot
from tests.fakes.databases.till import COLUMNS, USER, Till, row
from tests.fakes.mongodb.server import READER, WRITER, FakeMongo, serving

COLLECTION = "receipts"


def receipt(values: Sequence[Any]) -> dict[str, Any]:
    """A row of the till as a document with one line. The customer is missing where there is none."""
    given = dict(zip(COLUMNS, values, strict=True))
    line = {
        "no": given["line_no"],
        "kind": given["kind"],
        "article": {"code": given["article"], "name": given["article_name"]},
        "quantity": given["quantity"],
        "price": Decimal128(given["price"]),
        "net_amount": Decimal128(given["net_amount"]),
    }
    customer = {} if given["customer"] is None else {"customer": {"id": given["customer"]}}
    of_receipt = {name: given[name] for name in ("receipt", "sold_at", "updated_at", "store", "currency")}
    return {"_id": ObjectId(), **of_receipt, **customer, "lines": [line], "cashier": "never read"}


class MongoTill(Till):
    """On a server in memory that speaks MongoDB's protocol."""

    connector = "mongodb"
    definition = Path(__file__).parent / "sources" / "mongodb_till.yaml"
    url_variable = "MONGODB_TILL_URL"
    credentials: ClassVar = {"MONGODB_TILL_USER": "", "MONGODB_TILL_PASSWORD": ""}
    late_by: ClassVar[timedelta] = timedelta(minutes=15)
    mongo: FakeMongo
    collection: Collection[dict[str, Any]]

    @contextmanager
    def served(self) -> Iterator[tuple[dict[str, str], Any]]:
        with self._database() as self.url, patch.object(snapshot, "DOCUMENTS_AT_ONCE", self.most_rows):
            self.collection.drop()
            self.collection.database.create_collection(COLLECTION)
            self.insert(*(row(name) for page in self.lines for name in page))
            yield self.environment, self

    @contextmanager
    def _database(self) -> Iterator[str]:
        self.mongo = FakeMongo(users={USER: (self.password, READER), "owner": (self.password, WRITER)})
        with serving(self.mongo) as mongo, self._writer(f"owner:{self.password}@127.0.0.1:{mongo.port}"):
            yield f"mongodb://127.0.0.1:{mongo.port}/pos?authSource=admin"

    @contextmanager
    def _writer(self, server: str) -> Iterator[None]:
        client: pymongo.MongoClient[dict[str, Any]]
        with pymongo.MongoClient(f"mongodb://{server}", directConnection=True, serverMonitoringMode="poll") as client:
            self.collection = client["pos"][COLLECTION]
            yield

    def insert(self, *rows: Sequence[Any]) -> None:
        self.insert_documents(*map(receipt, rows))

    def insert_documents(self, *documents: dict[str, Any]) -> None:
        if documents:
            self.collection.insert_many(documents)

    def kill_readers(self) -> None:
        self.mongo.cut()


class RealMongoTill(MongoTill):
    """On the server that MONGODB_TEST_URL names: `mongodb://user:password@host:port/?authSource=admin`.

    It creates and drops the collection `receipts` in the database `pos`.
    """

    server_fixture = "mongodb_url"

    @contextmanager
    def _database(self) -> Iterator[str]:
        parts = urlsplit(self.server)
        with self._writer(f"{parts.netloc}/?{parts.query}"):
            yield f"mongodb://{parts.netloc.rpartition('@')[2]}/pos?{parts.query}"
            self.collection.drop()

    @property
    def environment(self) -> dict[str, str]:
        parts = urlsplit(self.server)
        password = "wrong" if self.reject_credentials else parts.password or ""
        return {
            self.url_variable: self.url,
            "MONGODB_TILL_USER": parts.username or "",
            "MONGODB_TILL_PASSWORD": password,
        }

    def kill_readers(self) -> None:
        admin = self.collection.database.client.admin
        for each in admin.aggregate([{"$currentOp": {"idleCursors": True}}, {"$match": {"appName": "retail-ingest"}}]):
            admin.command("killOp", op=each["opid"])


MONGODB: tuple[type[MongoTill], ...] = (MongoTill, RealMongoTill)
