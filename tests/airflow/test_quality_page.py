"""The quality page in Airflow's own pages, in a real browser: on the platform, and over warehouses built for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import psycopg2
import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Frame, Locator, Page, expect

from local_stack.databases import WarehouseAccess
from local_stack.postgres import free_port
from retail_quality.app import create_app
from retail_quality.queries import LedgerReader
from shared.airflow_rest.client import DAG_ID
from shared.config import PROJECT_ROOT
from tests.airflow.conftest import Keep
from tests.airflow.screens import DESKTOP, PHONE, Screens
from tests.end_to_end.running_platform import Outcome, RunningPlatform

GOOD_DAY, SHORT_DAY = date(2025, 11, 9), date(2025, 11, 10)
"""After those of all other tests, since the page begins with the last date."""
PLUGIN = "/plugin/retail-quality"
YEAR = PROJECT_ROOT / "tests" / "integration" / "plugin" / "year_of_history.sql"
LEDGER = """
SELECT it.fetched, it.rejected, it.landed, it.inserted, it.updated, it.unchanged, it.duplicate, it.withdrawn,
    amounts.landed, amounts.currency
FROM ops.load_ledger AS it JOIN ops.load_ledger_amounts AS amounts USING (load_id, retailer_id, business_date)
WHERE business_date = %s AND retailer_id = 'retailer_1' ORDER BY load_id DESC LIMIT 1
"""


@pytest.fixture(scope="module")
def short(platform: RunningPlatform) -> Iterator[Outcome]:
    """Two business dates, the second one without retailer_2, which is loaded at the end."""
    assert platform.run(GOOD_DAY).state == "success"
    platform.faults(2, "down")
    try:
        yield platform.run(SHORT_DAY)
    finally:
        platform.faults(2, None)
        platform.run(SHORT_DAY)


@contextmanager
def served(dsn: str) -> Iterator[str]:
    """The page over one warehouse, for anybody, without Airflow around it."""
    app, port = FastAPI(), free_port()
    app.mount("/retail", create_app(lambda: None, LedgerReader(lambda: dsn)))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    listening = server.config.bind_socket()
    listening.listen()  # a browser that comes before the server has begun waits
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}/retail/"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture
def alone(browser: Browser) -> Iterator[Screens]:
    """Windows on a page without Airflow."""
    screens = Screens(browser, "http://127.0.0.1")
    yield screens
    screens.close()


def frame(page: Page) -> Frame:
    """The page inside Airflow's, once it is there."""
    page.locator("iframe[title='Quality']").wait_for()
    page.wait_for_function("document.querySelector('iframe').contentDocument?.querySelector('h1')")
    (found,) = [each for each in page.frames if each.parent_frame]
    return found


def fits(shown: Page | Frame) -> bool:
    """Whether nothing of it has to be scrolled to sideways."""
    return bool(shown.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def cells(row: Locator) -> list[str]:
    return [" ".join(text.split()) for text in row.locator("td").all_inner_texts()]


def test_from_the_navigation_to_the_last_business_date_its_ledger_and_its_run(
    page: Page, platform: RunningPlatform, short: Outcome, keep: Keep
) -> None:
    page.goto("/")
    page.get_by_role("link", name="Quality", exact=True).click()
    shown = frame(page)

    shown.get_by_role("heading", name="Retail quality").wait_for()
    expect(shown.locator(".cards")).to_contain_text("Mon 10 Nov 2025")
    row = shown.locator("tbody", has_text="Mon 10 Nov 2025").locator("tr", has_text="retailer_1")
    ((*records, money, currency),) = platform.query(LEDGER, SHORT_DAY)
    assert cells(row)[2:] == [*(f"{number:,}" for number in records), f"{money:,.2f} {currency}"]
    expect(shown.locator("tbody", has_text="Mon 10 Nov 2025")).to_contain_text("not loaded")
    keep("quality-01-overview")

    shown.get_by_role("link", name="Mon 10 Nov 2025").first.click()
    shown.get_by_role("heading", name="Ledger").wait_for()
    expect(page).to_have_url(f"{platform.environment['AIRFLOW_URL']}{PLUGIN}/retail/days/{SHORT_DAY}")
    keep("quality-02-date")

    shown.locator("#runs").get_by_role("link", name=short.run_id).first.click()
    page.get_by_test_id("header-card").first.wait_for()
    assert f"/dags/{DAG_ID}/runs/manual__" in page.url
    assert "/plugin/" not in page.url


def test_an_alert_leads_from_the_overview_to_its_page_which_can_be_linked_to(
    page: Page, platform: RunningPlatform, short: Outcome, keep: Keep
) -> None:
    ((number, summary),) = platform.query(
        "SELECT alert_id, summary FROM ops.alerts WHERE business_date = %s AND retailer_id = 'retailer_2'"
        " AND status = 'open' AND kind = 'missing_data'",
        SHORT_DAY,
    )
    page.goto(PLUGIN)
    frame(page).get_by_role("link", name=summary).first.click()
    frame(page).get_by_role("heading", name=summary).wait_for()
    keep("quality-03-alert")

    page.goto(f"{PLUGIN}/retail/alerts/{number}")
    frame(page).get_by_role("heading", name=summary).wait_for()
    expect(frame(page).locator("main")).to_contain_text(f"#{number}, missing data")


def test_on_a_phone_nothing_has_to_be_scrolled_sideways(phone_page: Page, short: Outcome, keep: Keep) -> None:
    for number, path in enumerate((PLUGIN, f"{PLUGIN}/retail/days/{SHORT_DAY}", f"{PLUGIN}/retail/alerts"), 1):
        phone_page.goto(path)
        shown = frame(phone_page)
        keep(f"quality-04-phone-{number}")

        assert fits(phone_page)
        assert fits(shown)


def test_the_page_is_dark_when_airflow_is(page: Page, short: Outcome, keep: Keep) -> None:
    page.add_init_script("localStorage.setItem('theme', 'dark')")
    page.goto(PLUGIN)
    shown = frame(page)

    expect(shown.locator("html")).to_have_attribute("data-theme", "dark")
    keep("quality-05-dark")


def test_who_is_not_logged_in_is_sent_to_the_login_and_comes_back(
    screens: Screens, platform: RunningPlatform, keep: Keep
) -> None:
    page = screens.open(logged_in=False)
    rejected = page.request.get("/retail/", headers={"accept": "*/*"}, max_redirects=0)
    assert (rejected.status, rejected.text()) == (401, "Log in to Airflow first.\n")
    garbage = page.request.get("/retail/", headers={"accept": "*/*", "cookie": "_token=garbage"}, max_redirects=0)
    assert garbage.status == 401

    page.goto("/retail/?days=90")
    keep("quality-06-login", page)
    page.locator("input[name=username]").fill(platform.environment["AIRFLOW_USERNAME"])
    page.locator("input[name=password]").fill(platform.environment["AIRFLOW_PASSWORD"])
    page.locator("button[type=submit]").click()

    page.get_by_role("heading", name="Retail quality").wait_for()
    assert page.url.endswith("/retail/?days=90")


def test_before_anything_is_loaded_it_says_what_to_do(warehouse: WarehouseAccess, alone: Screens) -> None:
    with served(warehouse.reader_dsn) as address:
        page = alone.open(PHONE)
        page.goto(address)

        page.get_by_role("heading", name="No business date has been loaded yet").wait_for()
        assert fits(page)
        alone.keep("quality-07-nothing-yet")


def test_a_year_of_history_fits_a_desk_and_a_phone_and_is_walked_by_keyboard(
    warehouse: WarehouseAccess, alone: Screens
) -> None:
    with psycopg2.connect(warehouse.owner_dsn) as connection, connection.cursor() as cursor:
        cursor.execute(YEAR.read_text(encoding="utf-8"))
    with served(warehouse.reader_dsn) as address:
        complaints: list[str] = []
        for name, viewport in (("desk", DESKTOP), ("phone", PHONE)):
            page = alone.open(viewport)
            page.on("console", lambda message: complaints.append(message.text))
            page.goto(f"{address}?days=365")
            expect(page.locator("tbody")).to_have_count(365)
            assert fits(page)
            assert complaints == [], "such as a style or script that the page's own policy forbids"
            alone.keep(f"quality-08-year-{name}", page)

        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.locator(".scroll").focus()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Mon 15 Jan 2024").wait_for()
