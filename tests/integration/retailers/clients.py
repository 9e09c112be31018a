"""Clients of the three APIs, as their manual says, and what they read in one common form."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Protocol
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import requests

TIMEOUT = 60


@dataclass(frozen=True)
class Line:
    """A line of a receipt as a client understands it; signed measures, UTC times, the business date."""

    receipt: str
    number: str | None
    kind: str
    day: date
    sold_at: datetime
    changed_at: datetime
    store: str
    product: str
    name: str | None
    customer: str | None
    customer_state: tuple[str | None, ...]
    quantity: int
    price: Decimal
    amount: Decimal
    currency: str
    withdrawn: bool
    previous_day: date | None

    @property
    def key(self) -> tuple[str, str | None]:
        return self.receipt, self.number


@dataclass(frozen=True)
class Report:
    lines: int
    net: dict[str, Decimal]


class Client(Protocol):
    url: str

    def get(self, path: str, **parameters: object) -> requests.Response: ...
    def sold_on(self, day: date, size: int | None = None) -> list[Any]: ...
    def changed_since(self, time: datetime, size: int | None = None) -> list[Any]: ...
    def report(self, day: date) -> Report: ...
    def line(self, raw: Any) -> Line: ...


def lines_on(client: Client, day: date, size: int | None = None) -> list[Line]:
    return [client.line(raw) for raw in client.sold_on(day, size)]


def changes(client: Client, since: datetime, size: int | None = None) -> list[Line]:
    return [client.line(raw) for raw in client.changed_since(since, size)]


@dataclass
class Client1:
    url: str
    key: str = "key"
    number = 1
    listing = "/v1/sales"
    day_parameter, since_parameter, size_parameter = "date", "updated_since", "limit"

    def get(self, path: str, **parameters: object) -> requests.Response:
        return requests.get(self.url + path, params=parameters, headers={"X-API-Key": self.key}, timeout=TIMEOUT)  # type: ignore[arg-type]

    def _read(self, size: int | None, **parameters: object) -> list[Any]:
        rows: list[Any] = []
        offset, total = 0, 1
        while offset < total:
            response = self.get(self.listing, offset=offset, **parameters, **({"limit": size} if size else {}))
            response.raise_for_status()
            page = response.json()
            rows += page["rows"]
            total, offset = page["total"], offset + page["limit"]
        return rows

    def sold_on(self, day: date, size: int | None = None) -> list[Any]:
        return self._read(size, date=day.isoformat())

    def changed_since(self, time: datetime, size: int | None = None) -> list[Any]:
        return self._read(size, updated_since=time.isoformat())

    def report(self, day: date) -> Report:
        response = self.get("/v1/reports/daily", date=day.isoformat())
        response.raise_for_status()
        said = response.json()
        assert said["date"] == day.isoformat()
        return Report(said["line_count"], {code: Decimal(total) for code, total in said["net_totals"].items()})

    def line(self, raw: Any) -> Line:
        sold_at = datetime.fromisoformat(raw["sold_at"])
        assert Decimal(raw["line_total"]) == raw["qty"] * Decimal(raw["unit_price"])
        return Line(
            raw["sale_id"],
            None if raw["line_no"] is None else str(raw["line_no"]),
            {"SALE": "sale", "RETURN": "return", "ADJUST": "adjustment"}[raw["txn_type"]],
            sold_at.date(),
            sold_at.astimezone(UTC),
            datetime.fromisoformat(raw["last_modified"]),
            raw["store_code"],
            raw["sku"],
            raw["product_name"],
            raw["customer_no"],
            tuple(raw[f"customer_{name}"] for name in ("name", "segment", "city", "country", "updated_at")),
            raw["qty"],
            Decimal(raw["unit_price"]),
            Decimal(raw["line_total"]),
            raw["currency"],
            raw["deleted"],
            date.fromisoformat(raw["previous_date"]) if raw["previous_date"] else None,
        )


@dataclass
class Client2:
    url: str
    secret: str = "secret"
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/London"))
    token: str | None = None
    number = 2
    listing = "/orders"
    day_parameter, since_parameter, size_parameter = "placed_on", "modified_since", "page_size"

    def get_token(self) -> str:
        form = {"grant_type": "client_credentials", "client_id": "client", "client_secret": self.secret}
        response = requests.post(self.url + "/oauth/token", data=form, timeout=TIMEOUT)
        response.raise_for_status()
        return str(response.json()["access_token"])

    def get(self, path: str, **parameters: object) -> requests.Response:
        self.token = self.token or self.get_token()
        headers = {"Authorization": f"Bearer {self.token}"}
        return requests.get(self.url + path, params=parameters, headers=headers, timeout=TIMEOUT)  # type: ignore[arg-type]

    def pages(self, size: int | None, **parameters: object) -> Iterator[Any]:
        more: dict[str, object] = {"page_size": size} if size else {}
        while True:
            response = self.get(self.listing, **parameters, **more)
            response.raise_for_status()
            page = response.json()
            yield page
            if page["next_cursor"] is None:
                return
            more["cursor"] = page["next_cursor"]

    def _read(self, size: int | None, **parameters: object) -> list[Any]:
        orders = [order for page in self.pages(size, **parameters) for order in page["data"]]
        return [(order, line) for order in orders for line in order["lines"]]

    def sold_on(self, day: date, size: int | None = None) -> list[Any]:
        return self._read(size, placed_on=day.isoformat())

    def changed_since(self, time: datetime, size: int | None = None) -> list[Any]:
        return self._read(size, modified_since=int(time.timestamp()))

    def report(self, day: date) -> Report:
        response = self.get("/reports/daily", day=day.isoformat())
        response.raise_for_status()
        said = response.json()
        net = {code: Decimal(each["amount"]).scaleb(-each["exponent"]) for code, each in said["net"].items()}
        return Report(said["lines"], net)

    def line(self, raw: Any) -> Line:
        order, line = raw
        sign = -1 if order["kind"] == "refund" else 1
        places = -order["currency"]["exponent"]
        sold_at = datetime.fromtimestamp(order["placed_at"], UTC)
        buyer, previous = order["buyer"] or {}, order["previous_placed_on"]
        assert line["amount"] == line["quantity"] * line["unit_amount"]
        return Line(
            order["id"],
            line["id"],
            {"order": "sale", "refund": "return", "adjustment": "adjustment"}[order["kind"]],
            sold_at.astimezone(self.zone).date(),
            sold_at,
            datetime.fromtimestamp(order["modified_at"], UTC),
            order["shop"]["id"],
            line["product"]["code"],
            line["product"]["title"],
            buyer.get("id"),
            tuple(buyer.get(name) for name in ("name", "tier", "city", "country", "since")),
            sign * line["quantity"],
            Decimal(line["unit_amount"]).scaleb(places),
            sign * Decimal(line["amount"]).scaleb(places),
            order["currency"]["code"],
            order["deleted"] or line["deleted"],
            date.fromisoformat(previous) if previous else None,
        )


def spanish_number(text: str) -> Decimal:
    return Decimal(text.replace(".", "").replace(",", "."))


@dataclass
class Client3:
    url: str
    secret: str = "secret"
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/Madrid"))
    number = 3
    listing = "/api/ventas"
    day_parameter, since_parameter, size_parameter = "fecha", "modificado_desde", "tamano"

    def headers(self, target: str) -> dict[str, str]:
        stamp = str(int(time.time()))
        message = f"GET\n{target}\n{stamp}".encode()
        signature = hmac.new(self.secret.encode(), message, hashlib.sha256).hexdigest()
        return {"X-Client-Id": "client", "X-Timestamp": stamp, "X-Signature": signature}

    def send(self, target: str, **changed: str) -> requests.Response:
        headers = {**self.headers(target), **changed}
        return requests.get(self.url + target, headers=headers, timeout=TIMEOUT)

    def get(self, path: str, **parameters: object) -> requests.Response:
        query = urlencode(parameters, quote_via=quote, safe="")
        return self.send(f"{path}?{query}" if query else path)

    def _read(self, size: int | None, **parameters: object) -> list[Any]:
        response = self.get(self.listing, **parameters, **({"tamano": size} if size else {}))
        lines: list[Any] = []
        while True:
            response.raise_for_status()
            lines += response.json()
            following = response.links.get("next")
            if following is None:
                return lines
            assert following["url"].startswith(self.url + "/")
            response = self.send(following["url"][len(self.url) :])

    def sold_on(self, day: date, size: int | None = None) -> list[Any]:
        return self._read(size, fecha=f"{day:%d/%m/%Y}")

    def changed_since(self, time: datetime, size: int | None = None) -> list[Any]:
        return self._read(size, modificado_desde=f"{time.astimezone(self.zone):%d/%m/%Y %H:%M}")

    def report(self, day: date) -> Report:
        response = self.get("/api/cierre", fecha=f"{day:%d/%m/%Y}")
        response.raise_for_status()
        said = response.json()
        assert said["fecha"] == f"{day:%d/%m/%Y}"
        return Report(said["lineas"], {code: spanish_number(total) for code, total in said["neto"].items()})

    def _time(self, text: str) -> datetime:
        return datetime.strptime(text, "%d/%m/%Y %H:%M").replace(tzinfo=self.zone)

    def line(self, raw: Any) -> Line:
        sign = -1 if raw["tipo"] == "D" else 1
        customer, previous = raw["cliente"] or {}, raw["fecha_anterior"]
        quantity, price = spanish_number(raw["cantidad"]), spanish_number(raw["precio"])
        amount = spanish_number(raw["importe"])
        assert amount == sign * quantity * price
        sold_at = self._time(raw["fecha_hora"])
        return Line(
            raw["ticket"],
            None if raw["linea"] is None else str(raw["linea"]),
            {"V": "sale", "D": "return", "A": "adjustment"}[raw["tipo"]],
            sold_at.date(),
            sold_at.astimezone(UTC),
            self._time(raw["modificado"]).astimezone(UTC),
            raw["tienda"]["codigo"],
            raw["articulo"]["ref"],
            raw["articulo"]["nombre"] or None,
            customer.get("codigo"),
            tuple(customer.get(name) for name in ("nombre", "segmento", "ciudad", "pais", "desde")),
            sign * int(quantity),
            price,
            amount,
            raw["moneda"],
            raw["anulado"],
            self._time(f"{previous} 00:00").date() if previous else None,
        )


CLIENTS: dict[int, type[Any]] = {1: Client1, 2: Client2, 3: Client3}
