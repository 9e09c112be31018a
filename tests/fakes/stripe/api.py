"""The API of Stripe in miniature, for `tests/contract`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, ClassVar

from tests.fakes.connector_api import AS_OF, DAY, ConnectorApi
from tests.fakes.http_vendor import Reply, reply
from tests.fakes.stripe.payments import charge_of

_NOON = datetime.combine(DAY, time(17), UTC)


@dataclass
class StripeApi(ConnectorApi):
    """Pages by the id of the last object, of charges. Nothing was refunded. The report is that of the balance."""

    pages_sent: int = 0

    definition = Path(__file__).parent / "sources" / "payments.yaml"
    url_variable = "PAYMENTS_URL"
    credentials: ClassVar = {"PAYMENTS_KEY": "key"}
    listing_path = "/v1/charges"
    rows_key = "data"
    currency = "USD"
    report_path = "/v1/balance_transactions"
    reports_lines = False
    most_rows = 100
    changes_path = "/v1/events"
    since_parameter = "created[gte]"
    since_text = "created%5Bgte%5D=1705055400"
    now = AS_OF
    shows_growth = False

    def time(self, time: datetime) -> int:
        return int(time.timestamp())

    def row(self, name: str, previous_date: date | None) -> Any:
        return charge_of(name, self.time(_NOON), balance_transaction={"id": "txn", "created": self.time(_NOON)})

    def page_number(self, parameters: dict[str, str]) -> int:
        # The id of the last object does not say which of several equal pages it was on.
        self.pages_sent = self.pages_sent + 1 if "starting_after" in parameters else 1
        return self.pages_sent

    def page(self, number: int, rows: list[Any], parameters: dict[str, str]) -> Reply:
        has_more = self.following(number) is not None
        if parameters.get("types[0]"):
            rows = [self._event(row) for row in rows]
        return self.send({"object": "list", "data": rows, "has_more": has_more})

    def report(self, parameters: dict[str, str]) -> Reply:
        if parameters["type"] != "charge":
            return self.send({"object": "list", "data": [], "has_more": False})
        noon = datetime(1999, 1, 1, tzinfo=UTC) if self.wrong_report_date else _NOON
        amount = int(self.reported_net * 100)
        source = charge_of("A", self.time(_NOON), amount)
        booked = {"id": "txn", "created": self.time(noon), "type": "charge", "currency": "usd", "amount": amount}
        return self.send({"object": "list", "data": [{**booked, "source": source}], "has_more": False})

    def other(self, path: str) -> Reply:
        assert path == "/v1/refunds"
        return reply({"object": "list", "data": [], "has_more": False})

    def _event(self, charge: Any) -> Any:
        """An event about a charge, of which C is one of the day before."""
        if charge.get("id") == "C":
            charge["created"] -= 86_400
        return {"id": f"evt_{charge.get('id')}", "created": self.time(_NOON), "data": {"object": charge}}
