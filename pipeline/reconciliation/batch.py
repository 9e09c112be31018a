"""One month of a source: its stores are read once, compared, and read again where a load was at work meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb

from pipeline.reconciliation import checks, tables
from pipeline.reconciliation.checks import Stores
from pipeline.reconciliation.landed import LandedDate, buckets, download, list_keys, read_manifest
from pipeline.reconciliation.model import ByCurrency, DateResult, Difference, Hop, State
from pipeline.reconciliation.remedies import with_remedies
from pipeline.reconciliation.rows import SUMMARY_KEYS, Tables, row_figures, summary_figures
from pipeline.reconciliation.tables import Baseline, LandedRows
from pipeline.reconciliation.warehouse import (
    DAILY_SALES,
    DAILY_TRANSACTIONS,
    ROW_COLUMNS,
    Published,
    copy_published,
    is_being_loaded,
    read_dead_letters,
    read_ledger,
    snapshot,
)
from shared.config import Settings
from shared.database import Connection, transaction
from shared.scratch import scratch_directory
from transformation.raw_partitions import columnar_workspace

_ATTEMPTS = 3
_PAUSE_SECONDS = 2.0
_LOADING = "A landing or a load of the date is at work. Reconcile again when it has ended."
_NO_FIGURES: ByCurrency = {}


@dataclass(frozen=True)
class Batch:
    """Dates of a source that are compared together, at most a month."""

    retailer_id: str
    first: date
    last: date


def reconcile_batch(
    batch: Batch, settings: Settings, connection: Connection, sleep: Callable[[float], None]
) -> list[DateResult]:
    """Compare the stores of every date of the batch that any of them has.

    A date that differs, or is not published, while a load is at work is read again; if that does not end soon, its
    result says so.
    """
    done: dict[date, DateResult] = {}
    wanted: Collection[date] | None = None
    for attempt in range(_ATTEMPTS):
        if attempt:
            sleep(_PAUSE_SECONDS)
        results, seen = _Reading(batch, settings, connection).compare(wanted)
        done |= results
        wanted = [
            day
            for day, each in results.items()
            if each.state is not State.EQUAL and _moves(batch, settings, connection, day, seen)
        ]
        if not wanted:
            break
    for day in wanted or ():
        done[day] = replace(done[day], state=State.BEING_LOADED, differences=(), notes=(_LOADING,))
    return [done[day] for day in sorted(done)]


def _moves(
    batch: Batch, settings: Settings, connection: Connection, day: date, seen: Mapping[date, tuple[object, object]]
) -> bool:
    """Whether a date has another version than the one that was compared, or will have one soon."""
    raw, _ = buckets(settings.s3)
    with transaction(connection) as cursor:
        published = read_ledger(cursor, batch.retailer_id, day, day).get(day)
        at_work = is_being_loaded(cursor, batch.retailer_id, day)
    return at_work or _version(read_manifest(raw, batch.retailer_id, day)[0], published) != seen[day]


def _version(manifest: object, published: Published | None) -> tuple[object, object]:
    return manifest, published.load_id if published else None


class _Reading:
    """Reads the stores of a batch and compares them."""

    def __init__(self, batch: Batch, settings: Settings, connection: Connection) -> None:
        self._batch, self._settings, self._connection = batch, settings, connection

    def compare(
        self, wanted: Collection[date] | None
    ) -> tuple[dict[date, DateResult], dict[date, tuple[object, object]]]:
        """The results by date, and the versions that were compared; only of the wanted dates, if any are given."""
        with scratch_directory() as directory, columnar_workspace(directory) as columnar:
            stores, landed = self._read(columnar, directory)
            if wanted is not None:
                stores = {day: each for day, each in stores.items() if day in wanted}
            results = _compare_all(columnar, stores, landed)
        return results, {day: _version(each.manifest, each.published) for day, each in stores.items()}

    def _read(self, columnar: duckdb.DuckDBPyConnection, directory: Path) -> tuple[dict[date, Stores], LandedRows]:
        name, first, last = self._batch.retailer_id, self._batch.first, self._batch.last
        raw, processed = buckets(self._settings.s3)
        keys = list_keys(raw, processed, name, first, last)
        with snapshot(self._connection) as cursor:
            ledger = read_ledger(cursor, name, first, last)
            copy_published(cursor, name, first, last, columnar, directory)
            dead_letters = read_dead_letters(cursor, name, first, last)
        tables.join_stored(columnar)
        facts, stored = row_figures(columnar, "fact_rows"), row_figures(columnar, "stored_rows")
        summaries = summary_figures(columnar, "daily_sales")
        with_objects = {day for day, zones in keys.items() if zones.keys() - {"raw_history"}}
        days = sorted({*with_objects, *ledger, *stored, *summaries})
        landed = download(raw, processed, name, keys, days, directory)
        rows = tables.read_landed(columnar, name, landed, directory)
        figures = {
            Hop.RAW: row_figures(columnar, "raw_rows"),
            Hop.PROCESSED: row_figures(columnar, "processed_rows"),
            Hop.FACTS: facts,
            Hop.SUMMARIES: summaries,
        }
        superseded = _superseded(columnar)
        other = _wide(columnar).differing_dates(columnar)
        return {
            day: Stores(
                name,
                day,
                landed[day],
                ledger.get(day),
                rows.contents[day],
                rows.distinct[day],
                rows.raw_problems.get(day, ""),
                rows.processed_problems.get(day, ""),
                {hop: found[day] for hop, found in figures.items() if day in found},
                stored.get(day, _NO_FIGURES),
                *superseded.get(day, (0, 0)),
                processed_is_other=day in other,
                missing_dead_letters=_missing_dead_letters(landed[day], dead_letters),
            )
            for day in days
        }, rows


def _superseded(columnar: duckdb.DuckDBPyConnection) -> dict[date, tuple[int, int]]:
    """How many lines of each date are superseded, and how many of them have no later version."""
    rows = columnar.execute(
        "SELECT strptime(date_key::VARCHAR, '%Y%m%d')::DATE, count(*), count(*) FILTER (NOT is_replaced)"
        " FROM superseded_rows GROUP BY ALL"
    ).fetchall()
    return {day: (lines, alone) for day, lines, alone in rows}


def _missing_dead_letters(landed: LandedDate, dead_letters: tuple[bool, set[tuple[object, ...]]]) -> int:
    """Rejected records without a dead letter. A warehouse that was rebuilt has none of the source: then 0."""
    any_at_all, there = dead_letters
    if not any_at_all or landed.rejected is None or landed.manifest is None or not landed.manifest.rejected:
        return 0
    return sum((landed.day, *each) not in there for each in landed.rejected.dead_letters)


def _wide(columnar: duckdb.DuckDBPyConnection) -> Tables:
    columns = [name for name, *_ in columnar.execute("DESCRIBE conformed_wide").fetchall()]
    return Tables("conformed_wide", "processed_wide", columns)


def _compare_all(
    columnar: duckdb.DuckDBPyConnection, stores: Mapping[date, Stores], rows: LandedRows
) -> dict[date, DateResult]:
    """Compare hop by hop. What follows from the difference of an earlier store is not a difference."""
    found: dict[date, list[Difference]] = {}
    baselines: dict[date, Baseline] = {}
    for day, each in stores.items():
        raw = list(checks.check_raw(each))
        raw_is_right = each.manifest is not None and not any(one.hop is Hop.RAW for one in raw)
        baselines[day] = baseline = checks.choose_baseline(each, raw_is_right)
        source = list(checks.check_source(each)) if raw_is_right else []
        processed = list(checks.check_processed(each, raw_is_right))
        facts = list(checks.check_facts(each, baseline))
        ledger = [] if facts else list(checks.check_ledger(each, baseline))
        found[day] = [*source, *raw, *checks.check_rejected(each), *processed, *facts, *ledger]
    _add_summaries(columnar, stores, baselines, found)
    for day, each in stores.items():
        found[day] = [_with_examples(columnar, each, one, baselines[day]) for one in found[day]]
    return {day: _result(each, found[day], baselines[day]) for day, each in stores.items()}


def _add_summaries(
    columnar: duckdb.DuckDBPyConnection,
    stores: Mapping[date, Stores],
    baselines: Mapping[date, Baseline],
    found: Mapping[date, list[Difference]],
) -> None:
    """Compare the summaries with what follows from the baseline, and where facts differ also with the facts."""
    tables.expect_rows(columnar, {day: each for day, each in baselines.items() if stores[day].published})
    tables.expect_summaries(columnar, "expected_rows")
    compared = _summaries("")
    differing = {table.found: table.differing_dates(columnar) & set(stores) for table in compared}
    doubtful = {day for days in differing.values() for day in days if any(one.hop is Hop.FACTS for one in found[day])}
    if doubtful:
        tables.expect_summaries(columnar, "fact_rows", "_of_facts")
        agree = [{*doubtful} - each.differing_dates(columnar) for each in _summaries("_of_facts")]
        differing = {table.found: differing[table.found] - days for table, days in zip(compared, agree, strict=True)}
    # Without a store before the facts nothing shows which of the two is right, and the facts come first.
    unclear = {day for day in doubtful if baselines[day] is Baseline.FACTS}
    differing = {table: days - unclear for table, days in differing.items()}
    expected = summary_figures(columnar, "expected_daily_sales")
    for table in compared:
        for day in sorted(differing[table.found]):
            examples = table.rows_that_differ(columnar, day)
            these, those = expected.get(day, {}), stores[day].of(Hop.SUMMARIES)
            words = [str(one.reason) for one in checks.compare(Hop.SUMMARIES, "", these, those)]
            is_sales = table.found == "daily_sales"
            reason = "; ".join(words) if is_sales and words else "its rows do not follow from the facts"
            found[day].append(Difference(Hop.SUMMARIES, f"fact_{table.found}", reason, examples=examples))


def _summaries(suffix: str) -> tuple[Tables, Tables]:
    return (
        Tables(f"expected_daily_sales{suffix}", "daily_sales", list(DAILY_SALES), (*SUMMARY_KEYS, "currency")),
        Tables(
            f"expected_daily_transactions{suffix}",
            "daily_transactions",
            list(DAILY_TRANSACTIONS),
            ("store_key", "currency"),
        ),
    )


def _with_examples(
    columnar: duckdb.DuckDBPyConnection, stores: Stores, difference: Difference, baseline: Baseline
) -> Difference:
    """The same with some of the rows that differ."""
    rows = list(ROW_COLUMNS)
    table: Tables | None = None
    if difference.hop is Hop.PROCESSED and stores.landed.processed and not stores.processed_problem:
        table = _wide(columnar)
    elif difference.hop is Hop.FACTS and baseline is not Baseline.FACTS:
        table = Tables(baseline.value, "stored_rows", rows)
    elif difference.hop is Hop.RAW and stores.landed.records and not stores.landed.is_intact:
        has_processed = stores.landed.processed and not stores.processed_problem
        table = Tables("processed_rows" if has_processed else "stored_rows", "raw_rows", rows)
    if table is None:
        return difference
    return replace(difference, examples=table.rows_that_differ(columnar, stores.day))


def _result(stores: Stores, found: list[Difference], baseline: Baseline) -> DateResult:
    notes = []
    manifest, published = stores.manifest, stores.published
    if stores.is_pending and manifest:
        notes.append(f"landed at {manifest.written_at:%Y-%m-%d %H:%M} UTC, and not published")
    elif manifest is None and published is None and stores.landed.has("raw"):
        notes.append("a landing was interrupted, or its checks failed: its object does not count")
    if published and not published.replaces_older_versions:
        notes.append("loaded with --insert-only, or by an old version: the facts are compared with the ledger")
    if manifest and manifest.control_report is None:
        notes.append("the source has no control report")
    state = State.DIFFERS if found else State.NOT_PUBLISHED if published is None or stores.is_pending else State.EQUAL
    where = stores.retailer_id, stores.day
    return DateResult(*where, state, with_remedies(found, stores), tuple(notes), stores.figures)
