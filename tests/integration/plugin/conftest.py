"""The quality page over a real warehouse, and what is read of the pages it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from html.parser import HTMLParser

import psycopg2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from data_quality.main import run
from local_stack.databases import WarehouseAccess
from retail_quality.app import create_app
from retail_quality.queries import LedgerReader
from tests.fakes.published_days import PublishedDays, warehouse_settings

NOW = datetime(2024, 2, 1, 3, tzinfo=UTC)
VOID = {"meta", "link", "br", "img", "input", "hr"}


def nobody_is_kept_out() -> None:
    """A guard that lets everybody in."""


def browser(reader: LedgerReader, guard: Callable[..., object] = nobody_is_kept_out) -> TestClient:
    """Where Airflow mounts the page."""
    airflow = FastAPI()
    airflow.mount("/retail", create_app(guard, reader))
    return TestClient(airflow, raise_server_exceptions=False, follow_redirects=False)


@dataclass
class Page(HTMLParser):
    """An HTML page, read strictly: every element is closed in its order."""

    text: str = ""
    """What a reader sees."""
    links: dict[str, str] = field(default_factory=dict)
    """Address by what is written on the link."""
    ids: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    attributes: set[str] = field(default_factory=set)
    rows: list[list[str]] = field(default_factory=list)
    """Cells of every table, row by row."""
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[str] = []
        self._href: str | None = None
        self._written = ""

    @classmethod
    def read(cls, source: str) -> Page:
        page = cls()
        page.feed(source)
        page.close()
        page.text = " ".join(page.text.split())
        page.rows = [[" ".join(cell.split()) for cell in row] for row in page.rows]
        page.faults += [f"<{tag}> is never closed" for tag in page._open]
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.attributes |= set(given)
        if len(given) != len(attrs):
            self.faults.append(f"<{tag}> has an attribute twice")
        if identity := given.get("id"):
            if identity in self.ids:
                self.faults.append(f"id {identity} is there twice")
            self.ids.append(identity)
        if tag not in VOID:
            self._open.append(tag)
        if tag == "a":
            self._href, self._written = given.get("href"), ""
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")
        if tag == "a" and self._href:
            self.links[" ".join(self._written.split())] = self._href

    def handle_data(self, data: str) -> None:
        if "style" in self._open or "script" in self._open:
            return
        self.text += data
        self._written += data
        if {"td", "th"} & set(self._open):
            self.rows[-1][-1] += data + " "


@dataclass
class Shown:
    """The page over one warehouse."""

    client: TestClient
    days: PublishedDays
    access: WarehouseAccess

    def get(self, path: str, status: int = 200) -> Page:
        """A page, which has to be complete."""
        response = self.client.get(f"/retail{path}")
        assert response.status_code == status, response.text
        page = Page.read(response.text)
        assert page.faults == []
        return page

    def check(self, day: date, run_id: str = "manual__2024-02-01T03:00:00+00:00", now: datetime = NOW) -> None:
        """Run the quality checks of a date."""
        run(day, settings=warehouse_settings(self.access.loader_dsn), run_id=run_id, clock=lambda: now)

    def value(self, statement: str, *parameters: object) -> object:
        """One value as the reader sees it."""
        with psycopg2.connect(self.access.reader_dsn) as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            (found,) = cursor.fetchone() or (None,)
            return found


@pytest.fixture
def shown(warehouse: WarehouseAccess) -> Iterator[Shown]:
    """The page over an empty warehouse of its own, read as the reader."""
    days = PublishedDays(warehouse.owner_dsn)
    with browser(LedgerReader(lambda: warehouse.reader_dsn)) as client:
        yield Shown(client, days, warehouse)
    days.close()
