"""Measures each kind of connector: from a source on this machine to landed records, on one core.

To add a kind, add an entry to `KINDS`: a context manager that serves so many lines of `DAY`, and how to read them.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path

import yaml

from benchmarks.process_watch import run_command
from benchmarks.results import Timing
from benchmarks.shops_with_orders import Replies, rest_api, shopify_shop, stripe_account, woocommerce_shop
from benchmarks.stack import LoadTarget, Stack
from shared.config import PROJECT_ROOT
from shared.s3_client import Bucket
from tests.fakes.connector_api import ConnectorApi
from tests.fakes.databases.till import COLUMNS, MySqlTill, PostgresTill, SqliteTill, Till, row
from tests.fakes.http_vendor import http_vendor
from tests.fakes.programs.till import SingerTill, as_json
from tests.fakes.rest_apis import RestRetailer1Api
from tests.fakes.shopify.api import ShopifyApi
from tests.fakes.stripe.api import StripeApi
from tests.fakes.woocommerce.api import WooCommerceApi

DAY = date(2024, 1, 15)
MOST_OF_A_SHOP = 12_000
"""Lines of a shop system. Its simulator needs longer to make them than the connector to read them."""
NAME, NDJSON, MEASURED_ON = "connector@", "ndjson", "measured on"
_SSHD = ("sshd", "/usr/sbin/sshd")


class NotAvailable(Exception):
    """A server that is not on this machine; the message says which."""


@dataclass(frozen=True)
class Place:
    """Where a kind may put what it serves."""

    stack: Stack
    target: LoadTarget
    directory: Path


@dataclass(frozen=True)
class Served:
    """A source that can be read."""

    definition: Path
    environment: Mapping[str, str] = field(default_factory=dict)


Serve = Callable[[Place, int], AbstractContextManager[Served]]


@dataclass(frozen=True)
class Kind:
    """One kind of source."""

    label: str
    serve: Serve
    most_lines: int | None = None


def _shop(api: type[ConnectorApi], replies: Callable[[int, date], Replies], credentials: Mapping[str, str]) -> Serve:
    @contextmanager
    def serve(place: Place, lines: int) -> Iterator[Served]:
        with http_vendor(replies(lines, DAY)) as vendor:
            yield Served(api.definition, {api.url_variable: vendor.url, **credentials})

    return serve


_RECEIPTS = {
    "postgresql": "SELECT 'R' || n AS receipt FROM generate_series(1, {lines}) AS n",
    "mysql": "SELECT concat('R', seq) AS receipt FROM seq_1_to_{lines}",
    "sqlite": "SELECT 'R' || n AS receipt FROM"
    " (WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < {lines}) SELECT n FROM g)",
}


@contextmanager
def _filled(till: Till, lines: int) -> Iterator[Served]:
    """A till with so many receipts of one line."""
    till.lines = ((),)
    with till.served() as (environment, _):
        till.insert(row("template"))
        names = ", ".join(f"sale_lines.{name}" for name in COLUMNS[1:])
        receipts = _RECEIPTS[till.connector].format(lines=lines)
        made = f"SELECT made.receipt, {names} FROM sale_lines, ({receipts}) AS made"  # noqa: S608 - our own names
        till.execute(f"INSERT INTO sale_lines {made}")
        till.execute("DELETE FROM sale_lines WHERE receipt = 'template'")
        yield Served(till.definition, environment)


@contextmanager
def _postgresql(place: Place, lines: int) -> Iterator[Served]:
    PostgresTill.server = place.stack.server
    with _filled(PostgresTill(), lines) as served:
        yield served


@contextmanager
def _mysql(place: Place, lines: int) -> Iterator[Served]:
    try:
        import pytest

        from tests.fakes.mariadb import throwaway_mariadb
    except ImportError as error:
        raise NotAvailable("mysql, because the libraries of the tests are not installed (make check)") from error
    try:
        with ExitStack() as opened:
            MySqlTill.server = opened.enter_context(throwaway_mariadb(PROJECT_ROOT / ".local" / "mariadb"))
            yield opened.enter_context(_filled(MySqlTill(), lines))
    except (AssertionError, pytest.skip.Exception) as error:  # how the tests say that there is no server
        raise NotAvailable(f"mysql: {error}") from error


@contextmanager
def _sqlite(place: Place, lines: int) -> Iterator[Served]:
    with _filled(SqliteTill(), lines) as served:
        yield served


@contextmanager
def _tap(place: Place, lines: int) -> Iterator[Served]:
    """A tap that sends receipts of one line."""
    till = SingerTill(lines=((),))
    with till.served() as (environment, _):
        sold = as_json(row("template"))
        till.rows = [{**sold, "receipt": f"R{number}"} for number in range(1, lines + 1)]
        till.write()
        yield Served(till.definition, environment)


def _csv(lines: int) -> str:
    """A file with receipts of one line."""
    header = "receipt,line,sold_at,store,article,name,quantity,price,total\n"
    return header + "".join(f"R{n},1,2024-01-15 12:00,B1,TEA,Green tea,2,12.50,25.00\n" for n in range(1, lines + 1))


def _drop(directory: Path, connection: Mapping[str, object]) -> Path:
    columns = {
        "transaction_id": "receipt", "line_id": "line", "sold_at": {"column": "sold_at", "format": "%Y-%m-%d %H:%M"},
        "store_id": "store", "product_id": "article", "product_name": "name", "quantity": "quantity",
        "unit_price": "price", "total_amount": "total", "currency": {"value": "EUR"},
    }  # fmt: skip
    definition = {
        "id": "drop", "name": "Drop", "connector": "files", "schedule": "daily", "time_zone": "Europe/Berlin",
        "connection": dict(connection), "mapping": {"columns": columns},
    }  # fmt: skip
    path = directory / "drop.yaml"
    path.write_text(yaml.safe_dump(definition), encoding="utf-8")
    return path


@contextmanager
def _folder(place: Place, lines: int) -> Iterator[Served]:
    (place.directory / "sales.csv").write_text(_csv(lines), encoding="utf-8")
    yield Served(_drop(place.directory, {"location": f"{place.directory}/*.csv"}))


@contextmanager
def _s3(place: Place, lines: int) -> Iterator[Served]:
    settings = place.target.settings.s3
    Bucket(settings, settings.bucket_raw).put("drops/sales.csv", _csv(lines).encode())
    yield Served(_drop(place.directory, {"location": f"s3://{settings.bucket_raw}/drops/*.csv"}))


@contextmanager
def _sftp(place: Place, lines: int) -> Iterator[Served]:
    if not any(map(shutil.which, _SSHD)):
        raise NotAvailable("files by SFTP, because OpenSSH's server is not installed")
    from tests.fakes.sftp_server import running_sftp_server

    (place.directory / "sales.csv").write_text(_csv(lines), encoding="utf-8")
    keys = place.directory / "keys"
    keys.mkdir()
    with running_sftp_server(keys) as server:
        auth = {"kind": "private_key", "user": {"env": "SFTP_USER"}, "private_key": {"secret": "SFTP_KEY"}}
        location = f"sftp://127.0.0.1:{server.port}{place.directory}/*.csv"
        path = _drop(place.directory, {"location": location, "host_key": server.host_key, "auth": auth})
        yield Served(path, {"SFTP_USER": server.user, "SFTP_KEY": server.private_key})


_SHOPIFY = {"BERLIN_SHOP_TOKEN": "shpat_reads"}
_WOOCOMMERCE = {"WOO_SHOP_KEY": "ck_test", "WOO_SHOP_SECRET": "cs_test"}
KINDS: Mapping[str, Kind] = {
    "rest": Kind("`rest`: offset, flat rows", _shop(RestRetailer1Api, rest_api, RestRetailer1Api.credentials)),
    "shopify": Kind(
        "`shopify`: GraphQL, orders of 3 lines", _shop(ShopifyApi, shopify_shop, _SHOPIFY), MOST_OF_A_SHOP // 4
    ),
    "woocommerce": Kind(
        "`woocommerce`: orders of 3 lines", _shop(WooCommerceApi, woocommerce_shop, _WOOCOMMERCE), MOST_OF_A_SHOP
    ),
    "stripe": Kind(
        "`stripe`: charges", _shop(StripeApi, stripe_account, {"PAYMENTS_KEY": "rk_test_reads"}), MOST_OF_A_SHOP
    ),
    "postgresql": Kind("`postgresql`: a table", _postgresql),
    "mysql": Kind("`mysql` (MariaDB): a query", _mysql),
    "sqlite": Kind("`sqlite`: a table", _sqlite),
    "singer": Kind("`singer`: a tap (without the cost of the tap)", _tap),
    "folder": Kind("`files`: CSV in a folder", _folder),
    "s3": Kind("`files`: CSV in a bucket", _s3),
    "sftp": Kind("`files`: CSV by SFTP", _sftp),
}
"""The name of a timing without `NAME` → the kind."""


def measure(
    stack: Stack, directory: Path, lines: int, repetitions: int, progress: Callable[[str], None]
) -> Iterator[tuple[str, Timing | str]]:
    """The timing of each kind, or why there is none."""
    with stack.target() as target:
        for name, kind in KINDS.items():
            place = Place(stack, target, directory / f"connector_{name}")
            place.directory.mkdir()
            wanted = min(lines, kind.most_lines or lines)
            progress(f"{NAME}{name}: making {wanted:,} lines")
            try:
                with kind.serve(place, wanted) as served:
                    yield f"{NAME}{name}", _timing(served, target, repetitions)
            except NotAvailable as error:
                yield f"{NAME}{name}", str(error)


def _timing(served: Served, target: LoadTarget, repetitions: int) -> Timing:
    """The first reading, with which a simulator makes its responses, is not counted."""
    environment = {
        **target.environment,
        **served.environment,
        "SOURCES_DIRECTORY": str(served.definition.parent),
        "INGEST_REQUESTS_PER_SECOND": "10000",
        "INGEST_TIMEOUT_SECONDS": "600",
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    command = [sys.executable, "-m", "benchmarks.read_source", served.definition.stem, str(DAY)]
    timing = Timing(facts={MEASURED_ON: f"{datetime.now(UTC):%Y-%m-%d}"})
    for repetition in range(repetitions + 1):
        cost = run_command(command, environment, {})
        found = json.loads(cost.output)
        if repetition:
            reading = {name: found[name] for name in ("seconds", "processor_seconds")}
            timing.costs.append(replace(cost, output="", **reading))
            timing.rows = found["records"]
            timing.steps.setdefault(NDJSON, []).append(found["ndjson_seconds"])
    return timing
