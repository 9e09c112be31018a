"""Which page is requested next, for each kind of `pagination` (docs/connectors/rest.md).

None of these decides how long a listing may go on: `PageLimits` ends one that goes round or never ends.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

import requests

from ingestion.connectors.http.client import JsonResponse
from ingestion.connectors.rest.responses import Responses, found_at, value_at
from shared.errors import StopRun
from shared.sources.api_definition import CountedPages, Cursors, Links, NumberedPages, Offsets, Pages

Query = tuple[tuple[str, str], ...]
"""Names and values, as they are sent."""


class Pager(Protocol):
    """The pages of one reading of a listing."""

    def first(self) -> Query:
        """What is requested first."""

    def after(self, response: JsonResponse, rows: Sequence[Any], sent: Query) -> Query | None:
        """What is requested after this page; None after the last one. Raises StopRun if that cannot be known."""


def pager_of(
    pages: Pages, query: Query, path: str, responses: Responses, source_id: str, own: Collection[str] = ()
) -> Pager:
    """The pager of a listing. `query` and `path` are its request; `own`: parameters that the client adds itself."""
    if pages.size_parameter is not None:
        query = _replaced(query, pages.size_parameter, str(pages.size))
    match pages:
        case NumberedPages() | Offsets():
            return _Counted(pages, query, responses)
        case Cursors():
            return _ByCursor(pages, query, responses, source_id)
        case Links():
            return _ByLink(pages, query, path, source_id, own)
        case _:
            return _Single(query)


class _Single:
    def __init__(self, query: Query) -> None:
        self._query = query

    def first(self) -> Query:
        return self._query

    def after(self, response: JsonResponse, rows: Sequence[Any], sent: Query) -> Query | None:
        return None


class _Counted:
    def __init__(self, pages: NumberedPages | Offsets, query: Query, responses: Responses) -> None:
        self._pages, self._query, self._responses = pages, query, responses
        self._position = pages.first if isinstance(pages, NumberedPages) else 0
        self._read = 0
        """How many pages."""

    def first(self) -> Query:
        return self._at(self._position)

    def after(self, response: JsonResponse, rows: Sequence[Any], sent: Query) -> Query | None:
        self._read += 1
        self._position += self._step(rows)
        return self._at(self._position) if self._goes_on(response, rows) else None

    def _step(self, rows: Sequence[Any]) -> int:
        if isinstance(self._pages, NumberedPages):
            return 1
        size = self._pages.size
        # Without a total, an API that sends fewer rows than requested must not make us skip the others. With one, the
        # position follows from the requested size: a page may repeat a row.
        return size if self._pages.total is not None or not rows else min(size, len(rows))

    def _goes_on(self, response: JsonResponse, rows: Sequence[Any]) -> bool:
        pages: CountedPages = self._pages
        if pages.more is not None:
            return self._responses.flag(response, pages.more)
        if isinstance(pages, NumberedPages) and pages.pages is not None:
            return self._read < self._responses.count(response, pages.pages)
        if pages.total is not None and pages.size is not None:
            return self._read * pages.size < self._responses.count(response, pages.total)
        return bool(rows)

    def _at(self, position: int) -> Query:
        return _replaced(self._query, self._pages.parameter, str(position))


class _ByCursor:
    def __init__(self, pages: Cursors, query: Query, responses: Responses, source_id: str) -> None:
        self._pages, self._query, self._responses, self._source_id = pages, query, responses, source_id

    def first(self) -> Query:
        return self._query

    def after(self, response: JsonResponse, rows: Sequence[Any], sent: Query) -> Query | None:
        pages = self._pages
        if pages.more is not None and not self._responses.flag(response, pages.more):
            return None
        if pages.next is not None:
            place, cursor = pages.next.header or pages.next.path, found_at(response, pages.next)
        else:
            place, cursor = pages.next_of_row, value_at(rows[-1], pages.next_of_row) if rows else None
        if cursor is None and pages.more is None:
            return None
        if not isinstance(cursor, str | int) or isinstance(cursor, bool) or cursor == "":
            raise self._responses.unexpected(place)
        following = _replaced(self._query, pages.parameter, str(cursor))
        if following == sent:
            raise StopRun(
                f"{self._source_id} sent the same cursor twice in {place!r}. Have the source's paging corrected."
            )
        return following


class _ByLink:
    def __init__(self, pages: Links, query: Query, path: str, source_id: str, own: Collection[str]) -> None:
        self._pages, self._query, self._path, self._source_id, self._own = pages, query, path, source_id, own

    def first(self) -> Query:
        return self._query

    def after(self, response: JsonResponse, rows: Sequence[Any], sent: Query) -> Query | None:
        place = self._pages.next
        link = _next_link(response.headers.get("Link", "")) if place is None else found_at(response, place)
        if link is None or (link == "" and place is not None):
            return None
        # Only the query is taken from the link: requests go to the configured host and path only.
        path, query = _path_and_query(link)
        following = tuple(pair for pair in query if pair[0] not in self._own)
        if not following or following == sent or not (path.endswith(self._path) or (path == "" and "?" in link)):
            raise StopRun(
                f"{self._source_id} sent a link to the next page that leads elsewhere or back to an earlier page:"
                f" it has to have the path {self._path} and another query."
            )
        return following


def _replaced(query: Query, name: str, value: str) -> Query:
    """The query with this value of a parameter."""
    return (*(pair for pair in query if pair[0] != name), (name, value))


def _next_link(header: str) -> str | None:
    for item in requests.utils.parse_header_links(header):
        if item.get("rel") == "next":
            return str(item["url"])
    return None


def _path_and_query(link: object) -> tuple[str, Query]:
    """The parts of a link; an empty path and query if it is not a URL."""
    try:
        parts = urlsplit(link) if isinstance(link, str) else None
        return (parts.path, tuple(parse_qsl(parts.query, keep_blank_values=True))) if parts else ("", ())
    except ValueError:
        return "", ()
