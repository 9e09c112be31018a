"""Handles visitors who are not signed in: a redirect to the login and back, or 401."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response


class NotSignedIn(Exception):
    """The request has no valid session in Airflow."""


def to_the_login(request: Request, airflow: str) -> Response:
    """A browser is sent to Airflow's login, which sends it back here; a program gets 401."""
    if "text/html" not in request.headers.get("accept", ""):
        return PlainTextResponse("Log in to Airflow first.\n", status_code=401, headers={"WWW-Authenticate": "Bearer"})
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"{airflow}/api/v2/auth/login?{urlencode({'next': here})}", status_code=303)
