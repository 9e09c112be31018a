"""The dashboards as Grafana reads them: every panel and query, macros and variables expanded as its manual says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from shared.config import PROJECT_ROOT

GRAFANA = PROJECT_ROOT / "docker" / "grafana"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))


@dataclass(frozen=True)
class Query:
    """One query of a panel or a variable."""

    dashboard: str
    panel: str
    datasource: str
    """Uid of the data source."""
    text: str
    format: str
    """`time_series` or `table` for SQL; `range`, `instant` for PromQL; `variable`."""

    @property
    def name(self) -> str:
        """For the ids of tests."""
        return f"{self.dashboard}: {self.panel}"


def load(path: Path) -> dict[str, Any]:
    """A dashboard."""
    dashboard: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return dashboard


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Its panels, those inside rows included."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def queries(datasource: str) -> list[Query]:
    """Every query of every dashboard that goes to a data source."""
    found = []
    for path in DASHBOARDS:
        dashboard = load(path)
        for variable in dashboard["templating"]["list"]:
            uid, label = variable["datasource"]["uid"], f"variable {variable['name']}"
            found.append(Query(path.stem, label, uid, variable["query"], "variable"))
        for panel in panels(dashboard):
            for target in panel.get("targets", []):
                kind = target.get("format") or ("instant" if target.get("instant") else "range")
                text = target.get("rawSql") or target["expr"]
                found.append(Query(path.stem, panel["title"], target["datasource"]["uid"], text, kind))
    return [query for query in found if query.datasource == datasource]


def expand_sql(text: str, begin: datetime, end: datetime, retailers: Sequence[str]) -> str:
    """$__timeFilter, $__timeFrom and $__timeTo of Grafana's PostgreSQL data source; `$retailer` of several values."""
    first, last = (f"'{each:%Y-%m-%dT%H:%M:%SZ}'" for each in (begin, end))
    text = re.sub(r"\$__timeFilter\(([^()]+)\)", rf"\1 BETWEEN {first} AND {last}", text)
    text = text.replace("$__timeFrom()", first).replace("$__timeTo()", last)
    return _complete(text.replace("$retailer", ",".join(f"'{name}'" for name in retailers)))


def expand_promql(text: str, retailers: Sequence[str]) -> str:
    """$__rate_interval and $__range of Grafana's Prometheus data source; `$retailer` as a regular expression."""
    text = text.replace("$__rate_interval", "1m0s").replace("$__range", "1h")
    return _complete(text.replace("$retailer", f"({'|'.join(retailers)})"))


def _complete(text: str) -> str:
    assert "$" not in text, f"a macro or variable that the test does not know: {text}"
    return text
