"""What users click on the page of a DAG in Airflow 3.3; each step waits for its effect."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Literal
from urllib.parse import quote

from playwright.sync_api import Locator, Page, Response, expect

from shared.airflow_rest.client import DAG_ID

LONG = 300_000
"""Milliseconds for what the scheduler does while the machine is busy."""
Reprocess = Literal["none", "failed", "completed"]


class PipelinePage:
    """The page of `retail_data_pipeline`, its forms, its runs and their tasks."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.dialog = page.locator("[role=dialog][aria-modal=true]")
        self.toggle = page.get_by_test_id("toggle-pause").first

    def find(self) -> None:
        """From the list of DAGs to the page."""
        self.page.goto("/dags")
        self.page.get_by_role("link", name=DAG_ID, exact=True).click()
        self._arrived()

    def open(self, tail: str = "") -> None:
        """Go to the page, or one below it."""
        self.page.goto(f"/dags/{DAG_ID}{tail}")
        self._arrived()

    def _arrived(self) -> None:
        expect(self.page.get_by_test_id("header-card").first).to_be_visible()

    def documentation(self) -> Locator:
        """Open the documentation."""
        self.page.get_by_test_id("markdown-button").click()
        return self.dialog

    def close_dialog(self) -> None:
        """Close the dialog by its cross."""
        self.dialog.get_by_role("button", name="Close").first.click()
        expect(self.dialog).to_be_hidden()

    def switch(self, *, on: bool) -> None:
        """Toggle the DAG, and see it toggled."""
        box = self.toggle.locator("input[type=checkbox]")
        if box.is_checked() != on:
            self.toggle.click()
        expect(box).to_be_checked(checked=on)

    def trigger_form(self) -> Locator:
        """Open the form for one run."""
        self.page.get_by_test_id("trigger-dag-button").click()
        expect(self.dialog.locator("input#element_date")).to_be_visible()
        return self.dialog

    def trigger(self, day: date | None) -> str:
        """Choose the business date in its picker, send the form; the run's id. The form is open."""
        if day:
            self.dialog.locator("input#element_date").fill(day.isoformat())
        with self.page.expect_response(_posted("/dagRuns")) as response:
            self.page.get_by_test_id("trigger-dag-submit").click()
        assert response.value.ok, response.value.text()
        return str(response.value.json()["dag_run_id"])

    def backfill_form(self, first: date, last: date, reprocess: Reprocess = "none", at_once: int = 4) -> Locator:
        """Fill in the form for a range; returns what it says will happen."""
        self.page.get_by_test_id("trigger-dag-button").click()
        self.dialog.locator("label:has(input[type=radio][value=backfill])").click()
        for place, day in enumerate((first, last)):
            self.dialog.get_by_test_id("datetime-input").nth(place).click()
            calendar = self.page.locator("[data-scope=popover][data-part=content]:visible")
            calendar.get_by_placeholder("YYYY/MM/DD").fill(day.strftime("%Y/%m/%d"))
            calendar.get_by_placeholder("YYYY/MM/DD").press("Enter")
            self.page.keyboard.press("Escape")
            expect(calendar).to_be_hidden()
        self.dialog.locator(f"label:has(input[type=radio][value={reprocess}])").click()
        self.dialog.locator("input[type=number], [data-scope=number-input] input").first.fill(str(at_once))
        return self.dialog.get_by_text("will be triggered")

    def run_backfill(self) -> int:
        """Send the filled form; the backfill's id."""
        with self.page.expect_response(_posted("/backfills")) as response:
            self.dialog.get_by_role("button", name="Run Backfill").click()
        assert response.value.ok, response.value.text()
        return int(response.value.json()["id"])

    def see_run(self, run_id: str, state: str) -> None:
        """Look at a run until it is in this state, such as `Success`."""
        self.open(f"/runs/{quote(run_id)}")
        expect(self.page.get_by_test_id("header-card").get_by_test_id("state-badge")).to_have_text(state, timeout=LONG)

    def grid_cell(self, run_id: str, task_id: str) -> Locator:
        """A task of a run in the grid."""
        return self.page.locator(f'[data-testid="grid-{run_id}-{task_id}"]').get_by_test_id("task-state-badge")

    def open_log(self, name: str) -> Locator:
        """From a run to the log of the mapped task that bears this name."""
        self.page.get_by_role("link", name=name, exact=True).click()
        expect(self.page.get_by_test_id("header-card")).to_contain_text(f"[{name}]")
        log = self.page.get_by_test_id("virtualized-list")
        expect(log).to_contain_text("Post Execute")
        return log

    def clear_form(self) -> Locator:
        """Open the form that clears the task at hand and what follows it; what it says it will clear."""
        self.page.get_by_role("button", name="shift+c to clear").click()
        affected = self.dialog.get_by_text("Affected Tasks")
        expect(affected).to_be_visible()
        return affected

    def clear(self) -> None:
        """Send that form."""
        with self.page.expect_response(lambda response: _clears(response.request.post_data)):
            self.dialog.get_by_role("button", name="Confirm").click()

    def errors(self) -> list[str]:
        """The errors that the page shows now."""
        toasts = self.page.locator("[data-scope=toast][data-part=root][data-type=error]")
        return [*toasts.all_inner_texts(), *self.page.locator("[role=alert][data-status=error]").all_inner_texts()]


def _posted(path: str) -> Callable[[Response], bool]:
    return lambda response: response.request.method == "POST" and response.url.split("?")[0].endswith(path)


def _clears(body: str | None) -> bool:
    return '"dry_run":false' in (body or "").replace(" ", "")
