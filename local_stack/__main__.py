"""`python -m local_stack up|down|status|demo`: the local platform, without Docker."""

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
from local_stack.errors import not_writable
from local_stack.layout import Layout
from local_stack.progress import Progress
from local_stack.stack import Platform, Stack
from shared.config import read_environment
from shared.errors import RetailError
from shared.streams import prepare_streams

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
INTERRUPTED = 130
DOWN_WAITS_SECONDS = 90.0


def _stack(layout: Layout) -> Stack:
    return Stack(layout, read_environment(dotenv=layout.root / ".env"), Progress())


@contextmanager
def _polite() -> Iterator[None]:
    """Print errors as one line. The first Ctrl-C or SIGTERM stops cleanly; later ones are ignored."""

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
    except OSError as error:
        if (reason := not_writable(error)) is None:
            raise
        typer.echo(reason, err=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        typer.echo("Interrupted. The services that were started are stopped.", err=True)
        raise typer.Exit(INTERRUPTED) from error


@app.command()
def up() -> None:
    """Start the platform and keep it running; a second time changes nothing."""
    layout = Layout()
    with _polite(), state.only_one(layout.lock_file, what="up"):
        stack = _stack(layout)
        running = stack.is_up_to_stay()
        platform = stack.up()
        _explain(platform, already=running)


@app.command()
def down() -> None:
    """Stop the platform; its data is kept."""
    layout = Layout()
    with _polite(), state.only_one(layout.lock_file, what="down", interrupt_seconds=DOWN_WAITS_SECONDS):
        stopped = _stack(layout).down()
    Console(highlight=False).print(
        f"Stopped {stopped} services. The data is kept in .local/." if stopped else "Nothing was running."
    )


@app.command()
def status(as_json: bool = typer.Option(False, "--json", help="Print it as JSON.")) -> None:
    """Show which services run; exit status 1 when one does not."""
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
    """Run the pipeline for the last three days and show the results."""
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
        "[bold]The platform is already running.[/bold]" if already else "[bold]The platform is running.[/bold]",
        f"  Airflow     {get('AIRFLOW_URL')}  user {get('AIRFLOW_USERNAME')}, password {get('AIRFLOW_PASSWORD')}",
        f"  Warehouse   {get('WAREHOUSE_READER_DSN')}  (read only; PostgreSQL {postgres.version})",
        f"  S3          {get('S3_ENDPOINT_URL')}  buckets {get('S3_BUCKET_RAW')}, {get('S3_BUCKET_PROCESSED')}",
        *(f"  Retailer {n}  {get(f'RETAILER{n}_API_URL')}" for n in (1, 2, 3)),
        "",
        "The warehouse has no new sales until a run succeeds. Airflow runs [bold]retail_data_pipeline[/bold] every day"
        f" at 02:00 {get('BUSINESS_TIMEZONE')}.",
        "To load yesterday now: trigger it in Airflow, or use the commands in a shell:",
        "  source .local/env        sets the addresses and passwords for every command",
        "  .venv/bin/retail run     runs the complete pipeline for yesterday",
        "  .venv/bin/retail --help  lists all commands",
        "[bold]make health-check[/bold] checks every part, [bold]make status[/bold] lists the services and their logs,"
        " [bold]make down[/bold] stops them and keeps the data in .local/.",
    ]
    console = Console(highlight=False, soft_wrap=True)
    for line in lines:
        console.print(line)


if __name__ == "__main__":
    os.chdir(Layout().root)
    os.environ.update(no_proxy_for_us(os.environ))
    prepare_streams()
    sys.exit(app())
