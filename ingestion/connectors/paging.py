"""Ends the reading of pages that would never end or are too large, so that one source cannot stop the others."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Sequence
from typing import Any

from shared.errors import RetryLater, StopRun

_MOST_WITHOUT_NEWS = 20
"""A delivery may repeat a page, and a page may be empty. So many of them in a row mean that the paging goes round."""
_MOST_TIMES_REPORTED = 10
_MOST_MORE_THAN_REPORTED = 100_000
_MOST_TIMES_REQUESTED = 2
"""A delivery may repeat each row of a page once."""
_compared = reprlib.Repr()
_compared.maxdict = _compared.maxlist = _compared.maxlevel = 50
_compared.maxstring = _compared.maxother = _compared.maxlong = 200


class PageLimits:
    """The limits of one reading of pages. `what` begins its messages: the source and what is read."""

    def __init__(
        self, what: str, minutes: float, monotonic: Callable[[], float], reported_lines: int | None = None
    ) -> None:
        self._what, self._minutes, self._monotonic = what, minutes, monotonic
        self._until = monotonic() + minutes * 60
        self._most_rows = (
            None
            if reported_lines is None
            else max(reported_lines * _MOST_TIMES_REPORTED, reported_lines + _MOST_MORE_THAN_REPORTED)
        )
        self._rows = self._without_news = 0
        self._seen: set[int] = set()

    def check(self, rows: Sequence[Any], requested: int | None = None) -> None:
        """Call it with every page. `requested`: how many rows it was to have at most; None if that was not said.

        Raises StopRun when nothing new or far more than requested comes, RetryLater after the time.
        """
        if requested is not None and len(rows) > requested * _MOST_TIMES_REQUESTED:
            raise StopRun(
                f"{self._what}: a page has {len(rows):,} rows, but at most {requested:,} were requested."
                " Have the source's paging corrected."
            )
        ends = map(_compared.repr, (*rows[:1], *rows[-1:]))
        page = hash((len(rows), *ends))
        self._without_news = self._without_news + 1 if not rows or page in self._seen else 0
        self._seen.add(page)
        self._rows += len(rows)
        if self._without_news == _MOST_WITHOUT_NEWS:
            raise StopRun(
                f"{self._what}: {_MOST_WITHOUT_NEWS} pages in a row brought nothing new. Does the"
                " connector request the next page each time, and does the source say which page is the last?"
            )
        if self._most_rows is not None and self._rows > self._most_rows:
            raise StopRun(f"{self._what}: {self._rows:,} rows came, far more than the control report has.")
        if self._monotonic() > self._until:
            raise RetryLater(
                f"{self._what} took more than {self._minutes:g} minutes. Run again later; if the source needs as long,"
                " raise INGEST_LISTING_MINUTES."
            )
