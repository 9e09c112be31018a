"""The names of data sets, for every address of a warehouse that libpq accepts."""

from __future__ import annotations

import pytest

from monitoring.lineage.datasets import table


@pytest.mark.parametrize(
    ("dsn", "namespace", "name"),
    [
        ("postgresql://u:p@Db.example/w", "postgres://db.example:5432", "w.public.fact_sales"),
        (
            "postgresql://u:p@h1:5433,h2:5434/w?target_session_attrs=read-write",
            "postgres://h1:5433",
            "w.public.fact_sales",
        ),
        ("postgresql://u:p[q@h/w", "postgres://h:5432", "w.public.fact_sales"),
        ("postgresql://u:p@[::1]:5433/w", "postgres://::1:5433", "w.public.fact_sales"),
        ("postgresql:///w?host=/var/run/postgresql", "postgres://localhost:5432", "w.public.fact_sales"),
        ("postgresql://u@h/sales%20data", "postgres://h:5432", "sales data.public.fact_sales"),
        ("postgresql://u@h", "postgres://h:5432", "retail_analytics.public.fact_sales"),
    ],
)
def test_a_table_is_named_after_the_server_and_the_database(dsn: str, namespace: str, name: str) -> None:
    found = table(dsn, "fact_sales")
    assert (found.namespace, found.name) == (namespace, name)
