"""The APIs of the three retailers in miniature, each in its own manner."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from tests import shipped_sources
from tests.fakes.connector_api import ConnectorApi
from tests.fakes.http_vendor import Reply, reply
from tests.fakes.vendor_rows import line_2, row_1, row_3


@dataclass
class Retailer1Api(ConnectorApi):
    """Pages by offset, of flat rows."""

    total: Any = None
    """How many rows there are, by its pages; None: as many as `lines` are in pages of a thousand."""

    definition = shipped_sources.DIRECTORY / "retailer_1.yaml"
    url_variable = "RETAILER1_API_URL"
    credentials: ClassVar = {"RETAILER1_API_KEY": "key"}
    listing_path = "/v1/sales"
    rows_key = "rows"
    total_key = "total"
    currency = "USD"
    report_path = "/v1/reports/daily"
    most_rows = 1000
    since_parameter = "updated_since"
    since_text = "updated_since=2024-01-12T10%3A30%3A00%2B00%3A00"

    def time(self, time: datetime) -> str:
        return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")

    def row(self, name: str, previous_date: date | None) -> Any:
        return row_1(sale_id=name, previous_date=previous_date and previous_date.isoformat())

    def page_number(self, parameters: dict[str, str]) -> int:
        return int(parameters["offset"]) // int(parameters["limit"]) + 1

    def page(self, number: int, rows: list[Any], parameters: dict[str, str]) -> Reply:
        total = self.total
        if total is None:
            total = 1000 * (len(self.lines) - 1) + len(self.lines[-1]) + (number if self.grows else 0)
        if self.next_page is not None:
            total = 10**12
        return self.send({"total": total, "offset": 0, "limit": 1000, "as_of": self.sent_time(), "rows": rows})

    def report(self, parameters: dict[str, str]) -> Reply:
        day = "1999-01-01" if self.wrong_report_date else parameters["date"]
        totals = {"USD": f"{self.reported_net:.2f}"}
        return self.send({"date": day, "line_count": self.reported_lines, "net_totals": totals})


@dataclass
class Retailer2Api(ConnectorApi):
    """Pages by cursor, of orders with their lines. Tokens expire."""

    tokens: int = 0
    """How many were requested."""
    token: str | None = None
    """None: `t1`, `t2` and so on."""
    lifetime_seconds: Any = 300

    definition = shipped_sources.DIRECTORY / "retailer_2.yaml"
    url_variable = "RETAILER2_API_URL"
    credentials: ClassVar = {"RETAILER2_CLIENT_ID": "client", "RETAILER2_CLIENT_SECRET": "secret"}
    listing_path = "/orders"
    rows_key = "data"
    currency = "GBP"
    report_path = "/reports/daily"
    most_rows = 250
    since_parameter = "modified_since"
    since_text = "modified_since=1705055400"

    def time(self, time: datetime) -> int:
        return int(time.timestamp())

    def row(self, name: str, previous_date: date | None) -> Any:
        return line_2({"id": name, "previous_placed_on": previous_date and previous_date.isoformat()})

    def page_number(self, parameters: dict[str, str]) -> int:
        return int(parameters.get("cursor", "0")) + 1

    def page(self, number: int, rows: list[Any], parameters: dict[str, str]) -> Reply:
        if self.grows and number > 1:
            return Reply(400, body=b'{"error":"invalid_cursor"}')
        following = self.following(number)
        cursor = None if following is None else str(following - 1)
        return self.send({"data": rows, "next_cursor": cursor, "as_of": self.sent_time()})

    def report(self, parameters: dict[str, str]) -> Reply:
        day = "1999-01-01" if self.wrong_report_date else parameters["day"]
        amount = {"amount": int(self.reported_net * 1000), "exponent": 3}
        return self.send({"day": day, "lines": self.reported_lines, "net": {"GBP": amount}})

    def other(self, path: str) -> Reply:
        assert path == "/oauth/token"
        self.tokens += 1
        token = f"t{self.tokens}" if self.token is None else self.token
        return reply({"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime_seconds})


@dataclass
class Retailer3Api(ConnectorApi):
    """Numbered pages, of flat rows. The total and the next page are in the headers."""

    total: Any = None
    """How many rows there are, by its pages; None: as many as `lines` has."""
    link: str | None = None
    """The header `Link` of every page; None: a correct one."""

    definition = shipped_sources.DIRECTORY / "retailer_3.yaml"
    url_variable = "RETAILER3_API_URL"
    credentials: ClassVar = {"RETAILER3_CLIENT_ID": "client", "RETAILER3_HMAC_SECRET": "secret"}
    listing_path = "/api/ventas"
    currency = "EUR"
    report_path = "/api/cierre"
    most_rows = 500
    since_parameter = "modificado_desde"
    since_text = "12%2F01%2F2024+11%3A30"

    def time(self, time: datetime) -> str:
        try:
            local = time.astimezone(ZoneInfo("Europe/Madrid"))
        except OverflowError:  # in the first or the last hour of all time
            local = time
        return f"{local:%d/%m}/{local.year:04} {local:%H:%M}"

    def row(self, name: str, previous_date: date | None) -> Any:
        return row_3(ticket=name, fecha_anterior=previous_date and f"{previous_date:%d/%m/%Y}")

    def page_number(self, parameters: dict[str, str]) -> int:
        return int(parameters["pagina"])

    def page(self, number: int, rows: list[Any], parameters: dict[str, str]) -> Reply:
        what = next(name for name in ("fecha", "modificado_desde") if name in parameters)
        total = sum(len(names) for names in self.lines) + (number if self.grows else 0)
        headers = {"X-Total-Count": str(total if self.total is None else self.total)}
        if self.as_of is not None:
            headers["X-Fecha-Corte"] = str(self.sent_time())
        if (following := self.following(number)) is not None:
            value = parameters[what].replace("/", "%2F").replace(" ", "+").replace(":", "%3A")
            target = f"http://elsewhere.invalid{self.listing_path}?{what}={value}&pagina={following}&tamano=500"
            headers["Link"] = f'<{target}>; rel="next"'
        if self.link is not None:
            headers["Link"] = self.link
        return self.send(rows, headers)

    def report(self, parameters: dict[str, str]) -> Reply:
        day = "01/01/1999" if self.wrong_report_date else parameters["fecha"]
        total = f"{self.reported_net:.2f}".replace(".", ",")
        return self.send({"fecha": day, "lineas": self.reported_lines, "neto": {"EUR": total}})
