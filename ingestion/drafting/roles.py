"""Decides which column has which role, by its name and by what its values are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import duckdb

from ingestion.drafting.dates import DateFormat, detect_dates, detect_times
from ingestion.drafting.header_words import LIKELY, OTHER_AMOUNTS, SURE, resemblance, roles
from ingestion.drafting.numbers import is_numeric
from ingestion.drafting.sample import Column, Sample
from ingestion.mapping.layout_parts import TIME_FIELDS
from shared.currencies import CURRENCIES

AMOUNTS = ("unit_price", "total_amount", *OTHER_AMOUNTS)
NUMBERS = ("quantity", *AMOUNTS)
_CODE_SHARE = 0.9
_MOST_PIECES = 10_000
_RARE = 0.15


@dataclass(frozen=True)
class Kinds:
    """What the columns' values are, by the name of the column."""

    dates: Mapping[str, DateFormat]
    times: Mapping[str, str]
    """Columns of times of day → their format."""
    numbers: frozenset[str]
    currencies: frozenset[str]

    def fits(self, column: Column, role: str) -> bool:
        """Whether values of this kind can have the role."""
        name = column.name
        if role in TIME_FIELDS:
            return name in self.dates
        if role == "time_of_day":
            return name in self.times
        if role in NUMBERS:
            return name in self.numbers
        if role == "currency":
            return name in self.currencies
        return name not in self.dates and name not in self.times


@dataclass(frozen=True)
class Roles:
    """Role → its column, and why that is not certain."""

    columns: Mapping[str, Column]
    doubts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def get(self, role: str) -> Column | None:
        """The column of a role."""
        return self.columns.get(role)


def detect_kinds(connection: duckdb.DuckDBPyConnection, sample: Sample) -> Kinds:
    """What the values of each column are."""
    filled = [column for column in sample.columns if column.first_rows]
    times = {column.name: clock for column in filled if (clock := detect_times(column))}
    dates = {
        column.name: form
        for column in filled
        if column.name not in times and (form := detect_dates(connection, sample, column))
    }
    others = [column for column in filled if column.name not in times and column.name not in dates]
    return Kinds(
        dates,
        times,
        frozenset(column.name for column in others if is_numeric(column)),
        frozenset(column.name for column in others if _are_currencies(column)),
    )


def assign_roles(sample: Sample, kinds: Kinds) -> Roles:
    """The roles of columns. Each column has at most one; amounts are only named here, `money.py` decides them."""
    scores = [
        (score, role, column)
        for column in sample.columns
        if column.first_rows
        for role in roles()
        if (score := _score(column, role)) >= LIKELY and kinds.fits(column, role)
    ]
    order = {role: number for number, role in enumerate(roles())}
    # Of `Name` and `Lineitem name`, which are both names of a product, the longer one says more.
    scores.sort(key=lambda each: (-each[0], order[each[1]], -len(each[2].name)))
    found: dict[str, Column] = {}
    doubts: dict[str, tuple[str, ...]] = {}
    taken: set[str] = set()
    for score, role, column in scores:
        if role in found or column.name in taken:
            continue
        found[role] = column
        taken.add(column.name)
        doubts[role] = _doubts(role, column, score, scores)
    _by_content(sample, kinds, found, doubts, taken)
    return Roles(found, {role: given for role, given in doubts.items() if given})


def _score(column: Column, role: str) -> float:
    """How well the name fits; less for a column that is mostly empty."""
    is_rare = sum(map(bool, column.texts)) * 2 < len(column.texts)
    return resemblance(column.name, role) - (_RARE if is_rare else 0)


def _doubts(role: str, column: Column, score: float, scores: Iterable[tuple[float, str, Column]]) -> tuple[str, ...]:
    found = [] if score >= SURE else [f"the name {column.name!r} only resembles that of this field."]
    best: dict[str, tuple[float, str]] = {}
    for other_score, other_role, other in scores:
        best.setdefault(other.name, (other_score, other_role))
        if other_role == role and other is not column and best[other.name][1] == role:
            found.append(f"{other.name} can be meant, too.")
    return tuple(found)


def _by_content(
    sample: Sample, kinds: Kinds, found: dict[str, Column], doubts: dict[str, tuple[str, ...]], taken: set[str]
) -> None:
    """Columns for the required fields that no name gave, by their values. Amounts are never found this way."""
    free = [column for column in sample.columns if column.name not in taken and column.first_rows]
    tests: dict[str, Callable[[Column], bool]] = {
        "sold_at": lambda column: column.name in kinds.dates,
        "currency": lambda column: column.name in kinds.currencies,
        "quantity": lambda column: column.name in kinds.numbers and _are_small_integers(column),
        "transaction_id": lambda column: kinds.fits(column, "transaction_id") and _comes_in_groups(column),
    }
    for role, test in tests.items():
        fitting = [column for column in free if column.name not in taken and test(column)] if role not in found else []
        if fitting:
            found[role] = fitting[0]
            taken.add(fitting[0].name)
            others = [f"{each.name} can be meant, too." for each in fitting[1:]]
            doubts[role] = ("it was found by its values, not by its name.", *others)


def _are_currencies(column: Column) -> bool:
    texts = column.first_rows
    return sum(text.upper() in CURRENCIES for text in texts) >= _CODE_SHARE * len(texts)


def _are_small_integers(column: Column) -> bool:
    """Numbers of pieces: integers, most of them repeated."""
    texts = column.first_rows
    are_integers = all(text.lstrip("-").isdecimal() and abs(int(text)) <= _MOST_PIECES for text in texts)
    return are_integers and len(texts) * 2 <= len(column.texts)


def _comes_in_groups(column: Column) -> bool:
    """Ids of which some are repeated, always in rows that follow each other, as the lines of a receipt do."""
    if not column.is_filled or len(column.first_rows) < 2 or all("." in text for text in column.first_rows):
        return False
    groups = 1 + sum(one != two for one, two in zip(column.texts, column.texts[1:], strict=False))
    return groups == len(column.first_rows) and groups < len(column.texts)
