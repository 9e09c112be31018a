"""The API of one connector in miniature, for `tests/contract`: two pages of three lines, which can misbehave."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from tests.fakes.http_vendor import HttpVendor, Reply, Request, http_vendor

DAY = date(2024, 1, 15)
SINCE = datetime(2024, 1, 12, 10, 30, tzinfo=UTC)
AS_OF = datetime(2024, 2, 1, 6, tzinfo=UTC)


@dataclass
class ConnectorApi:
    """Describes one connector to the contract suite, and responds to its requests. Each connector has a subclass.

    Page one of 2024-01-15 has lines A and B, page two line C, each of 25.00. Line C was sold on 2024-01-14 before. The
    fields make the API misbehave; `reject_credentials` is a number of requests.
    """

    lines: tuple[tuple[str, ...], ...] = (("A", "B"), ("C",))
    """The pages with their lines."""
    reject_credentials: int = 0
    reject_from_page: int = 1
    grows: bool = False
    wrong_report_date: bool = False
    as_of: Any = AS_OF
    """The time that a page says. What is not a time is sent as it is; None: no time."""
    reported_lines: int = 3
    reported_net: Decimal = Decimal(75)
    next_page: Callable[[int], int | None] | None = None
    """The page that a page names as the next one; None: the following one, and none after the last.

    Any page after the last one is a copy of the last one.
    """
    spoil: Callable[[Any], Any] = field(default=lambda value: value)
    """Changes the body of every response that is sent with `send`."""

    definition: ClassVar[Path]
    """The definition of its source: `<id>.yaml` in a directory of definitions."""
    url_variable: ClassVar[str]
    credentials: ClassVar[dict[str, str]] = {}
    """Variable → value. The last one is named when they are rejected. Empty: the API has none."""
    listing_path: ClassVar[str]
    rows_key: ClassVar[str] = ""
    """Where the rows are in the body of a page. Empty: the body is the list of rows."""
    total_key: ClassVar[str] = ""
    """Where the number of rows is in the body of a page, which must be an integer. Empty: not in the body."""
    most_rows: ClassVar[int | None] = None
    """How many rows the connector requests for the first page; None: the API has no parameter for it."""
    names: ClassVar[dict[str, str]] = {}
    """The transaction ids of A, B and C, where they have to be others."""
    currency: ClassVar[str]
    report_path: ClassVar[str] = ""
    """Empty: the API has no control report."""
    reports_lines: ClassVar[bool] = True
    """Whether the control report has the number of lines, not only money."""
    changes_path: ClassVar[str] = ""
    """Where changes are listed. Empty: at `listing_path`."""
    since_parameter: ClassVar[str] = ""
    """The parameter of a request for changes. Empty: the API has no list of changes."""
    since_text: ClassVar[str] = ""
    """Text in the address of a request for the changes since `SINCE`. Empty: the API has no list of changes."""
    now: ClassVar[datetime | None] = None
    """The time of the connector's clock; None: that of the machine."""
    sends_time: ClassVar[bool] = True
    """Whether a page says as of which time it is correct: `AS_OF`."""
    late_by: ClassVar[timedelta] = timedelta()
    """How much earlier than it was read a page counts as complete."""
    shows_growth: ClassVar[bool] = True
    """Whether one can see that the listing changed between two pages. It does with `grows`."""

    @contextmanager
    def served(self) -> Iterator[tuple[dict[str, str], HttpVendor]]:
        """The API, listening: the variables of its source, and the vendor."""
        with http_vendor(self) as vendor:
            yield {self.url_variable: vendor.url, **self.credentials}, vendor

    def time(self, time: datetime) -> Any:
        """A time as the API writes it."""
        raise NotImplementedError

    def row(self, name: str, previous_date: date | None) -> Any:
        """A row with the line of transaction `name`: 25.00 on `DAY`, before that on `previous_date`."""
        raise NotImplementedError

    def page_number(self, parameters: dict[str, str]) -> int:
        """Which page is requested, from 1."""
        raise NotImplementedError

    def page(self, number: int, rows: list[Any], parameters: dict[str, str]) -> Reply:
        """A page of the listing, or of the list of changes."""
        raise NotImplementedError

    def report(self, parameters: dict[str, str]) -> Reply:
        """The control report. With `wrong_report_date`, of another date."""
        raise NotImplementedError

    def other(self, path: str) -> Reply:
        """The response to any other request, such as one for a token."""
        raise NotImplementedError(path)

    def send(self, body: Any, headers: dict[str, str] | None = None) -> Reply:
        """A response with this body, spoilt if the test wants it."""
        return Reply(body=json.dumps(self.spoil(body)).encode(), headers=headers or {})

    def rows_of(self, body: Any) -> Any:
        """The rows in the body of a page; None if it is that of another response."""
        if not self.rows_key:
            return body if isinstance(body, list) else None
        return body.get(self.rows_key)

    def __call__(self, request: Request) -> Reply:
        """Respond to a request."""
        address = urlsplit(request.path)
        parameters = {name: values[0] for name, values in parse_qs(address.query).items()}
        if address.path == self.report_path:
            rejected = self.reject_credentials and self.reject_from_page == 1
            return Reply(401) if rejected else self.report(parameters)
        if address.path not in (self.listing_path, self.changes_path):
            return self.other(address.path)
        number = self.page_number(parameters)
        if self.reject_credentials and number >= self.reject_from_page:
            self.reject_credentials -= 1
            return Reply(401)
        return self.page(number, self._rows(self.lines[min(number, len(self.lines)) - 1]), parameters)

    def following(self, number: int) -> int | None:
        """The page after this one, if the API names one."""
        if self.next_page is not None:
            return self.next_page(number)
        return number + 1 if number < len(self.lines) else None

    def sent_time(self) -> Any:
        """`as_of` as the API writes it."""
        return self.time(self.as_of) if isinstance(self.as_of, datetime) else self.as_of

    def _rows(self, names: Sequence[str]) -> list[Any]:
        return [self.row(name, date(2024, 1, 14) if name == "C" else None) for name in names]
