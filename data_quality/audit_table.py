"""ops.data_quality_results and ops.data_quality_scores: the history of quality."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from psycopg2.extras import execute_values

from data_quality.quality_checks import CheckResult, outcome, score_run
from data_quality.scores import Scores
from shared.database import Cursor

OVERALL = "overall"
"""Name of the overall score among the dimensions."""
_PAGE = 1_000


def record(
    cursor: Cursor, run_id: str, day: date, results: Sequence[CheckResult], scores: Scores, *, now: datetime
) -> None:
    """Append the results, and replace the scores of this run and date."""
    _record_results(cursor, run_id, results, now)
    _record_scores(cursor, _score_rows(run_id, day, results, scores, now))


def record_by_date(cursor: Cursor, run_id: str, results: Sequence[CheckResult], *, now: datetime) -> None:
    """Append the results, and replace the scores of this run for each of their dates."""
    by_date: dict[date, list[CheckResult]] = defaultdict(list)
    for each in results:
        by_date[each.finding.business_date].append(each)
    _record_results(cursor, run_id, results, now)
    rows = [row for day, own in by_date.items() for row in _score_rows(run_id, day, own, score_run(own), now)]
    _record_scores(cursor, rows)


def _record_results(cursor: Cursor, run_id: str, results: Sequence[CheckResult], now: datetime) -> None:
    execute_values(
        cursor,
        "INSERT INTO ops.data_quality_results (run_id, business_date, retailer_id, check_name, dimension, severity,"
        " status, score, threshold, expected, actual, message, checked_at) VALUES %s",
        [
            (
                run_id,
                result.finding.business_date,
                result.finding.retailer_id,
                result.check.name,
                result.check.dimension,
                result.check.severity.value,
                result.status.value,
                result.score,
                result.check.threshold,
                result.finding.expected,
                result.finding.actual,
                result.message,
                now,
            )
            for result in results
        ],
        page_size=_PAGE,
    )


def _score_rows(
    run_id: str, day: date, results: Sequence[CheckResult], scores: Scores, now: datetime
) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = [(run_id, day, OVERALL, scores.overall, outcome(results).value, now)]
    for dimension, score in scores.dimensions.items():
        of_dimension = [result for result in results if result.check.dimension == dimension]
        rows.append((run_id, day, dimension, score, outcome(of_dimension).value, now))
    return rows


def _record_scores(cursor: Cursor, rows: Sequence[tuple[object, ...]]) -> None:
    execute_values(
        cursor,
        "INSERT INTO ops.data_quality_scores (run_id, business_date, dimension, score, outcome, scored_at) VALUES %s"
        " ON CONFLICT (run_id, business_date, dimension) DO UPDATE"
        " SET score = excluded.score, outcome = excluded.outcome, scored_at = excluded.scored_at",
        rows,
        page_size=_PAGE,
    )
