"""Which settings are there. Each part is looked at by itself: one that is missing hides nothing of the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from scripts.environment_file import for_sources
from scripts.pipeline_health.advice import Advice, Kind
from scripts.pipeline_health.findings import MISSING, Finding, Health, split_remedy
from shared.config import S3Settings, load_settings
from shared.errors import FixConfiguration
from shared.sources.registry import Sources, load_sources

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


def sources_of(environ: Mapping[str, str], root: Path) -> Sources:
    """The sources of the platform whose checkout is in `root`."""
    return load_sources(environ, Path(environ.get("SOURCES_DIRECTORY") or root / "sources"))


def check_settings(environ: Mapping[str, str], advice: Advice, root: Path) -> list[Finding]:
    """Complete, or every name that is missing or wrong, except those of sources, which have a line each.

    For containers also ports that disagree, whether sources.env is up to date, what in it containers cannot reach, and
    who can read the files.
    """
    problems: list[str] = []
    try:
        load_settings(environ)
    except FixConfiguration as error:
        problems.append(str(error).removeprefix(MISSING).partition(". Set them")[0])
    problems += [f"{name} is missing" for name in AIRFLOW_NAMES if not environ.get(name)]
    found = [Finding(AREA, "settings", Health.OK, "complete")]
    if problems:
        found = [Finding(AREA, "settings", Health.UNKNOWN, "; ".join(problems), advice.settings())]
    if advice.kind is Kind.CONTAINERS:
        found += [*_disagreeing(environ), *_outdated(root, advice), *_unreachable(root)]
        found += [each for name in (".env", for_sources.FILE_NAME) for each in _readable_by_others(root / name)]
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


def _outdated(root: Path, advice: Advice) -> Iterator[Finding]:
    """What generate_env.py would change in sources.env, by the names of the variables."""
    dotenv, written = root / ".env", root / for_sources.FILE_NAME
    if not dotenv.is_file():
        return
    text = dotenv.read_text(encoding="utf-8")
    remedy = f"Run: python3 scripts/generate_env.py && {advice.compose} up -d"
    try:
        wanted = for_sources.content(text, for_sources.definitions(text, root, root))
    except for_sources.CannotWriteError as error:
        yield Finding(AREA, for_sources.FILE_NAME, Health.ATTENTION, *split_remedy(str(error)))
        return
    if not written.is_file():
        reason = "it is missing; the containers that read sources need it"
        yield Finding(AREA, for_sources.FILE_NAME, Health.ATTENTION, reason, remedy)
        return
    lines = set(wanted.splitlines()) ^ set(written.read_text(encoding="utf-8").splitlines())
    names = sorted({line.partition("=")[0] for line in lines if not line.startswith("#")})
    if names:
        reason = f"it differs from .env and the definitions: {', '.join(names)}"
        yield Finding(AREA, for_sources.FILE_NAME, Health.ATTENTION, reason, remedy)


def _unreachable(root: Path) -> Iterator[Finding]:
    """Addresses and files that only programs on this machine can use."""
    dotenv = root / ".env"
    if not dotenv.is_file():
        return
    text = dotenv.read_text(encoding="utf-8")
    variables = for_sources.definitions(text, root, root)
    lines = for_sources.unreachable_addresses(text, variables)
    for line in (*lines, *for_sources.unreachable_files(text, variables, root)):
        name, _, message = line.partition(": ")
        yield Finding(AREA, name, Health.ATTENTION, *split_remedy(message))


def _readable_by_others(file: Path) -> Iterator[Finding]:
    if file.is_file() and file.stat().st_mode & 0o077:
        reason = "others on this machine can read its passwords"
        yield Finding(AREA, file.name, Health.ATTENTION, reason, f"Run: chmod 600 {file.name}")
