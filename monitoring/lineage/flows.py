"""What a stage read and wrote: pure functions from its counts to flows, one per pair of data sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, Protocol, TypeVar

from monitoring.lineage.datasets import PROCESSED, REJECTED, SALES_RECORD, DataSet, declarations, s3_object, table
from shared.partitions import processed_key, raw_key, rejected_key

ONE_BY_ONE = 31
"""Up to so many dates of a load are listed object by object; beyond that, by the objects' common prefix."""
_DIMENSIONS = ("dim_store", "dim_product", "dim_customer")
_SUMMARIES = ("fact_daily_sales", "fact_daily_transactions")


@dataclass(frozen=True)
class Flow:
    """Data went from one data set to another, for one business date or several."""

    source: DataSet
    target: DataSet
    first_date: date
    last_date: date
    retailer_id: str | None = None
    rows: int | None = None
    """Rows written; None where the stage does not count them."""
    size_bytes: int | None = None

    @property
    def columns(self) -> dict[str, list[str]]:
        """Columns of the target, with those of the source that they are made from."""
        return self.target.columns_from(self.source)


@dataclass(frozen=True)
class LandedPart:
    """A partition that was written to the raw zone."""

    day: date
    landed: int
    rejected: int
    size_bytes: int | None = None


@dataclass(frozen=True)
class LoadedPart:
    """A partition that was read from the raw zone and published."""

    day: date
    written: int
    """Rows inserted or updated in fact_sales."""
    conformed: int
    """Rows of its Parquet object; 0 when the partition had nothing new and was not read."""


class _Part(Protocol):
    @property
    def day(self) -> date: ...


Part = TypeVar("Part", bound=_Part)


def landing(source: DataSet, bucket: str, retailer_id: str, parts: Sequence[LandedPart]) -> list[Flow]:
    """From a retailer's API or a file to the raw zone, rejected records to theirs."""
    flows = []
    for days in _spans(parts, retailer_id):
        size = sum(part.size_bytes or 0 for part in days.parts) or None
        rows = sum(part.landed for part in days.parts)
        raw = s3_object(bucket, days.raw, SALES_RECORD)
        flows.append(Flow(source, raw, days.first, days.last, retailer_id, rows, size))
        if rejected := sum(part.rejected for part in days.parts):
            target = s3_object(bucket, days.rejected, REJECTED)
            flows.append(Flow(source, target, days.first, days.last, retailer_id, rejected))
    return flows


def loading(dsn: str, buckets: tuple[str, str], retailer_id: str, parts: Sequence[LoadedPart]) -> list[Flow]:
    """From the raw zone (bucket 1) to the processed zone (bucket 2), the facts, dimensions and daily summaries."""
    flows = []
    for days in _spans(parts, retailer_id):
        when = (days.first, days.last, retailer_id)
        raw = s3_object(buckets[0], days.raw, SALES_RECORD)
        conformed = sum(part.conformed for part in days.parts)
        uncounted = None if conformed else 0
        flows.append(Flow(raw, s3_object(buckets[1], days.processed, PROCESSED), *when, conformed))
        flows.append(Flow(raw, table(dsn, "fact_sales"), *when, sum(part.written for part in days.parts)))
        flows += [Flow(raw, table(dsn, name), *when, uncounted) for name in _DIMENSIONS]
        flows += _into(dsn, _SUMMARIES, *when, rows=dict.fromkeys(_SUMMARIES, uncounted))
    return flows


def checking(dsn: str, days: Iterable[date], results: int) -> list[Flow]:
    """From the tables that the checks read to their results."""
    ordered = sorted(days)
    names = ("data_quality_results", "data_quality_scores")
    rows: dict[str, int | None] = {"data_quality_results": results, "data_quality_scores": None}
    return _into(dsn, names, ordered[0], ordered[-1], None, rows=rows)


def refreshing(dsn: str, day: date, views: Mapping[str, int]) -> list[Flow]:
    """From the tables that views read to the views, with their rows after the refresh."""
    return _into(dsn, tuple(views), day, day, None, rows=views)


def _into(
    dsn: str,
    targets: Sequence[str],
    first: date,
    last: date,
    retailer_id: str | None,
    *,
    rows: Mapping[str, int | None],
) -> list[Flow]:
    return [
        Flow(table(dsn, source), table(dsn, name), first, last, retailer_id, rows[name])
        for name in targets
        for source in declarations()[name].read
    ]


@dataclass(frozen=True)
class _Span(Generic[Part]):
    """Dates in one flow, and the objects that contain them."""

    parts: Sequence[Part]
    raw: str
    rejected: str
    processed: str

    @property
    def first(self) -> date:
        """The earliest of them."""
        return min(part.day for part in self.parts)

    @property
    def last(self) -> date:
        """The latest of them."""
        return max(part.day for part in self.parts)


def _spans(parts: Sequence[Part], retailer_id: str) -> list[_Span[Part]]:
    if len(parts) > ONE_BY_ONE:
        return [_Span(parts, *(f"{zone}/{retailer_id}" for zone in ("raw", "rejected", "processed")))]
    keys = (raw_key, rejected_key, processed_key)
    return [_Span([part], *(key(retailer_id, part.day) for key in keys)) for part in parts]
