"""Settings: every missing key at once, secrets from files, `.env` below the environment."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from shared.config import load_settings, load_source_settings, read_environment
from shared.errors import FixConfiguration

MINIMAL = {
    "WAREHOUSE_DSN": "postgresql://u:p@h/d",
    "S3_BUCKET_RAW": "raw",
    "S3_BUCKET_PROCESSED": "processed",
}


def test_all_missing_keys_are_reported_together_by_the_names_that_a_user_sets() -> None:
    with pytest.raises(FixConfiguration) as failure:
        load_settings({"RETAILER2_API_URL": "http://x"})
    for name in ("WAREHOUSE_DSN", "S3_BUCKET_RAW", "S3_BUCKET_PROCESSED"):
        assert f"{name} " in str(failure.value)
    assert "RETAILER" not in str(failure.value)


def test_a_source_that_lacks_a_secret_is_an_error_of_that_source_alone() -> None:
    sources = load_settings(
        {**MINIMAL, "RETAILER1_API_URL": "http://x", "RETAILER3_HMAC_SECRET_FILE": "/nowhere"}
    ).sources

    assert sources.ids == ("retailer_1", "retailer_2", "retailer_3")
    with pytest.raises(FixConfiguration, match=r"retailer_1 is not configured\. Set RETAILER1_API_KEY in \.env"):
        sources.connect("retailer_1")
    with pytest.raises(FixConfiguration, match="RETAILER3_HMAC_SECRET_FILE names /nowhere, which cannot be read"):
        sources.connect("retailer_3")


def test_reading_a_source_needs_no_warehouse_and_no_store() -> None:
    assert load_source_settings({"INGEST_LOOKBACK_DAYS": "9"}).ingest.lookback_days == 9


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("BUSINESS_TIMEZONE", "Mars/Olympus", "'Mars/Olympus', which is not an IANA time zone"),
        ("INGEST_MAX_REJECT_SHARE", "5", "INGEST_MAX_REJECT_SHARE: Input should be less than or equal to 1"),
        ("INGEST_LOOKBACK_DAYS", "many", "INGEST_LOOKBACK_DAYS: Input should be a valid integer"),
        ("WAREHOUSE_DSN", "host=localhost", "WAREHOUSE_DSN is not a libpq URI"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable(name: str, value: str, message: str) -> None:
    with pytest.raises(FixConfiguration, match=message):
        load_settings({**MINIMAL, name: value})


def test_the_warehouse_is_also_found_by_its_parts_and_the_password_is_quoted() -> None:
    parts = {name: value for name, value in MINIMAL.items() if name != "WAREHOUSE_DSN"}
    settings = load_settings(
        {**parts, "POSTGRES_PASSWORD": "p@ss/word", "POSTGRES_HOST": "db", "POSTGRES_PORT": "6000"}
    )
    dsn = settings.warehouse_dsn.get_secret_value()
    assert dsn == "postgresql://retail_user:p%40ss%2Fword@db:6000/retail_analytics"


def test_no_secret_shows_when_settings_are_printed() -> None:
    shown = repr(
        load_settings({**MINIMAL, "AWS_SECRET_ACCESS_KEY": "hush", "WAREHOUSE_DSN": "postgresql://u:hush@h/d"})
    )
    assert "hush" not in shown


def test_the_environment_wins_over_dotenv_and_files_fill_in(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=from-dotenv\nexport B='quoted'\n# C=comment\nD=\n", encoding="utf-8")
    (tmp_path / "secret").write_text("from-file\n", encoding="utf-8")
    found = read_environment({"A": "from-environment", "E_FILE": str(tmp_path / "secret")}, tmp_path / ".env")
    assert found == {
        "A": "from-environment",
        "B": "quoted",
        "E": "from-file",
        "E_FILE": str(tmp_path / "secret"),
    }


def test_an_unreadable_secret_file_is_named() -> None:
    with pytest.raises(FixConfiguration, match="WAREHOUSE_DSN_FILE names /nowhere/dsn, which cannot be read"):
        load_settings({**MINIMAL, "WAREHOUSE_DSN": "", "WAREHOUSE_DSN_FILE": "/nowhere/dsn"})


def test_a_secret_file_of_the_environment_wins_over_dotenv_and_dotenv_s_paths_start_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("1\n", encoding="utf-8")
    (tmp_path / "two").write_text("2\n", encoding="utf-8")
    (tmp_path / ".env").write_text("A=old\nB_FILE=two\nAIRFLOW_PASSWORD_FILE=nowhere\n", encoding="utf-8")

    found = read_environment({"A_FILE": str(tmp_path / "one"), "AIRFLOW_PASSWORD": "given"}, tmp_path / ".env")

    assert (found["A"], found["B"], found["AIRFLOW_PASSWORD"]) == ("1", "2", "given")
    with pytest.raises(FixConfiguration, match="AIRFLOW_PASSWORD_FILE names nowhere, which cannot be read"):
        read_environment({}, tmp_path / ".env")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"S3_SSE": "AES512"}, "S3_SSE: Input should be 'AES256' or 'aws:kms'"),
        ({"S3_SSE_KMS_KEY_ID": "k"}, "S3_SSE_KMS_KEY_ID: Value error, it needs S3_SSE=aws:kms"),
        ({"S3_SSE": "AES256", "S3_SSE_KMS_KEY_ID": "k"}, "S3_SSE_KMS_KEY_ID: Value error, it needs S3_SSE=aws:kms"),
    ],
)
def test_encryption_that_s3_does_not_know_is_named(values: dict[str, str], message: str) -> None:
    with pytest.raises(FixConfiguration, match=message):
        load_settings({**MINIMAL, **values})
    assert load_settings({**MINIMAL, "S3_SSE": ""}).s3.sse is None


@pytest.mark.parametrize(
    ("zone", "now", "yesterday"),
    [
        ("UTC", datetime(2024, 3, 1, 0, 0, tzinfo=UTC), date(2024, 2, 29)),
        ("America/New_York", datetime(2024, 3, 1, 4, 59, tzinfo=UTC), date(2024, 2, 28)),
        ("Europe/Madrid", datetime(2024, 3, 31, 22, 30, tzinfo=UTC), date(2024, 3, 31)),
    ],
)
def test_yesterday_is_meant_in_the_business_time_zone(zone: str, now: datetime, yesterday: date) -> None:
    assert load_settings({**MINIMAL, "BUSINESS_TIMEZONE": zone}).business_yesterday(now) == yesterday


def test_a_byte_order_mark_and_line_ends_of_windows_are_not_part_of_a_name_or_secret(tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(b"\xef\xbb\xbfsecret\r\n")
    dotenv = tmp_path / ".env"
    dotenv.write_bytes(b"\xef\xbb\xbfPOSTGRES_USER=loader\r\nPOSTGRES_PASSWORD_FILE=password\r\n")
    found = read_environment({}, dotenv)
    assert (found["POSTGRES_USER"], found["POSTGRES_PASSWORD"]) == ("loader", "secret")
