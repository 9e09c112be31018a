"""The report as files: a page that fetches nothing and believes no value; JSON and CSV that hold the same."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import stat
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from data_quality.file_report.charts import HEIGHT, columns, percent_of
from data_quality.file_report.model import FieldStatistics, LoadReport
from data_quality.file_report.page import count, number, percent, render, short
from data_quality.file_report.writing import NOTHING_LOADED, as_csv, write_report
from shared.errors import FixConfiguration
from tests.unit.data_quality.file_report.conftest import Reported

EVIL = "<script>alert('x')</script>"
FORMULA = "=1+cmd|'calc'!A1"
ROWS = (
    ("536365", "P1", EVIL, "6", "12/1/2010 8:26", "2.55", "17850", "United Kingdom"),
    ("536366", "P2", '"><img src=x onerror=alert(1)>', "1", "12/2/2010 8:26", "3", "", "France"),
    ("536367", "P3", FORMULA, EVIL, "12/2/2010 8:26", "3", "17850", "France"),
    ("536368", "P4", FORMULA, "2", "12/2/2010 8:26", "3", "17850", "France"),
)
VOID = {"meta", "br", "img", "link", "input"}


class Page(HTMLParser):
    """Tags, attributes and text of a page; a tag that is closed out of order fails the test."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def report(report_of: Reported) -> LoadReport:
    return replace(report_of(ROWS), title=f"sales {EVIL}", job_name="scheduled & co")


def test_the_page_is_well_formed_and_holds_the_figures(report: LoadReport) -> None:
    page = Page(render(report))
    assert page.open == []
    for shown in (
        f"{report.score.overall:.1f}",
        "scheduled & co",
        "completeness",
        "NOT_A_NUMBER",
        "2010-12-02",
        "24.30 GBP",
        "sales.csv",
    ):
        assert shown in page.text, shown


def test_nothing_in_the_page_can_run_or_fetch(report: LoadReport) -> None:
    text = render(report)
    page = Page(text)
    assert {"script", "img", "link", "iframe", "object"} & set(page.tags) == set()
    assert [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href", "xlink:href")] == []
    assert re.findall(r"(?:https?:)?//[a-z]|url\(|@import", text) == []
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes
    assert EVIL not in text
    assert EVIL in page.text


def test_every_chart_has_a_name_or_is_next_to_its_figures(report: LoadReport) -> None:
    text = render(report)
    for opening in re.findall(r"<svg [^>]*>", text):
        assert 'aria-label="' in opening or 'aria-hidden="true"' in opening
    assert text.count("<details>") == text.count("<summary>") == 2
    assert '<html lang="en">' in text
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text


def test_json_and_csv_hold_the_same_and_csv_starts_no_formula(report: LoadReport, tmp_path: Path) -> None:
    files = write_report(report, tmp_path / "reports" / "run-1")
    assert {path.name for path in files.html.parent.iterdir()} == {
        "quality_report.html", "quality_report.json", "quality_report.csv",
    }  # fmt: skip
    assert stat.S_IMODE(files.html.parent.stat().st_mode) == 0o700
    shown = json.loads(files.json.read_text(encoding="utf-8"))
    assert shown["counts"]["rows"] == 4
    assert shown["money"] == [{"currency": "GBP", "landed": "24.3000", "rejected": "0.0000"}]
    lines = list(csv.DictReader(io.StringIO(files.csv.read_text(encoding="utf-8"))))
    name = next(each for each in lines if (each["field"], each["side"]) == ("product_name", "after"))
    assert name["filled"] == "3"
    assert not any(value.startswith(("=", "+", "@")) for each in lines for value in each.values())
    assert len(lines) == len(list(csv.DictReader(io.StringIO(as_csv(report)))))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\N{FULLWIDTH EQUALS SIGN}", "\n"])
def test_csv_starts_no_formula(report: LoadReport, start: str) -> None:
    for value, shown in ((f"{start}1+cmd|' /C calc'!A0", "'"), ("-5.25", "-")):
        after = FieldStatistics(rows=1, filled=1, distinct=1, minimum=value)
        field = replace(report.fields[0], before=None, after=after)
        (line,) = csv.DictReader(io.StringIO(as_csv(replace(report, fields=(field,)))))
        assert line["minimum"][:1] == shown


def test_only_the_owner_can_read_a_report_in_a_folder_of_others(report: LoadReport, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    before = os.umask(0)
    try:
        files = write_report(report, tmp_path)
        write_report(report, tmp_path / "reports" / "run-1")
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (files.json, files.csv, files.html)} == {0o600}
    made = (tmp_path / "reports", tmp_path / "reports" / "run-1")
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o700}


def test_a_folder_that_cannot_be_written_is_named(report: LoadReport, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(FixConfiguration, match=r"The quality report cannot be written to .*\)\. .*--report DIR"):
        write_report(report, tmp_path / "file" / "run-1")
    with pytest.raises(FixConfiguration, match=r"\), so nothing was loaded\. "):
        write_report(report, tmp_path / "file" / "run-1", consequence=NOTHING_LOADED)


def test_columns_start_at_a_zero_line_and_fill_the_height() -> None:
    chart = columns([("a", 30), ("b", -10), ("c", 0)])
    assert (chart.least, chart.greatest, chart.zero) == (-10, 30, 75.0)
    up, down, none = chart.bars
    assert (up.y, up.height) == (0.0, 75.0)
    assert (down.y, down.y + down.height) == (75.0, HEIGHT)
    assert none.height == 0
    assert columns([]).bars == ()
    assert columns([("a", 0)]).bars[0].height == 0


def test_what_is_there_can_be_seen_and_what_is_not_cannot() -> None:
    assert (percent_of(1, 100_000), percent_of(0, 5), percent_of(5, 0), percent_of(1, 2)) == (0.5, 0, 0, 50)


def test_figures_never_say_more_than_they_know() -> None:
    assert [percent(share) for share in (0, 0.00001, 0.25, 0.99999, 1)] == [
        "0 %",
        "< 0.1 %",
        "25 %",
        "> 99.9 %",
        "100 %",
    ]
    assert (count(None), count(1234567), count(-5)) == ("–", "1,234,567", "−5")
    assert (number("-11062.0600"), number(None), number(0.12345)) == ("−11,062.06", "–", "0.1235")
    assert len(short("x" * 500)) == 80
