"""Check one business date in the warehouse: records, money, rules, references, freshness.

python -m data_quality.main 2024-01-15
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

if __package__ in (None, ""):  # `cd data_quality && python main.py DATE`
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import typer
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ
from rich.console import Console

from data_quality import audit_table
from data_quality.held_loads.table import with_approvals
from data_quality.quality_checks import Check, Status, evaluate, load_checks, outcome, score_run
from data_quality.report import print_report
from data_quality.results import QualityResult
from data_quality.scope import choose_scope, open_scope
from monitoring.alerts.outcomes import command_origin, report_quality, report_source_quality, report_unchecked
from monitoring.lineage.flows import checking
from monitoring.stage_runs import StageRun, record_stage
from shared.commands import DateArgument, RetailerOption, business_date, exit_code, new_run_id
from shared.config import Settings, load_settings
from shared.database import Cursor, session, transaction
from shared.errors import RetailError, StopRun
from shared.logs import configure_logging, get_logger
from shared.sources.table import record_definitions

log = get_logger(__name__)
Clock = Callable[[], datetime]


class NothingToCheck(StopRun):
    """The date has no published data, and no source should have any."""


def run(
    day: date,
    *,
    settings: Settings,
    run_id: str,
    retailers: Sequence[str] | None = None,
    named: Sequence[str] = (),
    only: Sequence[str] = (),
    clock: Clock = lambda: datetime.now(UTC),
    checks: Sequence[Check] | None = None,
) -> QualityResult:
    """Check `day` and the other dates that the same run loaded, and keep the results.

    `retailers` are those this run expects: a missing one is critical, and another source that the run was for and that
    is missing is a warning: `named`, or all that are due. By default every source is expected of which the date can be
    missing. `only` limits the check to these sources. An outcome of fail is a result, not an error: the results are
    kept. Raises NothingToCheck, and StopRun for a check that cannot be made.
    """
    checks = load_checks() if checks is None else checks
    dsn = settings.warehouse_dsn.get_secret_value()
    with record_stage(dsn, StageRun(run_id, "quality", day), clock=clock) as stage:
        with session(dsn, application_name="retail-quality") as connection:
            with transaction(connection) as cursor:  # the checks read what the definitions say now from there
                record_definitions(cursor, settings.sources, clock())
            # One snapshot for all checks: a load that commits meanwhile is seen by none of them.
            connection.set_session(isolation_level=ISOLATION_LEVEL_REPEATABLE_READ)
            with transaction(connection) as cursor:
                # Before the snapshot is taken: of a month published between the two, facts and summaries would differ.
                cursor.execute("LOCK TABLE fact_sales IN ACCESS SHARE MODE")
                scope = open_scope(cursor, choose_scope(cursor, day, run_id, settings.sources, retailers, named, only))
                found = (result for check in checks for result in evaluate(cursor, check, scope))
                results = tuple(with_approvals(cursor, found))
                if not results:
                    raise NothingToCheck(_nothing_to_check(cursor, day))
                scores = score_run(results)
                audit_table.record(cursor, run_id, day, results, scores, now=clock())
        result = QualityResult(day, results, scores, outcome(results))
        stage.flows += checking(dsn, [day], len(results))
        failed = result.with_status(Status.FAIL)
        stage.finish(
            details=result.as_dict(),
            failed=[each.check.name for each in failed],
            message=" ".join(each.message for each in failed),
        )
    _log(result, run_id)
    return result


def _nothing_to_check(cursor: Cursor, day: date) -> str:
    cursor.execute("SELECT string_agg(retailer_id, ', ' ORDER BY retailer_id) FROM checked_slices WHERE is_held")
    row = cursor.fetchone()
    if row and row[0]:
        return f"Nothing is published for {day}: {row[0]} is held: decide with retail held list --date {day}"
    return f"Nothing is published for {day}, and no source is expected to have it."


def _log(result: QualityResult, run_id: str) -> None:
    bound = log.bind(run_id=run_id, business_date=str(result.business_date))
    for each in result.checks:
        if each.status.is_finding:
            report = bound.error if each.status is Status.FAIL else bound.warning
            report(each.message, check=each.check.name, retailer_id=each.finding.retailer_id)
    bound.info("checked", outcome=result.outcome.value, score=result.score)


def main(
    day: DateArgument = None,
    retailer: RetailerOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Check a business date in the warehouse (default: yesterday). Ends with 1 when a critical check failed.

    Every scheduled source has to be there, from its first loaded date on. With --retailer only these are checked.
    """
    configure_logging()
    with exit_code():
        settings = load_settings()
        only = tuple(dict.fromkeys(retailer or ()))
        result = _check(business_date(day, settings), settings, only)
        if as_json:
            typer.echo(json.dumps(result.as_dict(all_checks=True), indent=2))
        else:
            print_report(result, Console())
        raise typer.Exit(0 if result.ok else 1)


def _check(day: date, settings: Settings, only: Sequence[str]) -> QualityResult:
    """Run the stage, and raise or resolve the alerts, as a run in Airflow does."""
    run_id, dsn = new_run_id("quality"), settings.warehouse_dsn.get_secret_value()
    origin = command_origin("retail quality", run_id)

    def clock() -> datetime:
        return datetime.now(UTC)

    try:
        result = run(day, settings=settings, run_id=run_id, only=only)
    except NothingToCheck:
        raise
    except RetailError as error:
        if not only:  # a check of some sources says nothing about the date
            report_unchecked(dsn, day, str(error), origin, clock=clock)
        raise
    if not only:
        report_quality(dsn, day, result.as_dict(), origin, clock=clock)
    else:
        todo = f"What to do: python -m data_quality.main {day} shows every check and its remedy."
        report_source_quality(dsn, result.as_dict()["checks"], origin, todo, clock=clock)
    return result


if __name__ == "__main__":
    typer.run(main)
