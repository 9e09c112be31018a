"""The schema contract of a source of files: its headers are compared, and a difference is one alert."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from monitoring.alerts.outcomes import command_origin, report_schema
from pipeline.file_load_checks import COMMAND
from shared.config import Settings
from shared.errors import RetailError
from shared.logs import get_logger

if TYPE_CHECKING:
    from ingestion.schema_contracts.file_headers import FileHeaders

_log = get_logger(__name__)


@contextmanager
def schema_contract(
    settings: Settings | None, retailer_id: str, run_id: str, clock: Callable[[], datetime]
) -> Iterator[FileHeaders | None]:
    """The headers that the files of a load have to have; None for a dry run, which knows no warehouse.

    What is different is reported when the block ends, also by an error. It is the schema of the next load only if
    `landed` was called.
    """
    if settings is None:
        yield None
        return
    from ingestion.schema_contracts.file_headers import FileHeaders
    from ingestion.schema_contracts.store import read_guard

    definition = settings.sources.find(retailer_id)
    contract = definition.contract if definition else "evolve"
    dsn = settings.warehouse_dsn.get_secret_value()
    headers = FileHeaders(read_guard(dsn, retailer_id, contract), clock().date())
    try:
        yield headers
    finally:
        _report(dsn, headers, run_id, clock)


def _report(dsn: str, headers: FileHeaders, run_id: str, clock: Callable[[], datetime]) -> None:
    from ingestion.schema_contracts.notice import notice_of
    from ingestion.schema_contracts.store import save

    guard, since = headers.guard, None
    if guard.latest is None:
        return
    try:
        since = save(dsn, guard, run_id, clock())
    except RetailError as error:
        _log.warning("the schema was not recorded", retailer_id=guard.retailer_id, error=str(error))
    notice = notice_of(guard, since)
    changed = (notice.severity, notice.summary, notice.detail) if notice else None
    report_schema(dsn, guard.latest, guard.retailer_id, changed, command_origin(COMMAND, run_id), clock=clock)
