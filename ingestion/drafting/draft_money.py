"""Drafts the quantity, the price, the total and the currency. Without a proof, each is marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ingestion.drafting.entries import Entry
from ingestion.drafting.header_words import LIKELY, OTHER_AMOUNTS, resemblance
from ingestion.drafting.money import Proof, contradiction, find_proofs
from ingestion.drafting.numbers import CURRENCY_SIGNS, SHARED_SIGNS, NumberStyle, decoration
from ingestion.drafting.roles import NUMBERS, Kinds, Roles
from ingestion.drafting.sample import Column, Sample
from shared.currencies import CURRENCIES

NO_CURRENCY = "XXX"
"""ISO 4217 for no currency. With it nothing can be loaded before the user has set the right one."""


@dataclass(frozen=True)
class Money:
    """The entries, and the columns whose numbers are used."""

    entries: tuple[Entry, ...]
    used: tuple[Column, ...]


def number_columns(sample: Sample, kinds: Kinds, roles: Roles) -> list[Column]:
    """Columns of numbers, without ids."""
    ids = {column.name for role, column in roles.columns.items() if role not in NUMBERS}
    return [column for column in sample.columns if column.name in kinds.numbers and column.name not in ids]


def draft_money(sample: Sample, numbers: Sequence[Column], roles: Roles, style: NumberStyle) -> Money:
    """Quantity, unit price and total amount."""
    proofs = find_proofs(sample, numbers, roles.get("quantity"), style)
    if proofs:
        return _proved(sample, proofs, style)
    quantity, price, total = (roles.get(role) for role in ("quantity", "unit_price", "total_amount"))
    if price is None and total is not None:
        return _only_total(sample, roles, total, quantity, style)
    entries = [_quantity(sample, roles, quantity, style)]
    if price is not None:
        entries.append(_unproved(sample, roles, quantity, price, total, style))
    return Money(tuple(entries), tuple(each for each in (quantity, price) if each))


def _proved(sample: Sample, proofs: Sequence[Proof], style: NumberStyle) -> Money:
    proof = proofs[0]
    doubts = []
    if not proof.is_certain:
        verb = "shows" if proof.showing == 1 else "show"
        doubts.append(f"only {proof.showing} of {proof.rows} rows {verb} it, the others have a quantity of 1 or 0.")
    doubts += [f"{each.formula} is right in every row, too." for each in proofs[1:] if each.price is not proof.price]
    if resemblance(proof.price.name, "unit_price") < LIKELY:
        doubts.append("its name does not say that it is a price.")
    note = f"{proof.formula} in all {proof.rows:,} rows that have these values, such as {proof.example}."
    by_name = resemblance(proof.quantity.name, "quantity") >= LIKELY
    unsure = () if by_name else ("it was found by arithmetic, not by its name.",)
    entries = [
        Entry("quantity", proof.quantity.name, checks=(*unsure, *_unread(sample, proof.quantity, style))),
        Entry("unit_price", proof.price.name, (note,), (*doubts, *_unread(sample, proof.price, style))),
    ]
    used = [proof.quantity, proof.price]
    if proof.is_line_total:
        entries.append(Entry("total_amount", proof.total.name, checks=_unread(sample, proof.total, style)))
        used.append(proof.total)
    return Money(tuple(entries), tuple(used))


def _only_total(sample: Sample, roles: Roles, total: Column, quantity: Column | None, style: NumberStyle) -> Money:
    check = f"there is no price of one piece. {total.name} seems to be the total of a line, from which it follows."
    pieces = Entry("quantity", {"value": "1"}, checks=("no column is a number of pieces: is each row one piece?",))
    if quantity is not None:
        pieces = Entry("quantity", quantity.name, checks=_checks(sample, roles, "quantity", quantity, style))
    amount = Entry("total_amount", total.name, checks=(check, *_checks(sample, roles, "total_amount", total, style)))
    return Money((pieces, amount), tuple(each for each in (quantity, total) if each))


def _quantity(sample: Sample, roles: Roles, quantity: Column | None, style: NumberStyle) -> Entry:
    if quantity is None:
        return Entry("quantity", {"value": "1"}, checks=("no column is a number of pieces: is each row one piece?",))
    return Entry("quantity", quantity.name, checks=_checks(sample, roles, "quantity", quantity, style))


def _checks(sample: Sample, roles: Roles, role: str, column: Column, style: NumberStyle) -> tuple[str, ...]:
    return (*roles.doubts.get(role, ()), *_unread(sample, column, style))


def _unproved(
    sample: Sample, roles: Roles, quantity: Column | None, price: Column, total: Column | None, style: NumberStyle
) -> Entry:
    check = "no other column proves that this is the price of one piece and not the total of the line."
    if total is not None and quantity is not None:
        against = contradiction(sample, quantity, price, total, style)
        check += f" {total.name} is not mapped: {against or 'no row shows what it is'}."
    if all(text.isdecimal() for text in price.first_rows):
        check += (
            " Its values are whole numbers: if they are in the smallest unit, such as cents, write"
            f" {{column: {price.name}, minor_units: true}}."
        )
    return Entry("unit_price", price.name, checks=(check, *_checks(sample, roles, "unit_price", price, style)))


def _unread(sample: Sample, column: Column, style: NumberStyle) -> tuple[str, ...]:
    """Values that are not plain numbers, whose rows are rejected."""
    unread = [text for text in column.first_rows if text not in style.missing and style.read(text) is None]
    if not unread:
        return ()
    signs = decoration(unread[0])
    why = f"with {signs!r} around the number" if signs else "not a plain number"
    return (f"rows with such a value are rejected: {sample.quoted(column, unread[0])}, {why}.",)


def draft_currency(
    sample: Sample, roles: Roles, money: Iterable[Column], wanted: str | None
) -> tuple[Entry, Entry | None]:
    """The currency of the rows, and the currencies of the source."""
    column = roles.get("currency")
    if wanted:
        return Entry("currency", {"value": wanted}), Entry("currencies", [wanted])
    if column is None:
        code, why = _from_signs(sample, money)
        return Entry("currency", {"value": code}, checks=(why,)), Entry(
            "currencies", [code]
        ) if code in CURRENCIES else None
    texts = list(column.first_rows)
    unread = [text for text in texts if text.upper() not in CURRENCIES]
    checks = list(roles.doubts.get("currency", ()))
    if unread:
        checks.append(f"rows with such a value are rejected: {sample.quoted(column, unread[0])}.")
    if not column.is_filled:
        empty = sample.place(column.texts.index(""))
        checks.append(f"it is empty in some rows, first in {empty}, which are rejected.")
    codes = sorted({text.upper() for text in texts if text.upper() in CURRENCIES})
    found = Entry("currencies", codes, ("Those of the sample. Remove the key to accept any.",))
    return Entry("currency", column.name, checks=tuple(checks)), found if codes else None


def _from_signs(sample: Sample, money: Iterable[Column]) -> tuple[str, str]:
    """The currency that signs or names of amounts show, and why that is not certain."""
    for column in money:
        for text in column.first_rows:
            around = decoration(text)
            if code := next((CURRENCY_SIGNS[sign] for sign in CURRENCY_SIGNS if sign in around), None):
                return code, f"from the sign in {sample.quoted(column, text)}."
            if any(sign in around for sign in SHARED_SIGNS):
                return NO_CURRENCY, f"the sign in {sample.quoted(column, text)} is that of several currencies."
        if code := next((word for word in _codes(column.name) if word in CURRENCIES), None):
            return code, f"from the name {column.name!r}."
    return NO_CURRENCY, "nothing shows the currency. Until you set it, nothing can be loaded."


def _codes(name: str) -> list[str]:
    signs = [CURRENCY_SIGNS[sign] for sign in CURRENCY_SIGNS if sign in name]
    words = "".join(character if character.isalpha() else " " for character in name).split()
    return [*signs, *(word.upper() for word in words if len(word) == 3)]


def other_amounts(numbers: Sequence[Column], used: Iterable[Column]) -> tuple[str, ...]:
    """A mark for amounts that no field has, such as discounts and tips."""
    names = {column.name for column in used}
    found = [
        column.name
        for column in numbers
        if column.name not in names and any(resemblance(column.name, role) >= LIKELY for role in OTHER_AMOUNTS)
    ]
    return (f"no field has the amounts of {', '.join(found)}. Are they part of the price?",) if found else ()
