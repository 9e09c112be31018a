"""`retail config check` shows what is set and hides what is secret."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cli.configuration import MASK, masked
from shared.config import PROJECT_ROOT, known_names
from tests import shipped_sources
from tests.copied_process import run_module

COMPLETE = {
    "WAREHOUSE_DSN": "postgresql://retail_user:s3cr3t@db:5433/retail",
    "S3_BUCKET_RAW": "raw",
    "S3_BUCKET_PROCESSED": "processed",
    "AWS_SECRET_ACCESS_KEY": "hush",
    "RETAILER1_API_URL": "http://localhost:5001",
    "RETAILER1_API_KEY": "quiet",
    "RETAILER2_API_URL": "http://localhost:5002",
    "RETAILER2_CLIENT_ID": "client",
    "RETAILER2_CLIENT_SECRET": "quiet",
    "RETAILER3_API_URL": "http://localhost:5003",
    "RETAILER3_CLIENT_ID": "client",
    "RETAILER3_HMAC_SECRET": "quiet",
}


def check(*arguments: str, **environment: str) -> tuple[int, str, str]:
    own = {"PATH": os.environ["PATH"], **shipped_sources.ENVIRONMENT}
    shown = run_module("cli", "config", "check", *arguments, environment=own | environment)
    return shown.returncode, shown.stdout, shown.stderr


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_no_secret_is_shown(arguments: list[str]) -> None:
    code, output, errors = check(*arguments, **COMPLETE)
    assert (code, errors) == (0, "")
    assert "retail_user@db:5433/retail" in output
    for secret in ("s3cr3t", "hush", "quiet"):
        assert secret not in output


def test_a_setting_is_shown_with_its_origin() -> None:
    result = json.loads(check("--json", **COMPLETE)[1])
    assert result["ok"] is True
    assert result["settings"]["S3_BUCKET_RAW"] == {"value": "raw", "from": "environment"}
    assert result["sources"] == {"retailer_1": None, "retailer_2": None, "retailer_3": None}


def test_what_a_source_lacks_is_listed_with_the_source_and_is_a_problem_of_that_source_only(tmp_path: Path) -> None:
    definition = (PROJECT_ROOT / "sources" / "retailer_1.yaml").read_text(encoding="utf-8")
    for name, text in {
        "retailer_1": definition,
        "outlet": definition.replace("id: retailer_1", "id: outlet").replace("RETAILER1_API_KEY", "OUTLET_TOKEN"),
        "broken": "id: broken\n",
        "closed": definition.replace("id: retailer_1", "id: closed\nenabled: false").replace("R1_API_KEY", "R9_KEY"),
    }.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    code, output, errors = check("--json", **COMPLETE, SOURCES_DIRECTORY=str(tmp_path))
    result = json.loads(output)
    assert (code, result["ok"], result["problems"]) == (2, False, [])
    assert (result["sources"]["retailer_1"], result["sources"]["closed"]) == (None, None)
    assert "Set OUTLET_TOKEN in .env" in result["sources"]["outlet"]
    assert f"{tmp_path}/broken.yaml:1: name: it is missing" in result["sources"]["broken"]
    assert "OUTLET_TOKEN" in errors


def test_two_zones_in_one_bucket_are_a_problem() -> None:
    code, output, errors = check("--json", **COMPLETE | {"S3_BUCKET_PROCESSED": " raw"})
    assert (code, json.loads(output)["ok"]) == (2, False)
    assert "S3_BUCKET_RAW and S3_BUCKET_PROCESSED both name the bucket raw. Set one of them" in errors


def test_everything_that_is_missing_is_named_at_once_and_it_ends_with_2() -> None:
    code, _, errors = check(RETAILER2_API_URL="http://localhost:5002")
    assert code == 2
    for name in ("WAREHOUSE_DSN", "S3_BUCKET_RAW", "RETAILER2_CLIENT_ID", "RETAILER2_CLIENT_SECRET"):
        assert f"{name}" in errors


def test_alert_channels_are_shown_without_their_urls_and_a_wrong_one_is_found() -> None:
    channels = {"ALERT_CHANNELS": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ pagerduty://key@other"}
    result = json.loads(check("--json", **COMPLETE, **channels)[1])
    assert (
        result["settings"]["ALERT_CHANNELS"]["value"] == "channel 1 (slack) from info, channel 2 (pagerduty) from error"
    )
    code, _, errors = check(**COMPLETE, ALERT_CHANNELS="nonsense://quiet")
    assert code == 2
    assert "channel 1 (nonsense) is not a URL that apprise understands" in errors
    assert "quiet" not in errors


@pytest.mark.parametrize("name", sorted(known_names()))
def test_whatever_sounds_secret_is_masked(name: str) -> None:
    secret = any(word in name for word in ("PASSWORD", "SECRET_", "API_KEY", "ACCESS_KEY", "DSN"))
    assert (masked(name, "value") == MASK) is secret
