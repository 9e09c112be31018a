"""The quality report of a file load, measured on the tables that reading the files created.

Reads `values_of_<field>` (what the files said), `landed_records`, `rejected_rows` and `flagged_rows`; changes none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

import duckdb

from data_quality.file_report.measuring import GROUPED, fields_of, statement
from data_quality.file_report.model import (
    Counts,
    DayFacts,
    Finding,
    FindingKind,
    LoadReport,
    Money,
)
from data_quality.file_report.scoring import Agreement, score
from ingestion.models.retailer_data import GUEST

EXAMPLES = 3
"""Examples per finding."""
FAMILIES = {"OUTLIER": "OUTLIER", "IMPUTED": "IMPUTED", "CHECK": "CHECK_FAILED"}
"""Beginning of the codes of a layout's own rules → the rule of the catalogue."""
IMPUTED = "IMPUTED_"
DEFAULTS = {"IMPUTED_CUSTOMER_ID": "GUEST", "IMPUTED_PRODUCT_NAME": "UNKNOWN_PRODUCT_NAME"}
"""Defaults that every mapping uses."""
DOUBTFUL = ("error", "warning")
"""Severities of flags that lower the accuracy."""


class Rule(Protocol):
    """What the report needs of a rule."""

    @property
    def code(self) -> str:
        """Stable code."""

    @property
    def description(self) -> str:
        """In plain English."""

    @property
    def severity(self) -> str:
        """`error` (rejected), `warning` (flagged) or `info`."""


class ReadFile(Protocol):
    """A file that was read."""

    @property
    def number(self) -> int:
        """Its number in the tables."""

    @property
    def name(self) -> str:
        """Its base name."""


class WhatWasRead(Protocol):
    """The summary of reading the files."""

    @property
    def retailer_id(self) -> str:
        """Whose sales they are."""

    @property
    def layout_name(self) -> str:
        """The layout they were read with."""

    @property
    def files(self) -> Sequence[ReadFile]:
        """The files, in order."""

    @property
    def rows(self) -> int:
        """All rows of all files."""

    @property
    def rejected(self) -> int:
        """Rejected rows."""

    @property
    def imputed(self) -> Mapping[str, int]:
        """Rows whose empty value was filled in, by field."""


def build_report(
    connection: duckdb.DuckDBPyConnection,
    read: WhatWasRead,
    *,
    title: str,
    job_name: str,
    now: datetime,
    rules: Sequence[Rule],
    max_reject_share: float = 0,
) -> LoadReport:
    """Measure a load. `rules` describe the codes of the findings; of two rules with one code the later one counts.

    `max_reject_share` is the share of rejected rows that the load accepts.
    """
    by_code = {rule.code: rule for rule in rules}
    for name in ("group_products", "group_customers", "group_days"):
        connection.execute(statement(name))
    try:
        findings = _findings(connection, read, by_code)
        counts = _counts(connection, read, findings)
        fields = fields_of(connection)
        agreements = [
            Agreement(*_row(connection, "usual_names")),
            Agreement(*_row(connection, "usual_countries", guest=GUEST)),
        ]
        return LoadReport(
            title=title,
            job_name=job_name,
            created_at=now,
            retailer_id=read.retailer_id,
            layout=read.layout_name,
            files=tuple(_facts(file) for file in read.files),
            counts=counts,
            money=tuple(
                Money(currency, Decimal(landed), Decimal(rejected))
                for currency, landed, rejected in connection.execute(statement("sum_money")).fetchall()
            ),
            score=score(counts, fields, agreements, max_reject_share),
            fields=fields,
            findings=findings,
            days=_days(connection),
        )
    finally:
        for table in sorted(set(GROUPED.values())):
            connection.execute(f"DROP TABLE IF EXISTS {table}")


def _row(connection: duckdb.DuckDBPyConnection, name: str, **values: Any) -> tuple[Any, ...]:
    return connection.execute(statement(name), values or None).fetchone() or ()


def _facts(file: ReadFile) -> dict[str, Any]:
    """What is known of a file, without the folder it lay in."""
    return {name: value for name, value in vars(file).items() if name != "path"}


def _counts(connection: duckdb.DuckDBPyConnection, read: WhatWasRead, findings: Sequence[Finding]) -> Counts:
    landed, distinct = _row(connection, "count_records")
    flags = [each for each in findings if each.kind is FindingKind.FLAGGED]
    doubtful = [each.code for each in flags if each.severity in DOUBTFUL]
    flagged = _row(connection, "count_flagged", doubtful=doubtful) if flags else (0, 0)
    return Counts(
        rows=read.rows,
        landed=landed,
        rejected=read.rejected,
        distinct=distinct,
        duplicates=landed - distinct,
        flagged=flagged[0],
        doubtful=flagged[1],
        imputed=sum(read.imputed.values()),
    )


def _findings(
    connection: duckdb.DuckDBPyConnection, read: WhatWasRead, by_code: Mapping[str, Rule]
) -> tuple[Finding, ...]:
    names = {file.number: file.name for file in read.files}

    def finding(kind: FindingKind, code: str, rows: int, examples: Sequence[str] = ()) -> Finding:
        # A layout's own rules are named after the field: OUTLIER_QUANTITY is one of OUTLIER.
        rule = by_code.get(code) or by_code.get(FAMILIES.get(code.partition("_")[0], ""))
        severity = str(rule.severity) if rule else "warning"
        return Finding(kind, code, severity, rule.description if rule else "", rows, tuple(examples))

    rejected = [
        finding(FindingKind.REJECTED, code, rows, [_rejected_example(names, *example) for example in examples])
        for code, rows, examples in connection.execute(
            statement("rejected_findings"), {"examples": EXAMPLES}
        ).fetchall()
    ]
    marked = [
        finding(_kind_of(code), code, rows, [f"{transaction} on {day}" for day, transaction in examples])
        for code, rows, examples in connection.execute(statement("flagged_findings"), {"examples": EXAMPLES}).fetchall()
    ]
    known = {each.code for each in marked}
    filled = {f"{IMPUTED}{field.upper()}": rows for field, rows in sorted(read.imputed.items()) if rows}
    named = {code if code in by_code else DEFAULTS.get(code, code): rows for code, rows in filled.items()}
    imputed = [finding(FindingKind.IMPUTED, code, rows) for code, rows in named.items() if code not in known]
    return (*rejected, *sorted(marked, key=lambda each: each.kind is FindingKind.IMPUTED), *imputed)


def _kind_of(code: str) -> FindingKind:
    return FindingKind.IMPUTED if code.startswith(IMPUTED) else FindingKind.FLAGGED


def _rejected_example(
    names: Mapping[int, str], file: str, line: str, column: str | None, value: str | None, reason: str
) -> str:
    where = f"{names.get(int(file), f'file {file}')}, line {line}"
    return f"{where}: {column} = {value!r}: {reason}" if column else f"{where}: {reason}"


def _days(connection: duckdb.DuckDBPyConnection) -> tuple[DayFacts, ...]:
    days: dict[str, DayFacts] = {}
    for day, currency, landed, rejected, amount in connection.execute(statement("list_days")).fetchall():
        known = days.get(day) or DayFacts(date.fromisoformat(day), 0, rejected, {})
        amounts = {**known.net_amounts, **({currency: Decimal(amount)} if currency else {})}
        days[day] = replace(known, landed=known.landed + landed, net_amounts=amounts)
    return tuple(days.values())
