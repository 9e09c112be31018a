from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from local_stack.credentials import MAKERS, load_or_create
from local_stack.environment import pipeline_environment, write_env_file
from local_stack.layout import Layout
from local_stack.ports import USUAL
from shared.config import load_settings
from shared.settings_registry.registry import names_read_by
from shared.settings_registry.setting import AIRFLOW, PIPELINE


def environment(tmp_path: Path, **set_by_the_user: str) -> dict[str, str]:
    return pipeline_environment(USUAL, load_or_create(tmp_path / "credentials.json"), set_by_the_user)


def test_the_settings_need_nothing_more(tmp_path: Path) -> None:
    settings = load_settings(environment(tmp_path))

    assert settings.warehouse_dsn.get_secret_value().startswith("postgresql://retail_user:")
    assert settings.sources.ids == ("retailer_1", "retailer_2", "retailer_3")
    for name in settings.sources.ids:
        settings.sources.connect(name)


def test_what_the_user_set_is_passed_on_and_what_belongs_elsewhere_is_not(tmp_path: Path) -> None:
    made = environment(
        tmp_path,
        BUSINESS_TIMEZONE="Europe/Paris",
        INGEST_MAX_REJECT_SHARE="0.1",
        AIRFLOW_PASSWORD="chosen",
        S3_ENDPOINT_URL="http://seaweedfs:8333",
        WAREHOUSE_DSN="postgresql://elsewhere/db",
        SSH_AUTH_SOCK="/run/agent",
        RETAILER1_TIMEZONE="America/Chicago",
        RETAILER1_API_KEY="of another platform",
        PUSHGATEWAY_URL="http://localhost:9091",
    )

    assert made["BUSINESS_TIMEZONE"] == "Europe/Paris"
    assert made["INGEST_MAX_REJECT_SHARE"] == "0.1"
    assert made["AIRFLOW_PASSWORD"] == "chosen"
    assert made["S3_ENDPOINT_URL"] == "http://127.0.0.1:9000"
    assert "elsewhere" not in made["WAREHOUSE_DSN"]
    assert "SSH_AUTH_SOCK" not in made
    assert made["RETAILER1_TIMEZONE"] == "America/Chicago"
    assert made["RETAILER1_API_KEY"] != "of another platform"
    assert made["PUSHGATEWAY_URL"] == "http://localhost:9091"


def test_every_setting_of_the_pipeline_reaches_it(tmp_path: Path) -> None:
    names = names_read_by(PIPELINE, AIRFLOW) - {"SOURCES_DIRECTORY"}
    made = environment(tmp_path, **dict.fromkeys(names, "1"))

    in_other_words = {"AIRFLOW_PORT", "POSTGRES_PASSWORD"}  # AIRFLOW_URL and WAREHOUSE_DSN have them
    without = {"LOG_LEVEL"}  # `.env` sets it for the containers; here every command would log to standard error
    assert names - set(made) == in_other_words | without


def test_every_variable_of_the_definitions_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    text = "zone: {env: OUTLET_ZONE, default: UTC}\nconnection: {url: {env: OUTLET_URL}, auth: {secret: OUTLET_TOKEN}}"
    (tmp_path / "mine" / "outlet_shop.yaml").write_text(text, encoding="utf-8")
    variables = {"OUTLET_ZONE": "Europe/Rome", "OUTLET_URL": "https://outlet.example.com", "OUTLET_TOKEN": "t0ken"}
    directories = {"SOURCES_DIRECTORY": "mine", "SECRETS_DIRECTORY": "/run/secrets-of-mine"}

    made = environment(tmp_path, **variables, **directories, OTHER_TOKEN="x")

    assert {name: made[name] for name in variables} == variables
    assert made["SOURCES_DIRECTORY"] == str(tmp_path / "mine")  # Airflow's processes have another working directory
    assert made["SECRETS_DIRECTORY"] == "/run/secrets-of-mine"
    assert "OTHER_TOKEN" not in made


def test_the_env_file_is_private_and_a_shell_reads_it_back_exactly(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.local.mkdir()
    awkward = 'it\'s "quoted" $HOME `ls` \\ end'

    write_env_file(layout, {"AWKWARD": awkward})

    assert stat.S_IMODE(layout.env_file.stat().st_mode) == 0o600
    read = subprocess.run(["sh", "-c", f'. {layout.env_file}; printf %s "$AWKWARD"'], capture_output=True, text=True)
    assert read.stdout == awkward


def test_credentials_are_made_once_and_are_private(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"

    first = load_or_create(path)

    assert load_or_create(path) == first
    assert len(set(first.values())) == len(MAKERS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_proxy_is_not_used_between_the_platform_s_processes(tmp_path: Path) -> None:
    made = environment(tmp_path, HTTP_PROXY="http://proxy:3128", NO_PROXY="intranet")

    assert made["no_proxy"] == made["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    assert "NO_PROXY" not in environment(tmp_path)
