"""The landings of hostile sources, and the table that shows them all at the end."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console
from rich.table import Table

from tests.copied_process import run_module
from tests.fakes.corner_shop.api import CornerShopApi
from tests.fakes.http_vendor import http_vendor
from tests.fakes.rest_apis import RestRetailer1Api
from tests.fakes.retailer_responses import Retailer1Api, Retailer2Api, Retailer3Api
from tests.fakes.shop_systems import SHOP_SYSTEMS
from tests.hostile import healthy
from tests.hostile.modes import Api, Mode

if TYPE_CHECKING:
    from local_stack.databases import WarehouseAccess
    from tests.conftest import S3Access

ATTACKED: tuple[Api, ...] = (
    *(Retailer1Api, Retailer2Api, Retailer3Api, CornerShopApi, RestRetailer1Api),
    *SHOP_SYSTEMS,
)
DAY = "2024-01-15"
SHOWN_CHARACTERS = 110
_KEY = "landing"


@dataclass(frozen=True)
class Landing:
    """How a landing of a hostile source ended. Its fields are the columns of the table."""

    connector: str
    mode: str
    landed: int
    rejected: str
    ended: str
    seconds: float
    peak_mib: float


@dataclass(frozen=True)
class Ended:
    """The same, with what only the test looks at."""

    landing: Landing
    hostile: dict[str, Any]
    healthy: dict[str, Any]
    longest_wait: float


@pytest.fixture(scope="session")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The definitions of all sources in one directory."""
    directory = tmp_path_factory.mktemp("definitions")
    for api in ATTACKED:
        shutil.copy(api.definition, directory)
    shutil.copytree(RestRetailer1Api.definition.parent / "mappings", directory / "mappings")
    (directory / f"{healthy.ID}.yaml").write_text(healthy.DEFINITION, encoding="utf-8")
    return directory


@pytest.fixture(scope="session")
def healthy_url() -> Iterator[str]:
    """The API of the healthy source."""
    with http_vendor(CornerShopApi()) as vendor:
        yield vendor.url


@pytest.fixture
def land(
    warehouse: WarehouseAccess,
    s3: S3Access,
    definitions: Path,
    healthy_url: str,
    tmp_path: Path,
    record_property: Callable[..., None],
) -> Callable[[Api, Mode], Ended]:
    """Lands a hostile source together with the healthy one, in a process of its own."""

    def run(api: Api, mode: Mode) -> Ended:
        with http_vendor(mode.source(api)) as vendor:
            environment = {
                "PATH": "/usr/bin:/bin",
                "TMPDIR": str(tmp_path),
                "RETAIL_LOG_FILE": os.environ["RETAIL_LOG_FILE"],
                **s3.environment,
                "WAREHOUSE_DSN": warehouse.loader_dsn,
                "SOURCES_DIRECTORY": str(definitions),
                "HEALTHY_SHOP_URL": healthy_url,
                "HEALTHY_SHOP_TOKEN": "token",
                api.url_variable: vendor.url,
                **api.credentials,
                "INGEST_REQUESTS_PER_SECOND": "10000",
                "INGEST_MAX_ATTEMPTS": "2",
                "INGEST_MAX_REJECT_SHARE": "0.5",
                **mode.settings,
            }
            watermark = "yes" if mode.since_watermark else "no"
            sources = (api.definition.stem, healthy.ID)
            done = run_module("tests.hostile.landing", DAY, watermark, *sources, environment=environment)
        assert done.returncode == 0, done.stderr[-2000:]
        ended = _ended(api, mode, json.loads(done.stdout))
        record_property(_KEY, asdict(ended.landing))
        return ended

    return run


def _ended(api: Api, mode: Mode, printed: dict[str, Any]) -> Ended:
    hostile, right = (printed["retailers"][each] for each in (api.definition.stem, healthy.ID))
    landed = hostile["dates"][-1] if hostile["dates"] and not hostile["error"] else {}
    reasons = ", ".join(f"{count} {code}" for code, count in landed.get("reasons", {}).items())
    text = f"{hostile['error_kind']}: {hostile['error']}" if hostile["error"] else "landed"
    if hostile["clock_warnings"]:
        text += f"; {hostile['clock_warnings'][0]}"
    return Ended(
        Landing(
            *(api.definition.stem, mode.name, landed.get("landed", 0), reasons, text),
            *(round(printed["seconds"], 1), round(printed["peak_mib"])),
        ),
        hostile,
        right,
        printed["longest_wait"],
    )


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table, wrong results first."""
    rows = []
    for outcome in ("failed", "passed"):
        for report in terminalreporter.stats.get(outcome, []):
            found = dict(report.user_properties).get(_KEY)
            if found and report.when == "call":
                rows.append(({**found, "ended": _shortened(found["ended"])}, outcome))
    if not rows:
        return
    table = Table(title="Hostile sources")
    for each in fields(Landing):
        table.add_column(each.name.replace("_", " "), justify="right" if each.name in NUMBERS else "left")
    for row, outcome in rows:
        style = "red" if outcome == "failed" else None
        table.add_row(*(str(value) for value in row.values()), style=style)
    Console(width=240, file=terminalreporter._tw._file, force_terminal=False).print(table)


NUMBERS = ("landed", "seconds", "peak_mib")


def _shortened(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
