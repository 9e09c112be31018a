"""Sources that are hostile in how much they send: their responses would fill the memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.hostile.modes import (
    Api,
    Fails,
    Lands,
    Mode,
    Respond,
    Result,
    every_reply,
    made,
    set_field,
    spoilt_pages,
    with_bytes_in,
    with_rows_of,
)

MIB = 1024 * 1024
TOO_LARGE = Fails("StopRun", "whose values would take .* bytes of memory, more than 67,108,864")
TOO_LONG = Fails("StopRun", "sent more than 33554432 bytes in one response")
NOT_JSON = Fails("RetryLater", "sent invalid JSON")
NOT_READ = Fails("StopRun", "A page of this size cannot be read value by value")
UNREAD = Lands(2, ("MALFORMED",))
TOO_MANY_DIGITS = Lands(2, ("TOO_MANY_DIGITS",))
PADDING = "padding"


def lazily(make: Callable[[], Callable[[Api], Respond]]) -> Callable[[Api], Respond]:
    """A source whose bytes are made when they are needed."""
    return lambda api: make()(api)


def rows(unit: bytes, size: int = 30 * MIB) -> Callable[[Api], Respond]:
    """A page with this text again and again as its rows."""
    return lazily(lambda: with_rows_of(unit * (size // len(unit)) + unit.rstrip(b",")))


def name_of(text: bytes, size: int = 30 * MIB, end: bytes = b"") -> Callable[[Api], Respond]:
    """A row with a product's name of this text again and again, and then this end."""
    return lazily(lambda: with_bytes_in("product_name", b'"' + text * (size // len(text)) + end + b'"'))


def nested(start: bytes, end: bytes, size: int = 30 * MIB) -> Callable[[Api], Respond]:
    """A row with a product's name that is nested five hundred levels deep, again and again."""
    times = 500
    chain = start * times + b"0" + end * times
    return lazily(lambda: with_bytes_in("product_name", b"[" + b",".join([chain] * (size // len(chain))) + b"]"))


def keys() -> bytes:
    """An object with a million keys."""
    return b"{" + b",".join(b'"k%d":0' % number for number in range(1_000_000)) + b"}"


def padded(size: int) -> Callable[[Api], Respond]:
    """Pages whose first row has a value of this size, in a column that nobody reads."""

    def change(api: Api, given: list[Any]) -> list[Any]:
        return [{**given[0], PADDING: PADDING * (size // len(PADDING))}, *given[1:]]

    return spoilt_pages(change, lines=(("A",), ("B",), ("D",)))


def oversized(api: Api) -> Respond:
    """A page of two and a half times the rows that were requested."""
    assert api.most_rows is not None
    names = [f"L{number}" for number in range(api.most_rows * 5 // 2)]
    return made(api, lines=(tuple(names),), reported_lines=len(names))


def slightly_oversized(api: Api) -> Respond:
    """A page of all requested rows, each twice."""
    assert api.most_rows is not None
    names = tuple(f"L{number}" for number in range(api.most_rows))
    total = {"total": len(names)} if hasattr(api, "total") else {}
    net = Decimal(25 * len(names))
    return made(api, lines=((*names, *names),), reported_lines=len(names), reported_net=net, **total)


def same_rows(api: Api, given: list[Any]) -> list[Any]:
    """Twenty thousand rows that differ in nothing but the first one's id."""
    set_field(api, first := dict(given[0]), "transaction_id", "first")
    return [first, *[given[0]] * 20_000]


def requests_pages(api: Api) -> bool:
    """Whether the connector says how many rows it wants."""
    return api.most_rows is not None


def mode(name: str, hostile: Callable[[Api], Respond], result: Result | Callable[[Api], Result]) -> Mode:
    """A mode against every connector."""
    return Mode(name, hostile, result)


MODES = (
    mode("a body of 40 MB", every_reply(lambda given: replace(given, body=given.body + b" " * 40 * MIB)), TOO_LONG),
    mode("60 MB of empty objects", rows(b"{},", 60 * MIB), TOO_LONG),
    mode("10 million empty objects", rows(b"{},"), TOO_LARGE),
    mode("6 million nulls", rows(b"null,"), TOO_LARGE),
    mode("10 million empty arrays", rows(b"[],"), TOO_LARGE),
    mode("5 million objects without a comma", nested(b'{"a":', b"}"), TOO_LARGE),
    mode("15 million arrays without a comma", nested(b"[", b"]"), TOO_LARGE),
    mode("arrays as deep as the page is long", with_bytes_in("product_name", b"[" * 1_500_000), NOT_JSON),
    mode("a million keys", lazily(lambda: with_bytes_in("product_name", keys())), TOO_LARGE),
    mode("a text of 30 MB", name_of(b"x"), Lands()),
    mode("a text of 30 MB with a wide character", name_of(b"x", end="😀".encode()), TOO_LARGE),
    mode("a text of 30 MB in escapes", name_of(rb"\u0041"), Lands()),
    mode("a text of 30 MB that is not UTF-8", name_of(b"x", end=b"\xe9"), NOT_READ),
    mode("a text of 30 MB with half a character", name_of(b"x", end=rb"\ud83d"), TOO_LARGE),
    mode("a text of 15 MB with half a character", name_of(b"x", 15 * MIB, rb"\ud83d"), NOT_READ),
    mode("a text of 7 MB with half a character", name_of(b"x", 7 * MIB, rb"\ud83d"), UNREAD),
    mode("7 MB of control characters", name_of(b"\x01", 7 * MIB), Lands()),
    mode("30 MB of control characters", name_of(b"\x01"), NOT_READ),
    mode("a number of 30 MB", lazily(lambda: with_bytes_in("product_name", b"1" * 30 * MIB)), NOT_READ),
    mode("a number of 7 MB", lazily(lambda: with_bytes_in("product_name", b"1" * 7 * MIB)), TOO_MANY_DIGITS),
    mode("arrays that fit", nested(b"[", b"]", 500_000), Lands(2, ("MALFORMED",))),
    mode("three pages of 30 MB", padded(30 * MIB), Lands()),
    Mode(
        "a page of far more rows than requested",
        oversized,
        Fails("StopRun", "a page has .* rows, but at most .* were requested"),
        requests_pages,
    ),
    Mode("a page with each row twice", slightly_oversized, lambda api: Lands(2 * (api.most_rows or 0)), requests_pages),
    mode(
        "20,000 rows in a page",
        spoilt_pages(same_rows),
        Fails("StopRun", "a page has 20,001 rows|whose values would take"),
    ),
)
