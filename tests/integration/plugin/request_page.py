"""Requests the quality page from Airflow's own web application as different users; prints the responses as JSON.

A program of its own, because Airflow reads its settings once, when it is first imported.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Any


def main() -> None:
    """Plugins as Airflow loads them, then a request per user and kind of login."""
    from airflow.api_fastapi.app import create_app, get_auth_manager
    from airflow.plugins_manager import get_import_errors, get_plugin_info
    from airflow.settings import engine
    from fastapi.testclient import TestClient

    app = create_app(apps="core")
    _make_table_of_revoked_tokens(engine)
    client = TestClient(app, follow_redirects=False)
    (plugin,) = [each for each in get_plugin_info() if each["name"] == "retail_quality"]
    found: dict[str, Any] = {
        "import_errors": list(get_import_errors()),
        "modules_out_of_place": sorted({"app", "pages", "queries", "chart", "facts"} & set(sys.modules)),
        "built_before_the_first_request": "retail_quality.app" in sys.modules,
        "view": plugin["external_views"][0],
        "responses": {
            name: [response.status_code, response.text] for name, response in _responses(client, get_auth_manager())
        },
    }
    found["plugins"] = client.get("/api/v2/plugins", headers=_bearer(get_auth_manager(), "VIEWER")).json()["plugins"]
    print(json.dumps(found))  # noqa: T201 - that is what it is for


def _responses(client: Any, auth: Any) -> Iterator[tuple[str, Any]]:
    yield "nobody", client.get("/retail/")
    yield "nobody in a browser", client.get("/retail/alerts", headers={"accept": "text/html"})
    yield "garbage token", client.get("/retail/", headers={"Authorization": "Bearer garbage"})
    yield "garbage cookie", client.get("/retail/", headers={"Cookie": "_token=garbage"})
    yield "other secret", client.get("/retail/", headers={"Cookie": f"_token={_signed_by_another()}"})
    yield "expired", client.get("/retail/", headers={"Cookie": f"_token={_token(auth, 'ADMIN', seconds=-3600)}"})
    for role in ("ADMIN", "VIEWER"):
        yield f"{role} by cookie", client.get("/retail/", headers={"Cookie": f"_token={_token(auth, role)}"})
        yield f"{role} by token", client.get("/retail/", headers=_bearer(auth, role))
    yield "no role by token", client.get("/retail/", headers=_bearer(auth, None))


def _token(auth: Any, role: str | None, seconds: int = 60) -> str:
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    user = SimpleAuthManagerUser(username="somebody", role=role)
    return str(auth.generate_jwt(user, expiration_time_in_seconds=seconds))


def _bearer(auth: Any, role: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {_token(auth, role)}"}


def _signed_by_another() -> str:
    import jwt

    now = int(time.time())
    claims = {"sub": "somebody", "role": "ADMIN", "iat": now, "nbf": now, "exp": now + 60, "aud": "apache-airflow"}
    return jwt.encode(claims, "another secret that is long enough for this algorithm and then some", algorithm="HS512")


def _make_table_of_revoked_tokens(engine: Any) -> None:
    from airflow.models.revoked_token import RevokedToken

    RevokedToken.__table__.create(engine, checkfirst=True)


if __name__ == "__main__":
    main()
