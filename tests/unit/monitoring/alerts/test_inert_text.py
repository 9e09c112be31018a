"""What a retailer, a file or a run's id contains is never a link or a mention in a message; our own links stay."""

from __future__ import annotations

import re
import time

import pytest

from monitoring.alerts.channels import Channel
from monitoring.alerts.delivery import _texts
from monitoring.alerts.inert_text import inert
from monitoring.alerts.messages import AlertMessage

OURS = "https://airflow.example/base"
MOST_SECONDS = 20
"""Of the processor's time. A pattern that goes back to the beginning at every character takes hours."""
LINK = re.compile(r"\w://|\]\(|<|>|\bwww\.|mailto:|\.example\b|@(?:everyone|here|channel|all)\b", re.IGNORECASE)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see https://evil.example/x?y", "see https:[//]evil[.]example/x?y"),
        ("HTTP://EVIL and ftp://e", "HTTP:[//]EVIL and ftp:[//]e"),
        ("[log in](https://evil)", "[log in] (https:[//]evil)"),
        ("[x](javascript:alert(1))", "[x] (javascript:alert(1))"),
        ("<https://evil|Airflow>", "‹https:[//]evil|Airflow›"),
        ("<!channel> <a href='//e'>", "‹!channel› ‹a href='//e'›"),
        ("www.evil.example", "www[.]evil[.]example"),
        ("@everyone look, @HERE, a@b.example", "@ everyone look, @ HERE, a@b[.]example"),
        (f"{OURS}.evil.example/x", "https:[//]airflow[.]example/base[.]evil[.]example/x"),
        (f"{OURS}/x,https://evil", "https:[//]airflow[.]example/base/x,https:[//]evil"),
        ("log in: evil.example/login, evil.co.uk", "log in: evil[.]example/login, evil[.]co[.]uk"),
        ("evil.md/x docs/evil.md evil.zip x.csv.zip", "evil[.]md/x docs/evil[.]md evil[.]zip x[.]csv[.]zip"),
        ("mailto:me@localhost", "mailto[:]me@localhost"),
        (
            "at 10.0.0.1:80, sales.csv, 75.00 EUR, ops.load_ledger",
            "at 10.0.0.1:80, sales.csv, 75.00 EUR, ops.load_ledger",
        ),
        ("run: python -m data_quality.main 2024-01-15", "run: python -m data_quality.main 2024-01-15"),
        ("python3 scripts/generate_env.py, then .env", "python3 scripts/generate_env.py, then .env"),
        ("docs/ALERTS.md, 3 < 4, retailer_1 2024-01-15", "docs/ALERTS.md, 3 ‹ 4, retailer_1 2024-01-15"),
    ],
)
def test_a_text_from_outside_has_no_link(text: str, shown: str) -> None:
    assert inert(text, (OURS, None)) == shown
    assert not LINK.search(inert(text))


@pytest.mark.parametrize("piece", ["a", "a.", "a:", "a.bc", "a://", "www", "@a"])
def test_a_text_of_a_megabyte_takes_time_in_proportion_to_its_length(piece: str) -> None:
    text = piece * (2**20 // len(piece))
    started = time.process_time()
    inert(text, (OURS,))
    assert time.process_time() - started < MOST_SECONDS


def test_links_to_airflow_stay() -> None:
    text = f"Log: {OURS}/dags/x/runs/manual__1\nAirflow: {OURS}"
    assert inert(text, (f"{OURS}/", "")) == text


@pytest.mark.parametrize("scheme", ["workflows", "slack", "mailto", "json", "pagerduty", "discord"])
def test_every_channel_gets_texts_without_links_of_others(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", OURS)
    message = AlertMessage(
        "error", "[ERROR] [x](http://evil)", f"a <http://evil|b>\nLog: {OURS}/dags", link=f"{OURS}/dags"
    )
    texts = _texts(Channel(1, scheme, f"{scheme}://x"), message)
    assert not LINK.search(texts["title"])
    assert not LINK.search(texts["body"].replace(f"{OURS}/dags", ""))
    assert f"{OURS}/dags" in texts["body"]


def test_a_title_is_one_line_so_that_it_adds_no_header_to_a_mail() -> None:
    message = AlertMessage("error", "[ERROR] new\r\nBcc: x@evil.example\u2028file.csv was not loaded", "text")
    texts = _texts(Channel(1, "mailto", "mailto://x"), message)
    assert texts["title"] == "[ERROR] new Bcc: x@evil[.]example file.csv was not loaded"
