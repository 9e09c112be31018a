"""The outcome of a file load: that of the checks of its dates, together with the thresholds of its report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from data_quality.file_report.model import DimensionScore, LoadReport
from data_quality.quality_checks import Check, CheckResult, Finding, Severity, describe_findings, judge, outcome

_REMEDY = "Correct the file or its layout; to publish the file as it is, use --allow-low-quality"


def threshold_results(report: LoadReport, days: Iterable[date], *, is_binding: bool) -> list[CheckResult]:
    """Whether the complete file reaches each threshold, as a result of every one of its dates.

    A binding threshold that is missed is a failure, another one a warning.
    """
    severity = Severity.CRITICAL if is_binding else Severity.WARNING
    checks = [(_check(each, severity), each) for each in report.score.dimensions]
    return [judge(check, _finding(report, day, each)) for day in days for check, each in checks]


def with_outcome(report: LoadReport, results: Sequence[CheckResult]) -> LoadReport:
    """The report with the outcome that its load has."""
    return replace(report, outcome=outcome(results).value, failed_checks=tuple(describe_findings(results)))


def _check(dimension: DimensionScore, severity: Severity) -> Check:
    return Check.model_validate(
        {
            "name": f"file_{dimension.name}",
            "dimension": dimension.name,
            "severity": severity,
            "threshold": Decimal(str(dimension.threshold)),
            "description": f"{dimension.formula}, of the complete file",
            "remedy": _REMEDY,
        }
    )


def _finding(report: LoadReport, day: date, dimension: DimensionScore) -> Finding:
    measured = Decimal(str(dimension.measured))
    expected, actual = f"{dimension.threshold:g} % or more", f"{dimension.measured:g} %"
    return Finding(report.retailer_id, day, Decimal(100), 100 - measured, expected, actual)
