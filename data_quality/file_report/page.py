"""The quality report as one self-contained HTML page: nothing is fetched, no script runs, every value is escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from data_quality.file_report.charts import Columns, columns, percent_of
from data_quality.file_report.model import FindingKind, LoadReport
from shared.counts import counted
from shared.errors import shortened

SHOWN_CHARACTERS = 80
"""Of a value in a table."""
_MINUS = "\N{MINUS SIGN}"


def render(report: LoadReport) -> str:
    """The page."""
    return _template().render(
        report=report,
        per_day=columns([(f"{day.business_date}: {counted(day.landed, 'row')}", day.landed) for day in report.days]),
        money_per_day={money.currency: _money(report, money.currency) for money in report.money},
        most_found=max([finding.rows for finding in report.findings], default=0),
        kinds=[(kind, [each for each in report.findings if each.kind is kind]) for kind in FindingKind],
        gaps=[field for field in report.fields if field.before and field.after and field.before.filled],
    )


def _money(report: LoadReport, currency: str) -> Columns:
    amounts = [(day.business_date, day.net_amounts.get(currency, 0)) for day in report.days]
    return columns([(f"{day}: {amount:,.2f} {currency}", float(amount)) for day, amount in amounts])


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {"count": count, "percent": percent, "number": number, "short": short, "time": time}
    environment.globals["percent_of"] = percent_of
    return environment.get_template("page.html.j2")


def count(value: int | None) -> str:
    """A whole number with thousands separators; a dash for an unknown one."""
    return "–" if value is None else f"{value:,}".replace("-", _MINUS)


def percent(share: float) -> str:
    """A share of 1 as a percentage; less than 1 is never shown as 100 %, nor more than 0 as 0 %."""
    shown = f"{100 * share:.1f}"
    if shown == "100.0" and share < 1:
        return "> 99.9 %"
    return "< 0.1 %" if shown == "0.0" and share > 0 else f"{shown.removesuffix('.0')} %"


def number(value: float | str | None) -> str:
    """A measure to four significant decimals at most; other text is not changed."""
    if value is None:
        return "–"
    try:
        shown = f"{float(value):,.4f}".rstrip("0").rstrip(".")
    except ValueError:
        return short(value)
    return shown.replace("-", _MINUS)


def short(value: Any) -> str:
    """A value cut to what a table cell can hold."""
    return shortened(str(value), SHOWN_CHARACTERS)


def time(value: str | None) -> str:
    """A time without its trailing zeros."""
    return "–" if value is None else value.removesuffix("+00").removesuffix(":00")
