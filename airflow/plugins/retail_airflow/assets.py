"""The warehouse's tables and views as Airflow assets, and the details of their events.

Imported by DAG files only. An asset's URI is its name, without the host, which differs between platforms. If the URI
of a name changed, Airflow would reject every task that names the asset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from airflow.sdk import Asset, get_current_context

from pipeline.outcomes import StageSummary, is_published

GROUP = "warehouse"
TABLES = ("fact_sales", "fact_daily_sales", "fact_daily_transactions", "dim_customer", "dim_product", "dim_store")
"""What a load writes; one event of each after every load."""
VIEWS = tuple(
    sorted(path.stem for path in Path(__file__).resolve().parents[3].glob("materialized_views/definitions/*.sql"))
)
"""The names of the definition files: a DAG file is read too often to import the package or to open them."""
ALL_VIEWS = "materialized_views"
"""The asset for all of them together: a report that reads any view waits for this one."""


def asset(name: str) -> Asset:
    """The asset of a table or view."""
    return Asset(name, group=GROUP)


def tables() -> list[Asset]:
    """The assets of what a load writes."""
    return [asset(name) for name in TABLES]


def views() -> list[Asset]:
    """The assets of what a refresh writes, the one for all of them first."""
    return [asset(name) for name in (ALL_VIEWS, *VIEWS)]


def loaded(result: StageSummary, day: str) -> StageSummary:
    """Add what a load did to the tables' events; returns the result unchanged."""
    parts = result["retailers"]
    done = [part for part in parts.values() if is_published(part)]
    partitions = [partition for part in done for partition in part["partitions"]]
    common = {
        "business_date": day,
        "business_dates": sorted({partition["business_date"] for partition in partitions}),
        "retailers": sorted(part["retailer_id"] for part in done),
        "missing_retailers": sorted(name for name, part in parts.items() if not is_published(part)),
    }
    counted = ("inserted", "updated", "unchanged", "withdrawn", "in_warehouse")
    counts = {name: sum(partition[name] for partition in partitions) for name in counted}
    _describe_events({name: common | counts if name == "fact_sales" else common for name in TABLES})
    return result


def refreshed(result: StageSummary, day: str) -> StageSummary:
    """Add the number of rows to the views' events; returns the result unchanged."""
    rows = {view["view"]: view["rows"] for view in result["views"]}
    summary = {"business_date": day, "rows": rows, "seconds": result["seconds"]}
    _describe_events(
        {ALL_VIEWS: summary, **{name: {"business_date": day, "rows": count} for name, count in rows.items()}}
    )
    return result


def business_dates(events: Sequence[Any]) -> list[str]:
    """The business dates of asset events, in order; one list of events may come from several runs."""
    return sorted({event.extra["business_date"] for event in events if event.extra.get("business_date")})


def _describe_events(extras: Mapping[str, Mapping[str, Any]]) -> None:
    events = get_current_context()["outlet_events"]
    for name, extra in extras.items():
        events[asset(name)].extra.update(extra)
