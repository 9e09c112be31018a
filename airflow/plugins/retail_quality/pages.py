"""The pages as HTML: without inline scripts, with every value escaped, below Airflow's address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from retail_quality.balance import balance
from retail_quality.chart import HEIGHT, score_chart, sparks
from retail_quality.model import Alert, Alerts, DayDetails, Overview, is_airflows
from shared.airflow_rest.client import DAG_ID

HERE = Path(__file__).parent
STATIC = {
    "style.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "icon-dark.svg": "image/svg+xml",
}
"""Files without data, which everybody may read."""
PERIODS = {14: "14 days", 90: "90 days", 365: "1 year"}
_MINUS = "\N{MINUS SIGN}"
_NOTHING = "–"


@dataclass(frozen=True)
class Addresses:
    """Where things are, as the browser sees it: `retail` for these pages, `airflow` for Airflow's own."""

    retail: str
    airflow: str

    def day(self, day: date) -> str:
        """A business date's page."""
        return f"{self.retail}/days/{day}"

    def alert(self, number: int) -> str:
        """An alert's page."""
        return f"{self.retail}/alerts/{number}"

    def run(self, run_id: str, dag_id: str | None = None) -> str:
        """Airflow's page of a run."""
        return f"{self.airflow}/dags/{quote(dag_id or DAG_ID, safe='')}/runs/{quote(run_id, safe='')}"

    def static(self, name: str) -> str:
        """A file, by an address that changes with it."""
        return f"{self.retail}/static/{name}?v={_version(name)}"


def overview(at: Addresses, found: Overview, days: int) -> str:
    """The last business dates at a glance."""
    if not found.days:
        return _render("empty", at, alerts=found.alerts)
    return _render(
        "overview",
        at,
        found=found,
        days=days,
        periods=PERIODS,
        chart=score_chart(found.days),
        sparks=sparks(found.days),
    )


def day(at: Addresses, found: DayDetails) -> str:
    """One business date."""
    chosen = found.day.business_date
    return _render("day", at, found=found, before=_neighbour(chosen, -1), after=_neighbour(chosen, 1))


def alerts(at: Addresses, found: Alerts) -> str:
    """All alerts."""
    return _render("alerts", at, found=found)


def alert(at: Addresses, found: Alert) -> str:
    """One alert."""
    return _render("alert", at, found=found)


def notice(at: Addresses, title: str, text: str, hint: str = "") -> str:
    """A page that says what is wrong and what to do."""
    return _render("message", at, title=title, text=text, hint=hint)


def count(value: int | None) -> str:
    """A whole number with thousands separators."""
    return _NOTHING if value is None else f"{value:,}".replace("-", _MINUS)


def amount(value: Decimal | None) -> str:
    """Money to the cent; further digits only where there are any."""
    if value is None:
        return _NOTHING
    shown = f"{value:,.4f}"
    return (shown[:-2] if shown.endswith("00") else shown).replace("-", _MINUS)


def score(value: float | None) -> str:
    """A score to two decimals; less than 100 is never shown as 100."""
    if value is None:
        return _NOTHING
    return "99.99" if 99.99 < value < 100 else f"{value:.2f}".removesuffix(".00")


def day_name(value: date) -> str:
    """A business date as in `Mon 15 Jan 2024`."""
    return f"{value:%a} {value.day} {value:%b %Y}"


def timestamp(value: datetime | None) -> str:
    """A time to the second, in UTC."""
    return _NOTHING if value is None else f"{value:%Y-%m-%d %H:%M:%S} UTC"


def duration(started: datetime, finished: datetime | None) -> str:
    """How long it took."""
    if finished is None:
        return "not finished"
    seconds = (finished - started).total_seconds()
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def _neighbour(day: date, days: int) -> date:
    return date.fromordinal(min(max(day.toordinal() + days, date.min.toordinal()), date.max.toordinal()))


def _render(template: str, at: Addresses, **values: Any) -> str:
    return _environment().get_template(f"{template}.html.j2").render(at=at, **values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    filters: Mapping[str, Any] = {
        "count": count,
        "amount": amount,
        "score": score,
        "day_name": day_name,
        "timestamp": timestamp,
        "balance": balance,
    }
    environment.filters.update(filters)
    environment.globals.update(duration=duration, is_airflows=is_airflows, chart_height=HEIGHT, dag_id=DAG_ID)
    return environment


@cache
def static_file(name: str) -> bytes:
    """The content of one of STATIC."""
    return (HERE / "static" / name).read_bytes()


@cache
def _version(name: str) -> str:
    return sha256(static_file(name)).hexdigest()[:12]
