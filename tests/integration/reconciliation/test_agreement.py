"""Stores that agree reconcile."""

from __future__ import annotations

from pipeline.reconciliation.model import Hop, State
from tests.integration.reconciliation.conftest import Stores


def test_what_was_loaded_reconciles_in_every_store(stores: Stores) -> None:
    report = stores.reconcile()
    assert report.as_dict()["ok"], report.as_dict()
    assert {each.state for each in report.dates} == {State.EQUAL}
    assert len(report.dates) == 4
    figures = report.dates[0].figures
    assert figures[Hop.RAW] == figures[Hop.PROCESSED]
    assert report.views == ()
