"""Settings, clock, rate limit and what is remembered of listings."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retailers.archive.archive import preloaded_days
from retailers.archive.day_listings import DayListings
from retailers.retailer3 import spanish
from retailers.retailer3.market import MARKET
from retailers.serving.clock import Clock
from retailers.serving.rate_limit import RateLimit
from retailers.serving.settings import Settings, WrongSettingsError, read_settings

MANUAL = Path(__file__).parents[3] / "docs" / "RETAILERS.md"
ENOUGH = {"DATABASE_URL": "postgresql:///retailer3", "CLIENT_ID": "shop", "HMAC_SECRET": "secret"}
NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)


def settings(**changed: str) -> Settings:
    return read_settings(MARKET, 5003, ("CLIENT_ID", "HMAC_SECRET"), {**ENOUGH, **changed})


def complaint(environment: dict[str, str]) -> str:
    with pytest.raises(WrongSettingsError) as caught:
        read_settings(MARKET, 5003, ("CLIENT_ID", "HMAC_SECRET"), environment)
    return str(caught.value)


def test_settings_have_defaults_for_everything_but_database_and_secrets() -> None:
    found = settings()
    assert (found.port, found.host, found.seed, found.lines_per_day) == (5003, "127.0.0.1", 20240101, 2000)
    assert (found.preload, found.today, found.faults, found.admin_token) == (True, None, (), None)


def test_everything_that_is_missing_is_reported_in_one_line() -> None:
    message = complaint({})
    assert message == "retailer_3 cannot start: set DATABASE_URL, CLIENT_ID, HMAC_SECRET"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"), ("PORT", "http"), ("RETAILER_SEED", "x"), ("RETAILER_LINES_PER_DAY", "2000000"),
        ("RETAILER_TODAY", "15/01/2024"), ("RETAILER_TODAY", "2024-01-15T12:00:00"), ("RETAILER_FAULTS", "418"),
        ("RETAILER_REPLAY_CSV", "nowhere.csv"), ("RETAILER_REPLAY_TIMEZONE", "Europe/Atlantis"),
        ("RETAILER_RATE_LIMIT", "-1"), ("RETAILER_PRELOAD", "some"), ("RETAILER_LOG_LEVEL", "LOUD"),
        ("HMAC_SECRET_FILE", "nowhere.txt"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named_with_its_value(name: str, value: str) -> None:
    message = complaint({**ENOUGH, name: value})
    assert name in message and value in message and "\n" not in message


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from file\n", encoding="utf-8")
    environment = {**ENOUGH, "HMAC_SECRET": "", "HMAC_SECRET_FILE": str(tmp_path / "secret")}
    found = read_settings(MARKET, 5003, ("CLIENT_ID", "HMAC_SECRET"), environment)
    assert found.secrets["HMAC_SECRET"] == "from file"


def test_a_secret_is_not_read_from_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    environment = {**ENOUGH, "HMAC_SECRET": "", "HMAC_SECRET_FILE": str(tmp_path / "pipe")}
    with pytest.raises(WrongSettingsError, match=r"pipe, which cannot be read \(it is not a regular file\)"):
        read_settings(MARKET, 5003, ("CLIENT_ID", "HMAC_SECRET"), environment)


def test_nothing_is_made_beforehand_for_large_retailers() -> None:
    assert not settings(RETAILER_LINES_PER_DAY="100000").preload
    assert not settings(RETAILER_PRELOAD="none").preload


def test_a_date_for_today_means_noon_where_the_retailer_is() -> None:
    assert settings(RETAILER_TODAY="2024-07-15").today == datetime(2024, 7, 15, 10, tzinfo=UTC)


def test_every_setting_is_in_the_manual() -> None:
    source = (Path(__file__).parents[3] / "retailers" / "serving" / "settings.py").read_text(encoding="utf-8")
    manual = MANUAL.read_text(encoding="utf-8")
    names = {word for word in source.replace('"', " ").split() if word.startswith("RETAILER_")}
    assert len(names) > 8
    assert sorted(name for name in names if f"`{name}`" not in manual) == []


def test_january_2024_and_the_last_thirty_days_are_made_beforehand() -> None:
    days = preloaded_days(date(2026, 11, 20))
    assert len(days) == 62
    assert {date(2024, 1, 1), date(2024, 1, 31), date(2026, 10, 21), date(2026, 11, 20)} <= set(days)


def test_no_day_to_come_is_made_beforehand() -> None:
    assert max(preloaded_days(date(2024, 1, 10))) == date(2024, 1, 10)


def test_the_clock_stops_where_it_was_set_and_runs_again() -> None:
    clock = Clock(real=lambda: NOON)
    assert clock.now() == NOON and not clock.is_fixed
    clock.set(NOON + timedelta(days=3, microseconds=5))
    assert clock.now() == NOON + timedelta(days=3) and clock.is_fixed
    clock.set(None)
    assert clock.now() == NOON


def test_the_rate_limit_lets_a_burst_through_and_then_its_rate() -> None:
    time = [0.0]
    limit = RateLimit(10, lambda: time[0])
    assert [limit.wait_needed() for _ in range(20)] == [0.0] * 20
    assert limit.wait_needed() == pytest.approx(0.1)
    time[0] = 0.5
    assert [limit.wait_needed() == 0 for _ in range(6)] == [True] * 5 + [False]


def test_a_rate_of_zero_limits_nothing() -> None:
    limit = RateLimit(0, lambda: 0.0)
    assert not any(limit.wait_needed() for _ in range(1000))


def test_a_listing_is_measured_again_only_after_the_next_change() -> None:
    listings, measured = DayListings(), []

    def length(now: datetime) -> int:
        def measure() -> tuple[int, datetime | None]:
            measured.append(now)
            return len(measured), NOON + timedelta(hours=1)

        return listings.get(NOON.date(), now, measure).lines

    assert [length(NOON), length(NOON + timedelta(minutes=59)), length(NOON + timedelta(hours=1))] == [1, 1, 2]
    assert length(NOON) == 3, "with the clock set back, older sales are listed"
    listings.forget()
    assert length(NOON) == 4


def test_a_measurement_that_a_change_overtook_is_not_kept() -> None:
    listings = DayListings()

    def measure() -> tuple[int, datetime | None]:
        listings.forget()
        return 1, None

    listings.get(NOON.date(), NOON, measure)
    assert listings.get(NOON.date(), NOON, lambda: (2, None)).lines == 2


def test_a_page_goes_on_from_the_line_before_it() -> None:
    listing = DayListings().get(NOON.date(), NOON, lambda: (10, None))
    assert listing.values(5, 5) == {"after_time": "-infinity", "after_place": -1, "offset": 5, "limit": 5}
    listing.remember(0, [("a", NOON, n) for n in range(5)])
    assert listing.values(5, 5) == {"after_time": NOON, "after_place": 4, "offset": 0, "limit": 5}


@pytest.mark.parametrize(
    ("plain", "written"),
    [
        ("25.00", "25,00"),
        ("-1234.5", "-1.234,50"),
        ("1234567.125", "1.234.567,125"),
        ("0.001", "0,001"),
        ("12.500", "12,50"),
        ("-0.50", "-0,50"),
    ],
)
def test_money_is_written_as_in_spain(plain: str, written: str) -> None:
    assert spanish.number(plain) == written


@given(st.decimals(-(10**9), 10**9, places=3))
def test_a_number_written_in_spanish_reads_back_exactly(number: Decimal) -> None:
    text = spanish.number(str(number))
    assert Decimal(text.replace(".", "").replace(",", ".")) == number


def test_quantities_have_no_decimals() -> None:
    assert spanish.number("80995", 0) == "80.995" and spanish.number("-12", 0) == "-12"
