"""The checks: read from checks.toml, evaluated by the queries in sql/, compared with their thresholds.

A check is data. To add one: a table in checks.toml, a query of the same name in sql/, a test that creates the defect.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import psycopg2
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from data_quality.scope import Scope
from data_quality.scores import Dimension, Measurement, Scores, calculate_scores, score_rules
from shared.database import Cursor, described, read_sql
from shared.errors import FixConfiguration, RetryLater, StopRun

DIRECTORY = Path(__file__).parent
CHECKS_FILE = DIRECTORY / "checks.toml"
SQL_DIRECTORY = DIRECTORY / "sql"

_HUNDRED = Decimal(100)
_SCORE_STEP = Decimal("0.0001")


class Severity(StrEnum):
    """What a failed check means for the run."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Status(StrEnum):
    """The outcome of a check or of a run."""

    PASS = "pass"  # noqa: S105 - no password
    WARN = "warn"
    FAIL = "fail"
    NOT_CHECKED = "not_checked"
    """There was nothing to compare with, such as no control report. This is not the outcome of a run."""

    @property
    def is_finding(self) -> bool:
        """Whether something is below its threshold."""
        return self in (Status.WARN, Status.FAIL)


class Check(BaseModel):
    """One check, as checks.toml defines it; `name` is also that of its query."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    dimension: Dimension
    severity: Severity
    threshold: Decimal = Field(ge=0, le=100)
    """Percent of what was checked that must be correct."""
    description: str = Field(min_length=1)
    remedy: str = Field(min_length=1)
    parameters: dict[str, int | float | str | list[str]] = Field(default_factory=dict)
    """Bound into the query under their names."""
    before_publishing: Literal["always", "small_loads", "never"] = "never"
    """Which loads make this check before they commit: below the threshold, a critical one holds the date."""

    @property
    def sql_file(self) -> Path:
        """The query."""
        return SQL_DIRECTORY / f"{self.name}.sql"


@dataclass(frozen=True)
class Finding:
    """What a query counted for one retailer and business date."""

    retailer_id: str
    business_date: date
    checked: Decimal | None
    """None when there was nothing to compare with."""
    failed: Decimal
    expected: str
    actual: str


@dataclass(frozen=True)
class CheckResult:
    """A finding with its score and status."""

    check: Check
    finding: Finding
    score: Decimal | None
    """None when it was not checked."""
    status: Status
    approval: str | None = None
    """Who has approved the date although the check fails, and why; then it only warns."""

    @property
    def message(self) -> str:
        """Where, the finding in words, and what to do about it when something is wrong."""
        check, finding = self.check, self.finding
        place = f"{finding.retailer_id} {finding.business_date}"
        text = f"{place}: {check.description}: expected {finding.expected}, found {finding.actual}"
        if self.approval:
            return f"{text}. {self.approval}."
        return f"{text}. {check.remedy}." if self.status.is_finding else text

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return {
            "check": self.check.name,
            "dimension": self.check.dimension,
            "severity": self.check.severity.value,
            "retailer_id": self.finding.retailer_id,
            "business_date": self.finding.business_date.isoformat(),
            "status": self.status.value,
            "score": None if self.score is None else float(self.score),
            "threshold": float(self.check.threshold),
            "expected": self.finding.expected,
            "actual": self.finding.actual,
            "message": self.message,
        }


def load_checks(path: Path = CHECKS_FILE) -> tuple[Check, ...]:
    """The checks in the order of the file. Raises FixConfiguration that names the check and the field."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        named = [{"name": name, **table} for name, table in tables.items()]
        checks = tuple(TypeAdapter(list[Check]).validate_python(named))
    except (OSError, tomllib.TOMLDecodeError, TypeError) as error:
        raise FixConfiguration(f"{path} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        position, *where = first["loc"]
        name = named[int(position)]["name"]
        raise FixConfiguration(f"{path}: {name}: {'.'.join(map(str, where))}: {first['msg']}") from error
    missing = [check.name for check in checks if not check.sql_file.is_file()]
    if missing:
        raise FixConfiguration(f"{path}: no query in {SQL_DIRECTORY} for {', '.join(missing)}")
    return checks


def evaluate(cursor: Cursor, check: Check, scope: Scope) -> list[CheckResult]:
    """Run one check over the scope's slices. Raises StopRun when its query does not work."""
    try:
        cursor.execute(read_sql(check.sql_file), {**scope.parameters, **check.parameters})
        columns = [column.name for column in cursor.description or ()]
        rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    except psycopg2.OperationalError as error:
        raise RetryLater(
            f"The connection to the warehouse was lost during check {check.name}: {described(error)}. Run again."
        ) from error
    except (psycopg2.errors.UndefinedTable, psycopg2.errors.InsufficientPrivilege):
        raise
    except psycopg2.Error as error:
        raise StopRun(
            f"Check {check.name} could not be evaluated: {described(error)}. Correct {check.sql_file}."
        ) from error
    findings = sorted(
        (read_finding(check, row) for row in rows), key=lambda each: (each.business_date, each.retailer_id)
    )
    return [judge(check, finding) for finding in findings]


def read_finding(check: Check, row: Mapping[str, Any]) -> Finding:
    """A query's row; one that gives no texts is described by its share."""
    checked = None if row["checked"] is None else Decimal(row["checked"])
    failed = Decimal(row["failed"] or 0)
    wanted = "all" if check.threshold == _HUNDRED else f"{check.threshold:f} % or more"
    share = f"{(checked or 0) - failed:,f} of {checked or 0:,f}"
    return Finding(
        row["retailer_id"],
        row["business_date"],
        checked,
        failed,
        _text(row.get("expected", wanted)),
        _text(row.get("actual", share)),
    )


def judge(check: Check, finding: Finding) -> CheckResult:
    """Calculate score and status; pure. The score is 100 when nothing had to be checked."""
    if finding.checked is None:
        return CheckResult(check, finding, None, Status.NOT_CHECKED)
    right = finding.checked - finding.failed
    score = _HUNDRED * right / finding.checked if finding.checked > 0 else _HUNDRED
    # Compared before rounding, and rounded down: one wrong line in a million still shows.
    ok = score >= check.threshold
    below = Status.FAIL if check.severity is Severity.CRITICAL else Status.WARN
    shown = min(max(score, Decimal(0)), _HUNDRED).quantize(_SCORE_STEP, ROUND_FLOOR)
    return CheckResult(check, finding, shown, Status.PASS if ok else below)


def outcome(results: Sequence[CheckResult]) -> Status:
    """fail when a critical check failed, warn when another one did, pass otherwise; info is ignored.

    What was not checked proves nothing and changes nothing.
    """
    statuses = {result.status for result in results if result.check.severity is not Severity.INFO}
    return next((status for status in (Status.FAIL, Status.WARN) if status in statuses), Status.PASS)


def describe_findings(results: Sequence[CheckResult]) -> list[str]:
    """The findings, failures first. What a check found on several dates is one message."""
    found: dict[tuple[Status, str], list[CheckResult]] = {}
    for each in results:
        if each.status.is_finding:
            found.setdefault((each.status, each.check.name), []).append(each)
    return [
        same[0].message + (f" The same on {len(same) - 1} more dates." if len(same) > 1 else "")
        for _, same in sorted(found.items(), key=lambda each: each[0][0] is not Status.FAIL)
    ]


def score_run(results: Sequence[CheckResult]) -> Scores:
    """The scores of a run; a check weighs as much as its severity."""
    weights = score_rules().severity_weights
    return calculate_scores(
        [
            Measurement(each.check.dimension, each.score, each.check.threshold, weights[each.check.severity])
            for each in results
            if each.score is not None
        ]
    )


def _text(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | Decimal) else str(value)
