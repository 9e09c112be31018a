"""`make bench`: measure every figure of the table in one run on this machine, and write docs/BENCHMARKS.md.

    python -m benchmarks [quick|full|large|connectors|document] [--facts N] [--repetitions N]

`quick` takes four minutes at most, `full` about half an hour, `large` adds one day on top of 50 million facts (about
20 minutes and 25 GiB of temporary disk). `connectors` measures the connectors only, and replaces their section of the
document. `document` writes the document again from the last results.
Progress goes to standard error. All servers are started for the benchmark and removed at the end.
"""

from __future__ import annotations

import logging
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import structlog
import typer

from benchmarks.bench import FULL, QUICK, Bench
from benchmarks.document import write, write_connectors
from benchmarks.filled_warehouse import DiskTooSmall, check_room
from benchmarks.machine import describe_machine, load_of_others
from benchmarks.online_retail import describe_source
from benchmarks.process_watch import CommandFailed
from benchmarks.results import Results, read_results
from benchmarks.stack import running_stack
from benchmarks.targets import figures
from local_stack.errors import StackError
from shared.config import PROJECT_ROOT
from shared.errors import RetailError
from shared.scratch import scratch_directory
from shared.version import CODE_VERSION

RESULTS = PROJECT_ROOT / ".local" / "bench" / "results.json"
LARGE_FACTS = 50_000_000


class What(StrEnum):
    """What to measure."""

    QUICK = "quick"
    FULL = "full"
    LARGE = "large"
    CONNECTORS = "connectors"
    DOCUMENT = "document"


def measure(what: What, facts: int, repetitions: int | None) -> Results:
    """Run the measurements. After an error, what was measured before it is still in the results file."""
    plan = QUICK if what is What.QUICK else FULL
    plan = replace(plan, repetitions=repetitions or plan.repetitions)
    started, load_before = time.monotonic(), load_of_others()

    def progress(text: str) -> None:
        typer.echo(f"[{time.monotonic() - started:5.0f} s] {text}", err=True)

    progress("starting PostgreSQL")
    with running_stack() as stack, scratch_directory() as directory:
        results = Results(
            machine=describe_machine(stack.version),
            source=describe_source(),
            code_version=CODE_VERSION,
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
            load_before=load_before,
            repetitions=plan.repetitions,
        )
        bench = Bench(stack, plan, directory, results, progress)
        try:
            if what is What.LARGE:
                bench.run_large(facts)
            elif what is What.CONNECTORS:
                bench.run_connectors()
            else:
                bench.run()
        finally:
            results.seconds = round(time.monotonic() - started, 1)
            _keep(results, what)
    return results


def _keep(results: Results, what: What) -> None:
    """The large run and that of connectors add to the last full run; any other replaces what it measured itself."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    path = RESULTS if what is not What.QUICK else RESULTS.with_name("quick.json")
    older = read_results(path)
    if what in (What.LARGE, What.CONNECTORS) and older is not None and older.machine == results.machine:
        kept = older.model_copy(update={"timings": {**older.timings, **results.timings}})
    else:
        kept = results.merged_with(older)
    path.write_text(kept.model_dump_json(indent=1), encoding="utf-8")


def main(
    what: Annotated[What, typer.Argument(help="quick, full, large, connectors or document.")] = What.FULL,
    facts: Annotated[int, typer.Option(help="Facts that the large warehouse holds.")] = LARGE_FACTS,
    repetitions: Annotated[int | None, typer.Option(min=1, help="How often each piece of work is measured.")] = None,
) -> None:
    """Measure, print the outcomes, write docs/BENCHMARKS.md (the quick run: .local/bench/quick/ instead)."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        if what is What.LARGE:
            check_room(facts)
        if what is not What.DOCUMENT:
            measure(what, facts, repetitions)
    except (DiskTooSmall, StackError, RetailError, CommandFailed) as error:
        typer.echo(f"bench: {error}", err=True)
        raise typer.Exit(1) from error
    path = RESULTS if what is not What.QUICK else RESULTS.with_name("quick.json")
    results = read_results(path)
    if results is None:
        typer.echo(f"bench: no results in {path.relative_to(PROJECT_ROOT)}. Run: make bench", err=True)
        raise typer.Exit(1)
    folder = PROJECT_ROOT / "docs" if what is not What.QUICK else path.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    if what is What.CONNECTORS:
        typer.echo(f"written: {write_connectors(results, folder).relative_to(PROJECT_ROOT)}", err=True)
        return
    for figure in figures(results):
        must, aim = figure.limits
        typer.echo(f"{figure.outcome.strip('*'):14} {figure.shown:>18}  (must {must}, aim {aim})  {figure.work}")
    typer.echo(f"written: {write(results, folder).relative_to(PROJECT_ROOT)}", err=True)


if __name__ == "__main__":
    if sys.platform != "linux":
        sys.exit("bench: memory and processor time are read from /proc, so this runs on Linux only")
    typer.run(main)
