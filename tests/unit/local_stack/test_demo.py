from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from local_stack.airflow_service import pipeline_start
from local_stack.demo import last_days, retailers_clock
from local_stack.layout import Layout


def test_the_days_are_the_three_before_today_oldest_first() -> None:
    assert last_days(date(2024, 3, 2)) == [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)]


def test_airflow_runs_the_pipeline_by_itself_since_the_first_start_but_never_in_a_demo(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.airflow_home.mkdir(parents=True)
    first, later = datetime(2024, 1, 2, 9, tzinfo=UTC), datetime(2024, 1, 5, tzinfo=UTC)

    assert pipeline_start(layout, "up", first) == "2024-01-01T09:00:00+00:00"
    assert pipeline_start(layout, "demo", later) == later.isoformat()
    assert pipeline_start(layout, "up", later) == "2024-01-01T09:00:00+00:00"


def test_the_retailers_clocks_are_stopped_for_the_day_but_never_go_back() -> None:
    morning, noon = datetime(2024, 1, 5, 6, tzinfo=UTC), datetime(2024, 1, 5, 12, 0, 7, 9, tzinfo=UTC)

    assert retailers_clock(noon, None) == retailers_clock(noon.replace(hour=23), None) == morning
    assert retailers_clock(noon.replace(hour=5), None) == morning.replace(hour=0)
    assert retailers_clock(noon.replace(hour=13), noon) == noon.replace(microsecond=0)
    assert retailers_clock(noon, datetime(2024, 1, 4, tzinfo=UTC)) == morning
