"""Which settings are there. Each part is looked at by itself: one that is missing hides nothing of the others."""

from __future__ import annotations

from collections.abc import Mapping

from scripts.pipeline_health.findings import MISSING, Finding, Health
from shared.config import RETAILER_IDS, S3Settings, load_settings
from shared.errors import FixConfiguration

AREA = "environment"
AIRFLOW_NAMES = ("AIRFLOW_URL", "AIRFLOW_USERNAME", "AIRFLOW_PASSWORD")
REMEDY = "Set it in .env (python3 scripts/generate_env.py writes one), or run: make up"

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


def check_settings(environ: Mapping[str, str]) -> list[Finding]:
    """One line: complete, or every name that is missing or wrong."""
    problems: list[str] = []
    try:
        load_settings(environ, needs=RETAILER_IDS)
    except FixConfiguration as error:
        problems.append(str(error).removeprefix(MISSING).partition(". Set them")[0])
    problems += [f"{name} is missing" for name in AIRFLOW_NAMES if not environ.get(name)]
    if problems:
        return [Finding(AREA, "settings", Health.UNKNOWN, "; ".join(problems), REMEDY)]
    return [Finding(AREA, "settings", Health.OK, "complete")]
