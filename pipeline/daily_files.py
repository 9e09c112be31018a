"""The part of dropped files in a daily run: load what is there, then look whether the date is.

A file says which dates it has only when it is read, so all new files are loaded. They are published by their own loads,
before the other sources of the run.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ingestion.results import RetailerResult, kind_of
from pipeline.drop_result import DropResult
from pipeline.drop_selection import REJECTED
from pipeline.file_drops import DropRequest, load_drops
from pipeline.stages import StageCall
from shared.commands import new_run_id
from shared.database import read_sql, session, transaction
from shared.errors import RetailError, RetryLater, StopRun
from shared.logs import get_logger

log = get_logger(__name__)
_SQL = Path(__file__).parent / "sql"


def load_files(call: StageCall, source_id: str) -> RetailerResult:
    """Load the new files of the source. Never raises: a date that no file has is a failure in the result."""
    try:
        request = DropRequest(source_id, new_run_id("files"), refresh=False)
        result = load_drops(request, call.settings, clock=call.clock)
        for problem in result.problems:
            log.warning("dropped files", source_id=source_id, problem=problem)
        if not _is_loaded(source_id, call):
            raise _missing(result, call.day)
    except RetailError as error:
        log.error("not loaded", retailer_id=source_id, business_date=str(call.day), error=str(error))
        return RetailerResult(source_id, error=str(error), error_kind=kind_of(error))
    notes = tuple(f"{each.name} was rejected: {each.reason}" for each in result.with_status(REJECTED))
    return RetailerResult(source_id, notes=notes)


def _missing(result: DropResult, day: date) -> RetailError:
    """What a run without the date says: temporary, since a file may come, unless files were rejected."""
    if problems := result.describe_problems():
        return StopRun(f"{result.source_id}: no loaded file has sales of {day}. {problems}")
    found = f"{result.source_id}: no file in {result.location} has sales of {day} yet."
    if result.waiting:
        found += f" {', '.join(result.waiting)} may still be written."
    if result.rejected_before:
        found += f" Rejected before: {', '.join(result.rejected_before)}; see retail sources files {result.source_id}."
    return RetryLater(found)


def _is_loaded(source_id: str, call: StageCall) -> bool:
    dsn = call.settings.warehouse_dsn.get_secret_value()
    with session(dsn, application_name="retail-files") as connection, transaction(connection) as cursor:
        cursor.execute(read_sql(_SQL / "is_loaded.sql"), {"retailer_id": source_id, "day": call.day})
        return cursor.fetchone() is not None
