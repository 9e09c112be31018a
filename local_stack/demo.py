"""The demo: the pipeline's DAG on Airflow for the last three days, and its results."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from local_stack.credentials import write_private
from local_stack.demo_facts import DemoFacts, digest, read_facts
from local_stack.demo_report import as_json, show
from local_stack.demo_runs import DayRun, trigger, wait
from local_stack.progress import Progress
from local_stack.stack import Platform, Stack
from shared.airflow_rest.client import DAG_ID
from shared.config import load_settings
from shared.counts import counted
from shared.s3_client import Bucket

DAYS = 3
LONGEST_RUN_SECONDS = 900.0
# A demo should not wait five minutes between two attempts.
SHORT_RETRIES = {"RETAIL_TASK_RETRIES": "2", "RETAIL_RETRY_DELAY_SECONDS": "5"}


def last_days(today: date, count: int = DAYS) -> list[date]:
    """The complete business dates before today, oldest first."""
    return [today - timedelta(days=back) for back in range(count, 0, -1)]


def retailers_clock(now: datetime, live_until: datetime | None) -> datetime:
    """The fixed time of the retailers' clocks during a demo, so that a second demo on the same day finds no new sales.

    It is 06:00 UTC, when yesterday is over in New York, too; before that, midnight. It is never earlier than a time at
    which the clocks already ran, because sales that were made remain.
    """
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    morning = midnight + timedelta(hours=6)
    fixed = morning if now >= morning else midnight
    return max(fixed, live_until.replace(microsecond=0)) if live_until else fixed


def run_demo(stack: Stack) -> bool:
    """Run the demo; True when every run succeeded and all figures agree. Stops what it started in any case."""
    was_up = stack.is_up_to_stay()
    if not was_up:
        clock = retailers_clock(datetime.now(UTC), _live_until(stack))
        stack.progress.say(
            f"the retailers' clocks are stopped at {clock:%H:%M} UTC, so that a second demo finds no new sales"
        )
        stack.environ = {**SHORT_RETRIES, "RETAILER_TODAY": clock.isoformat(), **stack.environ}
    stack.layout.demo_file.unlink(missing_ok=True)
    try:
        return _run_and_show(stack, stack.up("demo"))
    finally:
        if was_up:
            stack.progress.say("the platform was running before the demo and keeps running")
        elif stack.services():
            stack.progress.say("stopping")
            stack.down()
            stack.progress.say("everything is stopped; the data is kept in .local/")


def _live_until(stack: Stack) -> datetime | None:
    try:
        return datetime.fromisoformat(stack.layout.live_until_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _run_and_show(stack: Stack, platform: Platform) -> bool:
    environment, progress = platform.environment, stack.progress
    zone = ZoneInfo(environment["BUSINESS_TIMEZONE"])
    days = last_days(datetime.now(zone).date())
    before = digest(environment["WAREHOUSE_OWNER_DSN"])
    runs = _run_days(platform, days, progress)
    facts = None
    if all(run.state == "success" for run in runs):
        facts = _facts(platform, runs)
        show(progress.console, facts)
        progress.console.print(
            "The warehouse is exactly as it was before: these dates were already loaded."
            if facts.digest == before
            else f"The warehouse has changed: {counted(facts.changed_rows, 'row')} written or removed."
        )
    ok = facts is not None and not facts.problems and facts.quality["outcome"] in ("pass", "warn")
    record = as_json(
        runs,
        facts,
        {"version": platform.server.binaries.version, "source": platform.server.binaries.source},
        ok=ok,
        warehouse_digest_before=before,
        seconds=round(progress.seconds(), 1),
    )
    write_private(stack.layout.demo_file, json.dumps(record, indent=2) + "\n")
    _where_next(progress, ok=ok)
    return ok


def _run_days(platform: Platform, days: list[date], progress: Progress) -> list[DayRun]:
    airflow = platform.airflow()
    airflow.wait_for_dag()
    airflow.call("PATCH", f"/api/v2/dags/{DAG_ID}", {"is_paused": False})
    triggered_at = datetime.now(UTC)
    began = time.monotonic()

    def report(run: DayRun) -> None:
        mark = "[green]✓[/green]" if run.state == "success" else "[red]✗[/red]"
        progress.say(f"{mark} {DAG_ID} for {run.day}: {run.state} [dim]({time.monotonic() - began:.1f} s)[/dim]")
        for problem in run.problems:
            progress.say(f"    {problem}")

    runs = [trigger(airflow, day, f"demo__{day}__{triggered_at:%Y%m%dT%H%M%SZ}") for day in days]
    return wait(airflow, runs, seconds=LONGEST_RUN_SECONDS, on_end=report)


def _facts(platform: Platform, runs: list[DayRun]) -> DemoFacts:
    environment = platform.environment
    by_day = {run.day: run.run_id for run in runs}
    settings = load_settings(environment)
    due = {day: settings.sources.due(day) for day in by_day}
    bucket = Bucket(settings.s3, settings.s3.bucket_raw)
    return read_facts(environment["WAREHOUSE_OWNER_DSN"], bucket, by_day, due)


def _where_next(progress: Progress, *, ok: bool) -> None:
    lines = [
        "",
        "[bold]Where to look next[/bold]" if ok else "[bold red]The demo failed.[/bold red] Where to look",
        "  .local/demo.json     these results as JSON",
        "  .local/logs/         a log per service; .local/airflow/logs/ has a log per task",
        "  make up              starts the same platform and keeps it running, with Airflow's web interface",
        "  docs/QUICKSTART.md   the first steps; docs/MATERIALIZED_VIEWS.md explains the views",
    ]
    for line in lines:
        progress.console.print(line)
