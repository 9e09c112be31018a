"""Data sets by the names that OpenLineage gives them, and the declarations of their columns.

https://openlineage.io/docs/spec/naming: `s3://bucket` and key, `postgres://host:port` and `database.schema.table`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from psycopg2.extensions import parse_dsn

from shared.urls import server_of

_DECLARATIONS = [Path(__file__).with_name(name) for name in ("declarations.toml", "views.toml")]
"""The views' part is generated from materialized_views/definitions."""
_OPS = {
    "data_quality_results",
    "data_quality_scores",
    "load_ledger",
    "load_ledger_amounts",
    "pipeline_metadata",
    "superseded_sales",
    "transaction_dates",
}
"""Tables of schema ops; everything else that is declared is in schema public."""
SALES_RECORD, REJECTED, PROCESSED = "sales_record", "rejected", "processed"
"""The kinds of objects in S3, as declared."""
_ZONES = {"raw": SALES_RECORD, "rejected": REJECTED, "processed": PROCESSED}
"""The kinds by the first part of the object's key."""


@dataclass(frozen=True)
class Column:
    """A column: its type, and the columns it is made from as `declared data set.column`."""

    type: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Declaration:
    """The declaration of one kind of data set."""

    read: tuple[str, ...]
    """The kinds it is made from."""
    columns: Mapping[str, Column]


@dataclass(frozen=True)
class DataSet:
    """A data set. `kind` is its name among the declarations; None when its columns are unknown."""

    namespace: str
    name: str
    kind: str | None = None

    @property
    def columns(self) -> Mapping[str, Column]:
        """Its columns; empty when they are unknown."""
        return declarations()[self.kind].columns if self.kind else {}

    def columns_from(self, source: DataSet) -> dict[str, list[str]]:
        """Its columns that are made from columns of `source`, with those source columns."""
        made = {}
        for name, column in self.columns.items():
            pairs = (each.split(".", 1) for each in column.sources)
            if used := [field for kind, field in pairs if kind == source.kind]:
                made[name] = used
        return made


@cache
def declarations() -> Mapping[str, Declaration]:
    """All declarations, by kind."""
    return {
        kind: Declaration(
            tuple(part["read"]),
            {name: Column(each["type"], tuple(each.get("from", ()))) for name, each in part["columns"].items()},
        )
        for path in _DECLARATIONS
        for kind, part in tomllib.loads(path.read_text(encoding="utf-8")).items()
    }


def s3_object(bucket: str, key: str, kind: str | None = None) -> DataSet:
    """An object, or the objects under a prefix."""
    return DataSet(f"s3://{bucket}", key, kind)


def table(dsn: str, name: str) -> DataSet:
    """A table or view of the warehouse that `dsn`, a libpq URI, names; of several servers the first one."""
    parts = parse_dsn(dsn)  # libpq's own: a URI of several servers, or with `[` in a password, is none for urllib
    database = parts.get("dbname", "retail_analytics")
    host, port = (parts.get(name, "").partition(",")[0] for name in ("host", "port"))
    namespace = f"postgres://{host.lower() if host and not host.startswith('/') else 'localhost'}:{port or 5432}"
    schema = "ops" if name in _OPS else "public"
    return DataSet(namespace, f"{database}.{schema}.{name}", name if name in declarations() else None)


def endpoint(url: str, path: str) -> DataSet:
    """What a retailer's API lists under `path`. The path of the URL itself is left out, since a key may be in it."""
    parts = urlsplit(url)
    return DataSet(f"{parts.scheme}://{server_of(url)}", path or "/")


def source_database(url: str, table: str | None) -> DataSet:
    """A database of a source, or its table where one is read; of SQLite its file. Of several hosts, the first one."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return local_file(parts.path)
    scheme = "postgres" if parts.scheme.startswith("postgres") else parts.scheme
    first, *others = parts.netloc.rpartition("@")[2].split(",")
    server = server_of(f"{parts.scheme}://{first}" if others else url)
    return DataSet(f"{scheme}://{server}", ".".join(filter(None, (parts.path.strip("/"), table))))


def named(namespace: str, name: str) -> DataSet:
    """A data set by the names that the functions above have given it."""
    if namespace.startswith("s3://"):
        return s3_object(namespace.removeprefix("s3://"), name, _ZONES.get(name.partition("/")[0]))
    kind = name.rpartition(".")[2] if namespace.startswith("postgres://") else None
    return DataSet(namespace, name, kind if kind in declarations() else None)


def file_at(place: str) -> DataSet:
    """A file of this machine by its path, or one that was fetched from `s3://…` or `sftp://…`."""
    scheme, _, rest = place.partition("://")
    if scheme not in ("s3", "sftp"):
        return local_file(place)
    host, _, name = rest.partition("/")
    return DataSet(f"{scheme}://{host}", name if scheme == "s3" else f"/{name}")


def local_file(path: str) -> DataSet:
    """A file of this machine."""
    return DataSet("file", str(Path(path).absolute()))
