"""The page inside Airflow's own web application, with its real login."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from local_stack.databases import WarehouseAccess
from shared.config import PROJECT_ROOT

pytestmark = pytest.mark.long
PROGRAM = PROJECT_ROOT / "tests" / "integration" / "plugin" / "request_page.py"
NOT_SIGNED_IN = [401, "Log in to Airflow first.\n"]


@pytest.fixture(scope="module")
def said(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: Any,
    warehouse_template: str,
) -> dict[str, Any]:
    """What Airflow's web application said to each."""
    from local_stack.databases import create_warehouse
    from tests.conftest import ROLE_PASSWORDS

    name, metadata = "warehouse_of_the_login", "airflow_of_the_login"
    access: WarehouseAccess = create_warehouse(postgres_server, ROLE_PASSWORDS, name=name, template=warehouse_template)
    home = str(tmp_path_factory.mktemp("airflow"))
    settings = {
        "DATABASE__SQL_ALCHEMY_CONN": postgres_server.create_database(metadata).replace(
            "postgresql:", "postgresql+psycopg2:"
        ),
        "CORE__PLUGINS_FOLDER": str(PROJECT_ROOT / "airflow" / "plugins"),
        "CORE__DAGS_FOLDER": home,
        "CORE__LOAD_EXAMPLES": "False",
        "API_AUTH__JWT_SECRET": "a secret of this test alone, which is long enough for the algorithm in use",
        "API__BASE_URL": "http://testserver/",
    }
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")},
        **{f"AIRFLOW__{key}": value for key, value in settings.items()},
        "AIRFLOW_HOME": home,
        "PYTHONPATH": str(PROJECT_ROOT),
        "WAREHOUSE_READER_DSN": access.reader_dsn,
    }
    done = subprocess.run(
        [sys.executable, str(PROGRAM)],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    postgres_server.drop_database(name)
    postgres_server.drop_database(metadata)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_airflow_loads_the_plugin_and_only_the_plugin(said: dict[str, Any]) -> None:
    assert said["import_errors"] == []
    assert said["modules_out_of_place"] == []
    assert said["built_before_the_first_request"] is False


def test_the_navigation_shows_the_page_to_a_viewer(said: dict[str, Any]) -> None:
    (plugin,) = [each for each in said["plugins"] if each["name"] == "retail_quality"]
    (view,) = plugin["external_views"]

    assert (view["name"], view["href"], view["url_route"]) == ("Quality", "/retail/", "retail-quality")
    assert (view["destination"], view["nav_top_level"]) == ("nav", True)
    assert [each["url_prefix"] for each in plugin["fastapi_apps"]] == ["/retail"]


@pytest.mark.parametrize("who", ["nobody", "garbage token", "garbage cookie", "other secret", "expired"])
def test_who_has_no_valid_session_of_airflow_sees_nothing(said: dict[str, Any], who: str) -> None:
    assert said["responses"][who] == NOT_SIGNED_IN


def test_a_browser_without_a_session_is_sent_to_the_login(said: dict[str, Any]) -> None:
    assert said["responses"]["nobody in a browser"] == [303, ""]


@pytest.mark.parametrize("who", ["ADMIN by cookie", "ADMIN by token", "VIEWER by cookie", "VIEWER by token"])
def test_viewers_and_others_who_are_signed_in_see_the_page(said: dict[str, Any], who: str) -> None:
    status, text = said["responses"][who]

    assert status == 200
    assert "No business date has been loaded yet" in text


def test_an_account_without_a_role_sees_no_data(said: dict[str, Any]) -> None:
    status, text = said["responses"]["no role by token"]

    assert status == 403
    assert "An administrator has to give it the role Viewer" in text
    assert "business date" not in text.partition("<footer>")[0]
