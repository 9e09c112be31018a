"""Scores of a run: 0 to 100 per quality dimension and overall. Pure.

A check earns its score as a share of its threshold, so what is good enough earns 100 (a usual share of guests is no
flaw). A dimension's score is the mean of what its checks earn, a critical check weighing three times a warning; info
weighs nothing. The overall score is the mean of the dimensions weighted by DIMENSION_WEIGHTS, over those that have a
check. A score says how good the data is; whether the run may go on is the outcome's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from data_quality.quality_checks import CheckResult, Severity

DIMENSION_WEIGHTS: Mapping[str, int] = {
    "completeness": 25,  # a missing retailer or line makes every total wrong
    "accuracy": 25,  # so does wrong money
    "consistency": 20,
    "validity": 15,
    "uniqueness": 10,
    "timeliness": 5,  # late, but right
}
"""Sum 100."""

SEVERITY_WEIGHTS: Mapping[Severity, int] = {Severity.CRITICAL: 3, Severity.WARNING: 1, Severity.INFO: 0}

_STEP = Decimal("0.0001")


@dataclass(frozen=True)
class Scores:
    """Overall and per dimension; a dimension without a check is absent."""

    overall: Decimal
    dimensions: Mapping[str, Decimal]


def score_run(results: Sequence[CheckResult]) -> Scores:
    """The scores of all results of a run; 100 when nothing could be checked."""
    dimensions = {}
    for dimension in DIMENSION_WEIGHTS:
        weighted = [
            (SEVERITY_WEIGHTS[result.check.severity], earned(result))
            for result in results
            if result.check.dimension == dimension
        ]
        score = _mean(weighted)
        if score is not None:
            dimensions[dimension] = score
    overall = _mean([(DIMENSION_WEIGHTS[dimension], score) for dimension, score in dimensions.items()])
    return Scores(Decimal(100) if overall is None else overall, dimensions)


def earned(result: CheckResult) -> Decimal:
    """A check's score in percent of its threshold, 100 at most."""
    threshold = result.check.threshold
    return min(Decimal(100), 100 * result.score / threshold) if threshold else Decimal(100)


def _mean(weighted: Sequence[tuple[int, Decimal]]) -> Decimal | None:
    total = sum(weight for weight, _ in weighted)
    if not total:
        return None
    return (sum((weight * value for weight, value in weighted), Decimal(0)) / total).quantize(_STEP, ROUND_FLOOR)
