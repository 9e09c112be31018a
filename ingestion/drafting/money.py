"""Finds which numbers are the quantity, the price of one piece and the total of a line, by arithmetic.

Names only say what to try: a column counts as a price only when quantity × price gives another column in every row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations, product

from ingestion.drafting.header_words import LIKELY, OTHER_AMOUNTS, resemblance
from ingestion.drafting.numbers import NumberStyle
from ingestion.drafting.sample import Column, Sample

_TOLERANCE = Decimal("0.005")
_ENOUGH = 3
"""Rows with a quantity other than 1 that make a proof certain: of one piece, price and total are the same."""
_MOST_ROWS = 2_000
_MOST_ADDENDS = 2
Values = Sequence[Decimal | None]


@dataclass(frozen=True)
class Proof:
    """quantity × price, with further amounts added or subtracted, is the total in every row that has all of them."""

    quantity: Column
    price: Column
    total: Column
    addends: tuple[tuple[str, Column], ...]
    """Sign and column."""
    rows: int
    showing: int
    """Rows that show which is the price: their quantity is neither 1 nor 0, and the price is not 0."""
    example: str

    @property
    def is_certain(self) -> bool:
        """Whether enough rows show it."""
        return self.showing >= _ENOUGH

    @property
    def is_line_total(self) -> bool:
        """Whether the total is that of the line, with nothing added."""
        return not self.addends

    @property
    def formula(self) -> str:
        """`Menge × Einzelpreis + MwSt = Betrag`."""
        added = "".join(f" {sign} {column.name}" for sign, column in self.addends)
        return f"{self.quantity.name} × {self.price.name}{added} = {self.total.name}"


def find_proofs(sample: Sample, numbers: Sequence[Column], quantity: Column | None, style: NumberStyle) -> list[Proof]:
    """The simplest formulas that hold in every row, the likeliest first. `quantity`: the column with that name."""
    values = {column.name: _values(column, style) for column in numbers}
    found = [proof for count in range(_MOST_ADDENDS + 1) for proof in _proofs(sample, numbers, quantity, values, count)]
    found.sort(key=_rank)
    return [each for each in found if _rank(each)[:2] == _rank(found[0])[:2]]


def _rank(proof: Proof) -> tuple[bool, int, float, int]:
    by_name = sum(
        resemblance(column.name, role)
        for column, role in ((proof.quantity, "quantity"), (proof.price, "unit_price"), (proof.total, "total_amount"))
    )
    return not proof.is_certain, len(proof.addends), -by_name, -proof.rows


def _proofs(
    sample: Sample, numbers: Sequence[Column], quantity: Column | None, values: Mapping[str, Values], addends: int
) -> Iterator[Proof]:
    quantities = [quantity] if quantity else [each for each in numbers if _are_pieces(values[each.name])]
    for pieces in quantities:
        others = [each for each in numbers if each is not pieces]
        for price, total in ((one, two) for one in others for two in others if one is not two):
            rest = [each for each in others if each is not price and each is not total and _may_be_added(each)]
            for added in combinations(rest, addends):
                for signs in product("+-", repeat=addends):
                    yield from _proved(sample, pieces, price, total, tuple(zip(signs, added, strict=True)), values)


def _proved(
    sample: Sample,
    quantity: Column,
    price: Column,
    total: Column,
    addends: tuple[tuple[str, Column], ...],
    values: Mapping[str, Values],
) -> Iterator[Proof]:
    """The proof, if the formula holds in every row that has all of its values."""
    rows, showing = 0, []
    names = [quantity.name, price.name, total.name, *(column.name for _, column in addends)]
    for row, (pieces, each, result, *added) in enumerate(zip(*(values[name] for name in names), strict=True)):
        if pieces is None or each is None or result is None or any(value is None for value in added):
            continue
        amounts = (value if sign == "+" else -value for (sign, _), value in zip(addends, added, strict=True) if value)
        if abs(pieces * each + sum(amounts, Decimal(0)) - result) > _TOLERANCE:
            return
        rows += 1
        if pieces not in (0, 1) and each and all(added):
            showing.append(row)
        if rows >= _MOST_ROWS:
            break
    if rows >= 2 and showing:
        example = _example(sample, showing[0], (quantity, price, total), addends)
        yield Proof(quantity, price, total, addends, rows, len(showing), example)


def _example(
    sample: Sample, row: int, columns: tuple[Column, Column, Column], addends: tuple[tuple[str, Column], ...]
) -> str:
    quantity, price, total = (column.texts[row] for column in columns)
    added = "".join(f" {sign} {column.texts[row]}" for sign, column in addends)
    return f"{quantity} × {price}{added} = {total} in {sample.place(row)}"


def _may_be_added(column: Column) -> bool:
    """Whether its name says that it is a tax, a tip or the like. Of any columns, some formula holds by accident."""
    return any(resemblance(column.name, role) >= LIKELY for role in OTHER_AMOUNTS)


def _are_pieces(values: Values) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(value == value.to_integral_value() for value in known)


def _values(column: Column, style: NumberStyle) -> Values:
    read = {text: style.read(text) for text in column.first_rows}
    return [read.get(text) for text in column.texts]


def contradiction(sample: Sample, quantity: Column, price: Column, total: Column, style: NumberStyle) -> str:
    """The first row in which quantity × price is not the total: `2 × 100.00 is not 210.00 in line 2`; '' if none."""
    columns = (quantity, price, total)
    for row, (pieces, each, result) in enumerate(zip(*(_values(column, style) for column in columns), strict=True)):
        if pieces is None or each is None or result is None or abs(pieces * each - result) <= _TOLERANCE:
            continue
        texts = [column.texts[row] for column in columns]
        return f"{texts[0]} × {texts[1]} is not {texts[2]} in {sample.place(row)}"
    return ""
