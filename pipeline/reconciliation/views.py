"""Compares the materialized views with what their definitions make of the summaries now; reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from materialized_views.catalog import ViewDefinition, view_definitions
from pipeline.reconciliation.model import Difference, Hop, ViewResult
from pipeline.reconciliation.remedies import remedy
from pipeline.reconciliation.warehouse import snapshot
from shared.counts import counted
from shared.database import Connection, Cursor

REFRESHED_WITHIN = timedelta(hours=6)
"""The views may be older than a load for this long: after it come the checks, which Airflow tries several times."""
_SHOWN = 3
_PERIODS = {
    "business_date": "business_date BETWEEN %(first)s AND %(last)s",
    "week_start_date": "week_start_date BETWEEN %(first)s::date - 6 AND %(last)s",
    "month_start_date": "month_start_date BETWEEN date_trunc('month', %(first)s::date) AND %(last)s",
    "quarter_start_date": "quarter_start_date BETWEEN date_trunc('quarter', %(first)s::date) AND %(last)s",
}
"""The rows of a view that the dates in question are part of, by the column with the beginning of its period."""
_LAST_REFRESH = "SELECT max(started_at) FROM ops.pipeline_runs WHERE stage = 'refresh' AND status = 'succeeded'"
_LAST_LOADS = (
    "SELECT DISTINCT ON (retailer_id) retailer_id, load_id, published_at FROM ops.data_versions"
    " JOIN dim_retailer USING (retailer_key) ORDER BY retailer_id, load_id DESC"
)


@dataclass(frozen=True)
class Refreshed:
    """When the views were last refreshed, and the sources loaded."""

    at: datetime | None
    loads: Mapping[str, tuple[int, datetime]]

    def is_due(self, retailer_id: str, now: datetime) -> bool:
        """Whether the source was loaded so recently that the views may not be refreshed yet."""
        _, published_at = self.loads.get(retailer_id, (0, None))
        return self.is_older(retailer_id) and published_at is not None and published_at >= now - REFRESHED_WITHIN

    def is_older(self, retailer_id: str) -> bool:
        """Whether the source was loaded since the views were refreshed."""
        _, published_at = self.loads.get(retailer_id, (0, None))
        return published_at is not None and (self.at is None or self.at < published_at)


def reconcile_views(
    connection: Connection, sources: Collection[str], first: date, last: date, now: datetime, left_out: Collection[str]
) -> tuple[ViewResult, ...]:
    """Compare the rows of every view that the dates are part of.

    Sources whose summaries differ, or are being loaded, are left out: what the views should hold is not known.
    """
    compared = sorted(set(sources) - set(left_out))
    found: dict[str, list[Difference]] = defaultdict(list)
    with snapshot(connection) as cursor:
        cursor.execute("SET LOCAL enable_nestloop = on")
        refreshed = _refreshed(cursor)
        bound = {"sources": compared, "first": first, "last": last}
        for view in view_definitions().values() if compared else ():
            for name, difference in _compare(cursor, view, bound).items():
                found[name].append(difference)
    results = [
        ViewResult(name, notes=("not compared: summaries differ, or are being loaded",)) for name in sorted(left_out)
    ]
    for name in compared:
        if found[name] and refreshed.is_due(name, now):
            load_id, _ = refreshed.loads[name]
            results.append(ViewResult(name, notes=(f"the views are not refreshed yet since load {load_id}",)))
        else:
            results.append(ViewResult(name, tuple(_explained(each, name, refreshed) for each in found[name])))
    return tuple(each for each in results if each.differences or each.notes)


def _refreshed(cursor: Cursor) -> Refreshed:
    cursor.execute(_LAST_REFRESH)
    row = cursor.fetchone()
    cursor.execute(_LAST_LOADS)
    return Refreshed(row[0] if row else None, {name: (load_id, at) for name, load_id, at in cursor.fetchall()})


def _compare(cursor: Cursor, view: ViewDefinition, bound: Mapping[str, Any]) -> dict[str, Difference]:
    """What differs, by source."""
    cursor.execute("SELECT relispopulated FROM pg_class WHERE oid = %s::regclass", (view.name,))
    if not (cursor.fetchone() or (False,))[0]:
        return {name: Difference(Hop.VIEWS, view.name, "it was never refreshed") for name in bound["sources"]}
    cursor.execute(comparison(view), bound)
    rows: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for name, *row in cursor.fetchall():
        rows[name].append(tuple(row))
    return {name: _difference(view, these) for name, these in rows.items()}


def comparison(view: ViewDefinition) -> str:
    """SQL of the rows that differ between a view and its definition: source, key, both net amounts, how many."""
    columns, keys = ", ".join(view.columns), ", ".join(view.unique_index)
    period = next((_PERIODS[each] for each in view.unique_index if each in _PERIODS), "true")
    label = " || ' ' || ".join(f"{each}::text" for each in view.unique_index if each != "retailer_id")
    rows = f"retailer_id = ANY (%(sources)s) AND {period}"
    query = view.query.replace("%", "%%")
    return (
        f"WITH expected AS MATERIALIZED (SELECT {columns} FROM (\n{query}\n) AS defined WHERE {rows}),"  # noqa: S608
        f" found AS MATERIALIZED (SELECT {columns} FROM {view.name} WHERE {rows}),"
        " missing AS (SELECT * FROM expected EXCEPT ALL SELECT * FROM found),"
        " extra AS (SELECT * FROM found EXCEPT ALL SELECT * FROM expected),"
        f" differing AS (SELECT retailer_id, {label} AS label, missing.net_amount AS expected_net,"
        " extra.net_amount AS found_net, count(*) OVER (PARTITION BY retailer_id) AS number,"
        f" row_number() OVER (PARTITION BY retailer_id ORDER BY {label}) AS place"
        f" FROM missing FULL JOIN extra USING ({keys}))"
        " SELECT retailer_id, label, expected_net, found_net, number FROM differing"
        f" WHERE place <= {_SHOWN} ORDER BY retailer_id, place"
    )


def _difference(view: ViewDefinition, rows: list[tuple[Any, ...]]) -> Difference:
    shown = []
    for label, expected, found, _ in rows:
        if found is None:
            shown.append(f"{label} is missing")
        elif expected is None:
            shown.append(f"{label} should not be there")
        elif expected != found:
            shown.append(f"{label} has net {found:,} instead of {expected:,}")
        else:
            shown.append(f"{label} has other values")
    number = rows[0][3]
    if number > len(rows):
        shown.append(f"and {counted(number - len(rows), 'more row')}")
    reason = f"{counted(number, 'row')} {'does' if number == 1 else 'do'} not follow from the summaries"
    return Difference(Hop.VIEWS, view.name, reason, examples=tuple(shown), what_to_do=remedy(Hop.VIEWS, "", ""))


def _explained(difference: Difference, name: str, refreshed: Refreshed) -> Difference:
    if not refreshed.is_older(name):
        return difference
    load_id, _ = refreshed.loads[name]
    since = f"last refreshed at {refreshed.at:%Y-%m-%d %H:%M} UTC" if refreshed.at else "never refreshed"
    reason = f"{difference.reason}; the views were {since}, before load {load_id}"
    return Difference(difference.hop, difference.store, reason, examples=difference.examples,
                      what_to_do=remedy(Hop.VIEWS, "", ""))  # fmt: skip
