"""Settings: read once at an entry point from the environment, `.env` and `*_FILE` secrets.

All missing keys are reported together, by the names that a user has to set.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    SkipValidation,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from shared.errors import FixConfiguration
from shared.postgres_settings import NAMES as POSTGRES_NAMES
from shared.postgres_settings import owner_dsn, warehouse_dsn
from shared.regular_files import is_there, read_text
from shared.sources.registry import DIRECTORY_SETTING, Sources, load_sources
from shared.time_zones import is_time_zone
from shared.urls import shown_url

__all__ = ["Settings", "SourceSettings", "load_settings", "load_source_settings", "owner_dsn", "read_environment"]

PROJECT_ROOT = Path(__file__).resolve().parent.parent
DOTENV = PROJECT_ROOT / ".env" if (PROJECT_ROOT / "pyproject.toml").is_file() else Path(".env")
"""In the checkout, or in the working directory where the platform is installed as a package."""
SOURCES = DOTENV.with_name("sources")
"""Where the definitions of the sources are, unless SOURCES_DIRECTORY names another directory."""

_READ_ELSEWHERE = {"AIRFLOW_PASSWORD", "ALERT_CHANNELS", "RETAILER_ADMIN_TOKEN"}
"""Secrets that other programs read from the same environment; the stages do not use them."""

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, allow_inf_nan=False)


class S3Settings(_Frozen):
    """Object store. Without keys the default credential chain (IAM role, profile) is used."""

    endpoint_url: _Text | None = None
    region: _Text = "us-east-1"
    access_key_id: _Text | None = None
    secret_access_key: SecretStr | None = None
    bucket_raw: _Text
    bucket_processed: _Text
    sse: Literal["AES256", "aws:kms"] | None = None
    """Encryption at rest requested with every object; None leaves it to the bucket."""
    sse_kms_key_id: _Text | None = None
    """Without a key id, `aws:kms` uses the account's own key for S3."""

    @property
    def place(self) -> str:
        """Which store, for messages."""
        return shown_url(self.endpoint_url) if self.endpoint_url else f"AWS {self.region}"

    @field_validator("sse_kms_key_id")
    @classmethod
    def _only_with_kms(cls, key_id: str | None, info: ValidationInfo) -> str | None:
        if key_id and info.data.get("sse") != "aws:kms":
            raise ValueError("it needs S3_SSE=aws:kms")
        return key_id


class IngestSettings(_Frozen):
    """How ingestion handles bad records, late records and gaps."""

    max_reject_share: float = Field(0.05, ge=0, le=1)
    """Above this share of rejected records a partition is not replaced."""
    max_reject_amount_share: float | None = Field(None, ge=0, le=1)
    """Above this share of the money rejected a partition is not replaced; None: as for records."""
    lookback_days: int = Field(3, ge=0, le=365)
    """How far before the watermark the change listing is read again."""
    catch_up_days: int = Field(31, ge=1, le=3660)
    """The most missing days that one run fills after an outage."""
    memory_mb: int = Field(80, ge=64, le=16_384)
    """What DuckDB may keep in memory while a listing is read; the rest is on disk."""
    listing_minutes: float = Field(60, gt=0, le=10_000)
    """Longest time for the pages of one listing."""
    requests_per_second: float = Field(20, ge=0.001, le=10_000)
    """Token-bucket rate towards each retailer."""
    max_attempts: int = Field(6, ge=1, le=50)
    """Attempts per request, including the first."""
    backoff_seconds: float = Field(0.5, ge=0, le=3600)
    """First wait of the exponential back-off (doubles, with jitter, capped at 30 s)."""
    timeout_seconds: float = Field(30, gt=0, le=86_400)
    """Timeout of a connection."""
    max_response_mb: int = Field(32, ge=1, le=16_384)
    """Largest accepted response of a retailer, in MiB, unpacked; its values may take twice as much memory."""


class SourceSettings(_Frozen):
    """What reading a source needs: neither the warehouse nor the object store."""

    sources: SkipValidation[Sources] = Sources()
    ingest: IngestSettings = IngestSettings()  # pydantic fills the defaults; a literal has no secret
    business_timezone: _Text = "UTC"

    def zone(self) -> ZoneInfo:
        """The time zone that "yesterday" refers to."""
        return ZoneInfo(self.business_timezone)

    def business_yesterday(self, now: datetime) -> date:
        """The last complete business date at `now` (aware)."""
        return now.astimezone(self.zone()).date() - timedelta(days=1)


class Settings(SourceSettings):
    """Everything that an entry point needs."""

    warehouse_dsn: SecretStr
    s3: S3Settings


SECTIONS: dict[str, dict[str, str]] = {
    "s3": {
        "endpoint_url": "S3_ENDPOINT_URL",
        "region": "AWS_DEFAULT_REGION",
        "access_key_id": "AWS_ACCESS_KEY_ID",
        "secret_access_key": "AWS_SECRET_ACCESS_KEY",
        "bucket_raw": "S3_BUCKET_RAW",
        "bucket_processed": "S3_BUCKET_PROCESSED",
        "sse": "S3_SSE",
        "sse_kms_key_id": "S3_SSE_KMS_KEY_ID",
    },
    "ingest": {
        "max_reject_share": "INGEST_MAX_REJECT_SHARE",
        "max_reject_amount_share": "INGEST_MAX_REJECT_AMOUNT_SHARE",
        "lookback_days": "INGEST_LOOKBACK_DAYS",
        "catch_up_days": "INGEST_CATCH_UP_DAYS",
        "memory_mb": "INGEST_MEMORY_MB",
        "listing_minutes": "INGEST_LISTING_MINUTES",
        "requests_per_second": "INGEST_REQUESTS_PER_SECOND",
        "max_attempts": "INGEST_MAX_ATTEMPTS",
        "backoff_seconds": "INGEST_BACKOFF_SECONDS",
        "timeout_seconds": "INGEST_TIMEOUT_SECONDS",
        "max_response_mb": "INGEST_MAX_RESPONSE_MB",
    },
}
"""The variable of each field; shared/settings_registry/ explains them, and a test compares the defaults."""


def read_environment(environ: Mapping[str, str] | None = None, dotenv: Path | None = DOTENV) -> dict[str, str]:
    """The environment merged over `.env`. `NAME_FILE` in either becomes `NAME` with the content of that file.

    A relative path in `.env` is relative to the directory of `.env`. Raises FixConfiguration when a file with settings
    cannot be read.
    """
    outside = dict(os.environ if environ is None else environ)
    merged: dict[str, str] = {}
    if dotenv is not None and is_there(dotenv):  # a virtual environment, too, may have this name
        inside = {
            name: str(dotenv.parent / value) if value and name in (DIRECTORY_SETTING, "SECRETS_DIRECTORY") else value
            for name, value in _read_dotenv(dotenv).items()
        }
        merged = _with_files(inside, dotenv.parent, overruled=_given(outside))
    merged.update(_with_files(outside, Path(), overruled=set()))
    return {name: value for name, value in merged.items() if value != ""}


def _given(environ: Mapping[str, str]) -> set[str]:
    return {name.removesuffix("_FILE") for name, value in environ.items() if value}


def _with_files(values: dict[str, str], base: Path, overruled: set[str]) -> dict[str, str]:
    for file_name, path in list(values.items()):
        name = file_name.removesuffix("_FILE")
        if name == file_name or not path or values.get(name) or name in overruled:
            continue
        try:
            values[name] = read_text(base / path).strip()
        except (OSError, UnicodeDecodeError) as error:
            if name in known_names() | _READ_ELSEWHERE:
                reason = error.strerror if isinstance(error, OSError) else "it is not text"
                raise FixConfiguration(f"{file_name} names {path}, which cannot be read ({reason}).") from error
    return values


def known_names() -> set[str]:
    """Every environment variable this module understands."""
    names = {name for section in SECTIONS.values() for name in section.values()}
    return names | POSTGRES_NAMES | {"BUSINESS_TIMEZONE", "SECRETS_DIRECTORY", DIRECTORY_SETTING}


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check the settings, and read the definitions of the sources.

    Raises FixConfiguration, which lists all missing and wrong keys. What is wrong with one source is not among them: it
    concerns that source only.
    """
    return _load(Settings, environ)


def load_source_settings(environ: Mapping[str, str] | None = None) -> SourceSettings:
    """The part of the settings that reading a source needs. Raises FixConfiguration as `load_settings` does."""
    return _load(SourceSettings, environ)


_Loaded = TypeVar("_Loaded", bound=SourceSettings)


def _load(kind: type[_Loaded], environ: Mapping[str, str] | None) -> _Loaded:
    env = read_environment(environ) if environ is None else read_environment(environ, dotenv=None)
    problems: list[str] = []
    values: dict[str, Any] = {"sources": read_sources(env)}
    if issubclass(kind, Settings):
        values["warehouse_dsn"] = warehouse_dsn(env, problems)
    for section, keys in SECTIONS.items():
        if section in kind.model_fields:
            values[section] = {field: env[name] for field, name in keys.items() if name in env}
    values["business_timezone"] = env.get("BUSINESS_TIMEZONE", "UTC")
    if not is_time_zone(values["business_timezone"]):
        problems.append(f"BUSINESS_TIMEZONE is {values['business_timezone']!r}, which is not an IANA time zone")
    try:
        settings = kind.model_validate(values)
    except ValidationError as error:
        problems += [_explain(item) for item in error.errors() if item["loc"] != ("warehouse_dsn",)]
        settings = None
    if problems or settings is None:
        raise FixConfiguration(
            "Configuration: " + "; ".join(dict.fromkeys(problems)) + ". Correct this in the environment or in .env"
            " (python3 scripts/generate_env.py writes one; `make up` writes .local/env)."
        )
    return settings


def read_sources(environ: Mapping[str, str]) -> Sources:
    """The sources in SOURCES_DIRECTORY. `environ` is what `read_environment` returns."""
    return load_sources(environ, Path(environ.get(DIRECTORY_SETTING) or SOURCES))


def _explain(item: Any) -> str:
    section, *rest = item["loc"]
    name = SECTIONS.get(str(section), {}).get(str(rest[0]), str(section).upper()) if rest else str(section).upper()
    return f"{name} is missing" if item["type"] == "missing" else f"{name}: {item['msg']}"


def _read_dotenv(path: Path) -> dict[str, str]:
    values: dict[str, str] = {}
    try:
        lines = read_text(path).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise FixConfiguration(f"{path} cannot be read: {reason}.") from error
    for line in lines:
        name, separator, value = line.strip().removeprefix("export ").partition("=")
        if separator and not name.startswith("#"):
            values[name.strip()] = value.strip().strip("'\"")
    return values
