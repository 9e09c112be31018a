"""The audit stops a load as soon as one record or one cent is not reconciled."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from shared.errors import StopRun
from tests.fakes.raw_zone import RawZone, record
from transformation.conform import ConformedPartition
from transformation.load.ledger import LedgerEntry, Totals, audit, build_ledger_entry, totals_by_outcome
from transformation.money import Money

KEY = 20240115
COUNTED = [
    (KEY, "inserted", "USD", 2, Decimal(50), Decimal(0)),
    (KEY, "unchanged", "USD", 1, Decimal(25), Decimal(0)),
    (KEY, "superseded", "USD", 1, Decimal(25), Decimal(0)),
    (KEY, "withdrawn", "USD", 3, Decimal(-9), Decimal(0)),
]


def ledger_entry() -> LedgerEntry:
    partition = ConformedPartition(
        manifest=RawZone().land([record(str(n)) for n in range(5)]),
        rows=4,
        duplicates=1,
        landed_amounts={"USD": Money(Decimal(125))},
        kept_amounts={"USD": Money(Decimal(100))},
    )
    facts = {(KEY, "in_warehouse"): Totals(3, {"USD": Money(Decimal(75))})}
    return build_ledger_entry(partition, totals_by_outcome(COUNTED), facts)


SUMMARY = Totals(3, {"USD": Money(Decimal(75))})


def test_duplicates_within_a_partition_and_superseded_lines_are_counted_together() -> None:
    entry = ledger_entry()
    assert (entry.duplicate.records, entry.superseded) == (2, 1)
    assert entry.duplicate.amounts == {"USD": Money(Decimal(50))}
    assert entry.withdrawn == Totals(3, {"USD": Money(Decimal(-9))})


@pytest.mark.parametrize(
    ("change", "summary", "message"),
    [
        ({"inserted": Totals(1, {"USD": Money(Decimal(50))})}, SUMMARY, "5 landed"),
        (
            {"inserted": Totals(2, {"USD": Money(Decimal("50.01"))})},
            SUMMARY,
            "125 USD landed is not the sum of its parts",
        ),
        ({"in_warehouse": Totals(4, {"USD": Money(Decimal(75))})}, SUMMARY, "4 in fact_sales"),
        (
            {"in_warehouse": Totals(3, {"USD": Money(Decimal("74.99"))})},
            SUMMARY,
            "74.99 USD in fact_sales is not what was loaded",
        ),
        ({"in_warehouse": Totals(3, {"EUR": Money(Decimal(75))})}, SUMMARY, "0 USD in fact_sales"),
        ({}, Totals(2, {"USD": Money(Decimal(75))}), "2 lines in the summary, 3 in fact_sales"),
        ({}, Totals(3, {"USD": Money(Decimal(76))}), "76 USD in the summary, 75 USD in fact_sales"),
    ],
)
def test_one_record_or_cent_too_many_stops_the_load(change: dict[str, Any], summary: Totals, message: str) -> None:
    audit(ledger_entry(), SUMMARY, insert_only=False)  # without the change it adds up
    with pytest.raises(StopRun, match=message) as failure:
        audit(replace(ledger_entry(), **change), summary, insert_only=False)
    assert "retailer_1 2024-01-15 does not reconcile" in str(failure.value)
    assert "Nothing was published" in str(failure.value)
