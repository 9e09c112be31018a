"""One load inside its transaction: dimensions, facts by either path, audit, books. All of it commits, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime

from shared.database import Cursor
from shared.version import CODE_VERSION
from transformation.conform import ConformedBatch
from transformation.load.attach_months import attach, summarise_and_reference, swap
from transformation.load.build_months import BuiltMonth, MonthBuilder, MonthComparison
from transformation.load.copying import copy_in
from transformation.load.customer_history import delete_orphaned_versions, sync_customer_history
from transformation.load.dimension_keys import fetch_dimension_keys
from transformation.load.ledger import (
    LedgerEntry,
    Totals,
    audit,
    build_ledger_entry,
    build_unchanged_entry,
    totals_by_outcome,
)
from transformation.load.merge_dates import MergeResult, forget_superseded, merge_dates, summarise_dates
from transformation.load.plan import LoadPlan, first_of_month
from transformation.load.result import LoadOptions, LoadResult
from transformation.load.split_transactions import find_split_dates
from transformation.load.unchanged_dates import UnchangedDate, WarehouseChanged, check_still_unchanged
from transformation.load.write_ledger import last_processed_transaction, move_watermark, restate_ledger, write_ledger
from transformation.statements import statement

_INCOMING = ("incoming_products", "incoming_stores", "incoming_customers", "incoming_transactions")
"""Temporary tables, each filled by the DuckDB query of the same name."""
_TotalsByOutcome = dict[tuple[int, str], Totals]


def date_key(day: date) -> int:
    """20240115 for 2024-01-15, as in dim_date."""
    return int(f"{day:%Y%m%d}")


def _day(key: int) -> date:
    return datetime.strptime(str(key), "%Y%m%d").date()  # noqa: DTZ007 - a date has no zone


class LoadTransaction:
    """The steps of a load; the retailer is locked already."""

    def __init__(self, cursor: Cursor, dsn: str, batch: ConformedBatch, options: LoadOptions) -> None:
        """`dsn` is for the connections that build months."""
        self._cursor, self._dsn, self._batch, self._options = cursor, dsn, batch, options
        self._parameters: dict[str, object] = {
            "retailer_id": batch.retailer_id,
            "retailer_key": self._retailer_key(batch.retailer_id),
            "run_id": options.run_id,
            "now": options.now,
            "insert_only": options.insert_only,
        }

    def run(
        self,
        plan_for: Callable[[Collection[date]], LoadPlan],
        unchanged_dates: Mapping[date, UnchangedDate],
        processed_is_written: Callable[[], None],
    ) -> LoadResult:
        """`plan_for` decides once it is known which dates share transactions with others."""
        unchanged = self._counted("count_facts", "in_warehouse", unchanged_dates)
        check_still_unchanged(unchanged_dates, unchanged)
        loaded = [day for day in self._batch.days if day not in unchanged_dates]
        customers, split_dates = self._load_dimensions(loaded) if loaded else (0, [])
        plan = plan_for([_day(key) for key in split_dates])
        if shared := {_day(key) for key in split_dates} & set(unchanged_dates):
            raise WarehouseChanged(shared)
        load_id = self._open_version("build" if plan.months else "merge")
        months = self._build(plan)
        merged = self._merge(plan, split_dates)
        outcomes = totals_by_outcome([*merged.outcomes, *(row for month in months for row in month.outcomes)])
        in_warehouse = {
            **unchanged,
            **_standing_rows(months),
            **self._counted("count_facts", "in_warehouse", plan.merged),
        }
        balances = self._balance(plan, unchanged_dates, outcomes, in_warehouse)
        self._write_books(balances, merged)
        processed_is_written()
        self._options.in_transaction(self._cursor, load_id)
        swap(self._cursor, _only_built(months))
        if loaded and not self._options.insert_only:
            delete_orphaned_versions(self._cursor)
        return LoadResult(load_id, tuple(balances), customers, tuple(merged.other_dates), plan)

    def _load_dimensions(self, loaded: Sequence[date]) -> tuple[int, list[int]]:
        keys = [date_key(day) for day in loaded]
        # An insert-only load takes nothing away: it forgets nothing of what older loads stated either.
        self._parameters |= {"date_keys": keys, "replaced_date_keys": [0] if self._options.insert_only else keys}
        self._execute("create_incoming")
        columnar = self._batch.cursor()
        for table in _INCOMING:
            copy_in(self._cursor, columnar, statement(table), table)
        self._cursor.execute("ANALYZE incoming_customers, incoming_transactions")
        self._execute("upsert_stores")
        self._execute("upsert_products")
        customers = sync_customer_history(self._cursor, self._parameters)
        split_dates = find_split_dates(self._cursor, self._parameters)
        self._options.progress("dimensions", 0.3)
        return customers, split_dates

    def _build(self, plan: LoadPlan) -> list[MonthComparison]:
        if not plan.months:
            return []
        fetch_dimension_keys(self._cursor, self._parameters, self._batch)
        built_keys = [date_key(day) for day in plan.built]
        forget_superseded(self._cursor, {**self._parameters, "date_keys": built_keys})
        retailer_key, load_id = int(str(self._parameters["retailer_key"])), int(str(self._parameters["load_id"]))
        months = []
        for month in MonthBuilder(self._batch, self._dsn, retailer_key, load_id).build_all(plan.months):
            if isinstance(month, BuiltMonth):
                summarise_and_reference(self._cursor, self._parameters, month)
            months.append(month)
            self._options.progress(f"{month.plan.first_day:%Y-%m}", 0.3 + 0.5 * len(months) / len(plan.months))
        attach(self._cursor, _only_built(months))
        for month_day in sorted({first_of_month(day) for day in plan.merged}):
            self._cursor.execute("SELECT ops.ensure_fact_partition(%s)", (month_day,))
        return months

    def _merge(self, plan: LoadPlan, split_dates: list[int]) -> MergeResult:
        if not plan.merged:
            return MergeResult([], [], [])
        keys = [date_key(day) for day in plan.merged]
        parameters = {**self._parameters, "date_keys": keys}
        merged = merge_dates(self._cursor, parameters, self._batch, plan.merged, split_dates)
        if merged.written_dates:
            summarise_dates(self._cursor, parameters, merged.written_dates)
        return merged

    def _balance(
        self,
        plan: LoadPlan,
        unchanged: Mapping[date, UnchangedDate],
        outcomes: _TotalsByOutcome,
        in_warehouse: _TotalsByOutcome,
    ) -> list[LedgerEntry]:
        summaries = self._counted("count_summaries", "summary", self._batch.days)
        balances = [build_ledger_entry(part, outcomes, in_warehouse) for part in self._batch.partitions(plan.loaded)]
        manifests = self._batch.manifests()
        balances += [
            build_unchanged_entry(manifests[day], self._batch.landed[day], each.in_warehouse, each.superseded)
            for day, each in unchanged.items()
        ]
        balances.sort(key=lambda balance: balance.business_date)
        for balance in balances:
            summary = summaries.get((date_key(balance.business_date), "summary"), Totals())
            audit(balance, summary, insert_only=self._options.insert_only)
        return balances

    def _write_books(self, balances: Sequence[LedgerEntry], merged: MergeResult) -> None:
        write_ledger(self._cursor, self._parameters, balances)
        if merged.other_dates:
            summarise_dates(self._cursor, self._parameters, merged.other_dates)
            restate_ledger(self._cursor, self._parameters, merged.other_dates)
        latest = balances[-1]
        if latest.business_date in self._batch.conformed_days:
            transaction_id = self._batch.last_transaction(latest.business_date)
        else:  # the watermark was set from the very same records
            transaction_id = last_processed_transaction(self._cursor, self._batch.retailer_id)
        move_watermark(self._cursor, self._parameters, latest.manifest, transaction_id)

    def _execute(self, name: str) -> None:
        self._cursor.execute(statement(name), self._parameters)

    def _counted(self, name: str, outcome: str, days: Collection[date]) -> _TotalsByOutcome:
        if not days:
            return {}
        parameters = {**self._parameters, "date_keys": [date_key(day) for day in days]}
        self._cursor.execute(statement(name), parameters)
        found = self._cursor.fetchall()
        return totals_by_outcome((key, outcome, code, count, amount) for key, code, count, amount in found)

    def _retailer_key(self, retailer_id: str) -> int:
        find = "SELECT retailer_key FROM dim_retailer WHERE retailer_id = %s"
        self._cursor.execute(find, (retailer_id,))
        row = self._cursor.fetchone()
        if row is None:
            self._cursor.execute(
                "INSERT INTO dim_retailer (retailer_id, retailer_name) VALUES (%s, %s) RETURNING retailer_key",
                (retailer_id, retailer_id),
            )
            row = self._cursor.fetchone()
        return int(row[0]) if row else 0

    def _open_version(self, load_path: str) -> int:
        self._cursor.execute(
            "INSERT INTO data_versions (run_id, retailer_key, load_path, code_version, published_at)"
            " VALUES (%(run_id)s, %(retailer_key)s, %(load_path)s, %(code_version)s, %(now)s) RETURNING load_id",
            {**self._parameters, "load_path": load_path, "code_version": CODE_VERSION},
        )
        load_id = int((self._cursor.fetchone() or (0,))[0])
        self._parameters["load_id"] = load_id
        return load_id


def _only_built(months: Sequence[MonthComparison]) -> list[BuiltMonth]:
    return [month for month in months if isinstance(month, BuiltMonth)]


def _standing_rows(months: Sequence[MonthComparison]) -> _TotalsByOutcome:
    found = (row for month in months for row in month.in_warehouse)
    return totals_by_outcome((key, "in_warehouse", code, count, amount) for key, code, count, amount in found)
