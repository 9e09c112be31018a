"""Sources that are hostile in what they send: values that cannot be read, and reports that cannot be true."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.fakes.http_vendor import Reply
from tests.hostile.modes import (
    Api,
    Fails,
    Lands,
    Mode,
    Respond,
    Result,
    by_report,
    every_reply,
    get_field,
    maps,
    set_field,
    source,
    spoilt_pages,
    spoilt_report,
    with_bytes_in,
    with_report,
    with_rows_of,
)

VALUES = {
    "NaN": (b"NaN", "NOT_A_NUMBER"),
    "1e400": (b"1e400", "NOT_A_NUMBER"),
    "half a surrogate pair": (rb'"x\ud83d"', "MALFORMED"),
    "Latin-1": (b'"Caf\xe9"', "MALFORMED"),
    "100,000 levels": (b"[" * 100_000 + b"]" * 100_000, "MALFORMED"),
    "an integer of 5,000 digits": (b"1" + b"0" * 5_000, "TOO_MANY_DIGITS"),
    "a control character": (b'"a\nb"', ""),
    "NUL": (rb'"a\u0000b"', ""),
}
"""Value of a product's name → why the row is rejected; '' if it is landed."""
MONEY = re.compile(rb'"75[.,]00"|75000')
LINES = re.compile(rb"\b3\b(?=[,}])")
NO_MONEY = {"NaN": b"NaN", "1e400": b"1e400", "a float": b"75.0", "null": b"null", "a text": b'"much"', "a list": b"[]"}
NO_REPORT = Fails("StopRun", "daily report of 2024-01-15 cannot be read")


def twice(given: Reply) -> Reply:
    """The same body with each key twice, of which the first one is wrong."""
    return replace(given, body=re.sub(rb'("[a-z_]+"): ', rb"\1: null, \1: ", given.body))


def copies(*factors: int) -> Callable[[Api, list[Any]], list[Any]]:
    """The first row once more for each factor, of so many times its quantity and amount, in place of the others."""

    def change(api: Api, rows: list[Any]) -> list[Any]:
        return [_times(api, rows[0], factor) for factor in factors]

    return change


def _times(api: Api, row: Any, factor: int) -> Any:
    changed = copy.deepcopy(row)
    for name in ("quantity", "total_amount"):
        set_field(api, changed, name, _multiplied(get_field(api, row, name), factor))
    return changed


def _multiplied(value: Any, factor: int) -> Any:
    if isinstance(value, int):
        return value * factor
    comma = "," in value
    made = str(Decimal(value.replace(",", ".")) * factor)
    return made.replace(".", ",") if comma else made


def mode(
    name: str,
    hostile: Callable[[Api], Respond],
    result: Result | Callable[[Api], Result],
    against: Callable[[Api], bool] = lambda api: True,
) -> Mode:
    """A mode in which the list of changes is read, too."""
    return Mode(name, hostile, result, against, since_watermark=True)


def _sold_elsewhen(api: Api, rows: list[Any]) -> list[Any]:
    for row in rows:
        set_field(api, row, "sold_at", api().time(datetime(2024, 1, 16, 15, tzinfo=UTC)))
    return rows


MODES = (
    *(
        mode(f"a value: {name}", with_bytes_in("product_name", sent), Lands(2, (code,)) if code else Lands())
        for name, (sent, code) in VALUES.items()
    ),
    *(
        mode(f"a time of change: {name}", with_bytes_in("changed_at", sent), Lands(2, ("*",)), maps("changed_at"))
        for name, (sent, _) in VALUES.items()
    ),
    mode("rows of other types", with_rows_of(b'null, 1, "x", [], {}'), Fails("StopRun", "5 of 5 records rejected")),
    mode("keys twice", every_reply(twice), Lands()),
    mode("another date", spoilt_pages(_sold_elsewhen), Fails("StopRun", "3 WRONG_DATE")),
    mode("a huge quantity", spoilt_pages(copies(10**17)), Fails("StopRun", "1 of 1 records rejected")),
    mode("a report of another date", source(wrong_report_date=True), Fails("StopRun", "another date"), with_report),
    mode(
        "a report that is a cent off",
        source(reported_net=Decimal("75.01")),
        Fails("RetryLater", "adds up to 75.00 .*, the retailer's report to 75.01"),
        with_report,
    ),
    mode(
        "a page that repeats the one before",
        source(lines=(("A", "B"), ("A", "B")), reported_lines=4, reported_net=Decimal(100)),
        by_report(Fails("RetryLater", "the listing has 2 distinct lines, the retailer's report 4"), Lands(4)),
    ),
    *(
        mode(
            f"a line twice, {' and '.join(map(str, order))} times the amount, changed at one time",
            spoilt_pages(copies(*order), reported_lines=1, reported_net=Decimal(50)),
            Lands(2),
        )
        for order in ((1, 2), (2, 1))
    ),
    *(
        mode(
            f"reported money: {name}",
            spoilt_report(MONEY, sent),
            NO_REPORT,
            with_report,
        )
        for name, sent in NO_MONEY.items()
    ),
    *(
        mode(
            f"reported lines: {name}",
            spoilt_report(LINES, sent),
            result,
            with_report,
        )
        for name, sent, result in (
            ("2^63", b"9223372036854775808", Fails("RetryLater", "the retailer's report 9223372036854775808")),
            ("-1", b"-1", Fails("StopRun", "cannot be read")),
            ("5,000 digits", b"9" * 5_000, Fails("StopRun", "or with a wrong value")),
            ("a float", b"3.0", Fails("StopRun", "or with a wrong value")),
            ("true", b"true", Fails("StopRun", "or with a wrong value")),
        )
    ),
)
