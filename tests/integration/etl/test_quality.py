"""A file is published only if it passes the quality checks, and everything that shows its outcome says the same."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import data_quality.main
from data_quality.quality_checks import Status
from ingestion.catch_up import current_manifests
from maintenance.orphans import remove_orphans
from maintenance.task import TaskContext
from pipeline.file_load_checks import LoadRejected
from pipeline.reconciliation.task import reconcile_recent
from shared.config import load_settings
from shared.partitions import Manifest, manifest_key
from shared.s3_client import Bucket
from tests.fakes.csv_sources import SHOP, row, rows, write_layout
from tests.fakes.published_days import RETAILERS, PublishedDays
from tests.integration.etl.conftest import FIRST, RETAILER, Platform, sales, write

DAY = date(2024, 1, 15)
DEFINITION = """
id: shop
name: The Shop
country: Brazil
connector: somewhere.files:Reader
schedule: manual
time_zone: America/Sao_Paulo
currencies: [BRL]
connection: {url: "https://shop.example"}
"""


def shop(directory: Path, *lines: str, currency: str = "BRL", **changed: Any) -> tuple[Path, str]:
    """A file of the shop, and its layout in Brazil."""
    file = directory / "shop.csv"
    file.write_text(rows(*(lines or good_lines())), encoding="utf-8")
    columns = {**SHOP["columns"], "currency": {"value": currency}}
    layout = {**SHOP, "time_zone": "America/Sao_Paulo", "columns": columns, **changed}
    return file, str(write_layout(directory / "shop.yaml", layout))


def good_lines() -> list[str]:
    """Sales of one date, the last of them when it is already the next day in UTC."""
    return [row(Receipt=f"R{n}", When=f"15/01/2024 {n + 14}:30", Customer=f"C{n}") for n in range(10)]


def define(platform: Platform, directory: Path, text: str = DEFINITION) -> None:
    """A definition of the shop, next to those of the retailers."""
    sources = directory / "sources"
    sources.mkdir(exist_ok=True)
    (sources / "shop.yaml").write_text(text, encoding="utf-8")
    platform.extra["SOURCES_DIRECTORY"] = str(sources)


def etl(platform: Platform, file: Path, layout: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    where = ("--report", str(file.parent / "reports"))
    return platform.command("--source", str(file), "--layout", layout, *where, *arguments)


def report_of(file: Path) -> dict[str, Any]:
    """The latest report that a command wrote."""
    newest = max((file.parent / "reports").glob("*/quality_report.json"), key=lambda path: path.stat().st_mtime_ns)
    found: dict[str, Any] = json.loads(newest.read_text(encoding="utf-8"))
    return found


def outcomes(platform: Platform, run_id: str | None = None) -> set[tuple[date, str]]:
    return set(
        platform.query(
            "SELECT business_date, outcome FROM ops.data_quality_scores"
            " WHERE dimension = 'overall' AND (%s IS NULL OR run_id = %s)",
            run_id,
            run_id,
        )
    )


def alerts(platform: Platform) -> list[tuple[Any, ...]]:
    return platform.query("SELECT retailer_id, business_date, severity, status FROM ops.alerts ORDER BY alert_id")


def publish_retailers(platform: Platform, days: Iterable[date]) -> None:
    published = PublishedDays(platform.warehouse.owner_dsn)
    for day in days:
        published.publish_all(day)
    published.close()


def test_a_file_in_reais_from_sao_paulo_passes_on_a_date_of_the_daily_run(platform: Platform, tmp_path: Path) -> None:
    publish_retailers(platform, [DAY])
    file, layout = shop(tmp_path)
    done = etl(platform, file, layout)
    assert done.returncode == 0, done.stderr
    assert platform.query("SELECT DISTINCT currency FROM fact_sales WHERE currency = 'BRL'") == [("BRL",)]

    daily = data_quality.main.run(DAY, settings=platform.settings, run_id="daily", retailers=list(RETAILERS))

    assert daily.outcome is Status.PASS, daily.as_dict()
    assert {"currency_allowed", "sold_on_business_date"} <= {
        each.check.name for each in daily.checks if each.finding.retailer_id == "shop" and each.status is Status.PASS
    }


def test_a_date_that_only_a_file_has_is_checked_without_the_retailers(platform: Platform, tmp_path: Path) -> None:
    publish_retailers(platform, [DAY + timedelta(days=30)])
    file, layout = shop(tmp_path)
    etl(platform, file, layout)

    result = data_quality.main.run(DAY, settings=platform.settings, run_id="alone")

    assert {each.finding.retailer_id for each in result.checks} == {"shop"}
    assert result.outcome is Status.PASS


def test_retailers_are_expected_from_their_first_date(platform: Platform, tmp_path: Path) -> None:
    publish_retailers(platform, [DAY - timedelta(days=1)])
    file, layout = shop(tmp_path)
    etl(platform, file, layout)

    result = data_quality.main.run(DAY, settings=platform.settings, run_id="late")

    missing = {each.finding.retailer_id for each in result.with_status(Status.FAIL)}
    assert missing == set(RETAILERS)


def test_a_currency_that_the_source_does_not_have_is_never_published(platform: Platform, tmp_path: Path) -> None:
    define(platform, tmp_path)
    file, layout = shop(tmp_path, currency="USD")
    done = etl(platform, file, layout)

    assert done.returncode == 1
    assert "Nothing of shop was published" in done.stderr
    assert "expected only BRL, found 10 in USD" in done.stderr
    assert "add the currency to `currencies`" in done.stderr
    assert platform.facts()[0] == 0
    assert platform.query("SELECT count(*) FROM ops.load_ledger") == [(0,)]
    report = report_of(file)
    assert report["outcome"] == "fail"
    assert "expected only BRL, found 10 in USD" in report["failed_checks"][0]
    assert outcomes(platform) == {(DAY, "fail")}
    assert alerts(platform) == [("shop", DAY, "critical", "open")]
    stages = platform.query("SELECT stage, status FROM ops.pipeline_runs ORDER BY 1")
    assert stages == [("ingest", "failed"), ("quality", "failed"), ("transform", "failed")]

    shop(tmp_path)
    done = etl(platform, file, layout)
    assert done.returncode == 0, done.stderr
    assert platform.facts()[0] == 10
    assert report_of(file)["outcome"] == "pass"
    assert alerts(platform) == [("shop", DAY, "critical", "resolved")]


@pytest.mark.long
def test_no_other_command_publishes_a_rejected_file_or_calls_it_a_difference(
    platform: Platform, tmp_path: Path
) -> None:
    define(platform, tmp_path)
    file, layout = shop(tmp_path)
    assert etl(platform, file, layout).returncode == 0
    digest, landed = platform.digest(), platform.read_object(manifest_key("shop", DAY))

    later = [*good_lines(), row(Receipt="R99", When="16/01/2024 14:30", Customer="C1")]
    shop(tmp_path, *later, currency="USD")
    assert etl(platform, file, layout).returncode == 1

    assert platform.read_object(manifest_key("shop", DAY)) == landed
    assert manifest_key("shop", DAY + timedelta(days=1)) not in platform.objects("raw/shop/")
    for command in (("transform", str(DAY), "--retailer", "shop"), ("rebuild",)):
        done = platform.retail(command[0], *command[1:])
        assert done.returncode == 0, done.stderr
        assert platform.digest() == digest
    much_later = datetime.now(UTC) + timedelta(days=2)
    context = TaskContext(platform.settings, "run-1", DAY + timedelta(days=2), lambda: much_later)
    # Parquet is written before the checks of the transaction; the other stores are as they were.
    differing = reconcile_recent(context).facts["differences"]
    assert {one["hop"] for each in differing for one in each["differences"]} <= {"processed"}
    assert platform.retail("rebuild", "--repair").returncode == 0
    assert platform.digest() == digest
    assert reconcile_recent(context).problem is None
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tempfile, "tempdir", str(tmp_path))  # seen from then, other tests' folders would be abandoned
        remove_orphans(context)
    platform.empty_the_warehouse()
    assert platform.retail("rebuild").returncode == 0
    assert platform.digest() == digest

    shop(tmp_path, *later)
    assert etl(platform, file, layout).returncode == 0
    assert platform.facts()[0] == 11
    assert platform.objects("raw_history/") == {}


def test_a_rejected_file_does_not_hide_what_the_retailer_delivered(platform: Platform, tmp_path: Path) -> None:
    define(platform, tmp_path)
    file, layout = shop(tmp_path)
    assert etl(platform, file, layout).returncode == 0
    (loaded,) = platform.query("SELECT source_sha256 FROM ops.load_ledger")
    shop(tmp_path, currency="USD")
    assert etl(platform, file, layout, "--on-overlap", "replace").returncode == 1

    bucket = Bucket(platform.settings.s3, platform.settings.s3.bucket_raw)
    assert [each.sha256 for each in current_manifests(bucket, "shop", [DAY]).values()] == list(loaded)


def test_times_in_another_zone_than_the_definition_says_are_never_published(platform: Platform, tmp_path: Path) -> None:
    define(platform, tmp_path, DEFINITION.replace("America/Sao_Paulo", "Asia/Tokyo"))
    file, layout = shop(tmp_path)
    done = etl(platform, file, layout)
    assert done.returncode == 1
    assert "expected all on the date in Asia/Tokyo" in done.stderr
    assert platform.facts()[0] == 0


def test_a_file_below_a_threshold_of_its_report_is_published_only_on_request(
    platform: Platform, tmp_path: Path
) -> None:
    path = write(tmp_path / "sales.csv", sales(2))  # one copy in thirteen rows
    with pytest.raises(LoadRejected, match=r"expected 95 % or more, found 92\.3 %.*The same on 1 more dates"):
        platform.load(path, allow_low_quality=False, report_directory=tmp_path / "reports")
    assert platform.facts()[0] == 0
    first, second = FIRST, FIRST + timedelta(days=1)
    assert outcomes(platform, "etl-1") == {(first, "fail"), (second, "fail")}
    assert report_of(path)["outcome"] == "fail"
    assert [each[1:] for each in alerts(platform)] == [(first, "critical", "open"), (second, "critical", "open")]
    sent = platform.query("SELECT summary FROM ops.alerts ORDER BY alert_id")
    assert "and 1 more dates" in sent[0][0]

    result = platform.load(path, report_directory=tmp_path / "reports")

    assert result.quality is not None
    assert result.quality.outcome is Status.WARN
    assert report_of(path)["outcome"] == "warn"
    assert outcomes(platform, "etl-2") == {(first, "warn"), (second, "warn")}
    assert {each[3] for each in alerts(platform)} == {"resolved"}
    assert platform.facts()[0] > 0


def test_a_higher_accepted_share_of_rejected_rows_lowers_the_threshold(platform: Platform, tmp_path: Path) -> None:
    lines = [*good_lines(), *(row(Receipt=f"X{n}", Qty="many") for n in range(4))]
    file, layout = shop(tmp_path, *lines)
    done = etl(platform, file, layout, "--max-reject-share", "0.5", "--json")
    assert done.returncode == 0, done.stderr
    found = {each["check"] for each in json.loads(done.stdout)["quality"]["checks"]}
    assert found == {"few_rejects"}
    threshold = {each["name"]: each["threshold"] for each in report_of(file)["score"]["dimensions"]}["validity"]
    assert threshold == 50


@pytest.mark.long
def test_a_bad_version_of_complete_months_is_found_before_it_replaces_them(platform: Platform, tmp_path: Path) -> None:
    define(platform, tmp_path)
    (tmp_path / "sources" / "shop.yaml").unlink()
    definition = tmp_path / "sources" / f"{RETAILER}.yaml"
    text = DEFINITION.replace("id: shop", f"id: {RETAILER}").replace("America/Sao_Paulo", "Europe/London")
    definition.write_text(text.replace("BRL", "GBP"), encoding="utf-8")
    lines = sales(1, 9_000)
    path = write(tmp_path / "sales.csv", lines)
    first = platform.load(path, refresh=False)
    assert first.load_path == {"2011-01": "build"}
    before = platform.digest()

    definition.write_text(text.replace("BRL", "GBP").replace("Europe/London", "Asia/Tokyo"), encoding="utf-8")
    changed = [replace(each, price="1.11") if number % 2 else each for number, each in enumerate(lines[1:])]
    with pytest.raises(LoadRejected, match=r"all on the date in Asia/Tokyo, found [0-9,]+ of 9,000"):
        platform.load(write(path, changed), refresh=False)
    assert platform.digest() == before

    definition.write_text(text.replace("BRL", "GBP"), encoding="utf-8")
    second = platform.load(path, refresh=False)
    assert second.load_path == {"2011-01": "build"}
    assert platform.digest() != before


def test_the_manifest_says_what_the_definition_or_else_the_layout_says(platform: Platform, tmp_path: Path) -> None:
    file, layout = shop(tmp_path)
    etl(platform, file, layout)
    key = manifest_key("shop", DAY)
    described = Manifest.model_validate_json(platform.read_object(key)).source
    assert described is not None
    assert described.model_dump(exclude_none=True) == {
        "name": "shop",
        "connector": "files",
        "time_zone": "America/Sao_Paulo",
    }
    define(platform, tmp_path)
    file.write_text(rows(*good_lines(), row(Receipt="R99", Customer="C99")), encoding="utf-8")
    done = etl(platform, file, layout)
    assert done.returncode == 0, done.stderr
    described = Manifest.model_validate_json(platform.read_object(key)).source
    assert described is not None
    assert (described.name, described.currencies) == ("The Shop", ("BRL",))
    known = "SELECT retailer_name, country, time_zone FROM dim_retailer WHERE retailer_id = 'shop'"
    assert platform.query(known) == [("The Shop", "Brazil", "America/Sao_Paulo")]
    sources = "SELECT source_name, currencies, is_scheduled FROM ops.sources WHERE retailer_id = 'shop'"
    assert platform.query(sources) == [("The Shop", ["BRL"], False)]


def test_the_raw_zone_alone_rebuilds_facts_and_sources(platform: Platform, tmp_path: Path) -> None:
    define(platform, tmp_path)
    file, layout = shop(tmp_path)
    assert etl(platform, file, layout).returncode == 0
    digest = platform.digest()
    described = "SELECT retailer_id, retailer_name, country, time_zone FROM dim_retailer ORDER BY 1"
    known = platform.query(described)
    platform.empty_the_warehouse()
    platform.query("DELETE FROM dim_retailer WHERE retailer_id = 'shop'; DELETE FROM ops.sources")
    platform.extra.clear()

    done = platform.retail("rebuild")

    assert done.returncode == 0, done.stderr
    assert platform.digest() == digest
    assert platform.query(described) == known
    assert platform.query("SELECT currencies FROM ops.sources") == [(["BRL"],)]


def test_an_older_description_does_not_replace_a_newer_one(platform: Platform, tmp_path: Path) -> None:
    from shared.database import session, transaction
    from shared.sources.table import record_description

    settings = load_settings(platform.environment)
    file, layout = shop(tmp_path)
    etl(platform, file, layout)
    described = Manifest.model_validate_json(platform.read_object(manifest_key("shop", DAY))).source
    assert described is not None
    now = datetime.now(UTC)
    for name, written_at in (("Newer", now), ("Older", now - timedelta(days=900))):
        dsn = settings.warehouse_dsn.get_secret_value()
        with session(dsn, application_name="test") as connection, transaction(connection) as cursor:
            record_description(cursor, "shop", described.model_copy(update={"name": name}), written_at, now)
    assert platform.query("SELECT retailer_name FROM dim_retailer WHERE retailer_id = 'shop'") == [("Newer",)]
