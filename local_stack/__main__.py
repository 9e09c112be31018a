"""`python -m local_stack up|down|status|demo`: the platform on this machine, without Docker."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer
from rich.console import Console
from rich.table import Table

from local_stack import state
from local_stack.environment import no_proxy_for_us
from local_stack.layout import Layout
from local_stack.progress import Progress
from local_stack.stack import Platform, Stack
from shared.config import read_environment
from shared.errors import RetailError

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
INTERRUPTED = 130
DOWN_WAITS_SECONDS = 90.0


def _stack(layout: Layout) -> Stack:
    return Stack(layout, read_environment(dotenv=layout.root / ".env"), Progress())


@contextmanager
def _polite() -> Iterator[None]:
    """Errors in one line; the first Ctrl-C or SIGTERM stops cleanly, later ones do not disturb that."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        raise KeyboardInterrupt

    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, interrupt)
    try:
        yield
    except RetailError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(error.exit_code) from error
    except PermissionError as error:
        typer.echo(
            f"{error.filename} belongs to another user, who ran the platform here before."
            " Work in a clone of your own, or have that user run: make clean",
            err=True,
        )
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        typer.echo("Interrupted; what was started is stopped.", err=True)
        raise typer.Exit(INTERRUPTED) from error


@app.command()
def up() -> None:
    """Start the platform to stay; a second time changes nothing."""
    layout = Layout()
    with _polite(), state.only_one(layout.lock_file, what="up"):
        stack = _stack(layout)
        running = stack.is_up_to_stay()
        platform = stack.up()
        _explain(platform, already=running)


@app.command()
def down() -> None:
    """Stop the platform, whatever is left of it; data stays."""
    layout = Layout()
    with _polite(), state.only_one(layout.lock_file, what="down", interrupt_seconds=DOWN_WAITS_SECONDS):
        stopped = _stack(layout).down()
    Console(highlight=False).print(f"Stopped {stopped} services." if stopped else "Nothing was running.")


@app.command()
def status(as_json: bool = typer.Option(False, "--json", help="Print it as JSON.")) -> None:
    """Show what runs; exit status 1 when something does not."""
    layout = Layout()
    stack = _stack(layout)
    services = stack.services()
    healthy = stack.is_up()
    if as_json:
        facts = {service.name: {"pid": service.pid, "running": alive} for service, alive in services}
        typer.echo(json.dumps({"up": healthy, "services": facts}, indent=2))
    elif not services:
        Console(highlight=False).print("Nothing is running. Start it with: make up")
    else:
        table = Table("service", "state", "process", "log")
        for service, alive in services:
            shown = "[green]running[/green]" if alive else "[red]not running[/red]"
            table.add_row(service.name, shown, str(service.pid), str(layout.log(service.name).relative_to(layout.root)))
        Console().print(table)
    raise typer.Exit(0 if healthy else 1)


@app.command()
def demo() -> None:
    """Run the real pipeline for the last three days and show what happened."""
    from local_stack.demo import run_demo

    layout = Layout()
    with _polite(), state.only_one(layout.lock_file, what="demo"):
        ok = run_demo(_stack(layout))
    raise typer.Exit(0 if ok else 1)


def _explain(platform: Platform, *, already: bool) -> None:
    get = platform.environment.__getitem__
    postgres = platform.server.binaries
    lines = [
        "",
        "[bold]The platform is already running.[/bold]" if already else "[bold]The platform runs.[/bold]",
        f"  Airflow     {get('AIRFLOW_URL')}  user {get('AIRFLOW_USERNAME')}, password {get('AIRFLOW_PASSWORD')}",
        f"  Warehouse   {get('WAREHOUSE_READER_DSN')}  (read only; PostgreSQL {postgres.version})",
        f"  S3          {get('S3_ENDPOINT_URL')}  buckets {get('S3_BUCKET_RAW')}, {get('S3_BUCKET_PROCESSED')}",
        *(f"  Retailer {n}  {get(f'RETAILER{n}_API_URL')}" for n in (1, 2, 3)),
        "",
        "Next: [bold]source .local/env[/bold] (everything the commands need is in it) and, for example,",
        "  .venv/bin/python -m ingestion.main && .venv/bin/python -m transformation.main",
        "or trigger [bold]retail_data_pipeline[/bold] for a date in Airflow, which runs it every night at 02:00"
        f" {get('BUSINESS_TIMEZONE')}.",
        "[bold]make health-check[/bold] says whether all is well, [bold]make status[/bold] what runs,"
        " [bold]make down[/bold] stops it. Data stays in .local/.",
    ]
    console = Console(highlight=False, soft_wrap=True)
    for line in lines:
        console.print(line)


if __name__ == "__main__":
    os.chdir(Layout().root)
    os.environ.update(no_proxy_for_us(os.environ))
    sys.exit(app())
