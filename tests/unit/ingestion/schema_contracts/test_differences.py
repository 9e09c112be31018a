"""What counts as a change of a schema, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion.schema_contracts.differences import Change, differing_field, find_changes
from ingestion.schema_contracts.model import Schema, merged
from ingestion.schema_contracts.observation import observe, sample

LINE = {"id": "1", "qty": 2, "price": "3.00", "shop": {"id": "S1", "city": "Bath"}, "lines": [{"sku": "A"}]}


def lines(count: int = 200, **changed: Any) -> list[dict[str, Any]]:
    return [{**LINE, **changed} for _ in range(count)]


def known(records: list[dict[str, Any]] | None = None) -> Schema:
    return observe(lines() if records is None else records).schema()


def without(*names: str, count: int = 200, **changed: Any) -> list[dict[str, Any]]:
    return [{name: value for name, value in each.items() if name not in names} for each in lines(count, **changed)]


def test_records_of_the_same_fields_have_no_change() -> None:
    assert find_changes(known(), observe(lines(50))) == []


def test_the_fields_of_objects_and_of_the_objects_in_arrays_have_paths() -> None:
    assert {path: sorted(each.types) for path, each in known().fields.items()} == {
        "id": ["text"], "qty": ["integer"], "price": ["text"], "shop": ["object"], "shop.id": ["text"],
        "shop.city": ["text"], "lines": ["array"], "lines.sku": ["text"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "change", "sentence"),
    [
        (lines(30, promo="X"), Change("added", "promo", 30, "", "text"), "added: promo (text), in 30 records"),
        (
            without("price", count=30),
            Change("dropped", "price", 30, "text", ""),
            "dropped: price (text), missing in 30 records",
        ),
        (
            lines(30, qty="2"),
            Change("retyped", "qty", 30, "integer", "text"),
            "retyped: qty, integer before, now text, in 30 records",
        ),
        (
            without("qty", count=30, pieces=2),
            Change("renamed", "pieces", 30, "qty", "integer"),
            "probably renamed: qty is now pieces (integer), in 30 records",
        ),
        (
            lines(30, shop={"id": "S1", "town": "Bath"}),
            Change("renamed", "shop.town", 30, "shop.city", "text"),
            "probably renamed: shop.city is now shop.town (text), in 30 records",
        ),
        (
            without("shop", count=30),
            Change("dropped", "shop", 30, "object", ""),
            "dropped: shop (object), missing in 30 records",
        ),
    ],
)  # fmt: skip
def test_a_change_says_what_it_is_and_how_many_records_it_touches(
    sent: list[dict[str, Any]], change: Change, sentence: str
) -> None:
    assert find_changes(known(), observe(sent)) == [change]
    assert change.sentence() == sentence


def test_two_fields_of_one_type_that_went_are_not_taken_for_renamed() -> None:
    sent = [{"qty": 2, "reference": "1", "shop": LINE["shop"], "lines": LINE["lines"]} for _ in range(30)]
    assert [each.kind for each in find_changes(known(), observe(sent))] == ["added", "dropped", "dropped"]


def test_a_field_that_few_records_had_is_not_dropped_when_none_has_it() -> None:
    schema = known([*lines(190), *lines(10, coupon="X")])
    assert find_changes(schema, observe(lines(300))) == []  # 15 are expected, and none may have one by chance
    assert [each.path for each in find_changes(schema, observe(lines(500)))] == ["coupon"]


def test_a_field_that_few_records_lack_is_not_dropped() -> None:
    assert find_changes(known(), observe([*lines(20), *without("price", count=100)])) == []


def test_null_is_not_a_type_and_an_integer_is_a_number() -> None:
    schema = known([*lines(100, rate=1.5)])
    assert find_changes(schema, observe(lines(30, rate=None))) == []
    assert find_changes(schema, observe(lines(30, rate=2))) == []
    assert [each.sentence() for each in find_changes(known(lines(rate=2)), observe(lines(30, rate=2.5)))] == [
        "retyped: rate, integer before, now number, in 30 records"
    ]


def test_a_field_that_was_always_null_takes_its_first_type_without_a_change() -> None:
    schema = known(lines(note=None))
    assert find_changes(schema, observe(lines(30, note="x"))) == []
    assert merged(schema, observe(lines(30, note="x"))).fields["note"].types == {"text"}


def test_a_null_object_does_not_drop_its_fields() -> None:
    assert find_changes(known(), observe(lines(100, shop=None))) == []


def test_what_is_merged_does_not_count_as_a_change() -> None:
    sent = observe(without("price", count=30, promo="X"))
    schema = merged(known(), sent, frozenset({"price"}))
    assert find_changes(schema, sent) == []
    assert Schema.from_json(schema.as_json(), schema.records).fields.keys() == schema.fields.keys()


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (LINE, None),
        ({**LINE, "promo": None}, "the field promo is new"),
        ({**LINE, "qty": "2"}, "the field qty is text, not integer"),
        ({**LINE, "shop": {"id": "S1"}}, "the field shop.city is missing"),
        ({**LINE, "shop": None}, None),
        ({**LINE, "lines": [{"sku": "A"}, {"sku": 1}]}, "the field lines.sku is integer, not text"),
        ({**LINE, "qty": None}, None),
        ("no object", None),  # the mapping rejects it
    ],
)
def test_one_record_differs(record: object, reason: str | None) -> None:
    assert differing_field(record, known()) == reason


def test_a_sample_has_a_record_of_each_number_of_keys() -> None:
    records = [*lines(1000), *lines(1, promo="X"), *lines(1000), "no object", 7]
    taken = sample(records)
    assert len(taken) < 300
    assert observe(taken).present("promo") >= 1


def test_objects_with_ids_for_keys_do_not_grow_without_a_limit() -> None:
    first = observe([{f"id{number}": number} for number in range(5000)])
    second = observe([{f"other{number}": number} for number in range(5000)])
    assert len(first.types) == 2000
    assert len(merged(first.schema(), second).fields) == 2000
    assert find_changes(first.schema(), second) == []


def test_records_that_nest_for_ever_are_not_followed_for_ever() -> None:
    record: dict[str, Any] = {}
    for _ in range(100):
        record = {"deeper": record}
    assert len(observe([record]).types) < 20
