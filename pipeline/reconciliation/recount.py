"""Reads the listings of a source again, and compares every line with the raw zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from ingestion import source_clock
from ingestion.connectors import registry
from ingestion.connectors.paging import PageLimits
from ingestion.connectors.protocol import Connector, Runtime
from ingestion.landing.listing import reading_listing
from ingestion.landing.verify import Totals
from ingestion.mapping.workspace import workspace
from pipeline.reconciliation import tables
from pipeline.reconciliation.checks import compare
from pipeline.reconciliation.landed import LandedDate, buckets, download, list_keys
from pipeline.reconciliation.model import DateResult, Difference, Hop, State
from pipeline.reconciliation.remedies import remedy
from pipeline.reconciliation.rows import Tables, row_figures
from pipeline.reconciliation.warehouse import ROW_COLUMNS
from shared.config import Settings
from shared.counts import counted
from shared.errors import RetailError
from shared.scratch import scratch_directory
from shared.sources.connection import FILES
from transformation.raw_partitions import columnar_workspace

STORE = "listing"
NOT_READ = "not recounted: files are not read again"


def recount(results: Sequence[DateResult], settings: Settings, runtime: Runtime) -> list[DateResult]:
    """The results of one source and month, with what differs between its listings now and the raw zone.

    Dates whose raw zone is not right already, or of which nothing is landed, stay as they are. So do those of files.
    """
    compared = [each for each in results if Hop.RAW in each.figures or not each.differences]
    compared = [each for each in compared if all(one.hop is not Hop.RAW for one in each.differences)]
    if not compared:
        return list(results)
    name = compared[0].retailer_id
    definition = settings.sources.find(name)
    if definition is None or definition.connector == FILES:
        return [replace(each, notes=(*each.notes, NOT_READ)) if each in compared else each for each in results]
    days = [each.business_date for each in compared]
    try:
        connector = registry.build(name, settings, runtime)
    except RetailError as error:
        found = {day: [_unreadable(str(error))] for day in days}
    else:
        try:
            found = _compare(connector, days, settings, runtime)
        finally:
            connector.close()
    return [_with(each, found.get(each.business_date, [])) for each in results]


def _with(result: DateResult, found: Sequence[Difference]) -> DateResult:
    if not found:
        return result
    what_to_do = remedy(Hop.SOURCE, result.retailer_id, str(result.business_date))
    explained = tuple(replace(each, what_to_do=what_to_do) for each in found)
    return replace(result, state=State.DIFFERS, differences=(*explained, *result.differences))


def _unreadable(reason: str) -> Difference:
    return Difference(Hop.SOURCE, STORE, f"it could not be read again: {reason}")


def _compare(
    connector: Connector[Any], days: Sequence[date], settings: Settings, runtime: Runtime
) -> dict[date, list[Difference]]:
    """What differs, by date. One date that cannot be read does not keep the others from being compared."""
    name = connector.retailer_id
    raw, processed = buckets(settings.s3)
    found: dict[date, list[Difference]] = {}
    with scratch_directory() as directory, columnar_workspace(directory) as columnar:
        landed = download(raw, processed, name, list_keys(raw, processed, name, days[0], days[-1]), days, directory)
        landed = {day: replace(each, processed=None) for day, each in landed.items() if each.manifest}
        tables.read_landed(columnar, name, landed, directory)
        columnar.execute("CREATE TABLE kept_rows AS FROM raw_rows")
        listed: dict[date, LandedDate] = {}
        for day, each in landed.items():
            try:
                records, totals = _read(connector, day, settings, runtime, directory)
            except RetailError as error:
                found[day] = [_unreadable(str(error))]
                continue
            listed[day] = replace(each, records=records)
            rejected = each.manifest.rejected if each.manifest else 0
            if totals.rejected != rejected:
                reason = (
                    f"{counted(totals.rejected, 'row')} of it are rejected now, {rejected:,} were when it was landed"
                )
                found[day] = [Difference(Hop.SOURCE, STORE, reason)]
        tables.read_landed(columnar, name, listed, directory)
        for day, differences in _lines_that_differ(columnar, listed).items():
            found.setdefault(day, []).extend(differences)
    return found


def _lines_that_differ(
    columnar: duckdb.DuckDBPyConnection, listed: Mapping[date, LandedDate]
) -> dict[date, list[Difference]]:
    now, kept = row_figures(columnar, "raw_rows"), row_figures(columnar, "kept_rows")
    both = Tables("raw_rows", "kept_rows", list(ROW_COLUMNS))
    found = {}
    for day in listed:
        differences = list(compare(Hop.SOURCE, STORE, now.get(day, {}), kept.get(day, {})))
        if differences:
            examples = both.rows_that_differ(columnar, day)
            reason = "the raw zone has other lines than the source has now. "
            found[day] = [replace(each, reason=reason + each.reason, examples=examples) for each in differences]
    return found


def _read(
    connector: Connector[Any], day: date, settings: Settings, runtime: Runtime, directory: Path
) -> tuple[Path, Totals]:
    """Read a listing as landing does, into a file of lines."""
    own = registry.ingest_settings(settings.sources.get(connector.retailer_id), settings.ingest)
    limits = PageLimits(f"{connector.retailer_id} {day}: the listing", own.listing_minutes, runtime.monotonic)
    latest = runtime.clock() + source_clock.RECORD_MARGIN
    with (
        workspace(own.memory_mb, threads=1) as duck,
        reading_listing(connector.mapping, day, own.memory_mb, duck, latest) as listing,
    ):
        for page in connector.fetch_sales_data(day):
            limits.check(page.rows, page.requested)
            listing.add(page)
        totals, text = listing.complete()
        body = text.body
        path = directory / f"{day}.listed.json"
        if isinstance(body, Path):
            body.rename(path)
        else:
            path.write_bytes(body)
    return path, totals
