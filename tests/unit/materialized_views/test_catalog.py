"""Definition files of views: how they are read, in which order they are refreshed, what is generated from them."""

from __future__ import annotations

import re
import subprocess
from graphlib import CycleError

import pytest

from materialized_views.catalog import in_refresh_order, parse, view_definitions
from materialized_views.rendering import LINEAGE, PAGE, ddl, documented, lineage
from shared.config import PROJECT_ROOT
from shared.errors import FixConfiguration

DEFINITION = """-- question = "Whose lamp is it?"
-- grain = "lamp"
-- unique_index = ["lamp"]
-- reads = [{reads}]
--
-- [columns]
-- lamp = {{ type = "text", from = ["dim_product.product_id"], comment = "The lamp's id." }}

SELECT lamp FROM lamps
"""
SEARCHED = ("*.py", "*.md", "*.sql", "*.json", "*.toml", "*.yml", "*.j2")


def definition(reads: str = '"lamps"') -> str:
    return DEFINITION.format(reads=reads)


def test_every_view_comes_after_the_views_it_reads() -> None:
    seen: list[str] = []
    for name, view in view_definitions().items():
        assert {each for each in view.reads if each.startswith("mv_")} <= set(seen), name
        seen.append(name)
    assert seen.index("mv_daily_sales_summary") < seen.index("mv_weekly_sales_trends")


def test_views_that_need_each_other_have_no_order() -> None:
    with pytest.raises(CycleError):
        in_refresh_order([parse("mv_a", definition('"mv_b"')), parse("mv_b", definition('"mv_a"'))])


def test_a_header_that_lacks_something_is_named_with_its_file() -> None:
    with pytest.raises(FixConfiguration, match=r"definitions/mv_a\.sql: the header is not valid: (.|\n)*grain"):
        parse("mv_a", definition().replace("-- grain", "-- green"))


def test_text_in_comments_is_quoted_for_sql() -> None:
    assert "COMMENT ON COLUMN public.mv_a.lamp IS 'The lamp''s id.';\n" in ddl(parse("mv_a", definition()))


def test_the_lineage_file_is_generated_from_the_definitions() -> None:
    assert LINEAGE.read_text("utf-8") == lineage(view_definitions().values()), (
        "run: python -m materialized_views.rendering"
    )


def test_the_page_is_generated_from_the_definitions() -> None:
    page = PAGE.read_text("utf-8")
    assert page == documented(page, view_definitions().values()), "run: python -m materialized_views.rendering"


def test_a_page_without_a_place_for_a_view_is_an_error() -> None:
    with pytest.raises(ValueError, match="has no part <!-- mv_a question -->"):
        documented("<!-- views -->\n<!-- /views -->\n", [parse("mv_a", definition())])


def test_files_name_only_views_that_exist_and_lists_of_views_are_complete() -> None:
    """A line that names three views is a list of them, as in docs/LINEAGE.md."""
    views = set(view_definitions())
    found = subprocess.run(
        ["git", "grep", "-nE", r"\bmv_[a-z]+_[a-z]", "--", *SEARCHED],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for line in found.stdout.splitlines():
        if line.startswith("database/"):
            continue
        named = set(re.findall(r"\bmv_[a-z]+_[a-z_]*[a-z]\b", line))
        assert named <= views, line
        assert len(named) < 3 or named == views, line
