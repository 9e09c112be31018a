"""Column lists follow the contract, and SQL files take them by placeholders."""

from __future__ import annotations

import re

import pytest

from ingestion.models.columns import LISTS, render
from shared.config import PROJECT_ROOT

TAKEN_BY_THE_CALLER = {"build", "facts", "partition"}
"""Names of tables, filled in by psycopg2."""


def test_a_placeholder_is_the_list_prefixed_and_with_expressions_in_place() -> None:
    assert render("SELECT {compared_columns:new}").startswith(
        "SELECT new.product_key, new.customer_key, new.store_key,"
    )
    assert render("{fact_columns; load_id=%(load_id)s}").count("net_amount, source_changed_at, %(load_id)s") == 1
    assert render("{assigned_columns}").startswith("product_key = excluded.product_key, ")
    assert render("{staging_definitions}").startswith("date_key integer NOT NULL, transaction_id text NOT NULL, ")


def test_placeholders_of_others_stay() -> None:
    assert render("INSERT INTO {build} VALUES ($1)") == "INSERT INTO {build} VALUES ($1)"


def test_an_expression_for_a_column_that_the_list_does_not_have_is_an_error() -> None:
    with pytest.raises(ValueError, match="replaces custmer_key, which fact_columns does not have"):
        render("{fact_columns; custmer_key=1}")


def test_keys_are_never_compared_and_everything_else_is() -> None:
    keys = {"date_key", "retailer_key", "transaction_id", "line_id"}
    assert set(LISTS["compared_columns"]) == set(LISTS["fact_columns"]) - keys - {"load_id"}
    assert set(LISTS["changing_columns"]) == set(LISTS["fact_columns"]) - keys


@pytest.mark.parametrize("folder", ["transformation/sql", "benchmarks/sql"])
def test_every_placeholder_of_a_statement_is_known(folder: str) -> None:
    for path in (PROJECT_ROOT / folder).glob("*.sql"):
        left = set(re.findall(r"\{(\w*)", render(path.read_text(encoding="utf-8"))))
        assert left <= TAKEN_BY_THE_CALLER, path.name


def test_no_statement_of_the_load_lists_the_columns_itself() -> None:
    for folder in ("transformation/sql", "benchmarks/sql"):
        for path in (PROJECT_ROOT / folder).glob("*.sql"):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"\bnet_quantity,\s+(\w+\.)?net_amount,", text) or "fact_daily" in text, path.name
