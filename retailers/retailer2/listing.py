"""Reads retailer 2's orders and reports as its API sends them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

from psycopg2.extensions import cursor as Cursor  # noqa: N812 - it is a class

from retailers.faults.bad_rows import WITHOUT_BAD_ROWS, BadRows, mix_bad_rows
from retailers.retailer2.bad_rows import bad_order
from retailers.retailer2.cursors import Position
from retailers.retailer2.sales_tables import day_number
from retailers.serving.simulator import Simulator

_KINDS = {1: "order", 2: "refund", 3: "adjustment"}
Order = Mapping[str, object]


@dataclass(frozen=True)
class Page:
    """A page of a listing, where the next page begins (None: nowhere), and the time as of which it is correct."""

    orders: Sequence[Order]
    following: Position | None
    as_of: int


class Listing:
    """Reads the database of retailer 2."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._sql = simulator.statements

    def placed_on(self, day: date, position: Position, size: int) -> Page:
        """Orders placed on a day, including bad ones if that fault is on."""
        board, now = self._simulator.board, self._now()
        if not self._simulator.has_day(day) or board.on_day("empty_listing", day):
            return Page((), None, now)
        values = {"day": day_number(day), "now": now}
        return self._page("placed_on", values, position, size, self._simulator.bad_rows_of(day), day)

    def modified_since(self, since: int, position: Position, size: int) -> Page:
        """Orders of any day that were modified at or after a time."""
        self._simulator.bring_up_to_date()
        return self._page(
            "modified_since", {"since": since, "now": self._now()}, position, size, WITHOUT_BAD_ROWS, date.min
        )

    def report(self, day: date) -> Mapping[str, object]:
        """The control report of a day."""
        lines = 0
        net: dict[str, Mapping[str, int]] = {}
        values = {"day": day_number(day), "now": self._now()}
        if self._simulator.has_day(day):
            with self._simulator.database.transaction() as cursor:
                cursor.execute(self._sql["daily_report"], values)
                for currency, count, thousandths in cursor.fetchall():
                    lines += count
                    net[currency] = self._amount(thousandths)
                plan = self._simulator.bad_rows_of(day)
                if plan is not WITHOUT_BAD_ROWS:
                    cursor.execute(self._sql["count_placed_on"], values)
                    lines += plan.among((cursor.fetchone() or (0,))[0])
        return {"day": day, "lines": lines, "net": net}

    def _amount(self, thousandths: int) -> Mapping[str, int]:
        if self._simulator.settings.replay_csv:
            return {"amount": thousandths, "exponent": 3}
        return {"amount": thousandths // 10, "exponent": 2}

    def _now(self) -> int:
        return int(self._simulator.clock.now().timestamp())

    def _page(
        self, statement: str, values: Mapping[str, int], position: Position, size: int, plan: BadRows, day: date
    ) -> Page:
        end = position.delivered + size
        wanted = plan.good_before(end) - plan.good_before(position.delivered)
        with self._simulator.database.transaction() as cursor:
            limits = {"after_time": position.time, "after_pk": position.key, "limit": wanted + 1}
            cursor.execute(self._sql[statement], {**values, **limits})
            heads = cursor.fetchall()
            good = heads[:wanted]
            lines = self._lines(cursor, [head[0] for head in good])
        with_withdrawn = statement == "modified_since"
        orders = mix_bad_rows(
            [_order(head, lines[head[0]], with_withdrawn) for head in good],
            plan,
            position.delivered,
            size,
            partial(bad_order, day),
        )
        # The position after the last good order. A bad one may follow there although no good one does.
        last = good[-1] if good else None
        time = position.time if last is None else last[3 if statement == "placed_on" else 4]
        after = Position(
            position.listing,
            time,
            position.key if last is None else last[0],
            position.delivered + len(orders),
            position.page + 1,
        )
        goes_on = len(heads) > wanted or (len(orders) == size and plan.is_bad(after.delivered))
        return Page(orders, after if goes_on else None, values["now"])

    def _lines(self, cursor: Cursor, keys: list[int]) -> Mapping[int, list[tuple[object, ...]]]:
        found: dict[int, list[tuple[object, ...]]] = defaultdict(list)
        if keys:
            cursor.execute(self._sql["lines_of"], {"orders": keys})
            for key, *fields in cursor:
                found[key].append(tuple(fields))
        return found


def _order(head: tuple[object, ...], lines: Sequence[tuple[object, ...]], with_withdrawn: bool) -> Order:
    (_, ref, kind, placed, modified, currency, exponent, shop, shop_name, town,
     buyer, name, tier, buyer_town, country, since, withdrawn, previous) = head  # fmt: skip
    return {
        "id": ref,
        "kind": _KINDS[kind],  # type: ignore[index]
        "placed_at": placed,
        "modified_at": modified,
        "currency": {"code": currency, "exponent": exponent},
        "shop": {"id": shop, "name": shop_name, "city": town},
        "buyer": None if buyer is None else {
            "id": buyer, "name": name, "tier": tier, "city": buyer_town, "country": country, "since": since,
        },
        "lines": [_line(line) for line in lines if with_withdrawn or not line[-1]],
        "deleted": withdrawn,
        "previous_placed_on": None if previous is None else _dashed(str(previous)),
    }  # fmt: skip


def _dashed(number: str) -> str:
    return f"{number[:4]}-{number[4:6]}-{number[6:]}"


def _line(fields: tuple[object, ...]) -> Mapping[str, object]:
    ref, code, title, category, quantity, unit_amount, amount, withdrawn = fields
    return {
        "id": ref, "product": {"code": code, "title": title, "category": category},
        "quantity": quantity, "unit_amount": unit_amount, "amount": amount, "deleted": withdrawn,
    }  # fmt: skip
