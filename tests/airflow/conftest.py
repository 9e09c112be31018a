"""One platform, brought up as its users do, and a real browser on its Airflow.

`platform` and `checkout` last for the session; `page` (1440 × 900) and `phone_page` (390 × 844) are logged in;
`keep("name")` saves a picture under `.local/reports/airflow/`, and a failing test leaves one of every page it opened.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg2
import pytest
from playwright.sync_api import Browser, Error, Page, StorageState, expect, sync_playwright

from local_stack.layout import Layout
from tests.airflow.chromium import NoBrowser, open_browser
from tests.airflow.screens import PHONE, REPORTS, TIMEOUT_MILLISECONDS, Screens, log_in
from tests.end_to_end.checkout import Checkout
from tests.end_to_end.running_platform import QUICK, RunningPlatform, brought_up, started
from tests.fakes.receivers import Mailbox, Sink, http_sink, smtp_mailbox
from tests.parts import mark_parts, register_parts

DISTURBING = ("test_business_dates.py", "test_notifications.py", "test_kills.py")
"""These stop what the others use, so they come last."""
PARTS = {
    "core": ("test_user_interface.py", "test_business_dates.py"),
    "pages": ("test_quality_page.py", "test_assets.py"),
    "operations": ("test_operations.py",),
    "notifications": ("test_notifications.py",),
    "kills": ("test_kills.py",),
}
"""What `make test-airflow PARTS="core or kills"` chooses from."""
SETTINGS = {**QUICK, "INGEST_CATCH_UP_DAYS": "1", "RETAILER_LINES_PER_DAY": "500"}
"""The dates that tests load are scattered; those between must not be filled. Days are small: Airflow is tested."""
WITH_RETRIES = {
    **SETTINGS,
    "RETAIL_TASK_RETRIES": "2",
    "RETAIL_RETRY_DELAY_SECONDS": "1",
    "AIRFLOW_LOST_TASK_SECONDS": "30",
}
"""Settings of the second start: a lost task is noticed within seconds and retried immediately."""
LATE_SECONDS = 15
HAS_FAILED = pytest.StashKey[bool]()
Keep = Callable[..., Path]


def pytest_configure(config: pytest.Config) -> None:
    """A polite end of the process brings the platform down, as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    register_parts(config, PARTS)
    expect.set_options(timeout=TIMEOUT_MILLISECONDS)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What disturbs comes last; nothing waits forever."""
    mark_parts(items, Path(__file__).parent, PARTS)
    order = {name: place for place, name in enumerate(DISTURBING, 1)}
    items.sort(key=lambda item: order.get(item.path.name, 0))
    for item in items:
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(1800))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember a failure until the test's pages are closed."""
    report = yield
    if report.failed:
        item.stash[HAS_FAILED] = True
    return report


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Checkout]:
    """The copy of the work tree that the platform runs in; when a test fails its logs are kept."""
    shutil.rmtree(REPORTS, ignore_errors=True)
    made = Checkout.make(tmp_path_factory.mktemp("checkout"))
    write_pipeline_start(made, datetime.now(UTC) + timedelta(days=1))  # no scheduled run starts during the tests
    yield made
    made.run("down")
    if request.session.testsfailed:
        shutil.copytree(made.root / ".local" / "logs", REPORTS / "logs", dirs_exist_ok=True)
    made.remove()


@pytest.fixture(scope="session")
def platform(checkout: Checkout) -> Iterator[RunningPlatform]:
    """A running platform without retries, with short waits and small days."""
    with started(checkout, SETTINGS) as running:
        yield running


@pytest.fixture
def stopped_clocks(platform: RunningPlatform) -> Iterator[None]:
    """The retailers get no corrections during the test, so loading the same date again changes nothing."""
    with platform.stopped_clocks():
        yield


@pytest.fixture(scope="session")
def sink() -> Iterator[Sink]:
    """A webhook that receives every message."""
    with http_sink() as received:
        yield received


@pytest.fixture(scope="session")
def mailbox() -> Iterator[Mailbox]:
    """A mail server that receives errors."""
    with smtp_mailbox() as box:
        yield box


@pytest.fixture(scope="session")
def settings(sink: Sink, mailbox: Mailbox) -> dict[str, str]:
    """Settings of the second start, and of the restarts after a kill."""
    mail = f"mailto://127.0.0.1:{mailbox.port}/?from=retail@example.com&to=team@example.com"
    late = {"ALERT_DEADLINE_HOURS": str(LATE_SECONDS / 3600)}
    return {**WITH_RETRIES, **late, "ALERT_CHANNELS": f"json://{sink.host}/ error={mail}"}


@pytest.fixture(scope="session")
def restarted(checkout: Checkout, platform: RunningPlatform, settings: dict[str, str]) -> RunningPlatform:
    """The platform after three days off: the DAG is paused, and the latest missed interval runs when it is unpaused."""
    platform.pause(True)
    checkout.run("down")
    write_pipeline_start(checkout, datetime.now(UTC) - timedelta(days=3))
    return brought_up(checkout, settings)


def write_pipeline_start(checkout: Checkout, start: datetime) -> None:
    """Schedule the pipeline in Airflow from this time on."""
    path = Layout(checkout.root).pipeline_start_file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(start.isoformat(timespec="seconds"), encoding="utf-8")


@contextmanager
def held_up(platform: RunningPlatform) -> Iterator[None]:
    """Keep runs in the middle of the load: they wait to write their facts."""
    blocker = psycopg2.connect(platform.environment["WAREHOUSE_OWNER_DSN"])
    with closing(blocker):
        blocker.cursor().execute("LOCK TABLE fact_sales IN SHARE MODE")
        yield


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; without one the tests are skipped, in continuous integration they fail."""
    with sync_playwright() as playwright:
        try:
            opened = open_browser(playwright)
        except NoBrowser as error:
            if os.environ.get("CI", "").lower() in ("1", "true"):
                pytest.fail(str(error))
            pytest.skip(str(error))
        yield opened
        with suppress(Error):  # Ctrl-C ends it, too
            opened.close()


@pytest.fixture(scope="session")
def login(browser: Browser, platform: RunningPlatform) -> StorageState:
    """What a browser remembers of a login."""
    get = platform.environment.__getitem__
    screens = Screens(browser, get("AIRFLOW_URL"))
    try:
        page = screens.open()
        log_in(page, get("AIRFLOW_USERNAME"), get("AIRFLOW_PASSWORD"))
        return page.context.storage_state()
    finally:
        screens.close()


@pytest.fixture
def screens(
    request: pytest.FixtureRequest, browser: Browser, platform: RunningPlatform, login: StorageState
) -> Iterator[Screens]:
    """For pages in another window size or time zone; pictures of all when the test fails."""
    made = Screens(browser, platform.environment["AIRFLOW_URL"], login)
    yield made
    if request.node.stash.get(HAS_FAILED, False):
        for number, page in enumerate(made.opened, 1):
            with suppress(Error):  # the page may be what broke
                made.keep(f"failed-{request.node.name}-{number}", page)
    made.close()


@pytest.fixture
def page(screens: Screens) -> Page:
    """A logged-in page on a desk."""
    return screens.open()


@pytest.fixture
def phone_page(screens: Screens) -> Page:
    """A logged-in page on a phone."""
    return screens.open(PHONE)


@pytest.fixture
def keep(screens: Screens) -> Keep:
    """`keep("name")` or `keep("name", page)`: save what the page opened last, or this one, shows."""
    return screens.keep
