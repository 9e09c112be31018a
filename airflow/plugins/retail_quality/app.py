"""The quality page's routes: GET only, for users who are signed in to Airflow."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException

from retail_quality import pages
from retail_quality.access import NotSignedIn, to_the_login
from retail_quality.pages import Addresses
from retail_quality.queries import LedgerReader
from shared.errors import RetailError

log = logging.getLogger(__name__)
HEADERS = {
    # Nothing from other hosts, no inline script or style, and shown inside Airflow only.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
}
Guard = Callable[..., Any]


def create_app(guard: Guard, reader: LedgerReader | None = None) -> FastAPI:
    """The application. `guard` is a dependency that raises if the user may not see the page."""
    app = FastAPI(title="Retail quality", docs_url=None, redoc_url=None, openapi_url=None)
    _add_errors(app)
    _add_static(app)
    app.include_router(_pages(reader or LedgerReader()), dependencies=[Depends(guard)])
    return app


def _pages(reader: LedgerReader) -> APIRouter:
    router = APIRouter(default_response_class=HTMLResponse)

    @router.get("/")
    def overview(request: Request, days: str = "14") -> Response:
        # Compared as a text: a number of thousands of digits is an error of its own in Python.
        period = {str(each): each for each in pages.PERIODS}.get(days, min(pages.PERIODS))
        return _html(pages.overview(_addresses(request), reader.overview(period), period))

    @router.get("/days/{day}")
    def one_day(request: Request, day: str) -> Response:
        try:
            chosen = date.fromisoformat(day)
        except ValueError:
            raise HTTPException(404, f"“{day}” is not a date. Write it as 2024-01-15.") from None
        return _html(pages.day(_addresses(request), reader.day(chosen)))

    @router.get("/alerts")
    def all_alerts(request: Request) -> Response:
        return _html(pages.alerts(_addresses(request), reader.alerts()))

    @router.get("/alerts/{number}")
    def one_alert(request: Request, number: str) -> Response:
        found = reader.alert(int(number)) if number.isdecimal() and len(number) < 19 else None
        if found is None:
            raise HTTPException(404, f"Alert {number} does not exist.")
        return _html(pages.alert(_addresses(request), found))

    return router


def _add_static(app: FastAPI) -> None:
    @app.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in pages.STATIC:
            raise HTTPException(404, "This file does not exist.")
        headers = {**HEADERS, "Cache-Control": "public, max-age=86400"}
        return Response(pages.static_file(name), media_type=pages.STATIC[name], headers=headers)


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(NotSignedIn)
    def not_signed_in(request: Request, error: NotSignedIn) -> Response:
        response = to_the_login(request, _addresses(request).airflow)
        response.headers.update({**HEADERS, "Cache-Control": "no-store"})
        return response

    @app.exception_handler(RetailError)
    def no_warehouse(request: Request, error: RetailError) -> Response:
        log.warning("The quality page cannot read the warehouse: %s", error)
        hint = "Airflow itself is not affected. Reload this page afterwards."
        return _html(pages.notice(_addresses(request), "The warehouse cannot be read", str(error), hint), 503)

    @app.exception_handler(StarletteHTTPException)
    def rejected(request: Request, error: StarletteHTTPException) -> Response:
        title = {404: "Not found", 403: "No access"}.get(error.status_code, "This cannot be shown")
        return _html(pages.notice(_addresses(request), title, str(error.detail)), error.status_code)

    @app.exception_handler(RequestValidationError)
    def misunderstood(request: Request, error: RequestValidationError) -> Response:
        return _html(pages.notice(_addresses(request), "Not found", "This page does not exist."), 404)

    @app.exception_handler(Exception)
    def broken(request: Request, error: Exception) -> Response:
        text = f"The page could not be created ({type(error).__name__})."
        hint = "The log of Airflow's API server has the details. Airflow itself is not affected."
        return _html(pages.notice(_addresses(request), "This page failed", text, hint), 500)


def _addresses(request: Request) -> Addresses:
    """From where this application is mounted: /retail, or below the path that Airflow has on its host."""
    root = str(request.scope.get("root_path", "")).rstrip("/")
    return Addresses(root, root.rpartition("/")[0])


def _html(text: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(text, status, {**HEADERS, "Cache-Control": "no-store"})
