"""Settings of a retailer's API, read once from the environment. All wrong settings are reported together."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from retailers.faults.specification import Fault, parse_faults
from retailers.seeding.market import Market

T = TypeVar("T")


class WrongSettingsError(Exception):
    """The API cannot start with this environment. The message is one line for the operator."""


@dataclass(frozen=True)
class Settings:
    """How one retailer's API runs. `secrets` holds what its own authentication needs, by name."""

    database_url: str
    host: str
    port: int
    secrets: Mapping[str, str]
    seed: int
    lines_per_day: int
    preload: bool
    today: datetime | None
    replay_csv: Path | None
    replay_zone: ZoneInfo
    replay_currency: str
    faults: tuple[Fault, ...]
    admin_token: str | None
    rate_limit: float
    token_seconds: int
    threads: int
    log_level: str


class _Reader:
    """Reads variables and collects what is wrong with them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.missing: list[str] = []
        self.wrong: list[str] = []

    def text(self, name: str, default: str | None = None) -> str | None:
        path = self._environment.get(f"{name}_FILE")
        if path:
            try:
                if Path(path).exists() and not Path(path).is_file():
                    raise OSError(errno.EINVAL, "it is not a regular file")
                return Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                self.wrong.append(f"{name}_FILE names {path}, which cannot be read ({error.strerror})")
                return default
        return self._environment.get(name) or default

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            self.missing.append(name)
        return value or ""

    def parsed(self, name: str, default: str, parse: Callable[[str], T], expected: str) -> T | None:
        value = self.text(name, default) or default
        try:
            return parse(value)
        except (ValueError, ZoneInfoNotFoundError) as error:
            detail = f" ({error})" if not expected else ""
            self.wrong.append(f"{name} is {value!r}, expected {expected or 'a list of faults'}{detail}")
            return None


def _between(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        number = float(text)
        if not low <= number <= high:
            raise ValueError(text)
        return number

    return parse


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = int(text)
        if not low <= number <= high:
            raise ValueError(text)
        return number

    return parse


def _time_with_offset(zone: ZoneInfo) -> Callable[[str], datetime | None]:
    def parse(text: str) -> datetime | None:
        if not text:
            return None
        if len(text) == len("2024-01-15"):
            return datetime.combine(date.fromisoformat(text), time(12), zone)
        parsed = datetime.fromisoformat(text)
        if parsed.tzinfo is None:
            raise ValueError(text)
        return parsed

    return parse


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return parse


PRELOAD_UP_TO = 8000
"""With more lines a day than this, days are generated only when they are requested."""


def read_settings(market: Market, port: int, secrets: tuple[str, ...], environment: Mapping[str, str]) -> Settings:
    """Settings from an environment. Raises WrongSettingsError, which names everything that is missing or wrong."""
    reader = _Reader(environment)
    database_url = reader.required("DATABASE_URL")
    held = {name: reader.required(name) for name in secrets}
    csv = reader.text("RETAILER_REPLAY_CSV")
    if csv is not None and not Path(csv).is_file():
        reader.wrong.append(f"RETAILER_REPLAY_CSV names {csv}, which is not a file")
    lines = reader.parsed("RETAILER_LINES_PER_DAY", "2000", _integer(10, 1_000_000), "a number from 10 to 1000000")
    preload = reader.parsed("RETAILER_PRELOAD", "auto", _one_of("auto", "none"), "auto or none")
    settings = Settings(
        database_url=database_url,
        host=reader.text("HOST", "127.0.0.1") or "",
        port=reader.parsed("PORT", str(port), _integer(1, 65_535), "a port number") or port,
        secrets=held,
        seed=reader.parsed("RETAILER_SEED", "20240101", int, "a whole number") or 0,
        lines_per_day=lines or 0,
        preload=preload == "auto" and (lines or 0) <= PRELOAD_UP_TO,
        today=reader.parsed(
            "RETAILER_TODAY", "", _time_with_offset(market.zone), "YYYY-MM-DD or a time with its offset"
        ),
        replay_csv=Path(csv) if csv else None,
        replay_zone=reader.parsed("RETAILER_REPLAY_TIMEZONE", "Europe/London", ZoneInfo, "a time zone") or market.zone,
        replay_currency=reader.text("RETAILER_REPLAY_CURRENCY", "GBP") or "",
        faults=reader.parsed("RETAILER_FAULTS", "", parse_faults, "") or (),
        admin_token=reader.text("RETAILER_ADMIN_TOKEN"),
        rate_limit=reader.parsed("RETAILER_RATE_LIMIT", "50", _between(0, 1e6), "requests a second, 0 or more") or 0.0,
        token_seconds=reader.parsed("RETAILER_TOKEN_SECONDS", "300", _integer(1, 86_400), "seconds, 1 to 86400") or 0,
        threads=reader.parsed("RETAILER_THREADS", "8", _integer(1, 256), "a number from 1 to 256") or 0,
        log_level=reader.parsed(
            "RETAILER_LOG_LEVEL", "INFO", _one_of("DEBUG", "INFO", "WARNING", "ERROR"), "DEBUG, INFO, WARNING or ERROR"
        )
        or "",
    )
    problems = [f"set {', '.join(reader.missing)}"] if reader.missing else []
    if problems or reader.wrong:
        raise WrongSettingsError(f"{market.retailer_id} cannot start: {'; '.join(problems + reader.wrong)}")
    return settings
