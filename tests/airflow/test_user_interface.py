"""What people do with the pipeline in Airflow's own pages, in a real browser."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.airflow.conftest import Keep
from tests.end_to_end.running_platform import RunningPlatform


def test_the_pipeline_is_found_with_its_documentation(page: Page, platform: RunningPlatform, keep: Keep) -> None:
    page.goto("/dags")
    page.get_by_role("link", name="retail_data_pipeline").first.click()
    page.wait_for_url("**/dags/retail_data_pipeline**")
    keep("pipeline")
