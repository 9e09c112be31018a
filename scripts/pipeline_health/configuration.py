"""Which settings are there. Each part is looked at by itself: one that is missing hides nothing of the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from scripts.pipeline_health.advice import Advice, Kind
from scripts.pipeline_health.findings import MISSING, Finding, Health
from shared.config import RETAILER_IDS, S3Settings, load_settings
from shared.errors import FixConfiguration

AREA = "environment"
AIRFLOW_NAMES = ("AIRFLOW_URL", "AIRFLOW_USERNAME", "AIRFLOW_PASSWORD")
PUBLISHED = {
    "S3_ENDPOINT_URL": "S3_PORT",
    "RETAILER1_API_URL": "RETAILER1_PORT",
    "RETAILER2_API_URL": "RETAILER2_PORT",
    "RETAILER3_API_URL": "RETAILER3_PORT",
    "AIRFLOW_URL": "AIRFLOW_PORT",
}
"""Where programs on this machine look, and the port that compose publishes: two settings that must agree."""

# Stand-ins for the parts that a question is not about.
_ANY_BUCKETS = {"S3_BUCKET_RAW": "any", "S3_BUCKET_PROCESSED": "any"}
_ANY_WAREHOUSE = {"WAREHOUSE_DSN": "postgresql:///any"}


def warehouse_dsn(environ: Mapping[str, str]) -> str:
    """The warehouse's DSN. Raises FixConfiguration when it is missing or wrong."""
    own = {name: value for name, value in environ.items() if name.startswith(("WAREHOUSE_", "POSTGRES_"))}
    return load_settings({**_ANY_BUCKETS, **own}).warehouse_dsn.get_secret_value()


def s3_settings(environ: Mapping[str, str]) -> S3Settings:
    """The object store's settings. Raises FixConfiguration when they are missing or wrong."""
    own = {name: value for name, value in environ.items() if name.startswith(("S3_", "AWS_"))}
    return load_settings({**_ANY_WAREHOUSE, **own}).s3


def check_settings(environ: Mapping[str, str], advice: Advice, root: Path) -> list[Finding]:
    """Complete, or every name that is missing or wrong; for containers also ports that disagree, and who reads .env."""
    problems: list[str] = []
    try:
        load_settings(environ, needs=RETAILER_IDS)
    except FixConfiguration as error:
        problems.append(str(error).removeprefix(MISSING).partition(". Set them")[0])
    problems += [f"{name} is missing" for name in AIRFLOW_NAMES if not environ.get(name)]
    found = [Finding(AREA, "settings", Health.OK, "complete")]
    if problems:
        found = [Finding(AREA, "settings", Health.UNKNOWN, "; ".join(problems), advice.settings())]
    if advice.kind is Kind.CONTAINERS:
        found += [*_disagreeing(environ), *_readable_by_others(root / ".env")]
    return found


def _disagreeing(environ: Mapping[str, str]) -> Iterator[Finding]:
    for url_name, port_name in PUBLISHED.items():
        url, port = environ.get(url_name), environ.get(port_name)
        if not (url and port):
            continue
        try:
            parts = urlsplit(url)
            is_ours = parts.hostname in ("localhost", "127.0.0.1", "::1")
            shown = str(parts.port)
        except ValueError:
            continue  # reported by the check that uses it
        if is_ours and shown != port:
            reason = f"{url_name} names port {shown}, but {port_name} publishes {port}"
            yield Finding(AREA, port_name, Health.ATTENTION, reason, "Make them agree in .env")


def _readable_by_others(dotenv: Path) -> Iterator[Finding]:
    if dotenv.is_file() and dotenv.stat().st_mode & 0o077:
        reason = "others on this machine can read its passwords"
        yield Finding(AREA, ".env", Health.ATTENTION, reason, "Run: chmod 600 .env")
