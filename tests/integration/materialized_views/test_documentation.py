"""docs/MATERIALIZED_VIEWS.md against the database: columns, keys, and every query on the page."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from local_stack.databases import WarehouseAccess
from materialized_views.catalog import view_definitions
from shared.config import PROJECT_ROOT
from tests.fakes.published_days import PublishedDays

VIEWS = tuple(view_definitions())
PAGE = (PROJECT_ROOT / "docs" / "MATERIALIZED_VIEWS.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(--.*?)```", PAGE, re.DOTALL)


def section(view: str) -> str:
    return PAGE.split(f"\n## {view}\n", 1)[1].split("\n## ", 1)[0]


@pytest.mark.parametrize("view", VIEWS)
def test_the_columns_on_the_page_are_those_of_the_view(warehouse: WarehouseAccess, view: str) -> None:
    documented = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+) \|$", section(view), re.MULTILINE)
    real = PublishedDays(warehouse.reader_dsn).execute(
        "SELECT attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum) FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum",
        (view,),
    )
    assert documented == real


@pytest.mark.parametrize("view", VIEWS)
def test_the_key_and_the_question_on_the_page_are_those_of_the_view(warehouse: WarehouseAccess, view: str) -> None:
    key = re.search(r"^Key: (.+)$", section(view), re.MULTILINE)
    reader = PublishedDays(warehouse.reader_dsn)
    real = reader.execute(
        "SELECT attname FROM pg_index CROSS JOIN unnest(indkey) WITH ORDINALITY AS part (attnum, place)"
        " JOIN pg_attribute ON attrelid = indrelid AND pg_attribute.attnum = part.attnum"
        " WHERE indrelid = %s::regclass AND indisunique ORDER BY place",
        (view,),
    )
    assert key is not None
    assert re.findall(r"`(\w+)`", key[1]) == [name for (name,) in real]
    comment = reader.execute("SELECT obj_description(%s::regclass)", (view,))[0][0]
    assert comment.split(" Grain: ")[0] in section(view)


def test_each_view_has_an_example(warehouse: WarehouseAccess) -> None:
    assert [view for view in VIEWS if not re.search(rf"\bFROM {view}\b", section(view))] == []


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.splitlines()[0].removeprefix("-- "))
def test_every_query_on_the_page_finds_rows(warehouse: WarehouseAccess, query: str) -> None:
    days = PublishedDays(warehouse.owner_dsn)
    for back in range(0, 60, 3):
        days.publish(date(2024, 1, 21) - timedelta(days=back))
    days.execute("UPDATE dim_product SET product_name = 'Lamp'")
    for view in VIEWS:
        days.execute("SELECT ops.refresh_materialized_view(%s)", (view,))
    assert PublishedDays(warehouse.reader_dsn).execute(query)
