"""The steps of a load, in their order. Each names the temporary tables that it reads and those that it makes.

A test compares these names with the statements that the steps run.
"""

from __future__ import annotations

from dataclasses import replace

from psycopg2 import sql

from shared.version import CODE_VERSION
from transformation.load.attach_months import finish_month, swap
from transformation.load.build_months import BuiltMonth, MonthBuilder
from transformation.load.context import LoadState
from transformation.load.copying import copy_in
from transformation.load.customer_history import delete_orphaned_versions, repoint_facts
from transformation.load.describe_source import describe_source
from transformation.load.dimension_keys import fetch_dimension_keys
from transformation.load.held_dates import check_dates
from transformation.load.ledger import Totals, audit, build_ledger_entry, build_unchanged_entry
from transformation.load.merge_dates import (
    check_resolved,
    facts_hold_rows,
    forget_superseded,
    merge_result,
    stage_rows,
    summarise_dates,
    write_facts,
)
from transformation.load.plan import LoadPath, date_key, date_of_key, months_missing
from transformation.load.transaction import LoadTransaction, Step
from transformation.load.unchanged_dates import WarehouseChanged
from transformation.load.write_ledger import last_processed_transaction, move_watermark, restate_ledger, write_ledger
from transformation.statements import statement

INCOMING = ("incoming_products", "incoming_stores", "incoming_customers", "incoming_transactions")
"""Temporary tables, each filled by the DuckDB query of the same name."""


def stage_dimensions(tx: LoadTransaction, state: LoadState) -> LoadState:
    """Copy what the loaded records say of the dimensions into temporary tables."""
    if not tx.context.loaded_keys:
        return state
    tx.execute("create_incoming", state)
    columnar = tx.context.batch.cursor()
    for table in INCOMING:
        copy_in(tx.cursor, columnar, statement(table), table)
    tx.cursor.execute("ANALYZE incoming_customers, incoming_transactions")
    return state


def upsert_dimensions(tx: LoadTransaction, state: LoadState) -> LoadState:
    """Bring dim_store and dim_product (SCD 1) up to date."""
    if tx.context.loaded_keys:
        tx.execute("upsert_stores", state)
        tx.execute("upsert_products", state)
    return state


def record_observations(tx: LoadTransaction, state: LoadState) -> LoadState:
    """Store what the loaded dates observe of customers, and find the customers whose history that can change."""
    if tx.context.loaded_keys:
        tx.execute("record_observations", state)
    return state


def sync_customer_versions(tx: LoadTransaction, state: LoadState) -> LoadState:
    """Calculate the versions of those customers again (SCD 2), and let their facts follow."""
    if not tx.context.loaded_keys:
        return state
    tx.execute("sync_customer_versions", state)
    repoint_facts(tx.cursor, tx.parameters(state), sql.Identifier("fact_sales"))
    tx.cursor.execute("SELECT count(*) FROM changed_customers")
    return replace(state, customers_changed=_number(tx))


def find_customer_versions(tx: LoadTransaction, state: LoadState) -> LoadState:
    """List the versions of the loaded customers with the intervals in which each is valid."""
    if tx.context.loaded_keys:
        tx.execute("find_customer_versions", state)
    return state


def find_split_transactions(tx: LoadTransaction, state: LoadState) -> LoadState:
    """Find the transactions that have lines under several dates, and record which dates hold lines of which."""
    if not tx.context.loaded_keys:
        return state
    tx.execute("find_split_transactions", state)
    split_keys = tuple(sorted(row[0] for row in tx.cursor.fetchall()))
    tx.context.options.progress("dimensions", 0.3)
    return replace(state, split_keys=split_keys)


def make_plan(tx: LoadTransaction, state: LoadState) -> LoadState:
    """Decide how each date is loaded, and open the version that the load writes."""
    split_dates = {date_of_key(key) for key in state.split_keys}
    plan = tx.context.plan_for(split_dates)
    if shared := split_dates & tx.context.unchanged.keys():
        raise WarehouseChanged(shared)
    tx.cursor.execute(
        "INSERT INTO data_versions (run_id, retailer_key, load_path, code_version, published_at)"
        " VALUES (%(run_id)s, %(retailer_key)s, %(load_path)s, %(code_version)s, %(now)s) RETURNING load_id",
        tx.parameters(state, load_path="build" if plan.months else "merge", code_version=CODE_VERSION),
    )
    return replace(state, plan=plan, load_id=_number(tx))


def build_months(tx: LoadTransaction, state: LoadState) -> LoadState:
    """Build complete months next to fact_sales, and attach those that are new, and empty ones for merged dates."""
    if not state.plan.months:
        return state
    parameters, context = tx.parameters(state), tx.context
    fetch_dimension_keys(tx.cursor, parameters, context.batch)
    forget_superseded(tx.cursor, {**parameters, "date_keys": [date_key(day) for day in state.plan.built]})
    builder = MonthBuilder(context.batch, context.dsn, context.retailer_key, state.load_id)
    months = []
    for month in builder.build_all(state.plan.months):
        if isinstance(month, BuiltMonth):
            finish_month(tx.cursor, parameters, month)
        months.append(month)
        context.options.progress(f"{month.plan.first_day:%Y-%m}", 0.3 + 0.5 * len(months) / len(state.plan.months))
    missing = months_missing(tx.cursor, state.plan.merged)
    for first_day in missing:
        tx.cursor.execute("SELECT ops.ensure_fact_partition(%s)", (first_day,))
    return replace(state, months=tuple(months), made_months=bool(missing))


def stage_sales(tx: LoadTransaction, state: LoadState) -> LoadState:
    """Copy the rows of the dates that are merged into a temporary table."""
    if not state.plan.merged:
        return state
    stage_rows(tx.cursor, tx.context.batch, state.plan.merged)
    parameters = tx.parameters(state, date_keys=state.merged_keys)
    return replace(state, only_new_rows=not state.split_keys and not facts_hold_rows(tx.cursor, parameters))


def insert_new_dates(tx: LoadTransaction, state: LoadState) -> LoadState:
    """Insert the rows of dates that fact_sales holds nothing of, as in most runs; nothing has to be compared."""
    if not state.only_new_rows:
        return state
    parameters = tx.parameters(state, date_keys=state.merged_keys)
    forget_superseded(tx.cursor, parameters)
    tx.cursor.execute(statement("insert_new_dates"), parameters)
    check_resolved(tx.context.batch, state.plan.merged, tx.cursor.rowcount)
    tx.execute("count_staged", state)
    return replace(state, merged=merge_result([(*row, True) for row in tx.cursor.fetchall()]))


def resolve_keys(tx: LoadTransaction, state: LoadState) -> LoadState:
    """Give the staged rows their surrogate keys."""
    if not state.is_compared:
        return state
    tx.execute("resolve_keys", state)
    tx.cursor.execute("SELECT count(*) FROM keyed_sales")
    check_resolved(tx.context.batch, state.plan.merged, _number(tx))
    return state


def resolve_split_transactions(tx: LoadTransaction, state: LoadState) -> LoadState:
    """Of a line under several dates, keep the version in fact_sales that the source changed last."""
    if not state.is_compared:
        return state
    split_keys = list(state.split_keys) or [0]
    tx.execute("resolve_split_transactions", state, date_keys=state.merged_keys, split_dates=split_keys)
    tx.cursor.execute("SELECT date_key FROM replaced_lines UNION SELECT date_key FROM restored ORDER BY date_key")
    other_dates = [row[0] for row in tx.cursor.fetchall()]
    return replace(state, merged=replace(state.merged, other_dates=other_dates))


def classify_rows(tx: LoadTransaction, state: LoadState) -> LoadState:
    """Compare the rows with those in fact_sales."""
    if not state.is_compared:
        return state
    tx.execute("classify_rows", state, date_keys=state.merged_keys)
    tx.execute("count_outcomes", state)
    return replace(state, merged=merge_result(tx.cursor.fetchall(), state.merged.other_dates))


def write_changes(tx: LoadTransaction, state: LoadState) -> LoadState:
    """Write the rows that differ."""
    if state.is_compared:
        outcomes = {outcome for _, outcome, *_ in state.merged.outcomes}
        write_facts(tx.cursor, tx.parameters(state, date_keys=state.merged_keys), outcomes)
    return state


def summarise(tx: LoadTransaction, state: LoadState) -> LoadState:
    """Rewrite the summaries of the dates whose rows changed, or of all when everything is written again."""
    written = state.merged_keys if tx.context.options.path is LoadPath.BUILD else state.merged.written_dates
    for keys in (written, state.merged.other_dates):
        if keys:
            summarise_dates(tx.cursor, tx.parameters(state), keys)
    return state


def reconcile(tx: LoadTransaction, state: LoadState) -> LoadState:
    """Calculate the ledger entries. Raises StopRun when one record or one cent is missing."""
    context = tx.context
    merged = tx.count("count_facts", "in_warehouse", state.plan.merged)
    outcomes, facts = state.outcomes, {**state.facts_unchanged, **state.facts_in_months, **merged}
    summaries = tx.count("count_summaries", "summary", context.batch.days)
    entries = [build_ledger_entry(part, outcomes, facts) for part in context.batch.partitions(state.plan.loaded)]
    manifests = context.batch.manifests()
    entries += [
        build_unchanged_entry(manifests[day], context.batch.landed[day], each.in_warehouse, each.superseded)
        for day, each in context.unchanged.items()
    ]
    entries.sort(key=lambda entry: entry.business_date)
    for entry in entries:
        summary = summaries.get((date_key(entry.business_date), "summary"), Totals())
        audit(entry, summary, insert_only=context.options.insert_only)
    return replace(state, entries=tuple(entries))


def record_ledger(tx: LoadTransaction, state: LoadState) -> LoadState:
    """Write the ledger, restate it for other dates that changed, and move the watermark."""
    parameters, batch = tx.parameters(state), tx.context.batch
    write_ledger(tx.cursor, parameters, state.entries)
    if state.merged.other_dates:
        restate_ledger(tx.cursor, parameters, state.merged.other_dates)
    latest = state.entries[-1]
    if latest.business_date in batch.conformed_days:
        transaction_id = batch.last_transaction(latest.business_date)
    else:  # the watermark was set from the same records
        transaction_id = last_processed_transaction(tx.cursor, batch.retailer_id)
    move_watermark(tx.cursor, parameters, latest.manifest, transaction_id)
    return state


def publish(tx: LoadTransaction, state: LoadState) -> LoadState:
    """Write the processed files, and publish the months that changed."""
    tx.context.wait_for_processed()()
    if state.attaches_months:
        swap(tx.cursor, state.built_months)
    return state


def _number(tx: LoadTransaction) -> int:
    return int((tx.cursor.fetchone() or (0,))[0])


STEPS: tuple[Step, ...] = (
    Step("stage the dimensions", stage_dimensions, makes=INCOMING),
    Step("upsert stores and products", upsert_dimensions, needs=("incoming_products", "incoming_stores")),
    Step(
        "record customer observations",
        record_observations,
        needs=("incoming_customers",),
        makes=("removed_observations", "added_observations", "changed_customers"),
    ),
    Step(
        "calculate customer versions",
        sync_customer_versions,
        needs=("changed_customers",),
        makes=("new_versions", "previous_versions"),
    ),
    Step(
        "find customer versions",
        find_customer_versions,
        needs=("incoming_customers", "previous_versions"),
        makes=("customer_keys",),
    ),
    Step(
        "find split transactions",
        find_split_transactions,
        needs=("incoming_transactions",),
        makes=("split_transactions",),
    ),
    Step("make the plan", make_plan),
    Step(
        "build months",
        build_months,
        needs=("incoming_products", "incoming_stores", "customer_keys", "previous_versions", "new_versions"),
    ),
    Step("stage sales", stage_sales, makes=("staged_sales",)),
    Step("insert new dates", insert_new_dates, needs=("staged_sales", "customer_keys")),
    Step("resolve keys", resolve_keys, needs=("staged_sales", "customer_keys"), makes=("keyed_sales",)),
    Step(
        "resolve split transactions",
        resolve_split_transactions,
        needs=("keyed_sales", "split_transactions", "previous_versions"),
        makes=("ranked_lines", "restored", "replaced_lines"),
    ),
    Step(
        "classify rows",
        classify_rows,
        needs=("keyed_sales", "split_transactions", "ranked_lines", "replaced_lines"),
        makes=("classified_sales",),
    ),
    Step("write changes", write_changes, needs=("classified_sales",)),
    Step("summarise", summarise),
    Step("reconcile", reconcile),
    Step("describe the source", describe_source),
    Step("record the ledger", record_ledger, needs=("restored",)),
    Step("delete orphaned versions", delete_orphaned_versions, needs=("previous_versions",)),
    Step("check the dates", check_dates),
    Step("publish", publish),
)
