"""The pages that a test opens, logged in, and the pictures that are kept of them."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, StorageState, ViewportSize

from shared.config import PROJECT_ROOT

REPORTS = PROJECT_ROOT / ".local" / "reports" / "airflow"
DESKTOP = ViewportSize(width=1440, height=900)
PHONE = ViewportSize(width=390, height=844)
TIMEOUT_MILLISECONDS = 60_000
"""For one step in the browser: the machine may be busy with the pipeline."""


@dataclass
class Screens:
    """What one test looks at."""

    browser: Browser
    base_url: str
    login: StorageState | None = None
    opened: list[Page] = field(default_factory=list)

    def open(self, viewport: ViewportSize = DESKTOP, *, logged_in: bool = True, timezone: str = "UTC") -> Page:
        """A page of a browser window of its own, which knows nothing but the login."""
        context = self.browser.new_context(
            viewport=viewport,
            base_url=self.base_url,
            storage_state=self.login if logged_in else None,
            locale="en-GB",
            timezone_id=timezone,
            has_touch=viewport is PHONE,
            reduced_motion="reduce",
        )
        context.set_default_timeout(TIMEOUT_MILLISECONDS)
        page = context.new_page()
        self.opened.append(page)
        return page

    def keep(self, name: str, page: Page | None = None) -> Path:
        """Save what a page shows, of the page opened last when none is named, under `.local/reports/airflow/`."""
        path = REPORTS / f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', name)}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        (page or self.opened[-1]).screenshot(path=path)
        return path

    def close(self) -> None:
        """Close every window that is still there: Ctrl-C ends the browser, too."""
        for page in self.opened:
            with suppress(Error):
                page.context.close()


def log_in(page: Page, username: str, password: str) -> None:
    """Fill in Airflow's login form; ends on the home page."""
    page.goto("/")
    page.locator("input[name=username]").fill(username)
    page.locator("input[name=password]").fill(password)
    page.locator("button[type=submit]").click()
    page.wait_for_url(lambda url: "login" not in url)
    page.get_by_role("link", name="Dags").first.wait_for()
