"""Assembles the parts that every retailer's API uses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from flask import Response, request
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - it is a class

from retailers.archive.archive import RECENT_DAYS, Archive, SalesTables, preloaded_days, start_from
from retailers.archive.bulk_load import bulk_load
from retailers.archive.database import Database, read_sql
from retailers.archive.day_listings import DayListings
from retailers.faults.bad_rows import BadRows, bad_rows
from retailers.faults.board import FaultBoard
from retailers.faults.delivery import interrupt, spoil
from retailers.faults.held_back import HeldBack
from retailers.seeding.market import Market
from retailers.seeding.online_retail_csv import ReplayedRow, replayed_rows
from retailers.seeding.rhythm import FIRST_DAY
from retailers.seeding.sales import SalesGenerator
from retailers.serving.clock import Clock
from retailers.serving.rate_limit import RateLimit
from retailers.serving.settings import Settings


class ReplayTables(SalesTables, Protocol):
    """Tables that can also be filled from a CSV."""

    def write_replay(self, cursor: Cursor, rows: Iterable[ReplayedRow], currency: str) -> None:
        """Add the rows of a CSV as sales."""


@dataclass
class Simulator:
    """One running retailer: its database, its clock and its faults."""

    market: Market
    settings: Settings
    database: Database
    clock: Clock
    board: FaultBoard
    held_back: HeldBack
    archive: Archive | None
    statements: Mapping[str, str]
    days: DayListings
    limit: RateLimit
    sleep: Callable[[float], None] = time.sleep

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of business dates."""
        return self.settings.replay_zone if self.settings.replay_csv else self.market.zone

    @property
    def currency(self) -> str:
        """The currency of the sales."""
        return self.settings.replay_currency if self.settings.replay_csv else self.market.currency

    @property
    def today(self) -> date:
        """The current business date."""
        return self.clock.now().astimezone(self.zone).date()

    def has_day(self, day: date) -> bool:
        """Whether that date can have sales. If so, they are generated unless they exist."""
        if day > self.today or self.board.on_day("empty_day", day):
            return False
        if self.archive is not None:
            if day < FIRST_DAY:
                return False
            self.archive.ensure([day])
        return True

    def bring_up_to_date(self) -> None:
        """Generate days that have become recent, if days are generated in advance."""
        if self.archive is not None and self.settings.preload:
            today = self.today
            self.archive.ensure([today - timedelta(days=number) for number in range(RECENT_DAYS + 1)])

    def bad_rows_of(self, day: date) -> BadRows:
        """Where bad rows are in the listing of a date."""
        return bad_rows(self.board.on("bad_rows"))

    def respond(self, page: int, build: Callable[[], Response]) -> Response:
        """Build a page's response, unless faults prevent or break it."""
        visit = self.board.visit(request.path, page)
        interrupt(self.board, visit, self.sleep)
        return spoil(self.board, visit, build())

    def listing(self, day: date, page: int, build: Callable[[], tuple[Response, bool]]) -> Response:
        """Like `respond`, for the listing of a date; `build` also returns whether the page is the last one."""

        def with_held_back() -> Response:
            if self.has_day(day):
                self.held_back.before_page(day)
            response, is_last = build()
            self.held_back.after_page(day, page, is_last=is_last)
            return response

        return self.respond(page, with_held_back)


def start_simulator(
    market: Market, tables: ReplayTables, settings: Settings, present: Callable[[datetime], object]
) -> Simulator:
    """Open the database, generate missing days, and switch on the faults in the settings.

    `present` converts the current time to the type that this retailer's database uses.
    Raises DatabaseUnavailableError and UnreadableCsvError.
    """
    database = Database(settings.database_url)
    database.wait_until_there(10)
    statements = read_sql(tables.folder)
    clock, board = Clock(settings.today), FaultBoard(settings.seed)
    board.switch_on(settings.faults)
    days = DayListings()
    held_back = HeldBack(board, database, statements, lambda: {"now": present(clock.now())}, days.forget)
    archive = None
    if settings.replay_csv is None:
        generator = SalesGenerator(market, settings.seed, settings.lines_per_day)
        archive = Archive(database, tables, generator, statements["init_schema"])
        archive.prepare(f"seed {settings.seed}, {settings.lines_per_day} lines a day")
    else:
        _replay(database, tables, settings, statements["init_schema"])
    simulator = Simulator(
        market, settings, database, clock, board, held_back, archive, statements, days, RateLimit(settings.rate_limit)
    )
    held_back.reveal_all()
    if archive is not None and settings.preload:
        archive.ensure(preloaded_days(simulator.today))
    return simulator


def _replay(database: Database, tables: ReplayTables, settings: Settings, schema: str) -> None:
    path = settings.replay_csv
    if path is None:
        return
    found = path.stat()
    size = f"{found.st_size} bytes of {found.st_mtime_ns}"
    origin = f"{path.resolve()}, {size}, {settings.replay_zone}, {settings.replay_currency}"
    with database.transaction() as cursor:
        if start_from(cursor, schema, tables, origin):
            with bulk_load(cursor, tables.names):
                tables.write_replay(cursor, replayed_rows(path, settings.replay_zone), settings.replay_currency)
