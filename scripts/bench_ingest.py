"""How fast ingestion is on this machine: `python scripts/bench_ingest.py [--lines 100000] [--live]`.

Without `--live`: pages of each retailer, in memory, to lines of the raw zone; one core, no network.
With `--live`: the whole command for one retailer against its real API, S3 and PostgreSQL, which it starts and stops;
"the retailer alone" is how long the same listing takes when its answers are thrown away.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import orjson
import typer
from rich.console import Console
from rich.table import Table

DAY = date(2024, 1, 15)
PAGE = 1000
RUNS = 5
_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "S3_BUCKET_RAW": "raw",
    "S3_BUCKET_PROCESSED": "processed",
    "LOG_LEVEL": "WARNING",
}


def _receipts(lines: int) -> Iterator[tuple[int, datetime, int | None, list[tuple[int, int, int]]]]:
    """Number, time, customer and (product, quantity, cents) of receipts like those of a real day, in order of time."""
    chance, made, receipt = random.Random(1), 0, 0  # noqa: S311 - made-up sales
    opening = datetime(2024, 1, 15, 14, tzinfo=UTC)
    while made < lines:
        receipt += 1
        size = min(chance.choice([1, 1, 2, 2, 3, 4]), lines - made)
        moment = opening + timedelta(seconds=int(36_000 * made / lines))
        customer = None if chance.random() < 0.3 else int(chance.paretovariate(0.8)) % 5000
        items = []
        for _ in range(size):
            product = int(chance.paretovariate(0.7)) % 2000
            items.append((product, chance.choice([1, 1, 1, 2, 2, 3, 5]), product * 37 % 5000 + 99))
        made += size
        yield receipt, moment, customer, items


def _pages_1(lines: int) -> list[bytes]:
    from tests.fakes.vendor_rows import guest_row_1, row_1

    rows = []
    for receipt, moment, customer, items in _receipts(lines):
        for number, (product, quantity, cents) in enumerate(items, 1):
            make = guest_row_1 if customer is None else row_1
            changes = (
                {} if customer is None else {"customer_no": f"C{customer:06d}", "customer_name": f"Name {customer}"}
            )
            rows.append(
                make(
                    sale_id=f"S240115-{receipt:06d}",
                    line_no=number,
                    sold_at=(moment - timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M:%S-05:00"),
                    last_modified=(moment + timedelta(seconds=receipt % 90)).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    store_code=f"NY{receipt % 20:02d}",
                    sku=f"SKU-{product:05d}",
                    product_name=f"Product {product}",
                    qty=quantity,
                    unit_price=f"{cents / 100:.2f}",
                    line_total=f"{cents * quantity / 100:.2f}",
                    **changes,
                )
            )
    return [orjson.dumps({"rows": rows[start : start + PAGE]}) for start in range(0, len(rows), PAGE)]


def _pages_2(lines: int) -> list[bytes]:
    from tests.fakes.vendor_rows import line_2

    orders = []
    for receipt, moment, customer, items in _receipts(lines):
        seconds = int(moment.timestamp())
        order = line_2({"id": f"ORD-240115-{receipt:06d}", "placed_at": seconds, "modified_at": seconds}).order
        order["buyer"] = (
            None if customer is None else {**order["buyer"], "id": f"B{customer:06d}", "name": f"N {customer}"}
        )
        order["lines"] = [
            {
                "id": str(number),
                "product": {"code": f"P{product:05d}", "title": f"Product {product}", "category": "Home"},
                "quantity": quantity,
                "unit_amount": cents,
                "amount": cents * quantity,
                "deleted": False,
            }
            for number, (product, quantity, cents) in enumerate(items, 1)
        ]
        orders.append(order)
    size = PAGE // 2
    return [orjson.dumps({"data": orders[start : start + size]}) for start in range(0, len(orders), size)]


def _pages_3(lines: int) -> list[bytes]:
    from tests.fakes.vendor_rows import row_3

    def comma(cents: int) -> str:
        return f"{cents / 100:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")

    rows = []
    for receipt, moment, customer, items in _receipts(lines):
        local = (moment - timedelta(hours=4)).strftime("%d/%m/%Y %H:%M")
        for number, (product, quantity, cents) in enumerate(items, 1):
            row = row_3(
                ticket=f"T240115-{receipt:06d}",
                linea=number,
                fecha_hora=local,
                modificado=local,
                articulo={"ref": f"A-{product:05d}", "nombre": f"Artículo {product}", "familia": "Hogar"},
                cantidad=str(quantity),
                precio=comma(cents),
                importe=comma(cents * quantity),
            )
            row["cliente"] = None if customer is None else {**row["cliente"], "codigo": f"K{customer:06d}"}
            rows.append(row)
    return [orjson.dumps(rows[start : start + PAGE]) for start in range(0, len(rows), PAGE)]


def _read_pages(number: int) -> Callable[[list[bytes]], tuple[int, int]]:
    """From the bytes of pages to the lines of the raw zone, by the code that landing runs."""
    from ingestion.landing import page_lines
    from ingestion.normalizers.retailer1 import Retailer1Normalizer
    from ingestion.normalizers.retailer2 import Retailer2Normalizer
    from ingestion.normalizers.retailer3 import Retailer3Normalizer
    from ingestion.reading_ahead import fewer_collections
    from ingestion.reconciliation import Tally
    from ingestion.services.contract import SalesPage
    from ingestion.services.retailer2_service import order_lines
    from shared.dead_letters import DeadLetterSpool

    normalizers: dict[int, Callable[[], Any]] = {
        1: Retailer1Normalizer,
        2: lambda: Retailer2Normalizer(ZoneInfo("Europe/London")),
        3: lambda: Retailer3Normalizer(ZoneInfo("Europe/Madrid")),
    }

    class Service:
        def __init__(self) -> None:
            self.normalize = normalizers[number]()

    def rows(page: bytes) -> list[Any]:
        value = orjson.loads(page)
        if number == 2:
            return [line for order in value["data"] for line in order_lines(order)]
        return value["rows"] if number == 1 else value  # type: ignore[no-any-return]

    def read(pages: list[bytes]) -> tuple[int, int]:
        service: Any = Service()
        tally, size = Tally(), 0
        with fewer_collections(), DeadLetterSpool() as spool:
            for count, page in enumerate(pages, 1):
                size += len(page_lines(service, SalesPage(count, rows(page), datetime.now(UTC)), DAY, tally, spool))
        if tally.rejected:
            raise SystemExit(f"the benchmark's own rows were refused: {tally.example}")
        return tally.landed, size

    return read


def _in_memory(lines: int, console: Console) -> None:
    table = Table(title=f"Pages in memory to lines of the raw zone, {lines:,} records, best of {RUNS}")
    for name in ("retailer", "records/s", "µs a record", "of it parsing JSON", "bytes a line"):
        table.add_column(name, justify="right")
    for number, make in ((1, _pages_1), (2, _pages_2), (3, _pages_3)):
        pages, read = make(lines), _read_pages(number)
        best, parsing, landed, size = float("inf"), float("inf"), 0, 0
        for _ in range(RUNS):
            started = time.process_time()
            landed, size = read(pages)
            best = min(best, time.process_time() - started)
            started = time.process_time()
            for page in pages:
                orjson.loads(page)
            parsing = min(parsing, time.process_time() - started)
        each = 1e6 / landed
        table.add_row(
            f"retailer_{number}",
            f"{landed / best:,.0f}",
            f"{best * each:.1f}",
            f"{parsing * each:.1f}",
            f"{size / landed:.0f}",
        )
    console.print(table)


def _live(lines: int, console: Console) -> None:
    import boto3

    from local_stack.databases import create_warehouse, create_warehouse_roles
    from local_stack.postgres import free_port, throwaway_server
    from local_stack.s3_server import throwaway_s3
    from shared.config import PROJECT_ROOT
    from shared.migrations import migrate
    from tests.fakes.vendors import running_vendor

    passwords = dict.fromkeys(("retail_owner", "retail_user", "retail_reader"), "bench")
    table = Table(title=f"`python -m ingestion.main {DAY}` for one retailer with about {lines:,} lines a day")
    for name in ("retailer", "records", "landing, s", "the retailer alone, s", "whole process, s", "peak MB"):
        table.add_column(name, justify="right")
    with throwaway_server(PROJECT_ROOT / ".local" / "postgres") as server, throwaway_s3(free_port()) as s3:
        create_warehouse_roles(server, passwords)
        access = create_warehouse(server, passwords, name="bench")
        migrate(access.owner_dsn)
        client = boto3.client(
            "s3",
            endpoint_url=s3.endpoint,
            aws_access_key_id="x",
            aws_secret_access_key="x",  # noqa: S106 - a made-up store
            region_name="us-east-1",
        )
        for bucket in ("raw", "processed"):
            client.create_bucket(Bucket=bucket)
        for number in (1, 2, 3):
            settings = {"RETAILER_LINES_PER_DAY": str(lines), "RETAILER_TODAY": "2024-02-01"}
            with running_vendor(number, server.create_database(f"bench{number}"), settings) as vendor:
                shared = {"WAREHOUSE_DSN": access.loader_dsn, "S3_ENDPOINT_URL": s3.endpoint}
                table.add_row(*_command({**_ENVIRONMENT, **shared, **vendor.environment}, number))
    console.print(table)


def _command(environment: dict[str, str], number: int) -> tuple[str, ...]:
    arguments = ["-m", "ingestion.main", str(DAY), "--retailer", f"retailer_{number}", "--json"]
    best: tuple[str, ...] = ()
    for _ in range(2):  # the first time the retailer makes up the day
        with tempfile.TemporaryFile() as output:
            started = time.perf_counter()
            process = subprocess.Popen([sys.executable, *arguments], env=environment, stdout=output)  # noqa: S603 - our own command
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
            output.seek(0)
            if status:
                raise SystemExit(f"retailer_{number} was not landed")
            landed = json.loads(output.read())["retailers"][f"retailer_{number}"]["dates"][0]
        best = (
            f"retailer_{number}",
            f"{landed['landed']:,}",
            f"{landed['seconds']:.1f}",
            f"{_fetching(environment, number):.1f}",
            f"{seconds:.1f}",
            f"{usage.ru_maxrss / 1024:.0f}",
        )
    return best


def _fetching(environment: dict[str, str], number: int) -> float:
    from ingestion.services import registry
    from ingestion.services.contract import Surroundings
    from shared.config import load_settings

    service = registry.build(f"retailer_{number}", load_settings(environment), Surroundings())
    started = time.perf_counter()
    for _ in service.fetch_sales_data(DAY):
        pass
    return time.perf_counter() - started


def main(
    lines: Annotated[int, typer.Option(help="Records of the day.")] = 100_000,
    live: Annotated[bool, typer.Option("--live", help="The whole command against real parts.")] = False,
) -> None:
    """Measure ingestion on this machine."""
    console = Console()
    if live:
        _live(lines, console)
    else:
        _in_memory(lines, console)


if __name__ == "__main__":
    typer.run(main)
