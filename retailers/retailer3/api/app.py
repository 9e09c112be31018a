"""Retailer 3's API: `python -m retailers.retailer3.api.app`. See docs/RETAILERS.md."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlencode

from flask import Flask, Response, request

from retailers.rejections import Rejected, invalid
from retailers.retailer3 import spanish
from retailers.retailer3.listing import Listing, Page
from retailers.retailer3.market import MARKET
from retailers.retailer3.sales_tables import Asientos
from retailers.retailer3.signatures import Signatures
from retailers.serving import parameters
from retailers.serving.application import build_app, json_response
from retailers.serving.server import serve
from retailers.serving.settings import Settings
from retailers.serving.simulator import Simulator, start_simulator

PORT = 5003
SECRETS = ("CLIENT_ID", "HMAC_SECRET")
_CODES = {
    "invalid_parameter": "parametro_invalido", "missing_signature": "firma_ausente",
    "unknown_client": "cliente_desconocido",
    "stale_timestamp": "sello_caducado", "invalid_signature": "firma_invalida", "not_found": "no_encontrado",
    "method_not_allowed": "metodo_no_permitido", "rate_limited": "limite_superado", "internal_error": "error_interno",
    "unavailable": "no_disponible",
}  # fmt: skip


class Retailer3:
    """The retailer's part of the application. See `retailers.serving.application.Vendor`."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._listing = Listing(simulator)
        secrets = simulator.settings.secrets
        self._signatures = Signatures(secrets["CLIENT_ID"], secrets["HMAC_SECRET"])

    def authenticate(self) -> None:
        """Check the signature of the request target as it was sent."""
        target = request.environ.get("REQUEST_URI") or request.full_path.rstrip("?")
        self._signatures.check(request.method, target, dict(request.headers))

    def error_body(self, rejected: Rejected) -> Mapping[str, object]:
        """`{"codigo", "mensaje"}`."""
        return {"codigo": _CODES.get(rejected.code, rejected.code), "mensaje": rejected.message}

    def add_endpoints(self, app: Flask) -> None:
        """Sales and the daily closing."""
        app.add_url_rule("/api/ventas", "ventas", self._ventas)
        app.add_url_rule("/api/cierre", "cierre", self._cierre)

    def _ventas(self) -> Response:
        parameters.exactly_one("fecha", "modificado_desde")
        day = parameters.day("fecha", spanish.DAY)
        number = parameters.integer("pagina", 1, 1, 10**9)
        size = parameters.integer("tamano", 500, 1, 5000)
        if day is None:
            since = self._minute(parameters.text("modificado_desde") or "")
            return self._simulator.respond(
                number, lambda: _shown(self._listing.changed_since(since, number, size), number, size)
            )

        def build() -> tuple[Response, bool]:
            page = self._listing.sold_on(day, number, size)
            lines = self._simulator.board.repeated(page.lines)
            return _shown(page, number, size, lines), number * size >= page.total

        return self._simulator.listing(day, number, build)

    def _minute(self, text: str) -> datetime:
        try:
            if not re.fullmatch(r"\d\d/\d\d/\d{4} \d\d:\d\d", text):
                raise ValueError(text)
            return datetime.strptime(text, spanish.MINUTE).replace(tzinfo=self._simulator.zone)
        except ValueError:
            raise invalid(f"modificado_desde must be dd/mm/yyyy HH:MM, not {text}") from None

    def _cierre(self) -> Response:
        day = parameters.required_day("fecha", spanish.DAY)
        return self._simulator.respond(1, lambda: json_response(self._listing.report(day)))


def _shown(page: Page, number: int, size: int, lines: Sequence[object] | None = None) -> Response:
    response = json_response(page.lines if lines is None else lines)
    response.headers["X-Total-Count"] = str(page.total)
    response.headers["X-Fecha-Corte"] = spanish.minute(page.as_of)
    last = max(1, -(-page.total // size))
    related = {"first": 1, "prev": number - 1, "next": number + 1, "last": last}
    response.headers["Link"] = ", ".join(
        f'<{_url(target, size)}>; rel="{relation}"' for relation, target in related.items() if 1 <= target <= last
    )
    return response


def _url(page: int, size: int) -> str:
    kept = {name: request.args[name] for name in ("fecha", "modificado_desde") if request.args.get(name)}
    return f"{request.base_url}?{urlencode({**kept, 'pagina': page, 'tamano': size})}"


def create_app(settings: Settings) -> Flask:
    """The application, with its database prepared."""
    simulator = start_simulator(MARKET, Asientos(), settings, lambda now: now)
    return build_app(simulator, Retailer3(simulator))


if __name__ == "__main__":
    sys.exit(serve(MARKET, PORT, SECRETS, create_app))
