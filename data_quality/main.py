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
from data_quality.quality_checks import Check, Scope, Status, evaluate, load_checks, open_scope, outcome, score_run
from data_quality.report import print_report
from data_quality.results import QualityResult
from monitoring.lineage.flows import checking
from monitoring.stage_runs import StageRun, record_stage
from shared.commands import DateArgument, business_date, exit_code, new_run_id
from shared.config import RETAILER_IDS, Settings, load_settings
from shared.database import session, transaction
from shared.logs import configure_logging, get_logger

log = get_logger(__name__)


def run(
    day: date,
    *,
    settings: Settings,
    run_id: str,
    retailers: Sequence[str] | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    checks: Sequence[Check] | None = None,
) -> QualityResult:
    """Check `day` and the other dates that the same run loaded, and keep the results.

    `retailers` are those this run expects (default: all). A missing one is critical; if another retailer is missing,
    that is a warning. An outcome of fail is a result, not an error: the results are kept.
    """
    checks = load_checks() if checks is None else checks
    dsn = settings.warehouse_dsn.get_secret_value()
    wanted = Scope(day, run_id, RETAILER_IDS, tuple(RETAILER_IDS if retailers is None else retailers))
    with record_stage(dsn, StageRun(run_id, "quality", day), clock=clock) as stage:
        with session(dsn, application_name="retail-quality") as connection:
            # One snapshot for all checks: a load that commits meanwhile is seen by none of them.
            connection.set_session(isolation_level=ISOLATION_LEVEL_REPEATABLE_READ)
            with transaction(connection) as cursor:
                # Before the snapshot is taken: a month replaced between the two would look empty.
                cursor.execute("LOCK TABLE fact_sales IN ACCESS SHARE MODE")
                # The date was just loaded and the statistics do not include it yet: expecting one row, the planner
                # would read thousands in nested loops. Complete slices are compared here, so hashing always fits.
                cursor.execute("SET LOCAL enable_nestloop = off")
                scope = open_scope(cursor, wanted)
                results = tuple(result for check in checks for result in evaluate(cursor, check, scope))
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


def _log(result: QualityResult, run_id: str) -> None:
    bound = log.bind(run_id=run_id, business_date=str(result.business_date))
    for each in result.checks:
        if each.status is not Status.PASS:
            report = bound.error if each.status is Status.FAIL else bound.warning
            report(each.message, check=each.check.name, retailer_id=each.finding.retailer_id)
    bound.info("checked", outcome=result.outcome.value, score=result.score)


def main(
    day: DateArgument = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Check a business date in the warehouse (default: yesterday). Ends with 1 when a critical check failed."""
    configure_logging()
    with exit_code():
        settings = load_settings()
        result = run(business_date(day, settings), settings=settings, run_id=new_run_id("quality"))
        if as_json:
            typer.echo(json.dumps(result.as_dict(all_checks=True), indent=2))
        else:
            print_report(result, Console())
        raise typer.Exit(0 if result.ok else 1)


if __name__ == "__main__":
    typer.run(main)
