"""Puts "Quality" into Airflow's navigation: the quality page, served by the API server under /retail/.

Every process of Airflow loads its plugins, each task too, so this file imports nothing; the API server builds the page
on the first request.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

PREFIX = "/retail"


class BuiltOnFirstRequest:
    """The page's ASGI application; its errors only affect its own responses."""

    def __init__(self) -> None:
        self._application: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle a request."""
        if self._application is None:
            from retail_quality.app import create_app
            from retail_quality.login import signed_in

            self._application = create_app(signed_in)
        await self._application(scope, receive, send)


def _address(path: str) -> str:
    """The URL path for a browser, also when Airflow is not served at the root of its host."""
    base: str = conf.get("api", "base_url", fallback="/")
    return urlsplit(base).path.rstrip("/") + PREFIX + path


class RetailQualityPlugin(AirflowPlugin):
    """An application and the entry in the navigation that shows it."""

    name = "retail_quality"
    fastapi_apps = [{"app": BuiltOnFirstRequest(), "url_prefix": PREFIX, "name": "Retail quality"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        {
            "name": "Quality",
            "href": _address("/"),
            "url_route": "retail-quality",
            "destination": "nav",
            "nav_top_level": True,
            "icon": _address("/static/icon.svg"),
            "icon_dark_mode": _address("/static/icon-dark.svg"),
        }
    ]
