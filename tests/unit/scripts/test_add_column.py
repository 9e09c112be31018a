"""`make column` writes a migration for a field that the contract has, and nothing otherwise."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from ingestion.models.column import Column
from ingestion.models.columns import CONTRACT, ContractColumn
from ingestion.models.retailer_data import SalesRecord
from scripts import add_column
from shared.config import PROJECT_ROOT

STORE_CITY = next(column for column in CONTRACT if column.name == "store_city")
IN_FACT = replace(STORE_CITY, stored=Column(in_fact=True))


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    (tmp_path / "0001_first.sql").write_text("")
    (tmp_path / "0009_last.sql").write_text("")
    return tmp_path


def test_the_migration_follows_the_last_one_and_comments_both_tables(migrations: Path) -> None:
    path = add_column.write_migration(IN_FACT, migrations)
    text = path.read_text(encoding="utf-8")
    assert path.name == "0010_add_store_city.sql"
    assert text.startswith("-- depends: 0009_last\n")
    for table in ("public.fact_sales", "ops.superseded_sales"):
        assert f"ALTER TABLE {table} ADD COLUMN store_city text;" in text
        assert f"COMMENT ON COLUMN {table}.store_city IS " in text
    assert f"IS '{SalesRecord.model_fields['store_city'].description}.';" in text


def test_the_digest_of_the_warehouse_covers_every_added_column(migrations: Path) -> None:
    add_column.write_migration(IN_FACT, migrations)
    text = add_column.write_migration(replace(IN_FACT, name="store_country"), migrations).read_text(encoding="utf-8")
    assert (
        "c.customer_id, c.valid_from, 'store_city=' || f.store_city, 'store_country=' || f.store_country), 0)" in text
    )
    assert text.count("CREATE OR REPLACE FUNCTION ops.warehouse_digest()") == 1


def test_a_second_migration_for_the_same_column_is_not_written(migrations: Path) -> None:
    add_column.write_migration(IN_FACT, migrations)
    with pytest.raises(add_column.UnsuitableField, match=r"0010_add_store_city.sql adds store_city already"):
        add_column.write_migration(IN_FACT, migrations)


def test_the_column_is_declared_for_lineage(tmp_path: Path) -> None:
    path = tmp_path / "declarations.toml"
    path.write_bytes((PROJECT_ROOT / "monitoring" / "lineage" / "declarations.toml").read_bytes())
    added = ContractColumn("deposit_amount", "numeric(18,4)", True, Column(in_fact=True))
    add_column.declare(added, path)
    declared = tomllib.loads(path.read_text(encoding="utf-8"))
    source = ["sales_record.deposit_amount"]
    assert declared["sales_record"]["columns"]["deposit_amount"] == {"type": "decimal(18,4)"}
    assert declared["processed"]["columns"]["deposit_amount"] == {"type": "decimal128(18, 4)", "from": source}
    assert declared["fact_sales"]["columns"]["deposit_amount"] == {"type": "numeric(18,4)", "from": source}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "promotion_code",
            "SalesRecord has no field promotion_code. Add it to ingestion/models/",
        ),
        ("store_city", "store_city is not a nullable field of fact_sales"),
        ("currency", "currency is not a nullable field of fact_sales"),
    ],
)
def test_a_field_that_does_not_fit_is_explained(name: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert add_column.main([name]) == 2
    assert message in capsys.readouterr().err


def test_a_type_other_than_the_contracts_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(add_column, "CONTRACT", (IN_FACT,))
    assert add_column.find_column("store_city", "text") == IN_FACT
    with pytest.raises(add_column.UnsuitableField, match=r"TYPE is numeric\(18, 4\), but SalesRecord says text"):
        add_column.find_column("store_city", "numeric(18, 4)")
