"""The content of a quality report of a file load: counts, money, scores, fields, findings, days. Plain values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any


class FieldKind(StrEnum):
    """The kind of a field decides its statistics."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"


class FindingKind(StrEnum):
    """What a rule did with the rows it found."""

    REJECTED = "rejected"
    """Not loaded, kept in the dead letters."""
    FLAGGED = "flagged"
    """Loaded, and marked."""
    IMPUTED = "imputed"
    """Loaded with a value filled in."""


@dataclass(frozen=True)
class FrequentValue:
    """A value and how many rows have it."""

    value: str
    rows: int


@dataclass(frozen=True)
class FieldStatistics:
    """One field on one side. What does not apply to its kind is None."""

    rows: int
    filled: int
    """Rows with a value."""
    distinct: int
    minimum: str | None = None
    maximum: str | None = None
    mean: float | None = None
    median: float | None = None
    deviation: float | None = None
    """Of the sample (n - 1)."""
    shortest: int | None = None
    """Characters."""
    longest: int | None = None
    frequent: tuple[FrequentValue, ...] = ()
    """Most frequent first; equally frequent ones in order of value."""

    @property
    def missing_share(self) -> float:
        """Share of rows without a value, 0 to 1."""
        return 1 - self.filled / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class FieldReport:
    """A field as the files had it and as it landed; None where a side does not have the field."""

    name: str
    kind: FieldKind
    before: FieldStatistics | None
    after: FieldStatistics | None

    @property
    def lost_some(self) -> bool:
        """Whether a larger share of it is missing after than before."""
        return bool(self.before and self.after and self.after.missing_share > self.before.missing_share)


@dataclass(frozen=True)
class Finding:
    """What one rule found."""

    kind: FindingKind
    code: str
    severity: str
    """`error` (rejected), `warning` (flagged) or `info`."""
    description: str
    rows: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class DayFacts:
    """One business date."""

    business_date: date
    landed: int
    rejected: int
    net_amounts: Mapping[str, Decimal]
    """Signed, per currency, exact duplicates included."""


@dataclass(frozen=True)
class Counts:
    """Where the rows went: rows = landed + rejected; landed = distinct + duplicates."""

    rows: int
    landed: int
    rejected: int
    distinct: int
    duplicates: int
    flagged: int
    """Distinct records with at least one flag."""
    doubtful: int
    """Those of them with a flag of severity warning or worse."""
    imputed: int
    """Values filled in."""


@dataclass(frozen=True)
class Money:
    """Signed net money of one currency."""

    currency: str
    landed: Decimal
    rejected: Decimal
    """As far as it could be read."""


@dataclass(frozen=True)
class DimensionScore:
    """One quality dimension, all figures 0 to 100."""

    name: str
    measured: float
    """Percent that is correct, by the formula."""
    threshold: float
    """Percent that is enough."""
    score: float
    """Share of the threshold that was reached, 100 at most."""
    weight: int
    formula: str

    @property
    def passed(self) -> bool:
        """Whether the threshold is reached."""
        return self.measured >= self.threshold


@dataclass(frozen=True)
class Score:
    """The weighted mean of the dimensions."""

    overall: float
    dimensions: tuple[DimensionScore, ...]

    @property
    def passed(self) -> bool:
        """Whether every dimension passed."""
        return all(dimension.passed for dimension in self.dimensions)


@dataclass(frozen=True)
class LoadReport:
    """The quality report of one file load."""

    title: str
    job_name: str
    created_at: datetime
    retailer_id: str
    layout: str
    files: tuple[Mapping[str, Any], ...]
    counts: Counts
    money: tuple[Money, ...]
    score: Score
    fields: tuple[FieldReport, ...]
    findings: tuple[Finding, ...]
    days: tuple[DayFacts, ...]
    outcome: str | None = None
    """That of the checks: `pass`, `warn`, or `fail`, after which nothing is published; None without a load, as in a dry
    run. The report is written before the load is published."""
    failed_checks: tuple[str, ...] = ()
    """What is below its threshold: messages of the quality checks, and of the thresholds of this report."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form: exact amounts and dates as text."""
        facts: dict[str, Any] = _plain(asdict(self))
        facts["score"]["passed"] = self.score.passed
        for shown, dimension in zip(facts["score"]["dimensions"], self.score.dimensions, strict=True):
            shown["passed"] = dimension.passed
        return facts


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal | StrEnum) else value
