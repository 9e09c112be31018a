"""Decides which other dates a run has to read: gaps since the watermark, and dates that changed at the source."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from ingestion.connectors.protocol import Changes, earliest_start_of
from ingestion.source_clock import MARGIN, read_until
from shared.database import Cursor
from shared.partition_versions import find_manifest, is_complete
from shared.partitions import Manifest
from shared.s3_client import Bucket


@dataclass(frozen=True)
class Published:
    """How far a retailer's data is in the warehouse."""

    last_processed_date: date | None = None
    changes_read_until: datetime | None = None
    first_date: date | None = None
    """Earliest business date ever published. Changes to dates before it are ignored."""
    changes_position: str | None = None
    """Where the next list of changes begins, for a source that lists by a position."""


@dataclass(frozen=True)
class Gaps:
    """Dates before the day that are missing from the warehouse."""

    to_fill: tuple[date, ...] = ()
    left_out: tuple[date, ...] = ()
    """Older missing dates, more than one run may catch up."""

    def since(self, start: date) -> Gaps:
        """Those on or after a date."""
        return Gaps(
            tuple(each for each in self.to_fill if each >= start),
            tuple(each for each in self.left_out if each >= start),
        )


def read_published(cursor: Cursor, retailer_id: str) -> Published:
    """The retailer's watermark and where its history begins."""
    cursor.execute(
        "SELECT last_processed_date, changes_read_until, changes_position FROM ops.pipeline_metadata"
        " WHERE retailer_id = %s",
        (retailer_id,),
    )
    watermark = cursor.fetchone() or (None, None, None)
    cursor.execute("SELECT min(business_date) FROM ops.load_ledger WHERE retailer_id = %s", (retailer_id,))
    first = cursor.fetchone()
    return Published(watermark[0], watermark[1], first[0] if first else None, watermark[2])


def read_loaded_checksums(cursor: Cursor, retailer_id: str) -> dict[date, str]:
    """The checksum of the raw object that the warehouse last loaded for each date."""
    cursor.execute(
        "SELECT DISTINCT ON (business_date) business_date, source_sha256 FROM ops.load_ledger"
        " WHERE retailer_id = %s ORDER BY business_date, load_id DESC",
        (retailer_id,),
    )
    return dict(cursor.fetchall())


def without_future_dates(published: Published, loaded: Collection[date], now: datetime) -> Published:
    """The same with the latest date that is not in the future: a file with a date of 2099 must not hide every gap."""
    latest = (now + timedelta(days=1)).date()
    if published.last_processed_date is None or published.last_processed_date <= latest:
        return published
    return replace(published, last_processed_date=max((each for each in loaded if each <= latest), default=None))


def find_gaps(day: date, published: Published, loaded: Collection[date], most: int) -> Gaps:
    """Dates before `day` that are missing from the warehouse, among the latest `most`.

    A date is missing if it was not loaded although an earlier one among them was, in whatever order they were loaded.
    After an outage longer than `most` days all of them are missing, and the dates before them are left out. An old date
    that was loaded on its own does not open a gap.
    """
    earliest = day - timedelta(days=most)
    recent = [each for each in loaded if earliest <= each < day]
    if recent:
        return Gaps(tuple(each for each in _dates(min(recent), day) if each not in loaded))
    last = published.last_processed_date
    if last is None or last >= day:
        return Gaps()
    return Gaps(tuple(_dates(earliest, day)), tuple(_dates(last + timedelta(days=1), earliest)))


def _dates(first: date, end: date) -> Iterator[date]:
    """From `first` up to, not including, `end`."""
    return (first + timedelta(days=ahead) for ahead in range((end - first).days))


def changes_since(day: date, published: Published, lookback_days: int, now: datetime) -> datetime:
    """The start of the change listing to read: some days before what is published, for records entered late."""
    mark = published.changes_read_until
    return (earliest_start_of(day) if mark is None else read_until(mark, now)) - timedelta(days=lookback_days)


def is_ahead(published: Published, now: datetime) -> bool:
    """Whether the watermark says that changes were read that have not happened yet, so that it says nothing."""
    return published.changes_read_until is not None and published.changes_read_until > now


def certainly_read_until(
    bucket: Bucket, retailer_id: str, loaded: Mapping[date, str], published: Published
) -> datetime | None:
    """Up to when changes were certainly read, by the manifests of what is loaded; for a watermark that is ahead.

    When none of them says so, this is before the first published date. None if nothing is published.
    """
    for day in sorted(loaded, reverse=True):
        manifest = find_manifest(bucket, retailer_id, day)
        if manifest is not None and manifest.sha256 == loaded[day]:
            since, until = manifest.window.changes_since, manifest.window.changes_until
            # A list that begins after its end began where a wrong watermark was.
            if since is not None and until is not None and since <= until <= manifest.written_at:
                return until
    return None if published.first_date is None else earliest_start_of(published.first_date)


def look_back(day: date, days: int, now: datetime) -> Changes:
    """The change listing of a source whose API has none: every date of the look-back may have changed."""
    return Changes({day - timedelta(days=back): now for back in range(1, days + 1)}, now)


def with_look_back(listed: Changes | None, day: date, days: int, now: datetime) -> Changes:
    """The changes of a source, with the dates of the look-back where its list of changes does not say all of them."""
    if listed is not None and listed.shows_deletions:
        return listed
    again = look_back(day, days, now)
    return again if listed is None else replace(listed, dates={**listed.dates, **again.dates})


def affected_dates(day: date, published: Published, listing: Changes, gaps: Gaps) -> dict[date, datetime]:
    """Dates, other than `day` and the gaps, whose partitions may have to be read again, each with its latest change.

    Dates before the first published one, and dates in the future, are left out: they are read completely when they
    are ingested.
    """
    if published.first_date is None:
        return {}
    until = max(day, published.last_processed_date or day)
    return {
        changed: at
        for changed, at in sorted(listing.dates.items())
        if published.first_date <= changed <= until and changed != day and changed not in gaps.to_fill
    }


def includes_change(manifest: Manifest, changed_at: datetime) -> bool:
    """Whether the partition was certainly read after that change."""
    return changed_at < manifest.window.requested_from - MARGIN


def current_manifests(bucket: Bucket, retailer_id: str, dates: Iterable[date]) -> dict[date, Manifest]:
    """The manifests of those dates whose partition is complete."""
    found = ((day, find_manifest(bucket, retailer_id, day)) for day in dates)
    return {day: manifest for day, manifest in found if manifest and is_complete(bucket, manifest)}
