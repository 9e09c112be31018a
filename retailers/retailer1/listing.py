"""Reads retailer 1's sales and reports as its API sends them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from psycopg2.extensions import cursor as Cursor  # noqa: N812 - it is a class

from retailers.archive.day_listings import DayListing, Length
from retailers.faults.bad_rows import WITHOUT_BAD_ROWS, mix_bad_rows
from retailers.retailer1.bad_rows import bad_row
from retailers.serving.simulator import Simulator

FIELDS = (
    "sale_id", "line_no", "txn_type", "sold_at", "last_modified",
    "store_code", "store_name", "store_city", "store_state", "sku", "product_name", "department",
    "customer_no", "customer_name", "customer_segment", "customer_city", "customer_state", "customer_country",
    "customer_updated_at", "qty", "unit_price", "line_total", "currency", "deleted", "previous_date",
)  # fmt: skip
Row = Mapping[str, object]


@dataclass(frozen=True)
class Page:
    """A page of a listing, the number of its rows, and the time as of which it is correct."""

    total: int
    rows: Sequence[Row]
    as_of: datetime


class Listing:
    """Reads the database of retailer 1."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._sql = simulator.statements
        self._days = simulator.days

    def sold_on(self, day: date, offset: int, limit: int) -> Page:
        """Lines sold on a date, including bad rows if that fault is on."""
        now = self._simulator.clock.now()
        board = self._simulator.board
        if not self._simulator.has_day(day) or board.on_day("empty_listing", day):
            return Page(0, (), now)
        plan = self._simulator.bad_rows_of(day)
        values = {"day": day, "now": now}
        with self._simulator.database.transaction() as cursor:
            known = self._day(cursor, day, now)
            first = min(plan.good_before(offset), known.lines)
            taken = plan.good_before(offset + limit) - plan.good_before(offset)
            rows = self._rows(cursor, "sold_on", {**values, **known.values(first, taken)})
            known.remember(first, rows)
        total = known.lines + plan.among(known.lines)
        shown = list(map(_shown, rows))
        return Page(total, mix_bad_rows(shown, plan, offset, min(limit, total - offset), partial(bad_row, day)), now)

    def changed_since(self, since: datetime, offset: int, limit: int) -> Page:
        """Lines of any date that changed at or after a time."""
        self._simulator.bring_up_to_date()
        now = self._simulator.clock.now()
        values = {"since": since, "now": now, "offset": offset, "limit": limit}
        with self._simulator.database.transaction() as cursor:
            total = self._count(cursor, "count_changed_since", values)
            return Page(total, list(map(_shown, self._rows(cursor, "changed_since", values))), now)

    def report(self, day: date) -> Mapping[str, object]:
        """The control report of a date."""
        lines, totals = 0, {}
        if self._simulator.has_day(day):
            with self._simulator.database.transaction() as cursor:
                cursor.execute(self._sql["daily_report"], {"day": day, "now": self._simulator.clock.now()})
                for currency, count, total in cursor.fetchall():
                    lines, totals[currency] = lines + count, total
                plan = self._simulator.bad_rows_of(day)
                if plan is not WITHOUT_BAD_ROWS:
                    lines += plan.among(self._day(cursor, day, self._simulator.clock.now()).lines)
        return {"date": day, "line_count": lines, "net_totals": totals}

    def _day(self, cursor: Cursor, day: date, now: datetime) -> DayListing:
        def measure() -> Length:
            cursor.execute(self._sql["count_sold_on"], {"day": day, "now": now})
            lines, next_change = cursor.fetchone() or (0, None)
            return lines, next_change

        return self._days.get(day, now, measure)

    def _count(self, cursor: Cursor, statement: str, values: Mapping[str, object]) -> int:
        cursor.execute(self._sql[statement], values)
        return int((cursor.fetchone() or (0,))[0])

    def _rows(self, cursor: Cursor, statement: str, values: Mapping[str, object]) -> list[tuple[object, ...]]:
        # PostgreSQL shows times of sale with the offset of the session's time zone.
        cursor.execute("SELECT set_config('TimeZone', %s, true)", (self._simulator.zone.key,))
        cursor.execute(self._sql[statement], values)
        return cursor.fetchall()


def _shown(fields: tuple[object, ...]) -> Row:
    return dict(zip(FIELDS, fields[:-2], strict=True))
