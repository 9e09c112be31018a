"""Scores of a file load. Pure; weights and thresholds are in `scores.toml`.

completeness  Mean, over the fields that the source fills at all, of the share of source rows with a value.
validity      Rows that no rule rejected, of all source rows.
accuracy      Records without a flag of severity warning or worse (outliers, ...), of all distinct landed records.
uniqueness    Distinct records, of all landed records: exact copies lower it.
consistency   Mean of two shares: landed rows that name their product as most rows of that product do, and landed rows
              that place their customer in the country in which most rows of that customer are.

The overall score is the mean of the dimensions, weighted. Nothing to judge (no rows) scores 100.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from data_quality.file_report.model import Counts, DimensionScore, FieldReport, Score

FORMULAS: Mapping[str, str] = {
    "completeness": "Source rows with a value, averaged over the fields the source fills",
    "validity": "Rows not rejected by a rule ÷ all rows",
    "accuracy": "Records not flagged as doubtful ÷ distinct records",
    "uniqueness": "Distinct records ÷ landed records",
    "consistency": "Rows whose product name and customer country are those usual for the product and the customer",
}


@dataclass(frozen=True)
class Agreement:
    """Of the rows that state something about an entity, how many state what most do."""

    rows: int
    usual: int


def score(counts: Counts, fields: Sequence[FieldReport], agreements: Sequence[Agreement]) -> Score:
    """The scores of a load."""
    filled = [field.before for field in fields if field.before and field.before.filled]
    shares = {
        "completeness": _mean([1 - each.missing_share for each in filled]),
        "validity": _share(counts.rows - counts.rejected, counts.rows),
        "accuracy": _share(counts.distinct - counts.doubtful, counts.distinct),
        "uniqueness": _share(counts.distinct, counts.landed),
        "consistency": _mean([_share(each.usual, each.rows) for each in agreements if each.rows]),
    }
    dimensions = tuple(
        DimensionScore(name, _percent(shares[name]), rule["threshold"], rule["weight"], FORMULAS[name])
        for name, rule in rules().items()
    )
    weights = sum(dimension.weight for dimension in dimensions)
    overall = sum(shares[dimension.name] * dimension.weight for dimension in dimensions) / weights
    return Score(_percent(overall), dimensions)


@cache
def rules() -> dict[str, dict[str, float]]:
    """Weight and threshold per dimension, in the order of `scores.toml`."""
    return tomllib.loads(Path(__file__).with_name("scores.toml").read_text(encoding="utf-8"))


def _percent(share: float) -> float:
    """Two decimals, cut off: 99.999 is not 100."""
    return int(share * 10_000 + 1e-9) / 100


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _mean(shares: Sequence[float]) -> float:
    return sum(shares) / len(shares) if shares else 1.0
