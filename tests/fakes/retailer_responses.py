"""The three APIs in miniature: the same two pages, report and changes, each in its retailer's own manner."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.http_vendor import Reply, Request, reply
from tests.fakes.vendor_rows import line_2, row_1, row_3

AS_OF = datetime(2024, 2, 1, 6, tzinfo=UTC)

_REPORTS = ("/v1/reports/daily", "/reports/daily", "/api/cierre")


@dataclass
class Retailer:
    """A small retailer: page one holds lines A and B, page two line C; C was under 2024-01-14 before.

    `reject_credentials` (a number of requests), `grows`, `report` and `spoil` make it misbehave.
    """

    number: int
    lines: tuple[tuple[str, ...], ...] = (("A", "B"), ("C",))
    reject_credentials: int = 0
    reject_from_page: int = 1
    grows: bool = False
    wrong_report_date: bool = False
    spoil: Callable[[Any], Any] = field(default=lambda value: value)
    tokens: int = 0

    @property
    def environment(self) -> dict[str, str]:
        """Its settings, except for the URL."""
        return {
            1: {"RETAILER1_API_KEY": "key"},
            2: {"RETAILER2_CLIENT_ID": "client", "RETAILER2_CLIENT_SECRET": "secret"},
            3: {"RETAILER3_CLIENT_ID": "client", "RETAILER3_HMAC_SECRET": "secret"},
        }[self.number]

    def __call__(self, request: Request) -> Reply:
        """Respond to a request."""
        path, query = urlsplit(request.path).path, parse_qs(urlsplit(request.path).query)
        parameters = {name: values[0] for name, values in query.items()}
        if self.reject_credentials and self.reject_from_page == 1 and path in _REPORTS:
            return Reply(401)
        return {1: self._first, 2: self._second, 3: self._third}[self.number](path, parameters)

    def _rejects(self, page: int) -> bool:
        if self.reject_credentials and page >= self.reject_from_page:
            self.reject_credentials -= 1
            return True
        return False

    def _first(self, path: str, parameters: dict[str, str]) -> Reply:
        if path == "/v1/reports/daily":
            day = "1999-01-01" if self.wrong_report_date else parameters["date"]
            return self._spoilt({"date": day, "line_count": 3, "net_totals": {"USD": "75.00"}})
        page = int(parameters["offset"]) // int(parameters["limit"])
        if self._rejects(page + 1):
            return Reply(401)
        total = 1000 * (len(self.lines) - 1) + len(self.lines[-1]) + (page if self.grows else 0)
        rows = [row_1(sale_id=name, previous_date="2024-01-14" if name == "C" else None) for name in self.lines[page]]
        return self._spoilt({"total": total, "offset": 0, "limit": 1000, "as_of": "2024-02-01T06:00:00Z", "rows": rows})

    def _second(self, path: str, parameters: dict[str, str]) -> Reply:
        if path == "/oauth/token":
            self.tokens += 1
            return reply({"access_token": f"t{self.tokens}", "token_type": "Bearer", "expires_in": 300})
        if path == "/reports/daily":
            day = "1999-01-01" if self.wrong_report_date else parameters["day"]
            return self._spoilt({"day": day, "lines": 3, "net": {"GBP": {"amount": 75000, "exponent": 3}}})
        page = int(parameters.get("cursor", "0"))
        if self._rejects(page + 1):
            return Reply(401)
        if self.grows and page:
            return Reply(400, body=b'{"error":"invalid_cursor"}')
        orders = [
            line_2({"id": name, "previous_placed_on": "2024-01-14" if name == "C" else None})
            for name in self.lines[page]
        ]
        following = str(page + 1) if page + 1 < len(self.lines) else None
        return self._spoilt({"data": orders, "next_cursor": following, "as_of": int(AS_OF.timestamp())})

    def _third(self, path: str, parameters: dict[str, str]) -> Reply:
        if path == "/api/cierre":
            day = "01/01/1999" if self.wrong_report_date else parameters["fecha"]
            return self._spoilt({"fecha": day, "lineas": 3, "neto": {"EUR": "75,00"}})
        page = int(parameters["pagina"])
        if self._rejects(page):
            return Reply(401)
        what = next(name for name in ("fecha", "modificado_desde") if name in parameters)
        total = sum(len(names) for names in self.lines) + (page if self.grows else 0)
        headers = {"X-Total-Count": str(total), "X-Fecha-Corte": "01/02/2024 07:00"}
        if page < len(self.lines):
            value = parameters[what].replace("/", "%2F").replace(" ", "+").replace(":", "%3A")
            target = f"http://elsewhere.invalid{path}?{what}={value}&pagina={page + 1}&tamano=500"
            headers["Link"] = f'<{target}>; rel="next"'
        rows = [
            row_3(ticket=name, fecha_anterior="14/01/2024" if name == "C" else None) for name in self.lines[page - 1]
        ]
        spoilt = self.spoil(rows)
        return Reply(body=json.dumps(spoilt).encode(), headers=headers)

    def _spoilt(self, value: Any) -> Reply:
        return reply(self.spoil(value))
