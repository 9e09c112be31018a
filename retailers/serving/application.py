"""The Flask application around a retailer's own endpoints: authentication, limits, errors, health, sandbox."""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import orjson
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from retailers.archive.database import DatabaseUnavailableError
from retailers.faults.specification import parse_faults
from retailers.rejections import Rejected, invalid, rate_limited, unavailable
from retailers.serving.simulator import Simulator

logger = logging.getLogger(__name__)
_OPEN_PATHS = frozenset({"/health", "/oauth/token"})
_JSON_OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z


class Vendor(Protocol):
    """What differs from retailer to retailer."""

    def authenticate(self) -> None:
        """Check the current request. Raises Rejected."""

    def error_body(self, rejected: Rejected) -> Mapping[str, object]:
        """An error in the vendor's own words."""

    def add_endpoints(self, app: Flask) -> None:
        """Add the listings and reports."""


def json_response(content: object, status: int = 200) -> Response:
    """Content as JSON; aware times with their offset, naive ones as UTC."""
    return Response(orjson.dumps(content, option=_JSON_OPTIONS), status=status, mimetype="application/json")


def build_app(simulator: Simulator, vendor: Vendor) -> Flask:
    """The application of one retailer."""
    app = Flask(simulator.market.retailer_id)

    @app.before_request
    def check() -> None:
        g.began = time.perf_counter()
        if request.path.startswith("/admin/"):
            _check_admin(simulator)
            return
        if simulator.board.on("down"):
            raise unavailable()
        if request.routing_exception is None and request.path not in _OPEN_PATHS:
            vendor.authenticate()
        wait = simulator.limit.wait_needed() if request.path != "/health" else 0
        if wait:
            raise rate_limited(wait)

    @app.after_request
    def note(response: Response) -> Response:
        spent = (time.perf_counter() - g.get("began", time.perf_counter())) * 1000
        response.headers["Server-Timing"] = f"app;dur={spent:.1f}"
        logger.debug("%s %s %s %.1f ms", request.method, request.full_path, response.status_code, spent)
        return response

    _add_error_handlers(app, vendor)
    _add_health(app, simulator)
    _add_sandbox(app, simulator)
    vendor.add_endpoints(app)
    return app


def _add_error_handlers(app: Flask, vendor: Vendor) -> None:
    def reject(rejected: Rejected) -> Response:
        response = json_response(vendor.error_body(rejected), rejected.status)
        response.headers.extend(dict(rejected.headers))
        return response

    app.register_error_handler(Rejected, reject)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        known = {
            404: ("not_found", f"there is no {request.path}"),
            405: ("method_not_allowed", f"{request.method} is not allowed here"),
        }
        status = error.code or 500
        code, message = known.get(status, ("internal_error" if status >= 500 else "invalid_parameter", error.name))
        return reject(Rejected(status, code, message))

    @app.errorhandler(DatabaseUnavailableError)
    def database_unavailable(error: DatabaseUnavailableError) -> Response:
        logger.warning("the database is unavailable: %s", error)
        return reject(unavailable(1))

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        logger.exception("unexpected error at %s", request.path)
        return reject(Rejected(500, "internal_error", "something went wrong on our side"))


def _add_health(app: Flask, simulator: Simulator) -> None:
    @app.get("/health")
    def health() -> Response:
        name, now = simulator.market.retailer_id, simulator.clock.now()
        try:
            with simulator.database.transaction() as cursor:
                cursor.execute("SELECT 1")
        except DatabaseUnavailableError:
            return json_response({"status": "unavailable", "retailer": name, "now": now}, 503)
        return json_response({"status": "ok", "retailer": name, "now": now})


def _check_admin(simulator: Simulator) -> None:
    token = simulator.settings.admin_token
    if token is None:
        raise Rejected(404, "not_found", f"there is no {request.path}")
    if not hmac.compare_digest(request.headers.get("X-Admin-Token", "").encode(), token.encode()):
        raise Rejected(401, "invalid_admin_token", "X-Admin-Token is missing or wrong")


def _body() -> Mapping[str, object]:
    content = request.get_json(silent=True, force=True)
    if not isinstance(content, dict):
        raise invalid("the body must be a JSON object")
    return content


def _add_sandbox(app: Flask, simulator: Simulator) -> None:
    board, clock = simulator.board, simulator.clock

    @app.get("/admin/faults")
    def list_faults() -> Response:
        return json_response({"faults": board.as_list()})

    @app.post("/admin/faults")
    def switch_on() -> Response:
        try:
            board.switch_on(parse_faults(str(_body().get("faults", ""))))
        except ValueError as error:
            raise invalid(f"faults: {error}") from error
        return list_faults()

    @app.delete("/admin/faults")
    def switch_off() -> Response:
        board.switch_off(request.args.get("name"))
        if board.on("insert_after_page") is None:
            simulator.held_back.reveal_all()
        return list_faults()

    @app.get("/admin/clock")
    def show_clock() -> Response:
        return json_response({"now": clock.now(), "fixed": clock.is_fixed})

    @app.post("/admin/clock")
    def set_clock() -> Response:
        text = _body().get("now")
        try:
            fixed = None if text is None else datetime.fromisoformat(str(text))
        except ValueError as error:
            raise invalid(f"now must be an ISO 8601 time with its offset, not {text}") from error
        if fixed is not None and fixed.tzinfo is None:
            raise invalid(f"now must have its offset or Z, not {text}")
        clock.set(fixed)
        return show_clock()
