"""The page shows what the warehouse holds."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from data_quality.main import run
from pipeline import plan
from shared.sources.registry import load_sources
from tests.fakes.published_days import LOADED_AT, RETAILERS, Line, warehouse_settings
from tests.fakes.source_definitions import copy_sources, write_source
from tests.integration.plugin.conftest import NOW, Shown

DAY = date(2024, 1, 15)
ONE_DAY = timedelta(days=1)
NEXT = DAY + ONE_DAY
ALERT = (
    "INSERT INTO ops.alerts (fingerprint, kind, severity, status, summary, detail, business_date, retailer_id, dag_id,"
    " run_id, task_id, first_seen_at, last_seen_at, resolved_at) VALUES (%s, 'quality_violation', %s, %s, %s, %s, %s,"
    " 'retailer_1', 'retail_data_pipeline', 'manual__2024-01-16T02:00:00+00:00', 'data_quality_check', %s, %s, %s)"
    " RETURNING alert_id"
)


def raise_alert(
    shown: Shown, summary: str, *, day: date | None = DAY, severity: str = "critical", status: str = "open"
) -> int:
    resolved = LOADED_AT if status == "resolved" else None
    values = (summary, severity, status, summary, "The totals differ.\nLoad it again.", day, LOADED_AT, NOW, resolved)
    ((number,),) = shown.days.execute(ALERT, values)
    return int(number)


def test_a_new_warehouse_says_what_to_do_first(shown: Shown) -> None:
    page = shown.get("/")

    assert "No business date has been loaded yet" in page.text
    assert page.links["retail_data_pipeline"] == "/dags/retail_data_pipeline"
    assert "retail run" in page.text


def test_an_alert_is_shown_even_before_anything_was_loaded(shown: Shown) -> None:
    number = raise_alert(shown, "retailer_1 rejected our key")

    assert shown.get("/").links["retailer_1 rejected our key"] == f"/retail/alerts/{number}"


def test_every_number_of_the_ledger_is_that_of_the_table(shown: Shown) -> None:
    shown.days.publish_all(DAY)
    shown.days.execute(
        "UPDATE ops.load_ledger SET fetched = 12352, landed = 12345, rejected = 7, inserted = 12000, updated = 200,"
        " unchanged = 100, duplicate = 45, withdrawn = 6, in_warehouse = 12300, reported = 12307"
        " WHERE retailer_id = 'retailer_1'"
    )
    shown.days.execute(
        "UPDATE ops.load_ledger_amounts SET landed = 1234567.8901, inserted = 1234000, updated = 500, unchanged = 60,"
        " duplicate = 7.8901, withdrawn = -3.5, in_warehouse = 1234560, reported = 1234560"
        " WHERE retailer_id = 'retailer_1'"
    )
    (row,) = [row for row in shown.get("/").rows if "retailer_1" in row]

    assert row[1:] == [
        "retailer_1",
        "✓ Balanced",
        *("12,352", "7", "12,345", "12,000", "200", "100", "45", "6"),
        "1,234,567.8901 USD",
    ]
    records, money, *_ = (row for row in shown.get(f"/days/{DAY}").rows if "records" in row or "USD" in row)
    assert records[2:] == ["records", "12,307", *row[3:11], "12,300"]
    assert money == [
        *("USD", "1,234,560.00", "–", "0.00", "1,234,567.8901", "1,234,000.00", "500.00", "60.00", "7.8901", "−3.50"),
        "1,234,560.00",
    ]


def test_money_is_shown_per_currency(shown: Shown) -> None:
    shown.days.publish(DAY, lines=[Line("T1"), Line("T2", currency="CAD")])
    (row,) = [row for row in shown.get("/").rows if "retailer_1" in row]

    assert row[-1] == "25.00 CAD 25.00 USD"


def test_outcome_and_scores_are_those_of_the_run(shown: Shown) -> None:
    shown.days.publish_all(DAY)
    shown.check(DAY)
    score = shown.value("SELECT score FROM ops.data_quality_scores WHERE dimension = 'overall'")
    overview, details = shown.get("/"), shown.get(f"/days/{DAY}")

    assert f"Overall score {score:.0f} / 100 3 retailers loaded" in overview.text
    assert "Outcome ✓ Passed all checks of this date passed" in overview.text
    passed = shown.value("SELECT count(*) FROM ops.data_quality_results WHERE status = 'pass'")
    assert f"{passed} checks passed" in details.text
    for dimension in ("Completeness", "Accuracy", "Consistency", "Validity", "Uniqueness", "Timeliness"):
        assert f"{dimension}100 100" in details.text


def test_a_finding_has_its_message_and_what_to_do(shown: Shown) -> None:
    shown.days.publish_all(DAY)
    shown.days.execute("UPDATE ops.load_ledger SET reported = 44 WHERE retailer_id = 'retailer_2'")
    shown.check(DAY)
    page = shown.get(f"/days/{DAY}")

    assert "✕ Failed rows_match_report retailer_2 · completeness · critical" in page.text
    assert "control report: expected 44, found 40." in page.text
    assert "What to do: The records differ from the retailer's control report. Ingest the date again" in page.text
    overview = shown.get("/")
    (row,) = [row for row in overview.rows if "retailer_2 ✕ Failed" in row]
    assert row[1] == "✕ Differs 4 records different from the retailer's control report"
    assert "Outcome ✕ Failed 1 check failed" in overview.text


def test_money_different_from_the_control_report_is_named(shown: Shown) -> None:
    shown.days.publish(DAY)
    shown.days.execute("UPDATE ops.load_ledger_amounts SET reported = reported + 1234.5")

    assert "1,234.50 USD different from the retailer's control report" in shown.get(f"/days/{DAY}").text


def test_control_reports_may_or_may_not_include_the_money_of_rejected_records(shown: Shown) -> None:
    shown.days.publish(DAY, rejected=2)
    shown.days.execute("UPDATE ops.load_ledger_amounts SET rejected = 19, reported = reported + 19")

    assert "✓ Balanced" in shown.get("/").text


def test_a_retailer_without_a_report_is_not_called_balanced(shown: Shown) -> None:
    shown.days.publish(DAY, reported=False)
    (row,) = [row for row in shown.get("/").rows if "retailer_1" in row]

    assert row[2] == "Adds up, no report"


def test_a_check_without_a_control_report_is_shown_as_not_checked(shown: Shown) -> None:
    shown.days.publish_all(DAY, reported=False)
    shown.check(DAY)
    page = shown.get(f"/days/{DAY}")

    assert ["rows_match_report", "retailer_1", "no control report", "40"] in page.rows
    assert ["money_matches_report", "retailer_3", "no control report", "not compared"] in page.rows
    passed = shown.value("SELECT count(*) FROM ops.data_quality_results WHERE status = 'pass'")
    assert f"{passed} checks passed" in page.text


def test_each_source_has_the_outcome_of_its_latest_check_and_the_date_the_worst(shown: Shown) -> None:
    shown.days.publish_all(DAY)
    shown.check(DAY)
    for number, status in enumerate(("fail", "pass")):
        shown.days.execute(
            "INSERT INTO ops.data_quality_results (run_id, business_date, retailer_id, check_name, dimension, severity,"
            " status, score, threshold, message, checked_at) VALUES ('etl-1', %s, %s, 'currency_allowed', 'validity',"
            " 'critical', %s, 90, 100, 'Wrong currency.', %s)",
            (DAY, f"retailer_{number + 1}", status, NOW + timedelta(hours=1)),
        )
    overview, page = shown.get("/"), shown.get(f"/days/{DAY}")

    names = [row[1] if row[0].startswith("Mon") else row[0] for row in overview.rows if len(row) > 5][1:]
    assert names == ["retailer_1 ✕ Failed", "retailer_2", "retailer_3"]
    assert "Outcome ✕ Failed 1 check failed" in overview.text
    assert "Open alerts 0 1 date failed or incomplete" in overview.text
    assert "✕ Failed currency_allowed retailer_1 · validity · critical" in page.text
    assert ["money_matches_report", "retailer_3"] in [row[:2] for row in page.rows], (
        "those of the others are still shown"
    )


def test_a_source_whose_file_failed_its_checks_is_listed_although_nothing_was_loaded(shown: Shown) -> None:
    shown.days.publish_all(DAY)
    shown.check(DAY)
    shown.days.execute(
        "INSERT INTO ops.sources (retailer_id, source_name, connector, is_scheduled, first_seen_at, changed_at)"
        " VALUES ('shop', 'Shop', 'files', false, now(), now());"
        "INSERT INTO ops.data_quality_results (run_id, business_date, retailer_id, check_name, dimension, severity,"
        " status, score, threshold, message, checked_at) VALUES ('etl-1', %s, 'shop', 'file_validity', 'validity',"
        " 'critical', 'fail', 50, 90, 'Half of the rows.', %s)",
        (DAY, NOW),
    )
    assert ["shop ✕ Failed", "not loaded"] in shown.get("/").rows


@pytest.mark.parametrize(
    ("start", "loaded", "missing"),
    [(None, None, 0), (DAY, None, 0), (None, 1, 2), (DAY, 1, 2), (DAY + 2 * ONE_DAY, 0, 2), (DAY + 3 * ONE_DAY, 0, 1)],
)
def test_a_scheduled_source_is_expected_from_its_start_date_but_not_before_its_first_load(
    shown: Shown, start: date | None, loaded: int | None, missing: int
) -> None:
    for ahead in range(4):
        shown.days.publish(DAY + ahead * ONE_DAY, "retailer_1")
    if loaded is not None:
        shown.days.publish(DAY + loaded * ONE_DAY, "retailer_2")
    shown.days.execute("DELETE FROM ops.sources WHERE retailer_id <> 'retailer_2'")
    shown.days.execute(
        "INSERT INTO ops.sources (retailer_id, source_name, connector, is_scheduled, start_date, first_seen_at,"
        " changed_at) VALUES ('retailer_2', 'Outlet', 'retailer2', true, %s, now(), now())"
        " ON CONFLICT (retailer_id) DO UPDATE SET start_date = excluded.start_date, is_scheduled = true",
        (start,),
    )
    assert [row[0] for row in shown.get("/").rows if row[-1] == "not loaded"] == ["retailer_2"] * missing


@pytest.mark.parametrize("only", [(), ("outlet_shop",)], ids=["checked with the others", "checked alone"])
@pytest.mark.parametrize("how", ["removed", "disabled"])
def test_a_source_that_no_run_reads_any_more_is_neither_missing_nor_failed(
    shown: Shown, tmp_path: Path, how: str, only: tuple[str, ...]
) -> None:
    sources = copy_sources(tmp_path / "sources")
    definition = write_source(sources, "outlet_shop")
    settings = warehouse_settings(shown.access.loader_dsn)
    settings = settings.model_copy(update={"sources": load_sources({}, sources)})
    shown.days.publish_all(DAY)
    names = [*RETAILERS, "outlet_shop"]
    run(DAY, settings=settings, run_id="run-1", retailers=names, only=only, clock=lambda: NOW)
    assert ["outlet_shop ✕ Failed", "not loaded"] in shown.get("/").rows
    assert "✕ Failed retailer_present outlet_shop" in shown.get(f"/days/{DAY}").text

    if how == "disabled":
        write_source(sources, "outlet_shop", "enabled: false")
    else:
        definition.unlink()
    settings = settings.model_copy(update={"sources": load_sources({}, sources)})
    plan.run(NEXT, None, settings=settings, run_id="run-2", clock=lambda: NOW)

    overview, page = shown.get("/"), shown.get(f"/days/{DAY}")
    assert "Failed" not in overview.text
    assert "failed or incomplete" not in overview.text
    assert "outlet_shop" not in overview.text
    assert [row for row in page.rows if "outlet_shop" in row] == []
    assert "✕ Failed retailer_present" not in page.text


def test_of_repeated_runs_the_latest_is_shown(shown: Shown) -> None:
    shown.days.publish_all(DAY)
    shown.days.execute("UPDATE ops.load_ledger SET reported = 44 WHERE retailer_id = 'retailer_2'")
    shown.check(DAY, "manual__2024-02-01T03:00:00+00:00")
    shown.days.execute("UPDATE ops.load_ledger SET reported = 40 WHERE retailer_id = 'retailer_2'")
    shown.days.publish(DAY, "retailer_1", lines=[Line("again")])
    shown.check(DAY, "manual__2024-02-01T09:30:00+00:00", now=NOW + timedelta(hours=6))
    page = shown.get(f"/days/{DAY}")

    assert "rows_match_report retailer_2 · completeness · critical" not in page.text
    assert "2024-02-01 09:00:00 UTC" in page.text
    (row,) = [row for row in shown.get("/").rows if len(row) > 3 and row[1].startswith("retailer_1")]
    assert row[3] == "1"


def test_a_later_run_that_also_checked_the_date_decides_the_outcome(shown: Shown) -> None:
    shown.days.publish_all(DAY)
    shown.check(DAY)
    shown.days.execute(
        "INSERT INTO ops.data_quality_results (run_id, business_date, retailer_id, check_name, dimension, severity,"
        " status, score, threshold, message, checked_at) VALUES ('scheduled__2024-02-02T02:00:00+00:00', %s,"
        " 'retailer_1', 'lines_unique', 'uniqueness', 'critical', 'fail', 90, 100, 'Doubled.', %s)",
        (DAY, NOW + timedelta(days=1)),
    )

    assert "Outcome ✕ Failed 1 check failed" in shown.get("/").text
    page = shown.get(f"/days/{DAY}")
    assert "checked again later by scheduled__2024-02-02T02:00:00+00:00" in page.text
    assert "Doubled." in page.text


def test_a_date_between_others_that_was_not_loaded_is_there_and_says_so(shown: Shown) -> None:
    shown.days.publish_all(DAY)
    shown.days.publish(DAY + timedelta(days=2), "retailer_1")
    rows = shown.get("/").rows

    assert [row for row in rows if row[0].startswith("Tue 16 Jan 2024")] == [
        ["Tue 16 Jan 2024 Not checked –", "retailer_1", "not loaded"]
    ]
    assert [row for row in rows if row == ["retailer_3", "not loaded"]] == [["retailer_3", "not loaded"]] * 2
    assert not any("14 Jan" in row[0] for row in rows)


def test_runs_that_airflow_started_link_to_their_page_and_others_do_not(shown: Shown) -> None:
    shown.days.publish_all(DAY)
    shown.check(DAY, "manual__2024-02-01T03:00:00+00:00")
    shown.check(DAY, "quality-20240201T100000Z-abcdef", now=NOW + timedelta(hours=7))
    page = shown.get(f"/days/{DAY}")

    address = "/dags/retail_data_pipeline/runs/manual__2024-02-01T03%3A00%3A00%2B00%3A00"
    assert page.links["manual__2024-02-01T03:00:00+00:00"] == address
    assert "quality-20240201T100000Z-abcdef" in page.text
    assert "quality-20240201T100000Z-abcdef" not in page.links


def test_one_open_alert_is_linked_and_several_lead_to_the_dates_list(shown: Shown) -> None:
    shown.days.publish_all(DAY)
    shown.days.publish_all(NEXT)
    only = raise_alert(shown, "one")
    raise_alert(shown, "two", day=NEXT)
    raise_alert(shown, "three", day=NEXT, severity="warning", status="acknowledged")
    raise_alert(shown, "over", day=NEXT, status="resolved")
    page = shown.get("/")

    assert page.links["1 open alert"] == f"/retail/alerts/{only}"
    assert page.links["2 open alerts"] == f"/retail/days/{NEXT}#alerts"
    assert "Open alerts 3 on all dates" in page.text
    assert "over" not in page.links
    assert {"two", "three", "over"} <= set(shown.get(f"/days/{NEXT}").links)
    assert "one" not in shown.get(f"/days/{NEXT}").links


def test_an_alert_has_a_page_with_all_that_is_known_of_it(shown: Shown) -> None:
    number = raise_alert(shown, "The totals of retailer_1 differ")
    page = shown.get(f"/alerts/{number}")

    assert "critical open The totals of retailer_1 differ The totals differ. Load it again." in page.text
    assert page.links["Mon 15 Jan 2024"] == f"/retail/days/{DAY}"
    assert page.links["manual__2024-01-16T02:00:00+00:00"].startswith("/dags/retail_data_pipeline/runs/manual__")
    assert f"retail alerts ack {number}" in page.text
    assert f"alert-{number}" in shown.get("/alerts").ids


def test_the_period_is_chosen_by_plain_links(shown: Shown) -> None:
    for back in (0, 20, 200):
        shown.days.publish(DAY - timedelta(days=back))

    assert shown.get("/").links["90 days"] == "/retail/?days=90"
    last = {length: shown.get(f"/?days={length}").rows[-1][0] for length in (14, 90, 365)}
    assert [name.split(" Not")[0] for name in last.values()] == [
        "Mon 15 Jan 2024",
        "Tue 26 Dec 2023",
        "Thu 29 Jun 2023",
    ]
    for wrong in ("nonsense", "-1", "9" * 5_000):
        assert shown.get(f"/?days={wrong}").rows == shown.get("/?days=14").rows


def test_a_date_of_which_nothing_is_known_says_how_to_load_it(shown: Shown) -> None:
    page = shown.get("/days/2019-05-05")

    assert "Nothing was loaded, checked or reported for this business date." in page.text
    assert "retail run 2019-05-05" in page.text


def test_what_does_not_exist_is_not_found(shown: Shown) -> None:
    assert "Alert 7 does not exist." in shown.get("/alerts/7", 404).text
    assert "is not a date" in shown.get("/days/yesterday", 404).text
    assert "Alert 99999999999999999999 does not exist." in shown.get("/alerts/99999999999999999999", 404).text
    assert "Not found" in shown.get("/elsewhere", 404).text


def test_the_chart_has_a_description_in_words(shown: Shown) -> None:
    shown.days.publish_all(DAY)
    shown.check(DAY)
    page = shown.get("/")

    assert "Business dates with a score: 1, from 2024-01-15 to 2024-01-15. Latest 100.00, lowest 100.00" in page.text
    assert {"title", "desc"} <= set(page.tags)
