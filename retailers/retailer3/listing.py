"""Reads retailer 3's lines and reports as its API sends them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from psycopg2.extensions import cursor as Cursor  # noqa: N812 - it is a class

from retailers.archive.day_listings import DayListing, Length
from retailers.faults.bad_rows import WITHOUT_BAD_ROWS, mix_bad_rows
from retailers.retailer3 import spanish
from retailers.retailer3.bad_rows import bad_line
from retailers.serving.simulator import Simulator

Line = Mapping[str, object]


@dataclass(frozen=True)
class Page:
    """A page of a listing, the number of its lines, and the local time as of which it is correct."""

    total: int
    lines: Sequence[Line]
    as_of: datetime


class Listing:
    """Reads the database of retailer 3."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._sql = simulator.statements
        self._days = simulator.days

    def sold_on(self, day: date, page: int, size: int) -> Page:
        """Lines sold on a date, including bad ones if that fault is on."""
        board, now = self._simulator.board, self._now()
        if not self._simulator.has_day(day) or board.on_day("empty_listing", day):
            return Page(0, (), now)
        plan, offset = self._simulator.bad_rows_of(day), (page - 1) * size
        values = {"day": day, "now": now, "zone": self._simulator.zone.key}
        with self._simulator.database.transaction() as cursor:
            known = self._day(cursor, day, now)
            first = min(plan.good_before(offset), known.lines)
            taken = plan.good_before(offset + size) - plan.good_before(offset)
            cursor.execute(self._sql["sold_on"], {**values, **known.values(first, taken)})
            rows = cursor.fetchall()
            known.remember(first, rows)
        total = known.lines + plan.among(known.lines)
        shown = [_line(row) for row in rows]
        return Page(total, mix_bad_rows(shown, plan, offset, min(size, total - offset), partial(bad_line, day)), now)

    def changed_since(self, since: datetime, page: int, size: int) -> Page:
        """Lines of any date that changed at or after a time."""
        self._simulator.bring_up_to_date()
        now = self._now()
        values = {"since": since, "now": now, "zone": self._simulator.zone.key}
        with self._simulator.database.transaction() as cursor:
            total = self._count(cursor, "count_changed_since", values)
            cursor.execute(self._sql["changed_since"], {**values, "offset": (page - 1) * size, "limit": size})
            return Page(total, [_line(fields) for fields in cursor], now)

    def report(self, day: date) -> Mapping[str, object]:
        """The control report of a date."""
        lines, net = 0, {}
        values = {"day": day, "now": self._now()}
        if self._simulator.has_day(day):
            with self._simulator.database.transaction() as cursor:
                cursor.execute(self._sql["daily_report"], values)
                for currency, count, total in cursor.fetchall():
                    lines, net[currency] = lines + count, spanish.number(total)
                plan = self._simulator.bad_rows_of(day)
                if plan is not WITHOUT_BAD_ROWS:
                    lines += plan.among(self._day(cursor, day, self._now()).lines)
        return {"fecha": spanish.day(day), "lineas": lines, "neto": net}

    def _now(self) -> datetime:
        return self._simulator.clock.now().astimezone(self._simulator.zone)

    def _day(self, cursor: Cursor, day: date, now: datetime) -> DayListing:
        def measure() -> Length:
            cursor.execute(self._sql["count_sold_on"], {"day": day, "now": now})
            lines, next_change = cursor.fetchone() or (0, None)
            return lines, next_change

        return self._days.get(day, now, measure)

    def _count(self, cursor: Cursor, statement: str, values: Mapping[str, object]) -> int:
        cursor.execute(self._sql[statement], values)
        return int((cursor.fetchone() or (0,))[0])


def _line(fields: tuple[object, ...]) -> Line:
    (ticket, number, kind, sold_at, modified, shop, shop_name, town, ref, name, family,
     customer, full_name, segment, city, country, since,
     quantity, price, amount, currency, withdrawn, previous) = fields[:-2]  # fmt: skip
    return {
        "ticket": ticket,
        "linea": number,
        "tipo": kind,
        "fecha_hora": sold_at,
        "modificado": modified,
        "tienda": {"codigo": shop, "nombre": shop_name, "ciudad": town},
        "articulo": {"ref": ref, "nombre": name, "familia": family},
        "cliente": None if customer is None else {
            "codigo": customer, "nombre": full_name, "segmento": segment, "ciudad": city, "pais": country,
            "desde": since,
        },
        "cantidad": spanish.number(str(quantity), 0),
        "precio": spanish.number(str(price)),
        "importe": spanish.number(str(amount)),
        "moneda": currency,
        "anulado": withdrawn,
        "fecha_anterior": previous,
    }  # fmt: skip
