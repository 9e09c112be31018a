"""Sources behind another program are landed like any other; with taps and dlt from PyPI, to the byte."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.dlt_environment import REQUIREMENTS, NotInstallable, python_with
from ingestion.lineage import flows_of
from shared.config import PROJECT_ROOT
from shared.sources.registry import load_sources
from tests.fakes import rest_apis
from tests.fakes.databases.till import NOON, PostgresTill, row
from tests.fakes.programs.till import SingerTill, as_json
from tests.fakes.vendors import Vendor
from tests.integration.ingestion.test_databases import Shop, shop_with
from tests.integration.ingestion.test_incremental import morning_after, publish

if TYPE_CHECKING:
    from local_stack.postgres import PostgresServer
    from tests.integration.ingestion.conftest import Platform

DAY, NEXT = "2024-01-15", "2024-01-16"
PUBLISHED = Path(__file__).parents[2] / "fakes" / "programs" / "published"


@pytest.fixture
def shop(make_platform: Callable[[Sequence[Vendor]], Platform], tmp_path: Path) -> Iterator[Shop]:
    with shop_with(SingerTill(), make_platform([]), tmp_path / "sources") as found:
        yield found


def receipts(shop: Shop, day: str) -> list[str]:
    return [record["transaction_id"] for record in shop.platform.records(shop.source, day)]


def test_late_changed_and_deleted_records_of_a_tap_are_in_the_next_run(shop: Shop) -> None:
    first = shop.ingest(DAY)
    assert first.error is None
    assert [(each.reported, each.landed) for each in first.dates] == [(None, 3)]
    publish(shop.platform, shop.source, DAY)
    before = shop.platform.raw(shop.source, DAY)
    assert shop.ingest(DAY).dates[0].sha256 == first.dates[0].sha256

    shop.till.rows = [as_json(row("B", price="13.50", net_amount="27.00", updated_at=NOON + timedelta(days=2)))]
    shop.till.rows += [as_json(row("C")), as_json(row("D", sold_at=NOON + timedelta(days=1)))]
    shop.till.write()
    second = shop.ingest(NEXT, since_watermark=True, lookback_days=2)

    assert second.error is None
    assert receipts(shop, NEXT) == ["D"]
    assert receipts(shop, DAY) == ["B", "C"]
    assert shop.platform.raw(shop.source, DAY) != before


def test_a_tap_that_fails_half_way_leaves_the_partition_as_it_was(shop: Shop, tmp_path: Path) -> None:
    assert shop.ingest(DAY).error is None
    before = shop.platform.raw(shop.source, DAY)
    shop.till.rows.append({"sold_at": None, "receipt": 7})
    shop.till.write()
    text = (tmp_path / "sources" / "singer_till.yaml").read_text(encoding="utf-8")
    broken = text.replace("config: {", "config: {mode: killed, ")
    (tmp_path / "sources" / "singer_till.yaml").write_text(broken, encoding="utf-8")
    sources = load_sources(shop.platform.settings.sources.environ, tmp_path / "sources")
    shop.platform.settings = shop.platform.settings.model_copy(update={"sources": sources})

    result = shop.ingest(DAY)

    assert (result.error_kind, result.dates) == ("RetryLater", ())
    assert "was ended by signal 9" in result.error
    assert shop.platform.raw(shop.source, DAY) == before


def test_lineage_names_the_program_and_its_stream(shop: Shop) -> None:
    [flow, *_] = flows_of(shop.platform.ingest(DAY, shop.source), shop.platform.settings)
    python = Path(sys.executable).name
    assert (flow.source.namespace, flow.source.name) == (f"singer://{python}", "sales")


def installed(name: str, requirements: Path) -> Path:
    """The `bin` of an environment that has a package from PyPI, below .local."""
    try:
        return python_with(PROJECT_ROOT / ".local" / "test-programs" / name, requirements, print).parent
    except NotInstallable as error:
        pytest.skip(str(error))


def with_programs(platform: Platform, directory: Path, **variables: str) -> Platform:
    """A platform that has the definitions of published programs, and those of the retailers by `rest`."""
    shutil.copytree(rest_apis.DIRECTORY, directory)
    shutil.copytree(PUBLISHED, directory, dirs_exist_ok=True)
    sources = load_sources({**platform.environment, **variables}, directory)
    ingest = platform.settings.ingest.model_copy(update={"timeout_seconds": 120.0})
    return replace(platform, settings=platform.settings.model_copy(update={"sources": sources, "ingest": ingest}))


def assert_equal_to_rest(platform: Platform, source: str, vendors: dict[str, Vendor]) -> None:
    """Once on the next morning, and once after late records, corrections and withdrawals."""
    sizes = []
    for now in (morning_after(DAY), "2024-02-01T06:00:00Z"):
        for vendor in vendors.values():
            vendor.clock(now)
        result = platform.ingest(DAY, "rest_retailer_1", source)
        assert [each.error for each in result.results] == [None, None]
        raw = platform.raw(source, DAY)
        assert raw.replace(source.encode(), b"rest_retailer_1") == platform.raw("rest_retailer_1", DAY)
        own, rest = platform.manifest(source, DAY), platform.manifest("rest_retailer_1", DAY)
        assert (own.landed, own.rejected, own.amounts) == (rest.landed, rest.rejected, rest.amounts)
        sizes.append(own.sha256)
    assert sizes[0] != sizes[1]


@pytest.mark.long
def test_a_published_tap_lands_the_bytes_of_the_rest_connector(
    platform: Platform, vendors: dict[str, Vendor], tmp_path: Path
) -> None:
    programs = installed("tap-rest-api-msdk", PUBLISHED / "requirements-tap-rest-api-msdk.txt")
    tapped = with_programs(platform, tmp_path / "sources", TAP_REST_API=str(programs / "tap-rest-api-msdk"))
    assert_equal_to_rest(tapped, "tap_retailer_1", vendors)


@pytest.mark.long
def test_dlt_lands_the_bytes_of_the_rest_connector(
    platform: Platform, vendors: dict[str, Vendor], tmp_path: Path
) -> None:
    python = installed("dlt", REQUIREMENTS) / "python"
    assert_equal_to_rest(
        with_programs(platform, tmp_path / "sources", DLT_PYTHON=str(python)), "dlt_retailer_1", vendors
    )


@pytest.mark.long
def test_a_published_tap_reads_a_table_of_postgresql(
    make_platform: Callable[[Sequence[Vendor]], Platform], postgres_server: PostgresServer, tmp_path: Path
) -> None:
    programs = installed("tap-postgres", PUBLISHED / "requirements-meltanolabs-tap-postgres.txt")
    PostgresTill.server = postgres_server
    till: Any
    with PostgresTill().served() as (_, till):
        till.insert(row("D", kind="R", quantity=-1, net_amount="-12.50"), row("E", sold_at=NOON + timedelta(days=1)))
        variables = {
            "TAP_POSTGRES": str(programs / "tap-postgres"),
            "TILL_URL": till.url.replace("://", f"+psycopg2://till_reader:{till.password}@"),
        }
        platform = with_programs(make_platform([]), tmp_path / "sources", **variables)
        [result] = platform.ingest(DAY, "tap_postgres_till").results
        assert result.error is None
        assert [(each.landed, each.net_amounts) for each in result.dates] == [(4, {"EUR": Decimal("62.5000")})]
        [record] = [each for each in platform.records("tap_postgres_till", DAY) if each["transaction_id"] == "A"]
        assert datetime.fromisoformat(record["sold_at"]) == NOON.astimezone(UTC)
