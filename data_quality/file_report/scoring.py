"""What a file load is scored on. Pure; `data_quality/scores.py` makes the score of these measurements.

completeness  Mean, over the fields that the source fills at all, of the share of source rows with a value.
validity      Rows that were not rejected by a rule, of all source rows.
accuracy      Records without a flag of severity warning or worse (outliers, ...), of all distinct landed records.
uniqueness    Distinct records, of all landed records: exact duplicates lower it.
consistency   Mean of two shares: landed rows that name their product as most rows of that product do, and landed rows
              that place their customer in the country in which most rows of that customer are.

A share of no rows at all is 100 %.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction

from data_quality.file_report.model import Counts, DimensionScore, FieldReport, Score
from data_quality.scores import Measurement, calculate_scores, score_rules

FORMULAS: Mapping[str, str] = {
    "completeness": "Source rows with a value, averaged over the fields the source fills",
    "validity": "Rows not rejected by a rule ÷ all rows",
    "accuracy": "Records not flagged as doubtful ÷ distinct records",
    "uniqueness": "Distinct records ÷ landed records",
    "consistency": "Rows whose product name and customer country are those usual for the product and the customer",
}


@dataclass(frozen=True)
class Agreement:
    """Of the rows that say something about an entity, how many say what most of them do."""

    rows: int
    usual: int


def score(
    counts: Counts, fields: Sequence[FieldReport], agreements: Sequence[Agreement], max_reject_share: float
) -> Score:
    """The scores of a load. Validity need not be higher than the accepted share of rejected rows allows."""
    filled = [field.before for field in fields if field.before and field.before.filled]
    shares = {
        "completeness": _mean([_share(each.filled, each.rows) for each in filled]),
        "validity": _share(counts.rows - counts.rejected, counts.rows),
        "accuracy": _share(counts.distinct - counts.doubtful, counts.distinct),
        "uniqueness": _share(counts.distinct, counts.landed),
        "consistency": _mean([_share(each.usual, each.rows) for each in agreements if each.rows]),
    }
    rules = score_rules()
    thresholds = {name: Decimal(threshold) for name, threshold in rules.file_thresholds.items()}
    thresholds["validity"] = min(thresholds["validity"], 100 * (1 - Decimal(str(max_reject_share))))
    measurements = {
        name: Measurement(name, _percent(shares[name]), threshold) for name, threshold in thresholds.items()
    }
    scores = calculate_scores(list(measurements.values()))
    dimensions = tuple(
        DimensionScore(
            name=name,
            measured=_shown(each.measured),
            threshold=float(each.threshold),
            score=_shown(scores.dimensions[name]),
            weight=rules.dimension_weights[name],
            formula=FORMULAS[name],
        )
        for name, each in measurements.items()
    )
    return Score(_shown(scores.overall), dimensions)


def _percent(share: Fraction) -> Decimal:
    return Decimal(100 * share.numerator) / share.denominator


def _shown(percent: Decimal) -> float:
    """Two decimals, rounded down: 99.999 is not 100."""
    return float(percent.quantize(Decimal("0.01"), ROUND_FLOOR))


def _share(part: int, total: int) -> Fraction:
    return Fraction(part, total) if total else Fraction(1)


def _mean(shares: Sequence[Fraction]) -> Fraction:
    return sum(shares, Fraction(0)) / len(shares) if shares else Fraction(1)
