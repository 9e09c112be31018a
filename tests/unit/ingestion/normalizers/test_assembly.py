"""Assembling records from cached parts gives the same records as validating each one."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ingestion.models.retailer_data import FIELDS, SalesRecord
from ingestion.normalizers.assembly import Memo
from ingestion.normalizers.retailer1 import Retailer1Normalizer
from shared.errors import RejectRecord
from tests.fakes.vendor_rows import row_1

TEXTS = st.one_of(
    st.none(),
    st.text(max_size=12),
    st.sampled_from(['a "quoted" \\ name', "  blank  ", "ñandú £5", "\u2028", "x" * 300, "\x00", "\U0001f6d2"]),
)
NUMBERS = st.one_of(st.integers(-3, 3), st.sampled_from([True, 1.0, None, "1"]))
MONEY = st.sampled_from(["0.00", "1.50", "3.00", "-1.50", "-3.00", "4.50", "1.5", "1e1", 1.5, None, "-0.00"])
TIMES = st.sampled_from(
    [
        "2024-01-15T07:03:22-05:00",
        "2024-01-15T12:03:22Z",
        "2024-01-15T12:03:22.250Z",
        "2024-03-10T02:30:00-05:00",
        "x",
        None,
    ]
)
ROWS = st.builds(
    row_1,
    sale_id=TEXTS,
    line_no=NUMBERS,
    txn_type=st.sampled_from(["SALE", "RETURN", "ADJUST", "?"]),
    sold_at=TIMES,
    last_modified=TIMES,
    store_name=TEXTS,
    sku=TEXTS,
    product_name=TEXTS,
    customer_no=TEXTS,
    customer_name=TEXTS,
    qty=NUMBERS,
    unit_price=MONEY,
    line_total=MONEY,
    currency=st.sampled_from(["USD", "GBP", "ZZZ", None]),
)
WARM = Retailer1Normalizer("retailer_1")


def outcome(normalizer: Retailer1Normalizer, row: Any) -> object:
    try:
        normalized = normalizer(row)
    except RejectRecord as error:
        return str(error)
    return normalized.record, normalized.json


@given(ROWS)
def test_cached_parts_do_not_change_the_result(row: Any) -> None:
    assert outcome(WARM, row) == outcome(Retailer1Normalizer("retailer_1"), row)


@given(ROWS)
def test_record_and_line_are_the_same_as_those_of_the_contract(row: Any) -> None:
    try:
        normalized = WARM(row)
    except RejectRecord:
        return
    validated = SalesRecord.model_validate_json(normalized.json)
    assert normalized.record == validated
    assert normalized.record.model_dump() == validated.model_dump()
    assert normalized.json == validated.model_dump_json().encode() + b"\n"
    assert SalesRecord.model_validate(normalized.record.model_dump()) == normalized.record
    assert tuple(normalized.record.__dict__) == FIELDS
    assert normalized.record.model_copy(update={}) == normalized.record


def test_a_memo_computes_each_value_once_and_stays_within_its_bound() -> None:
    computed: list[int] = []
    memo: Memo[int, int] = Memo(lambda key: computed.append(key) or key * 2, 3)  # type: ignore[func-returns-value]
    assert [memo[key] for key in (1, 1, 2, 1)] == [2, 2, 4, 2]
    assert computed == [1, 2]
    for key in range(20):
        assert memo[key] == key * 2
        assert len(memo) <= 3
