"""Dates, retailers and exit codes of every command line."""

from __future__ import annotations

import errno
from datetime import UTC, date, datetime

import pytest
import typer

from shared.commands import business_date, exit_code, one_line
from shared.config import Settings, load_settings
from shared.errors import FixConfiguration, RejectRecord, RetailError, RetryLater, StopRun

NOW = datetime(2024, 1, 16, 3, 0, tzinfo=UTC)


@pytest.fixture
def settings() -> Settings:
    return load_settings(
        {
            "WAREHOUSE_DSN": "postgresql://u:p@h/d",
            "S3_BUCKET_RAW": "raw",
            "S3_BUCKET_PROCESSED": "processed",
            "BUSINESS_TIMEZONE": "America/New_York",
        }
    )


def test_without_a_date_it_is_yesterday_in_the_business_time_zone(settings: Settings) -> None:
    assert business_date(None, settings, NOW) == date(2024, 1, 14)


def test_the_day_that_is_under_way_can_be_chosen_but_not_the_next(settings: Settings) -> None:
    assert business_date("2024-01-15", settings, NOW) == date(2024, 1, 15)
    with pytest.raises(FixConfiguration, match="2024-01-16 is in the future"):
        business_date("2024-01-16", settings, NOW)


@pytest.mark.parametrize(
    "text",
    [
        *("15/01/2024", "2024-02-30", "yesterday", "2024-01-15T00:00", "", "2024-1-5", "20240115", "2024-W03-1"),
        "\uff12\uff10\uff12\uff14-01-15",  # digits of another script
    ],
)
def test_a_malformed_date_is_rejected_with_an_example(settings: Settings, text: str) -> None:
    with pytest.raises(FixConfiguration, match="Give it as YYYY-MM-DD, for example"):
        business_date(text, settings, NOW)


@pytest.mark.parametrize("text", ["0001-01-01", "1899-12-31"])
def test_a_date_that_the_warehouse_cannot_have_is_rejected(settings: Settings, text: str) -> None:
    with pytest.raises(FixConfiguration, match=f"{text} is before 1900-01-01"):
        business_date(text, settings, NOW)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RetryLater("again"), 1),
        (StopRun("stop"), 1),
        (RejectRecord("CODE", "bad"), 1),
        (FixConfiguration("set X"), 2),
        (KeyboardInterrupt(), 130),
    ],
)
def test_every_retail_error_becomes_one_line_and_an_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended, exit_code():
        raise error
    assert ended.value.exit_code == code
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (StopRun("The views are locked."), "The views are locked. Run: x"),
        (KeyboardInterrupt(), "Interrupted. What was committed is published. Run: x"),
        (OSError(errno.ENOSPC, "No space left on device"), "then run again. What was committed is published. Run: x"),
    ],
)
def test_after_a_publication_the_line_says_what_is_left_to_do(
    error: BaseException, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    error.add_note("Run: x")
    with pytest.raises(typer.Exit), exit_code():
        raise error
    assert capsys.readouterr().err.strip().endswith(said)


def test_the_tree_of_errors_is_complete() -> None:
    assert set(RetailError.__subclasses__()) >= {RetryLater, RejectRecord, StopRun, FixConfiguration}


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[2J", "x" * 501, "\u202eevil"])
def test_a_note_or_name_is_one_short_line(text: str) -> None:
    assert one_line("July, 2nd try \N{EM DASH} Ängelholm") == "July, 2nd try \N{EM DASH} Ängelholm"
    with pytest.raises(typer.BadParameter, match="one line of at most 500"):
        one_line(text)
