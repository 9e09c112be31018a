"""What each contract does with a change, and what is taken over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Literal

import pytest

from ingestion.schema_contracts.file_headers import FileHeader, FileHeaders
from ingestion.schema_contracts.guard import SchemaFrozen, SchemaGuard
from ingestion.schema_contracts.model import Schema
from ingestion.schema_contracts.notice import notice_of
from ingestion.schema_contracts.observation import observe
from ingestion.schema_contracts.store import Since

DAY = date(2024, 1, 15)
OLD = [{"id": str(number), "qty": 1} for number in range(200)]
NEW = [{"id": str(number), "qty": 1, "promo": "X"} for number in range(200)]
Contract = Literal["evolve", "freeze", "reject"]


def guard(contract: Contract, known: Sequence[Any] | None = OLD) -> SchemaGuard:
    schema = observe(known).schema() if known is not None else None
    return SchemaGuard("shop", contract, lambda: schema)


def land(own: SchemaGuard, records: Sequence[Any], day: date = DAY) -> dict[int, str]:
    listing = own.listing()
    rejected = dict(listing.add(records))
    own.check(day, listing)
    own.landed(listing.seen)
    return rejected


def test_the_first_records_are_the_schema_whatever_the_contract_is() -> None:
    for contract in ("evolve", "freeze", "reject"):
        own = guard(contract, None)
        assert land(own, NEW) == {}
        assert own.known is not None
        assert (set(own.known.fields), own.is_extended, own.difference) == ({"id", "qty", "promo"}, True, None)


def test_evolve_takes_the_change_over_once() -> None:
    own = guard("evolve")
    land(own, NEW)
    land(own, NEW, date(2024, 1, 16))
    assert own.difference is not None
    assert (own.difference.business_date, own.difference.touched, own.difference.records) == (DAY, 200, 200)
    assert own.known is not None
    assert "promo" in own.known.fields


def test_evolve_does_not_take_over_what_was_not_landed() -> None:
    own = guard("evolve")
    listing = own.listing()
    listing.add(NEW)
    own.check(DAY, listing)
    assert own.difference is not None
    assert (own.is_extended, own.known is not None and "promo" in own.known.fields) == (False, False)


def test_freeze_stops_and_says_what_changed_and_how_to_accept_it() -> None:
    with pytest.raises(SchemaFrozen, match=r"Nothing was landed\. added: promo \(text\), in 200 records\.") as failed:
        land(guard("freeze"), NEW)
    assert "retail sources accept shop" in str(failed.value)


def test_freeze_lands_what_is_as_before() -> None:
    own = guard("freeze")
    land(own, OLD)
    assert (own.difference, own.is_extended) == (None, False)


def test_reject_rejects_the_records_that_differ_and_no_others() -> None:
    own = guard("reject")
    rejected = land(own, [*OLD[:3], NEW[3], {"id": 4, "qty": 1}, {"qty": 1}, *OLD[6:]])
    assert rejected == {
        3: "the field promo is new",
        4: "the field id is integer, not text",
        5: "the field id is missing",
    }
    assert own.known is not None
    assert "promo" not in own.known.fields


def test_a_schema_of_few_records_grows_without_an_alert() -> None:
    own = guard("freeze", OLD[:10])
    land(own, NEW)
    assert own.difference is None
    assert own.known is not None
    assert ("promo" in own.known.fields, own.known.is_settled) == (True, True)


def test_a_field_that_becomes_optional_is_recorded_without_an_alert() -> None:
    own = guard("reject", [{**each, "note": "x"} for each in OLD])
    listing = own.listing()
    listing.add([*OLD[:5], *({**each, "note": None} for each in OLD)])
    own.landed(listing.seen)
    assert own.known is not None
    assert (own.difference, own.known.fields["note"].share < 1) == (None, True)


def test_large_pages_are_counted_completely_once_something_is_different() -> None:
    own = guard("evolve")
    listing = own.listing()
    listing.add([*OLD * 10])
    assert listing.seen.records < 500
    listing.add([*OLD * 9, *NEW])
    assert [each.records for each in listing.changes()] == [200]


def test_the_notice_says_what_changed_since_when_and_how_many_records_it_touches() -> None:
    own = guard("evolve")
    land(own, NEW)
    notice = notice_of(own, Since(DAY, datetime(2024, 1, 16, 2, 30, tzinfo=UTC)))
    assert notice is not None
    assert (notice.severity, notice.summary) == ("warning", "shop sends other fields than before")
    assert notice.detail.splitlines()[:3] == [
        "Since the business date 2024-01-15, first seen 2024-01-16 02:30 UTC."
        " Touched: 200 of 200 records of 2024-01-15.",
        "added: promo (text), in 200 records",
        "Its contract is evolve: the new schema is recorded, and landing goes on.",
    ]
    assert notice_of(guard("evolve"), None) is None


def headers(contract: Contract, *columns: str, table: str = "") -> FileHeaders:
    own = SchemaGuard("shop", contract, lambda: None)
    first = FileHeaders(own, DAY)
    first.check({1: FileHeader(table, columns)})
    first.read({1: 3}, [DAY])
    first.landed()
    known: Schema | None = own.known
    return FileHeaders(SchemaGuard("shop", contract, lambda: known), DAY)


def test_one_header_is_enough_to_know_the_columns_of_a_file() -> None:
    found = headers("evolve", "Bon", "Art.-Nr.", "Menge")
    found.check({1: FileHeader("", ("Bon", "Artikel-Nr.", "Menge"))})
    found.read({1: 40}, [date(2024, 2, 2), date(2024, 2, 1)])
    assert found.guard.difference is not None
    assert [each.sentence() for each in found.guard.difference.changes] == [
        "probably renamed: Art.-Nr. is now Artikel-Nr. (text), in 40 records"
    ]
    assert found.guard.difference.business_date == date(2024, 2, 1)
    found.landed()
    assert found.guard.known is not None
    assert set(found.guard.known.fields) == {"Bon", "Artikel-Nr.", "Menge"}


def test_a_column_that_one_of_several_files_lacks_is_not_dropped() -> None:
    found = headers("evolve", "Bon", "Menge")
    found.check({1: FileHeader("", ("Bon",)), 2: FileHeader("", ("Bon", "Menge"))})
    assert found.guard.difference is None


def test_frozen_columns_stop_before_anything_is_read() -> None:
    found = headers("freeze", "Bon", "Menge")
    with pytest.raises(SchemaFrozen, match="added: Rabatt"):
        found.check({1: FileHeader("", ("Bon", "Menge", "Rabatt"))})


def test_only_the_files_that_differ_are_rejected() -> None:
    found = headers("reject", "Bon", "Menge")
    found.check({1: FileHeader("", ("Bon", "Menge")), 2: FileHeader("", ("Bon", "Rabatt"))})
    assert found.differing() == {2: "the column Rabatt is new and the column Menge is missing"}


def test_the_columns_of_several_kinds_of_files_are_compared_by_kind() -> None:
    found = headers("reject", "id", "sku", table="items")
    found.check({1: FileHeader("items", ("id", "sku", "price"))})
    assert found.differing() == {1: "the column items.price is new"}
