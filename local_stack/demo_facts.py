"""The results that the demo shows, read from the ledger, the warehouse and the manifests in S3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg2
import psycopg2.extras

from shared.partitions import Manifest, manifest_key
from shared.s3_client import Bucket

COUNTS = (
    "reported",
    "fetched",
    "landed",
    "rejected",
    "inserted",
    "updated",
    "unchanged",
    "duplicate",
    "withdrawn",
    "in_warehouse",
)
VIEWS: Mapping[str, str] = {
    "mv_daily_sales_summary": "order by business_date desc, retailer_id, currency",
    "mv_top_products_by_revenue": "order by revenue_rank, retailer_id, currency",
}
VIEW_LINES = 5
Row = dict[str, Any]


@dataclass(frozen=True)
class DemoFacts:
    """The results; `retailers` is by retailer and date, `problems` is empty when all figures agree."""

    days: tuple[date, ...]
    retailers: dict[str, dict[str, Row]]
    also_rewritten: tuple[Row, ...]
    quality: dict[str, Any]
    views: dict[str, list[Row]]
    digest: str
    problems: tuple[str, ...] = field(default=())

    @property
    def changed_rows(self) -> int:
        """Rows of the warehouse that these runs wrote or removed."""
        own = [row for days in self.retailers.values() for row in days.values()]
        return sum(row["inserted"] + row["updated"] + row["withdrawn"] for row in (*own, *self.also_rewritten))


def digest(dsn: str) -> str:
    """A digest of everything that analysts can read in the warehouse."""
    with closing(psycopg2.connect(dsn)) as connection:
        return str(_rows(connection, "select ops.warehouse_digest() as digest")[0]["digest"])


def read_facts(dsn: str, bucket: Bucket, runs: Mapping[date, str], due: Mapping[date, Sequence[str]]) -> DemoFacts:
    """Read the results of the runs (run id by business date) and check that they agree with each other.

    `due` has the sources that each date's run includes.
    """
    with closing(psycopg2.connect(dsn)) as connection:
        ledger = _ledger(connection, list(runs.values()))
        own = {
            (row["retailer_id"], row["business_date"]): row
            for row in ledger
            if runs.get(row["business_date"]) == row["run_id"]
        }
        expected = sorted((name, day) for day in runs for name in due[day])
        problems = [f"{name} has no load for {day}" for name, day in expected if (name, day) not in own]
        latest = {(row["retailer_id"], row["business_date"]): row for row in ledger}  # in order of loading
        for row in latest.values():
            problems += _disagreements(row, _fact_totals(connection, row), _manifest(bucket, row))
        return DemoFacts(
            days=tuple(runs),
            retailers={
                name: {day.isoformat(): _shown(own[name, day]) for day in runs if (name, day) in own}
                for name in dict.fromkeys(name for name, _ in expected)
            },
            also_rewritten=tuple(_shown(row) for row in ledger if row not in own.values()),
            quality=_quality(connection, list(runs.values())),
            views={name: _view(connection, name, order) for name, order in VIEWS.items()},
            digest=digest(dsn),
            problems=tuple(problems),
        )


def _ledger(connection: psycopg2.extensions.connection, run_ids: Sequence[str]) -> list[Row]:
    query = """
        select ledger.*, coalesce(money.amounts, '{}') as net_amount, coalesce(money.landed, '{}') as landed_amount
          from ops.load_ledger as ledger
          left join lateral (
                select jsonb_object_agg(currency, in_warehouse::text) as amounts,
                       jsonb_object_agg(currency, landed::text) as landed
                  from ops.load_ledger_amounts as amounts
                 where (amounts.load_id, amounts.retailer_id, amounts.business_date)
                     = (ledger.load_id, ledger.retailer_id, ledger.business_date)
                   and amounts.measure = 'net') as money on true
         where ledger.run_id = any(%s)
         order by ledger.load_id
    """
    return _rows(connection, query, (list(run_ids),))


def _fact_totals(connection: psycopg2.extensions.connection, row: Row) -> Row:
    """Rows and amounts in `fact_sales` for a retailer and date."""
    query = """
        select count(*) as lines, currency, sum(net_amount) as net_amount
          from fact_sales join dim_retailer using (retailer_key)
         where retailer_id = %s and date_key = to_char(%s::date, 'YYYYMMDD')::integer
         group by currency
    """
    rows = _rows(connection, query, (row["retailer_id"], row["business_date"]))
    return {
        "lines": sum(each["lines"] for each in rows),
        "net_amount": {each["currency"].strip(): each["net_amount"] for each in rows},
    }


def _manifest(bucket: Bucket, row: Row) -> Manifest:
    key = manifest_key(row["retailer_id"], row["business_date"])
    return Manifest.model_validate_json(bucket.read(key))


def _disagreements(row: Row, facts: Row, manifest: Manifest) -> list[str]:
    """Where the ledger, the warehouse, the manifest and the retailer's control report differ."""
    money = {currency: Decimal(amount) for currency, amount in row["net_amount"].items()}
    landed = {currency: Decimal(amount) for currency, amount in row["landed_amount"].items()}
    report = manifest.control_report
    checks = [
        ("fetched", row["fetched"], row["landed"] + row["rejected"]),
        ("landed", row["landed"], row["inserted"] + row["updated"] + row["unchanged"] + row["duplicate"]),
        ("rows in fact_sales", row["in_warehouse"], facts["lines"]),
        ("amounts in fact_sales", _worth(money), _worth(facts["net_amount"])),
        ("landed in the manifest", row["landed"], manifest.landed),
        (
            "amounts in the manifest",
            _worth(landed),
            _worth({k: v.landed for k, v in manifest.amounts.items()}),
        ),
    ]
    if report and not manifest.rejected and not row["superseded"]:
        # Amounts of rejected lines cannot be read; a line that moved to another date is in the report of that date.
        checks.append(("lines in the retailer's control report", manifest.distinct, report.lines))
        checks.append(("amounts in the retailer's control report", _worth(money), _worth(report.net)))
    where = f"{row['retailer_id']} {row['business_date']}"
    return [f"{where}: {what}: {left} differs from {right}" for what, left, right in checks if left != right]


def _worth(amounts: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {currency: amount.normalize() for currency, amount in sorted(amounts.items()) if amount}


def _quality(connection: psycopg2.extensions.connection, run_ids: Sequence[str]) -> dict[str, Any]:
    query = """
        select business_date, score, outcome from ops.data_quality_scores
         where run_id = any(%s) and dimension = 'overall' order by business_date
    """
    scores = _rows(connection, query, (list(run_ids),))
    if not scores:
        return {"outcome": "missing", "score": None, "days": {}}
    order = ("pass", "warn", "fail")
    return {
        "outcome": max((row["outcome"] for row in scores), key=order.index),
        "score": float(min(row["score"] for row in scores)),
        "days": {
            str(row["business_date"]): {"score": float(row["score"]), "outcome": row["outcome"]} for row in scores
        },
    }


def _view(connection: psycopg2.extensions.connection, name: str, order: str) -> list[Row]:
    return _rows(connection, f"select * from {name} {order} limit {VIEW_LINES}")  # noqa: S608 - both are constants


def _shown(row: Row) -> Row:
    return {
        "business_date": row["business_date"].isoformat(),
        "retailer_id": row["retailer_id"],
        **{name: row[name] for name in COUNTS},
        "net_amount": row["net_amount"],
    }


def _rows(connection: psycopg2.extensions.connection, query: str, values: Sequence[object] = ()) -> list[Row]:
    with connection, connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        cursor.execute(query, values or None)
        return [dict(row) for row in cursor.fetchall()]
