"""The APIs of the three retailers in miniature, each in its own manner."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from tests import shipped_sources
from tests.fakes.connector_api import AS_OF, ConnectorApi
from tests.fakes.http_vendor import Reply, reply
from tests.fakes.vendor_rows import line_2, row_1, row_3


@dataclass
class Retailer1Api(ConnectorApi):
    """Pages by offset, of flat rows."""

    definition = shipped_sources.DIRECTORY / "retailer_1.yaml"
    url_variable = "RETAILER1_API_URL"
    credentials: ClassVar = {"RETAILER1_API_KEY": "key"}
    listing_path = "/v1/sales"
    rows_key = "rows"
    total_key = "total"
    currency = "USD"
    report_path = "/v1/reports/daily"
    since_text = "updated_since=2024-01-12T10%3A30%3A00%2B00%3A00"

    def row(self, name: str, previous_date: date | None) -> Any:
        return row_1(sale_id=name, previous_date=previous_date and previous_date.isoformat())

    def page_number(self, parameters: dict[str, str]) -> int:
        return int(parameters["offset"]) // int(parameters["limit"]) + 1

    def page(self, number: int, rows: list[Any], parameters: dict[str, str]) -> Reply:
        total = 1000 * (len(self.lines) - 1) + len(self.lines[-1]) + (number if self.grows else 0)
        return self.send({"total": total, "offset": 0, "limit": 1000, "as_of": "2024-02-01T06:00:00Z", "rows": rows})

    def report(self, parameters: dict[str, str]) -> Reply:
        day = "1999-01-01" if self.wrong_report_date else parameters["date"]
        return self.send({"date": day, "line_count": 3, "net_totals": {"USD": "75.00"}})


@dataclass
class Retailer2Api(ConnectorApi):
    """Pages by cursor, of orders with their lines. Tokens expire."""

    tokens: int = 0
    """How many were requested."""

    definition = shipped_sources.DIRECTORY / "retailer_2.yaml"
    url_variable = "RETAILER2_API_URL"
    credentials: ClassVar = {"RETAILER2_CLIENT_ID": "client", "RETAILER2_CLIENT_SECRET": "secret"}
    listing_path = "/orders"
    rows_key = "data"
    currency = "GBP"
    report_path = "/reports/daily"
    since_text = "modified_since=1705055400"

    def row(self, name: str, previous_date: date | None) -> Any:
        return line_2({"id": name, "previous_placed_on": previous_date and previous_date.isoformat()})

    def page_number(self, parameters: dict[str, str]) -> int:
        return int(parameters.get("cursor", "0")) + 1

    def page(self, number: int, rows: list[Any], parameters: dict[str, str]) -> Reply:
        if self.grows and number > 1:
            return Reply(400, body=b'{"error":"invalid_cursor"}')
        following = str(number) if number < len(self.lines) else None
        return self.send({"data": rows, "next_cursor": following, "as_of": int(AS_OF.timestamp())})

    def report(self, parameters: dict[str, str]) -> Reply:
        day = "1999-01-01" if self.wrong_report_date else parameters["day"]
        return self.send({"day": day, "lines": 3, "net": {"GBP": {"amount": 75000, "exponent": 3}}})

    def other(self, path: str) -> Reply:
        assert path == "/oauth/token"
        self.tokens += 1
        return reply({"access_token": f"t{self.tokens}", "token_type": "Bearer", "expires_in": 300})


@dataclass
class Retailer3Api(ConnectorApi):
    """Numbered pages, of flat rows. The total and the next page are in the headers."""

    definition = shipped_sources.DIRECTORY / "retailer_3.yaml"
    url_variable = "RETAILER3_API_URL"
    credentials: ClassVar = {"RETAILER3_CLIENT_ID": "client", "RETAILER3_HMAC_SECRET": "secret"}
    listing_path = "/api/ventas"
    currency = "EUR"
    report_path = "/api/cierre"
    since_text = "12%2F01%2F2024+11%3A30"

    def row(self, name: str, previous_date: date | None) -> Any:
        return row_3(ticket=name, fecha_anterior=previous_date and f"{previous_date:%d/%m/%Y}")

    def page_number(self, parameters: dict[str, str]) -> int:
        return int(parameters["pagina"])

    def page(self, number: int, rows: list[Any], parameters: dict[str, str]) -> Reply:
        what = next(name for name in ("fecha", "modificado_desde") if name in parameters)
        total = sum(len(names) for names in self.lines) + (number if self.grows else 0)
        headers = {"X-Total-Count": str(total), "X-Fecha-Corte": "01/02/2024 07:00"}
        if number < len(self.lines):
            value = parameters[what].replace("/", "%2F").replace(" ", "+").replace(":", "%3A")
            target = f"http://elsewhere.invalid{self.listing_path}?{what}={value}&pagina={number + 1}&tamano=500"
            headers["Link"] = f'<{target}>; rel="next"'
        return self.send(rows, headers)

    def report(self, parameters: dict[str, str]) -> Reply:
        day = "01/01/1999" if self.wrong_report_date else parameters["fecha"]
        return self.send({"fecha": day, "lineas": 3, "neto": {"EUR": "75,00"}})
