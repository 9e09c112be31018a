"""The interface between ingestion and a retailer's API, and what its implementations share.

A connector knows one API: how to authenticate, how to page, and the mapping of its rows to `SalesRecord`. Ingestion
knows the rest: it maps the pages of a date and lands them in the raw zone (`landing/land_date.py`), compares them with
the retailer's control report, and reads dates again that changed. To add an API, implement `Connector`, name its class
in `sources/<id>.yaml` and add it to the contract tests (`tests/contract/test_connectors.py`).
"""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar, runtime_checkable

from ingestion.connectors.http.client import Api, Authorization, HttpClient, JsonResponse, Limits
from ingestion.connectors.http.headers import http_date
from ingestion.connectors.http.throttle import RequestPolicy
from ingestion.connectors.paging import PageLimits
from ingestion.mapping.layouts import SourceMapping
from ingestion.models.retailer_data import SalesRecord
from ingestion.source_clock import ANY_TIME
from shared.business_dates import FIRST_DATE, LAST_DATE
from shared.config import IngestSettings
from shared.errors import FixConfiguration, RejectRecord, RetryLater, StopRun, describe_error, shortened
from shared.logs import get_logger
from shared.partitions import ControlReport
from shared.sources.connection import Connection
from shared.sources.definition import SourceDefinition

_log = get_logger(__name__)
Raw = TypeVar("Raw")
MANY_LINES = 20_000
"""A listing with more lines is read in larger pages."""
_TOTAL_PER_TIMEOUT = 4
_SHOWN_CHARACTERS = 300
_LOGGED_ROWS = 10
"""How many rows of a list of changes that cannot be read are logged one by one."""


class ListingChanged(RetryLater):
    """The source's listing changed while it was read. The caller reads it again from the start."""


def _demand_time_zone(what: str, given: object) -> None:
    if not isinstance(given, datetime) or given.tzinfo is None:
        raise FixConfiguration(f"{what} is {given!r}, not a time with a time zone.")


@dataclass(frozen=True)
class RawPage(Generic[Raw]):
    """One page of a listing, in the source's order."""

    number: int
    """From 1."""
    rows: Sequence[Raw]
    """What orjson reads from JSON: objects, arrays, texts, numbers, true, false and null. A rejected row is kept as
    JSON, so other types, and integers above 64 bits, are not stored as they were sent."""
    as_of: datetime
    """The time as of which the page is correct, UTC: by the source's clock if it sends it, else by ours."""
    requested: int | None = None
    """How many rows were requested at most: a page with far more of them is not accepted. None: it was not said."""

    def __post_init__(self) -> None:
        if not isinstance(self.rows, list | tuple):
            raise FixConfiguration(f"RawPage.rows of page {self.number} is a {type(self.rows).__name__}, not a list.")
        _demand_time_zone("RawPage.as_of", self.as_of)


@dataclass(frozen=True)
class Changes:
    """Which business dates changed at the source."""

    dates: Mapping[date, datetime]
    """Business date → its latest change, UTC. A record that moved to another date counts for both dates."""
    as_of: datetime
    """All changes before this time, by the source's clock, are in the listing (UTC)."""
    shows_deletions: bool = True
    """False: a deleted record leaves no trace. Then the dates of the look-back are read again as well."""
    position: str | None = None
    """Where the next list begins, if the source does not list by time (`ListsByPosition`)."""

    def __post_init__(self) -> None:
        _demand_time_zone("Changes.as_of", self.as_of)
        for changed_at in self.dates.values():
            _demand_time_zone("a time of Changes.dates", changed_at)


class Connector(Protocol[Raw]):
    """One retailer's API. Used by one thread at a time.

    `Raw` is one row of a page as the API sends it, a line or an order with its lines.

    Every method that sends requests raises RetryLater when the system fails, FixConfiguration when the settings are
    wrong, and StopRun when a response is not what the API's documentation says.
    """

    listing_path: ClassVar[str]
    """The path at which the API lists its sales. Lineage names the source by it, or by its address without one."""

    @property
    def retailer_id(self) -> str:
        """The id of the source, for example `retailer_1`."""

    def check(self, day: date) -> None:
        """Send one small request about `day` with the credentials. Raises what it meets."""

    @property
    def mapping(self) -> SourceMapping:
        """What the rows mean."""

    def fetch_sales_data(self, day: date) -> Iterator[RawPage[Raw]]:
        """All lines sold on `day`, page by page. There is at least one page; it may be empty.

        Raises ListingChanged when the listing changed between two pages.
        """

    def normalize_sales_record(self, raw: Raw) -> SalesRecord:
        """A row with one line as a `SalesRecord`, to look at it. Landing uses `mapping` only; the preview compares.

        Raises RejectRecord with a reason code.
        """

    def daily_report(self, day: date) -> ControlReport | None:
        """The control report of `day`: line count and net totals from the retailer's own system.

        None when the API has none. Never calculate it from the listing: the listing is compared with it.
        """

    def list_changes(self, since: datetime) -> Changes | None:
        """Which business dates had lines added, changed, moved or withdrawn since that time.

        None when the API cannot say. Then every run reads the dates of the look-back again.
        """

    def close(self) -> None:
        """Close the connections, and what `normalize_sales_record` opened."""


@runtime_checkable
class ListsByPosition(Protocol):
    """A connector that may know no times of changes. The platform keeps the position of its last list for it."""

    def list_changes_from(self, since: datetime, position: str | None) -> Changes | None:
        """In place of `list_changes`. `position` is that of the last list whose dates were published.

        None: there was no such list. Then a list that cannot go by time has no dates, and says where the next begins.
        """


class ConnectorClass(Protocol):
    """How the connector of a source is built."""

    listing_path: ClassVar[str]

    def __call__(
        self, source: SourceDefinition, connection: Connection, ingest: IngestSettings, runtime: Runtime
    ) -> Connector[Any]:
        """`ingest` already has the source's own limits."""


@dataclass(frozen=True)
class Runtime:
    """What a machine has. Tests pass their own, so that nothing depends on real time, chance or the disk."""

    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    """The current time, with a time zone."""
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free
    """How much can still be written to the disk of a folder."""


def request_policy(settings: IngestSettings) -> RequestPolicy:
    """Rate limit and retries by the settings."""
    return RequestPolicy(settings.requests_per_second, settings.max_attempts, settings.backoff_seconds)


def response_limits(settings: IngestSettings) -> Limits:
    """Bounds of a response by the settings: time and size."""
    timeout = settings.timeout_seconds
    return Limits(timeout, _TOTAL_PER_TIMEOUT * timeout, settings.max_response_mb * 1024 * 1024)


def required_auth(source: SourceDefinition, connection: Connection, kind: str) -> Mapping[str, str]:
    """The credentials of the one kind that a connector supports. Raises FixConfiguration for another kind."""
    if connection.auth.get("kind") != kind:
        raise FixConfiguration(
            f"{source.id}: the connector {source.connector} authenticates with `kind: {kind}`."
            f" Correct connection.auth in sources/{source.id}.yaml."
        )
    return connection.auth


def http_client(
    source: SourceDefinition,
    connection: Connection,
    ingest: IngestSettings,
    runtime: Runtime,
    authorization: Authorization | None,
    headers: Mapping[str, str] | None = None,
) -> HttpClient:
    """The client of a source's API: its address, limits and retries, with the runtime's clock and sleep."""
    return HttpClient(
        Api(source.id, connection.url, connection.url_setting, connection.auth_settings),
        request_policy(ingest),
        response_limits(ingest),
        authorization=authorization,
        headers=headers,
        clock=runtime.clock,
        sleep=runtime.sleep,
        jitter=runtime.jitter,
    )


def required_field(retailer_id: str, response: JsonResponse, name: str, kind: type[Any]) -> Any:
    """A required field of a response. Raises StopRun if it is missing: that does not mean that nothing was sold."""
    value = response.value.get(name) if isinstance(response.value, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise StopRun(
            f"{retailer_id} sent a response without {name!r}, or with a wrong value in it:"
            " the API is not what its connector expects."
        )
    return value


def parse_report(retailer_id: str, day: date, read: Callable[[], ControlReport]) -> ControlReport:
    """The report that `read` makes of a response. Raises StopRun if it fails."""
    try:
        return read()
    except (RejectRecord, KeyError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        raise StopRun(
            f"{retailer_id}'s daily report of {day} cannot be read ({shortened(str(error), _SHOWN_CHARACTERS)}):"
            " the API is not what its connector expects."
        ) from error


def source_time(response: JsonResponse) -> datetime:
    """Fallback for the time of a response: its Date header, or when we sent the request, whichever is earlier."""
    stamped = http_date(response.headers.get("Date"))
    return response.requested_at if stamped is None else min(stamped, response.requested_at)


def change_time(read: Callable[[], datetime]) -> datetime:
    """When a record changed, UTC, as `read` makes it of a row. `ANY_TIME` if it raises RejectRecord or KeyError.

    A change must not be missed because the source states its time wrong.
    """
    try:
        return read().astimezone(UTC)
    except (RejectRecord, KeyError):
        return ANY_TIME


def read_changes(
    retailer_id: str,
    pages: Iterable[RawPage[Raw]],
    note: Callable[[dict[date, datetime], Raw], None],
    limits: PageLimits,
) -> Changes:
    """The changes on these pages. `note` adds those of one row with `keep_latest_change`.

    A row that it cannot read is left out, and the first ones are logged. Raises StopRun if there is no page.
    """
    dates: dict[date, datetime] = {}
    as_of: datetime | None = None
    unread = 0
    for page in pages:
        limits.check(page.rows, page.requested)
        as_of = as_of or page.as_of
        for row in page.rows:
            try:
                note(dates, row)
            except (RejectRecord, ValueError, KeyError, TypeError, AttributeError) as error:
                unread += 1
                if unread <= _LOGGED_ROWS:
                    _log.warning("a changed row cannot be read", retailer_id=retailer_id, error=describe_error(error))
    if unread > _LOGGED_ROWS:
        _log.warning("changed rows cannot be read", retailer_id=retailer_id, rows=unread)
    if as_of is None:
        raise StopRun(f"{retailer_id} sent no page in response to a request for changes. See docs/RETAILERS.md.")
    return Changes(dates, as_of)


def keep_latest_change(dates: dict[date, datetime], day: date, changed_at: datetime) -> None:
    """Keep the latest change of each date. Dates on which no record can be are left out."""
    if not FIRST_DATE <= day <= LAST_DATE:
        return
    if day not in dates or dates[day] < changed_at:
        dates[day] = changed_at


def earliest_start_of(day: date) -> datetime:
    """The earliest time at which it is `day` anywhere on earth (UTC+14)."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=14)
