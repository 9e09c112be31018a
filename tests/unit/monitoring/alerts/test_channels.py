from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from monitoring.alerts.channels import Channel, parse_channels, read_channels
from monitoring.alerts.delivery import checked_channels
from shared.errors import FixConfiguration

MAIL = "mailto://user:pa55word@example.com?to=a@x.org,b@x.org"
SLACK = "slack://T0/B0/token8"


@pytest.mark.parametrize(
    "text",
    [
        f"{MAIL} {SLACK}",
        f"{MAIL},{SLACK}",
        f"  {MAIL} ,\n\t{SLACK},\n",
        f"# of the operators\n{MAIL}\n  # of the analysts\n{SLACK}\n",
    ],
)
def test_channels_are_separated_by_whitespace_or_commas(text: str) -> None:
    channels, problems = parse_channels(text)

    assert problems == []
    assert [(each.number, each.scheme, each.url) for each in channels] == [(1, "mailto", MAIL), (2, "slack", SLACK)]


def test_commas_inside_a_url_stay_in_it() -> None:
    ((channel,), _) = parse_channels(MAIL)

    assert channel.url == MAIL


def test_a_channel_gets_everything_by_default_and_a_pager_errors_only() -> None:
    channels, _ = parse_channels(f"{MAIL} error={SLACK} pagerduty://key@key info=pagerduty://key@key")

    assert [each.least for each in channels] == ["info", "error", "error", "info"]
    assert [channels[1].wants(each) for each in ("info", "warning", "error", "critical")] == [False, False, True, True]


@pytest.mark.parametrize("text", ["", "   ", ",", "# nothing yet"])
def test_an_empty_setting_has_neither_channels_nor_problems(text: str) -> None:
    assert parse_channels(text) == ([], [])


def test_what_is_wrong_is_named_by_its_number_and_never_shown() -> None:
    channels, problems = parse_channels(f"pa55word {SLACK} loud=json://pa55word")

    assert [each.number for each in channels] == [2]
    assert problems == [
        "number 1 is not a URL (such as slack://… or error=mailto://…)",
        "number 3 does not begin with one of info=, warning=, error=, critical=",
    ]


def test_a_run_leaves_a_wrong_channel_out_and_goes_on() -> None:
    with capture_logs() as said:
        channels = read_channels({"ALERT_CHANNELS": f"pa55word {SLACK}"})

    assert [each.name for each in channels] == ["channel 2 (slack)"]
    assert [line["event"] for line in said] == ["alert channel left out"]
    assert "pa55word" not in str(said)


def test_channels_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "channels").write_text(f"# ours\n{SLACK}\n", encoding="utf-8")

    assert [each.url for each in read_channels({"ALERT_CHANNELS_FILE": str(tmp_path / "channels")})] == [SLACK]


def test_a_file_that_cannot_be_read_stops_no_run(tmp_path: Path) -> None:
    with capture_logs() as said:
        assert read_channels({"ALERT_CHANNELS_FILE": str(tmp_path / "none")}) == []
    assert "cannot be read" in said[0]["reason"]


def test_the_test_command_names_all_that_is_wrong() -> None:
    text = f"{SLACK} nosuch://pa55word nonsense msteams://pa55word/x pagerduty://pa55word"

    with pytest.raises(FixConfiguration) as raised:
        checked_channels({"ALERT_CHANNELS": text})

    said = str(raised.value)
    assert "number 3 is not a URL" in said
    assert "channel 2 (nosuch) is not a URL that apprise understands" in said
    assert "channel 4 (msteams): Teams has retired" in said
    assert "channel 5 (pagerduty) is not a URL that apprise understands" in said
    assert "pa55word" not in said


def test_the_test_command_says_when_no_channel_is_set() -> None:
    with pytest.raises(FixConfiguration, match="Set ALERT_CHANNELS"):
        checked_channels({})


def test_no_piece_of_a_url_is_in_what_is_said() -> None:
    channel = Channel(1, "mailto", "mailto://user:pa55word@mail.example.com/hidden?to=boss@example.com&token=abc123")

    masked = channel.masked("mail.example.com rejected user/pa55word at /hidden for boss@example.com with abc123")

    assert [each for each in ("pa55word", "hidden", "abc123", "boss", "user") if each in masked] == []
    assert "rejected" in masked
    assert "pa55word" not in repr(channel)
