"""What every retailer's service offers the rest of ingestion, whatever its API looks like."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, Generic, Protocol, TypeVar

from ingestion.connectors.http.client import JsonResponse, Limits
from ingestion.connectors.http.throttle import RequestPolicy
from ingestion.models.retailer_data import SalesRecord
from ingestion.normalizers.assembly import Normalized
from shared.config import IngestSettings
from shared.errors import RejectRecord, RetryLater, StopRun
from shared.partitions import ControlReport

Raw = TypeVar("Raw")
MANY_LINES = 20_000
"""From here on a listing is read in larger pages."""
_TOTAL_PER_SILENCE = 4


class ListingChanged(RetryLater):
    """The source's listing moved while it was read: begin it again."""


@dataclass(frozen=True)
class RawPage(Generic[Raw]):
    """One page of a listing, in the source's order."""

    number: int
    """From 1."""
    rows: Sequence[Raw]
    as_of: datetime
    """The moment, on the source's clock where it tells it, that the page speaks of (UTC)."""


@dataclass(frozen=True)
class Changes:
    """Which business dates changed."""

    dates: Mapping[date, datetime]
    """Each with its latest change, UTC. A record that moved counts for both its dates."""
    as_of: datetime
    """Changes before this moment, on the source's clock, are in the listing (UTC)."""


class Connector(Protocol[Raw]):
    """One retailer's API. Not for several threads at once."""

    @property
    def retailer_id(self) -> str:
        """`retailer_1` …"""

    def fetch_sales_data(self, day: date) -> Iterator[RawPage[Raw]]:
        """All lines sold on `day`, page by page; at least one page, which may be empty.

        Raises ListingChanged when it moved, RetryLater and FixConfiguration as the HTTP client does.
        """

    def normalize_sales_record(self, raw: Raw) -> SalesRecord:
        """One raw line as the contract has it. Pure. Raises RejectRecord."""

    def normalize(self, raw: Raw) -> Normalized:
        """The same, not put together yet: for reading millions. Raises RejectRecord."""

    def daily_report(self, day: date) -> ControlReport:
        """What the retailer's own books say of `day`."""

    def list_changes(self, since: datetime) -> Changes:
        """Which business dates had lines added, changed, moved or withdrawn since then."""

    def readable_amount(self, raw: Raw) -> tuple[str, Decimal] | None:
        """Currency and signed amount of a rejected line, as far as they can be read."""

    def payload(self, raw: Raw) -> Any:
        """The raw line as JSON-able data, for the dead letters."""

    def close(self) -> None:
        """Let go of the connections."""


@dataclass(frozen=True)
class Runtime:
    """Clock, sleep and chance, so that tests can hold them."""

    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    """Aware."""
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random


def request_policy(settings: IngestSettings) -> RequestPolicy:
    """How patient the settings want us to be."""
    return RequestPolicy(settings.requests_per_second, settings.max_attempts, settings.backoff_seconds)


def limits_of(settings: IngestSettings) -> Limits:
    """How much of an answer the settings let us take."""
    silence = settings.timeout_seconds
    return Limits(silence, _TOTAL_PER_SILENCE * silence, settings.max_response_mb * 1024 * 1024)


def part(retailer_id: str, answer: JsonResponse, name: str, kind: type[Any]) -> Any:
    """A part of an answer that must be there. Raises StopRun: a missing answer is not an empty day."""
    value = answer.value.get(name) if isinstance(answer.value, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise StopRun(f"{retailer_id} sent an answer without {name!r}: its API is not what docs/RETAILERS.md says.")
    return value


def report_of(retailer_id: str, day: date, read: Callable[[], ControlReport]) -> ControlReport:
    """The report that `read` makes of an answer. Raises StopRun when it cannot."""
    try:
        return read()
    except (RejectRecord, KeyError, TypeError, AttributeError, ValueError) as error:
        raise StopRun(
            f"{retailer_id}'s daily report of {day} cannot be read ({error}). See docs/RETAILERS.md."
        ) from error


def source_time(answer: JsonResponse) -> datetime:
    """When the source answered, for want of better: its Date header, or our clock when we asked."""
    try:
        stamped = parsedate_to_datetime(answer.headers.get("Date", ""))
    except (ValueError, TypeError):
        return answer.asked_at
    return min(stamped.astimezone(UTC), answer.asked_at)


def note_change(dates: dict[date, datetime], day: date, changed_at: datetime) -> None:
    """Keep the latest change of each date."""
    if day not in dates or dates[day] < changed_at:
        dates[day] = changed_at


def start_of(day: date) -> datetime:
    """The earliest moment at which it is `day` anywhere on earth (UTC+14)."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=14)
