"""`scripts/check_pipeline_health.sh` and `scripts/check_s3.py` as a user runs them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local_stack.postgres import free_port
from shared.config import PROJECT_ROOT
from tests import shipped_sources
from tests.copied_process import run_module

if TYPE_CHECKING:
    from tests.conftest import S3Access


def run(program: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    # A `.env` of the checkout would configure what these tests leave out.
    return subprocess.run(
        program,
        cwd=PROJECT_ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def nowhere() -> dict[str, str]:
    """A complete configuration of a platform of which nothing runs."""
    url = f"http://127.0.0.1:{free_port()}"
    return {
        "WAREHOUSE_DSN": f"postgresql://retail_user:secret@127.0.0.1:{free_port()}/retail_analytics",
        "S3_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "S3_BUCKET_RAW": "raw",
        "S3_BUCKET_PROCESSED": "processed",
        "RETAILER1_API_URL": url,
        "RETAILER1_API_KEY": "k",
        "RETAILER2_API_URL": url,
        "RETAILER2_CLIENT_ID": "c",
        "RETAILER2_CLIENT_SECRET": "s",
        "RETAILER3_API_URL": url,
        "RETAILER3_CLIENT_ID": "c",
        "RETAILER3_HMAC_SECRET": "s",
        "AIRFLOW_URL": url,
        "AIRFLOW_USERNAME": "admin",
        "AIRFLOW_PASSWORD": "pw",
        **shipped_sources.ENVIRONMENT,
    }


HEALTH = ["sh", str(PROJECT_ROOT / "scripts" / "check_pipeline_health.sh")]


def test_with_everything_down_every_line_says_so_and_what_to_do() -> None:
    done = run([*HEALTH, "--json"], nowhere())
    report = json.loads(done.stdout)
    assert done.returncode == report["exit_status"] == 1
    down = {each["item"]: each for each in report["findings"] if each["health"] == "down"}
    assert {"PostgreSQL", "raw bucket", "processed bucket", "retailer_1", "retailer_2", "retailer_3", "API server"} <= {
        *down
    }
    assert all(each["remedy"] for each in down.values())
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stdout


def test_the_report_names_each_item_and_ends_with_a_sentence() -> None:
    done = run(HEALTH, nowhere())
    assert done.returncode == 1
    assert "retailer_3" in done.stdout
    assert re.search(r"^\d+ down.* \(of \d+ checks\)\.$", done.stdout.splitlines()[-1])


def test_help_explains_the_exit_status() -> None:
    done = run([*HEALTH, "--help"], nowhere())
    assert done.returncode == 0
    assert "2 when something could not be checked" in " ".join(done.stdout.replace("│", " ").split())


def test_the_report_in_a_pipe_has_a_line_for_each_finding_with_its_remedy() -> None:
    lines = run(HEALTH, {**nowhere(), "COLUMNS": "80"}).stdout.splitlines()
    assert lines[0].startswith("Platform: another one, with its warehouse at localhost:")
    (line,) = (each for each in lines if each.startswith("down      PostgreSQL "))
    assert "No PostgreSQL server responds" in line
    assert " → " in line


def test_without_the_libraries_it_says_what_installs_them(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "scripts" / "check_pipeline_health.sh"
    script.write_bytes((PROJECT_ROOT / "scripts" / "check_pipeline_health.sh").read_bytes())
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "python3").symlink_to("/bin/false")
    done = run(["sh", str(script)], {"PATH": f"{bare}:/usr/bin:/bin"})
    assert done.returncode == 2
    assert "make health-check" in done.stderr


def check_s3(environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return run_module("scripts.check_s3", environment={"PATH": os.environ["PATH"], **environment})


def test_working_buckets_are_written_read_and_left_empty(s3: S3Access) -> None:
    done = run([sys.executable, "scripts/check_s3.py"], s3.environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("also in parts") == 2
    for bucket in (s3.bucket_raw, s3.bucket_processed):
        assert s3.client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_missing_bucket_is_named_and_the_other_is_still_checked(s3: S3Access) -> None:
    done = check_s3({**s3.environment, "S3_BUCKET_RAW": "nowhere"})
    assert done.returncode == 2
    assert "Bucket nowhere does not exist" in done.stderr
    assert f"ok    s3://{s3.bucket_processed}" in done.stdout


def test_a_bucket_without_permission_says_what_is_denied(s3: S3Access) -> None:
    s3.deny(s3.bucket_raw)
    done = check_s3(s3.environment)
    assert done.returncode == 2
    assert f"denies us s3:ListBucket on bucket {s3.bucket_raw}" in done.stderr
    assert "Traceback" not in done.stderr


def test_keys_that_the_store_does_not_know_are_distinguished_from_a_missing_permission(s3: S3Access) -> None:
    class Rejecting(BaseHTTPRequestHandler):
        def reject(self) -> None:
            body = b"<Error><Code>InvalidAccessKeyId</Code><Message>no</Message></Error>"
            self.send_response(403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_HEAD = do_DELETE = reject  # noqa: N815 - the names http.server calls

        def log_message(self, *arguments: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Rejecting) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        done = check_s3({**s3.environment, "S3_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}"})
        server.shutdown()
    assert done.returncode == 2
    assert "rejected our keys (InvalidAccessKeyId)" in done.stderr


class TokenService(BaseHTTPRequestHandler):
    """AWS's service that says whose keys a request was signed with."""

    def do_POST(self) -> None:
        body = (
            b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/loader</Arn>"
            b"<UserId>u</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
        )
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Log nothing."""


def test_at_amazon_it_says_whose_keys_they_are_and_which_right_is_missing(s3: S3Access) -> None:
    s3.deny(s3.bucket_raw)
    with ThreadingHTTPServer(("127.0.0.1", 0), TokenService) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        amazon = {
            "S3_ENDPOINT_URL": "",
            "AWS_ENDPOINT_URL_S3": s3.endpoint,
            "AWS_ENDPOINT_URL_STS": f"http://127.0.0.1:{server.server_port}",
        }
        done = check_s3({**s3.environment, **amazon})
        server.shutdown()
    assert done.returncode == 2
    assert "Amazon S3 in us-east-1, account 123456789012, as arn:aws:iam::123456789012:user/loader" in done.stdout
    assert f"denies us s3:ListBucket on bucket {s3.bucket_raw} at AWS us-east-1" in done.stderr


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"S3_ENDPOINT_URL": "http://127.0.0.1:1"}, 1, "No S3 store responds at http://127.0.0.1:1"),
        ({"S3_ENDPOINT_URL": "nonsense"}, 2, "is not a URL"),
        ({"S3_BUCKET_RAW": ""}, 2, "S3_BUCKET_RAW is missing"),
    ],
)
def test_a_wrong_setting_is_reported_in_one_line_that_says_what_to_fix(
    s3: S3Access, changes: dict[str, str], status: int, message: str
) -> None:
    done = check_s3({**s3.environment, **changes})
    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr
