"""ops.data_quality_results and ops.data_quality_scores: the history of quality."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from psycopg2.extras import execute_values

from data_quality.quality_checks import CheckResult, outcome
from data_quality.scores import Scores
from shared.database import Cursor

OVERALL = "overall"
"""Name of the overall score among the dimensions."""


def record(
    cursor: Cursor, run_id: str, day: date, results: Sequence[CheckResult], scores: Scores, *, now: datetime
) -> None:
    """Append the results, and replace the scores of this run and date."""
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
    )
    rows = [(run_id, day, OVERALL, scores.overall, outcome(results).value, now)]
    for dimension, score in scores.dimensions.items():
        of_dimension = [result for result in results if result.check.dimension == dimension]
        rows.append((run_id, day, dimension, score, outcome(of_dimension).value, now))
    execute_values(
        cursor,
        "INSERT INTO ops.data_quality_scores (run_id, business_date, dimension, score, outcome, scored_at) VALUES %s"
        " ON CONFLICT (run_id, business_date, dimension) DO UPDATE"
        " SET score = excluded.score, outcome = excluded.outcome, scored_at = excluded.scored_at",
        rows,
    )
