"""`retail sources`: what is defined, what is wrong with it, and what a source sends. It needs no warehouse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.sources import app
from tests.fakes.http_vendor import http_vendor
from tests.fakes.rest_apis import RestShopApi
from tests.fakes.retailer_responses import Retailer1Api
from tests.unit.shared.sources.test_reading import FILES, VALID, written


@pytest.fixture(autouse=True)
def _no_other_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shared.config.read_environment.__defaults__", (None, tmp_path / "no.env"))
    monkeypatch.setenv("SOURCES_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("INGEST_MAX_ATTEMPTS", "1")
    for name in ("SHOP_URL", "SHOP_KEY"):
        monkeypatch.delenv(name, raising=False)


def sources(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_the_list_says_what_each_source_lacks(tmp_path: Path) -> None:
    written(tmp_path, VALID)
    written(tmp_path, VALID.replace("id: shop", "id: paused") + "enabled: false\n", "paused.yaml")
    written(tmp_path, "id: wrong\n", "wrong.yaml")

    listed = json.loads(sources("list", "--json").stdout)["sources"]
    assert [(each["id"], each["enabled"]) for each in listed] == [("paused", False), ("shop", True), ("wrong", None)]
    assert listed[0]["problem"] is None
    assert "Set SHOP_KEY and SHOP_URL in .env" in listed[1]["problem"]
    assert "wrong.yaml:1: name: it is missing." in listed[2]["problem"]
    shown = sources("list")
    assert shown.exit_code == 2
    assert "disabled" in shown.stdout


def test_the_mapping_of_a_source_of_files_is_checked(tmp_path: Path) -> None:
    written(tmp_path, FILES)
    failed = sources("check")
    assert (failed.exit_code, "shop.yaml:6: mapping.columns: nothing is mapped to tr" in failed.stderr) == (2, True)
    columns = "{transaction_id: a, store_id: b, product_id: c, quantity: d, unit_price: e, currency: f, sold_at: g}"
    written(tmp_path, FILES.replace("columns: {}", f"columns: {columns}"))
    assert (sources("check").exit_code, sources("list").exit_code) == (0, 0)
    assert "Load them: retail etl --source FILE --retailer shop" in sources("preview", "shop").stderr


def test_without_sources_the_list_says_where_to_read_how_to_add_one() -> None:
    shown = sources("list")
    assert (shown.exit_code, "docs/SOURCES.md" in shown.stderr) == (2, True)
    assert "no source to check" in sources("check").stderr


def test_a_definition_is_shown_with_the_origin_of_its_variables_and_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, VALID)
    monkeypatch.setenv("SHOP_KEY", "hush")
    shown = sources("show", "shop")
    assert (shown.exit_code, "hush" in shown.stdout) == (0, False)
    assert "time_zone: Europe/Berlin" in shown.stdout
    assert shown.stdout.endswith("# SHOP_URL: missing\n# SHOP_KEY: set\n")
    as_json = json.loads(sources("show", "shop", "--json").stdout)
    assert as_json["variables"] == {"SHOP_URL": "missing", "SHOP_KEY": "set"}


def test_an_unknown_source_is_an_error_that_lists_the_known_ones(tmp_path: Path) -> None:
    written(tmp_path, VALID)
    for command in ("show", "check", "preview"):
        failed = sources(command, "zeta")
        assert (failed.exit_code, "Unknown retailer: zeta. Known: shop." in failed.stderr) == (2, True)


def test_a_check_connects_unless_it_is_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, VALID)
    monkeypatch.setenv("SHOP_KEY", "key")
    with http_vendor(Retailer1Api()) as vendor:
        monkeypatch.setenv("SHOP_URL", vendor.url)
        assert (sources("check").exit_code, sources("check", "shop").stdout) == (0, "shop: ok\n")
        requests = len(vendor.requests)
        assert sources("check", "--offline").exit_code == 0
        assert len(vendor.requests) == requests
    failed = sources("check")
    assert (failed.exit_code, "shop at" in failed.stderr, "correct SHOP_URL" in failed.stderr) == (2, True, True)


def test_a_check_meets_rejected_credentials_and_a_connector_that_cannot_be_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, VALID)
    written(tmp_path, VALID.replace("id: shop", "id: own").replace("retailer1", "nowhere.at_all:Shop"), "own.yaml")
    monkeypatch.setenv("SHOP_KEY", "key")
    with http_vendor(Retailer1Api(reject_credentials=99)) as vendor:
        monkeypatch.setenv("SHOP_URL", vendor.url)
        problems = json.loads(sources("check", "--json").stdout)["problems"]
    assert "shop rejected our credentials (401)" in problems["shop"]
    assert "SHOP_KEY" in problems["shop"]
    assert "the connector nowhere.at_all:Shop cannot be imported" in problems["own"]


def test_a_connector_that_fails_does_not_hide_the_other_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wrong_syntax.py").write_text("def (:", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("SHOP_KEY", "key")
    for name, connector in (("syntax", "wrong_syntax:Shop"), ("odd", "decimal:Decimal")):
        text = VALID.replace("id: shop", f"id: {name}").replace("retailer1", connector)
        written(tmp_path, text, f"{name}.yaml")
    written(tmp_path, VALID)
    with http_vendor(Retailer1Api()) as vendor:
        monkeypatch.setenv("SHOP_URL", vendor.url)
        problems = json.loads(sources("check", "--json").stdout)["problems"]
    assert problems["shop"] is None
    assert "wrong_syntax:Shop cannot be imported: SyntaxError" in problems["syntax"]
    assert "decimal:Decimal has no method" in problems["odd"]
    assert "fetch_sales_data" in problems["odd"]
    listed = {each["id"]: each["problem"] for each in json.loads(sources("list", "--json").stdout)["sources"]}
    assert "cannot be imported" in listed["syntax"]
    assert "has no method" in listed["odd"]


WITHOUT_MAPPING = """
from ingestion.services.retailer1_service import Retailer1Service

class Former(Retailer1Service):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        del self.mapping

class Other(Retailer1Service):
    mapping = property(lambda self: {"columns": {}}, lambda self, value: None)

class Failing(Retailer1Service):
    mapping = property(lambda self: 1 / 0, lambda self, value: None)
"""


def test_a_connector_whose_mapping_cannot_be_used_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "without_mapping.py").write_text(WITHOUT_MAPPING, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("SHOP_KEY", "key")
    monkeypatch.setenv("SHOP_URL", "http://127.0.0.1:9")
    for name in ("Former", "Other", "Failing"):
        text = VALID.replace("id: shop", f"id: {name.lower()}").replace("retailer1", f"without_mapping:{name}")
        written(tmp_path, text, f"{name.lower()}.yaml")
    problems = json.loads(sources("check", "--offline", "--json").stdout)["problems"]
    assert "without_mapping:Former cannot be built: AttributeError" in problems["former"]
    assert "has no attribute 'mapping'. Correct it (CONTRIBUTING.md" in problems["former"]
    assert "without_mapping:Other has a `mapping` of type dict instead of SourceMapping" in problems["other"]
    assert "without_mapping:Failing cannot be built: ZeroDivisionError" in problems["failing"]
    assert problems["former"] in sources("preview", "former", "2024-01-15").stderr


def test_a_preview_shows_what_would_be_landed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, VALID)
    monkeypatch.setenv("SHOP_KEY", "key")
    with http_vendor(Retailer1Api()) as vendor:
        monkeypatch.setenv("SHOP_URL", vendor.url)
        found = json.loads(sources("preview", "shop", "2024-01-15", "--limit", "2", "--json").stdout)
        shown = sources("preview", "shop", "2024-01-15")
    assert [record["transaction_id"] for record in found["records"]] == ["A", "B"]
    assert {record["retailer_id"] for record in found["records"]} == {"shop"}
    assert found["rejected"] == []
    assert (shown.exit_code, "shop on 2024-01-15: 3 of the first 3 lines" in shown.stdout) == (0, True)


def test_a_preview_shows_why_a_line_would_be_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(value: dict[str, object]) -> dict[str, object]:
        rows = value.get("rows")
        if isinstance(rows, list):
            rows[0]["currency"] = "XXX"
            rows[1]["unit_price"] = 12.5
        return value

    written(tmp_path, VALID)
    monkeypatch.setenv("SHOP_KEY", "key")
    with http_vendor(Retailer1Api(lines=(("A", "B", "C"),), spoil=spoil)) as vendor:
        monkeypatch.setenv("SHOP_URL", vendor.url)
        shown = sources("preview", "shop", "2024-01-15")
    assert shown.stderr.splitlines() == [
        'rejected A: page 1, row 1, column currency: "XXX": not an ISO 4217 currency (UNKNOWN_CURRENCY)',
        "rejected B: page 1, row 2, column unit_price: 12.5: a number, not a text (NOT_A_NUMBER)",
    ]
    assert (shown.exit_code, "1 of the first 3 lines" in shown.stdout) == (0, True)


def test_a_line_of_another_date_is_rejected_in_a_preview_as_in_a_landing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, VALID)
    monkeypatch.setenv("SHOP_KEY", "key")
    with http_vendor(Retailer1Api(lines=(("A",),))) as vendor:
        monkeypatch.setenv("SHOP_URL", vendor.url)
        shown = sources("preview", "shop", "2024-01-16")
        rejected = json.loads(sources("preview", "shop", "2024-01-16", "--json").stdout)["rejected"]
    assert (shown.exit_code, "0 of the first 1 line" in shown.stdout) == (1, True)
    assert shown.stderr.startswith("rejected A: page 1, row 1")
    assert "(WRONG_DATE)" in shown.stderr
    assert [(each["code"], each["transaction_id"], each["payload"]["sku"]) for each in rejected] == [
        ("WRONG_DATE", "A", "SKU-10042")
    ]


FAILING = """
from ingestion.services.retailer1_service import Retailer1Service

class Shop(Retailer1Service):
    def check(self, day):
        raise KeyError("att")

    def fetch_sales_data(self, day):
        yield from super().fetch_sales_data(day)
        {}["att"]
"""


def test_an_error_within_a_connector_of_ones_own_is_reported_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "failing_shop.py").write_text(FAILING, encoding="utf-8")
    (tmp_path / "failing_import.py").write_text("x = 1\nNAME\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("SHOP_KEY", "key")
    written(tmp_path, VALID.replace("retailer1", "failing_shop:Shop"))
    written(tmp_path, VALID.replace("id: shop", "id: other").replace("retailer1", "failing_import:Shop"), "other.yaml")
    with http_vendor(Retailer1Api()) as vendor:
        monkeypatch.setenv("SHOP_URL", vendor.url)
        shown = sources("preview", "shop", "2024-01-15")
        checked = sources("check")
    failed = "shop: its connector failing_shop:Shop failed: KeyError: 'att'"
    assert (shown.exit_code, shown.stderr) == (1, f"{failed} ({tmp_path}/failing_shop.py:10).\n")
    assert f"{failed} ({tmp_path}/failing_shop.py:6)." in checked.stderr
    assert f"is not defined ({tmp_path}/failing_import.py:2). Correct it" in checked.stderr


def test_a_disabled_source_that_is_named_is_checked_and_previewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, VALID + "enabled: false\n")
    written(tmp_path, FILES.replace("id: shop", "id: stalls") + "enabled: false\n", "stalls.yaml")
    assert "Set SHOP_KEY and SHOP_URL in .env" in sources("check", "shop").stderr
    assert "mapping.columns: nothing is mapped to" in sources("check", "stalls").stderr
    monkeypatch.setenv("SHOP_KEY", "key")
    with http_vendor(Retailer1Api()) as vendor:
        monkeypatch.setenv("SHOP_URL", vendor.url)
        assert sources("check", "shop").stdout == "shop: ok\n"
        shown = sources("preview", "shop", "2024-01-15")
    assert (shown.exit_code, "3 of the first 3 lines" in shown.stdout) == (0, True)


def test_an_api_that_its_definition_describes_is_checked_and_previewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = RestShopApi.definition.read_text(encoding="utf-8")
    written(tmp_path, text, "rest_shop.yaml")
    monkeypatch.setenv("REST_SHOP_TOKEN", "hush")
    with http_vendor(RestShopApi()) as vendor:
        monkeypatch.setenv("REST_SHOP_URL", vendor.url)
        assert sources("check", "rest_shop").stdout == "rest_shop: ok\n"
        assert [each.headers["Authorization"] for each in vendor.requests] == ["Bearer hush"]
        shown = json.loads(sources("preview", "rest_shop", "2024-01-15", "--limit", "2", "--json").stdout)
        assert [each["transaction_id"] for each in shown["records"]] == ["A", "B"]
        assert shown["rejected"] == []
        written(tmp_path, text.replace("type: integer", "type: text"), "rest_shop.yaml")
        rejected = sources("preview", "rest_shop", "2024-01-15")
        assert (rejected.exit_code, "column position: 1: a number, not a text" in rejected.stderr) == (1, True)
    written(tmp_path, text.replace("article, type", "article, typ"), "rest_shop.yaml")
    assert "mapping.columns.product_id.typ: there is no such key" in sources("list", "--json").stdout
