"""Sources that are hostile in how they page, and in the tokens and links that lead from page to page."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.fakes.retailer_responses import Retailer1Api, Retailer2Api, Retailer3Api
from tests.hostile.modes import (
    Api,
    Fails,
    Lands,
    Mode,
    Respond,
    Result,
    by_report,
    only_for_changes,
    set_field,
    source,
    spoilt_pages,
    with_changes,
)

NOTHING_NEW = Fails("StopRun", "20 pages in a row brought nothing new|sent no next page")
TOO_LONG = Fails("RetryLater", "took more than 0.2 minutes")
NO_BEARER = Fails("StopRun", "an access token that no header can have")
NO_LIFETIME = Fails("StopRun", "without 'expires_in'")
ELSEWHERE = Fails("StopRun", "leads elsewhere")


def only(api: Api) -> Callable[[Api], bool]:
    """Against this connector."""
    return lambda given: given is api


def totals(api: Api) -> bool:
    """Whether its pages have a total that the connector reads."""
    return issubclass(api, Retailer1Api | Retailer3Api)


def new_rows(api: Api) -> Respond:
    """A listing that goes on for ever with full pages, of which each has a row that no other page has."""
    pages = [0]

    def change(api: Api, rows: list[Any]) -> list[Any]:
        pages[0] += 1
        set_field(api, rows[0], "transaction_id", f"page {pages[0]}")
        return [rows[0], *[rows[-1]] * ((api.most_rows or 500) - 1)]

    return spoilt_pages(change, lines=(("A", "B", "D"),), next_page=lambda number: number + 1)(api)


PATHS: dict[str, tuple[Callable[[Api], Respond], Result]] = {
    "the same page for ever": (source(next_page=lambda number: number + 1), NOTHING_NEW),
    "empty pages for ever": (source(lines=((),), next_page=lambda number: number + 1), NOTHING_NEW),
    "three pages in a circle": (
        source(lines=(("A",), ("B",), ("D",)), next_page=lambda number: number % 3 + 1),
        NOTHING_NEW,
    ),
    "a page whose next page is itself": (
        source(next_page=lambda number: max(number, 2)),
        Fails("StopRun", "brought nothing new|next_cursor|leads elsewhere|sent no next page|the same"),
    ),
}
TOTALS: dict[str, tuple[Any, Result]] = {
    "a float": (1e3, Fails("StopRun", "'total'|X-Total-Count")),
    "10^30": (10**30, Fails("StopRun", "brought nothing new|'total'|X-Total-Count")),
    "a power": ("³", Fails("StopRun", "'total'|X-Total-Count")),
    "true": (True, Fails("StopRun", "'total'|X-Total-Count")),
}
LINKS: dict[str, Result] = {
    ";;;<>;rel": Lands(2),
    'rel="next"': Lands(2),
    '<>; rel="next"': ELSEWHERE,
    '<http://[bad/api/ventas?pagina=2>; rel="next"': ELSEWHERE,
    '<file:///etc/passwd>; rel="next"': ELSEWHERE,
    '<http://127.0.0.1:9/api/other?pagina=2>; rel="next"': ELSEWHERE,
    '<http://127.0.0.1:9/api/ventas?fecha=15%2F01%2F2024&pagina=1>; rel="next"': ELSEWHERE,
}
TWO_PAGES = (("A", "B"), ("D",))
MODES = (
    *(Mode(name, hostile, result) for name, (hostile, result) in PATHS.items()),
    *(
        Mode(f"changes: {name}", only_for_changes(hostile), result, with_changes, since_watermark=True)
        for name, (hostile, result) in PATHS.items()
    ),
    Mode(
        "new rows for ever",
        new_rows,
        by_report(Fails("StopRun|RetryLater", "far more than the control report has|took more than"), TOO_LONG),
        settings={"INGEST_LISTING_MINUTES": "0.2"},
    ),
    Mode(
        "new rows until the disk is full",
        new_rows,
        Fails("StopRun", "bytes so far, and the disk of .* has only 1,000,000 left"),
        settings={"FREE_BYTES": "1000000"},
    ),
    *(Mode(f"a total: {name}", source(total=total), result, totals) for name, (total, result) in TOTALS.items()),
    Mode(
        "a total: negative",
        source(total=-5, lines=((),)),
        Fails("RetryLater|StopRun", "the listing has 0 distinct lines|X-Total-Count"),
        totals,
    ),
    *(
        Mode(f"a token: {token!a:.40}", source(token=token), NO_BEARER, only(Retailer2Api))
        for token in ("a\r\nX-Evil: 1", "тест", "", "a b", "a\x00")
    ),
    *(
        Mode(f"a token for {seconds!a:.20} seconds", source(lifetime_seconds=seconds), Lands(), only(Retailer2Api))
        for seconds in (-5, 0, 10**18, 7 * 10**400)
    ),
    *(
        Mode(
            f"a lifetime of a token: {seconds!a:.9}", source(lifetime_seconds=seconds), NO_LIFETIME, only(Retailer2Api)
        )
        for seconds in (10**2000, "300", True, 300.0, None)
    ),
    *(
        Mode(
            f"a link: {link}",
            source(lines=TWO_PAGES, link=link, reported_lines=2, reported_net=Decimal(50)),
            result,
            only(Retailer3Api),
        )
        for link, result in LINKS.items()
    ),
)
