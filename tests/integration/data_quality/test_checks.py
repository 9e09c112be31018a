"""Every check on a real PostgreSQL: a clean warehouse passes, a planted defect is found by its check alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import psycopg2
import pytest

from data_quality.main import run
from data_quality.quality_checks import Status, load_checks
from data_quality.results import QualityResult
from data_quality.scope import Scope, open_scope
from local_stack.databases import WarehouseAccess
from local_stack.postgres import PostgresServer
from shared.database import read_sql
from shared.errors import FixConfiguration
from shared.provisioning import OWNER
from shared.sources.registry import Sources
from tests.fakes.published_days import RETAILERS, Line, PublishedDays, usual_lines, warehouse_settings

DAY = date(2024, 1, 15)
NOW = datetime(2024, 1, 16, 2, tzinfo=UTC)


class Clean:
    """Nine Mondays of three retailers, all of them right, and the means to spoil the last one."""

    def __init__(self, access: WarehouseAccess, superuser_dsn: str) -> None:
        self.access = access
        self.days = PublishedDays(superuser_dsn)
        self.sources = warehouse_settings(access.loader_dsn).sources

    def spoil(self, statement: str, summarise: bool = False) -> None:
        """Change data with no constraint in the way; optionally bring the summaries of retailer_1 in line."""
        self.days.execute("SET session_replication_role = replica")  # no foreign keys
        self.days.execute("ALTER TABLE fact_sales DROP CONSTRAINT IF EXISTS ck_fact_sales_measures")
        self.days.execute(statement)
        self.days.execute("RESET session_replication_role")
        if summarise:
            self.days.summarise(DAY, "retailer_1")

    def define(self, **changed: object) -> None:
        """Change the definition of retailer_1."""
        definition = self.sources.definitions["retailer_1"].model_copy(update=changed)
        self.sources = replace(self.sources, definitions={**self.sources.definitions, "retailer_1": definition})

    def check(self, **options: object) -> QualityResult:
        settings = warehouse_settings(self.access.loader_dsn).model_copy(update={"sources": self.sources})
        return run(DAY, settings=settings, run_id="run-1", clock=lambda: NOW, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def clean_template(postgres_server: PostgresServer, warehouse_template: str) -> Iterator[str]:
    """Name of a database with nine right Mondays in it, to be copied."""
    days = PublishedDays(postgres_server.create_database("clean_template", owner=OWNER, template=warehouse_template))
    for weeks_before in range(8, 0, -1):
        days.publish_all(DAY - timedelta(days=7 * weeks_before), run_id=f"week-{weeks_before}")
    days.publish_all(DAY)
    days.close()
    yield "clean_template"
    postgres_server.drop_database("clean_template")


@pytest.fixture
def clean(warehouse: WarehouseAccess, postgres_server: PostgresServer, clean_template: str) -> Iterator[Clean]:
    name = warehouse.owner_dsn.rsplit("/", 1)[1]
    postgres_server.drop_database(name)
    clean = Clean(warehouse, postgres_server.create_database(name, owner=OWNER, template=clean_template))
    yield clean
    clean.days.close()


def not_passed(result: QualityResult) -> dict[str, Status]:
    return {
        f"{each.check.name} {each.finding.retailer_id}": each.status
        for each in result.checks
        if each.status is not Status.PASS
    }


THIS_DAY = "date_key = 20240115 AND retailer_key = 1"
ONE_LINE = f"{THIS_DAY} AND transaction_id = 'T0115-0000' AND line_id = '1'"


def test_a_clean_warehouse_passes_every_check_for_every_retailer(clean: Clean) -> None:
    result = clean.check()
    assert not_passed(result) == {}
    assert (result.outcome, result.score) == (Status.PASS, 100.0)
    seen = {(each.check.name, each.finding.retailer_id) for each in result.checks}
    unused = {"retailer_left_out", "money_matches_report_with_rejects"}  # nothing to check here
    assert seen == {(check.name, each) for check in load_checks() for each in RETAILERS if check.name not in unused}


DEFECTS: dict[str, str] = {
    "rows_match_report": "UPDATE load_ledger SET reported = reported + 1 WHERE load_id = (SELECT max(load_id)"
    " FROM load_ledger WHERE retailer_id = 'retailer_1')",
    "money_matches_ledger": "UPDATE load_ledger_amounts SET in_warehouse = in_warehouse + 0.01,"
    " unchanged = unchanged + 0.01,"
    " landed = landed + 0.01 WHERE business_date = '2024-01-15' AND retailer_id = 'retailer_1'",
    "money_matches_report": "UPDATE load_ledger_amounts SET reported = reported + 0.01"
    " WHERE business_date = '2024-01-15' AND retailer_id = 'retailer_1'",
    "totals_add_up": "ALTER TABLE fact_sales DROP CONSTRAINT ck_fact_sales_total;"
    f"UPDATE fact_sales SET unit_price = unit_price + 0.01 WHERE {ONE_LINE}",
    "references_hold": f"UPDATE fact_sales SET customer_key = (SELECT customer_key FROM dim_customer"
    f" WHERE retailer_key = 2 AND customer_id = 'C1') WHERE {ONE_LINE}",
    "customer_version_fits": "UPDATE dim_customer SET valid_from = '2024-01-15 18:00+00' WHERE retailer_key = 1"
    " AND customer_id = 'C1'; INSERT INTO dim_customer (retailer_key, customer_id, valid_from, valid_to, is_current)"
    " VALUES (1, 'C1', '2020-01-01', '2024-01-15 18:00+00', false)",
    "customer_history_complete": "UPDATE dim_customer SET valid_to = '2030-01-01' WHERE retailer_key = 1"
    " AND customer_id = 'C1'",
    "summary_matches_facts": f"UPDATE fact_daily_sales SET returned_quantity = returned_quantity + 1 WHERE {THIS_DAY}",
    "transactions_match_facts": f"UPDATE fact_daily_transactions SET customer_count = 9 WHERE {THIS_DAY}",
    "sold_on_business_date": f"UPDATE fact_sales SET sold_at = sold_at + interval '1 day' WHERE {THIS_DAY}"
    " AND transaction_id = 'T0115-0001'",
    "watermark_reached": "UPDATE pipeline_metadata SET last_processed_date = '2024-01-14'"
    " WHERE retailer_id = 'retailer_1'",
    "changes_read": "UPDATE pipeline_metadata SET changes_read_until = '2024-01-08' WHERE retailer_id = 'retailer_1'",
    "few_duplicates": "UPDATE load_ledger SET duplicate = 10, landed = 50, fetched = 50 WHERE load_id ="
    " (SELECT max(load_id) FROM load_ledger WHERE retailer_id = 'retailer_1')",
    "products_named": "UPDATE dim_product SET product_name = 'Unknown' WHERE retailer_key = 1 AND product_id = 'P1'",
    "products_categorised": "UPDATE dim_product SET category = 'Unknown' WHERE retailer_key = 1 AND product_id = 'P1'",
}


@pytest.mark.parametrize("check", DEFECTS)
def test_a_planted_defect_is_found_by_its_check_alone(clean: Clean, check: str) -> None:
    clean.spoil(DEFECTS[check])
    found = not_passed(clean.check())
    assert set(found) == {f"{check} retailer_1"}
    severity = next(each.severity for each in load_checks() if each.name == check)
    assert found.popitem()[1] is (Status.FAIL if severity == "critical" else Status.WARN)


def test_a_line_more_in_fact_sales_than_in_the_ledger_is_found(clean: Clean) -> None:
    clean.spoil(
        "INSERT INTO fact_sales SELECT date_key, retailer_key, transaction_id, '9', product_key, customer_key,"
        " store_key, line_type, sold_at, currency, 1, 0, 0, 1, 0, source_changed_at, load_id FROM fact_sales"
        f" WHERE {ONE_LINE}",
        summarise=True,
    )
    assert set(not_passed(clean.check())) == {"rows_match_ledger retailer_1"}


def test_rows_that_are_in_no_ledger_are_found(clean: Clean) -> None:
    clean.days.execute(
        "INSERT INTO dim_retailer (retailer_key, retailer_id, retailer_name) VALUES (9, 'stray', 'Stray')"
    )
    clean.spoil(f"UPDATE fact_sales SET retailer_key = 9 WHERE {ONE_LINE}", summarise=True)
    found = not_passed(clean.check())
    assert found["rows_match_ledger stray"] is Status.FAIL
    assert found["rows_match_ledger retailer_1"] is Status.FAIL


def test_a_currency_that_nobody_trades_in_is_found(clean: Clean) -> None:
    lines = [*usual_lines(DAY), Line("T-X", currency="XTS")]
    republish(clean, lines)
    assert set(not_passed(clean.check())) == {"currency_allowed retailer_1"}


def test_a_currency_of_iso_4217_that_its_source_does_not_have_is_found(clean: Clean) -> None:
    republish(clean, [*usual_lines(DAY), Line("T-X", currency="EUR")])
    clean.define(currencies=None)
    assert not_passed(clean.check()) == {}
    clean.define(currencies=("USD",))
    result = clean.check()
    assert set(not_passed(result)) == {"currency_allowed retailer_1"}
    (found,) = result.with_status(Status.FAIL)
    assert (found.finding.expected, found.finding.actual) == ("only USD", "1 in EUR, 40 in USD")


@pytest.mark.parametrize(("zone", "found"), [("America/New_York", False), ("Asia/Tokyo", True)])
def test_business_dates_are_meant_in_the_time_zone_of_the_source(clean: Clean, zone: str, found: bool) -> None:
    evening = datetime(2024, 1, 16, 3, tzinfo=UTC)
    republish(clean, [Line(f"T{number}", sold_at=evening) for number in range(40)])
    clean.define(time_zone=zone)
    assert ("sold_on_business_date retailer_1" in not_passed(clean.check())) is found


def test_an_unknown_time_zone_is_not_taken_for_utc(clean: Clean) -> None:
    clean.days.execute("UPDATE ops.sources SET time_zone = NULL WHERE retailer_id = 'retailer_1'")
    clean.days.execute("UPDATE dim_retailer SET time_zone = NULL WHERE retailer_id = 'retailer_1'")
    clean.sources = Sources()
    assert not_passed(clean.check()) == {"sold_on_business_date retailer_1": Status.NOT_CHECKED}


def test_without_a_control_report_nothing_is_compared_and_nothing_passes(clean: Clean) -> None:
    clean.days.execute("UPDATE load_ledger SET reported = NULL; UPDATE load_ledger_amounts SET reported = NULL")
    result = clean.check(retailers=["retailer_1", "retailer_2", "retailer_3"])
    assert {name.split()[0] for name in not_passed(result)} == {"rows_match_report", "money_matches_report"}
    assert set(not_passed(result).values()) == {Status.NOT_CHECKED}
    assert {each.score for each in result.with_status(Status.NOT_CHECKED)} == {None}
    assert (result.outcome, result.score) == (Status.PASS, 100.0)
    kept = "SELECT DISTINCT score, expected FROM ops.data_quality_results WHERE status = 'not_checked'"
    assert clean.days.execute(kept) == [(None, "no control report")]


def test_a_source_whose_list_of_changes_was_never_read_is_not_checked(clean: Clean) -> None:
    clean.days.execute("UPDATE pipeline_metadata SET changes_read_until = NULL WHERE retailer_id = 'retailer_1'")
    assert not_passed(clean.check()) == {"changes_read retailer_1": Status.NOT_CHECKED}


def test_changes_that_count_as_read_in_the_future_are_found(clean: Clean) -> None:
    clean.days.execute(
        "UPDATE pipeline_metadata SET changes_read_until = '2099-01-01' WHERE retailer_id = 'retailer_1'"
    )
    assert not_passed(clean.check()).keys() == {"changes_read retailer_1"}


def test_a_list_of_changes_that_an_earlier_run_read_does_not_count_for_a_source_that_has_none_now(clean: Clean) -> None:
    clean.days.execute("UPDATE pipeline_metadata SET has_change_list = (retailer_id <> 'retailer_1')")
    assert not_passed(clean.check()) == {"changes_read retailer_1": Status.NOT_CHECKED}


def test_only_the_named_sources_are_checked(clean: Clean) -> None:
    forget(clean, "retailer_2")
    result = clean.check(only=["retailer_1"])
    assert {each.finding.retailer_id for each in result.checks} == {"retailer_1"}
    assert result.outcome is Status.PASS
    assert clean.check(only=["retailer_2"]).outcome is Status.FAIL
    with pytest.raises(FixConfiguration, match=r"Unknown retailer: acme\. Known: retailer_1, retailer_2, retailer_3"):
        clean.check(only=["acme"])


def test_a_sale_with_a_negative_amount_is_found(clean: Clean) -> None:
    republish(clean, [*usual_lines(DAY), Line("T-X", sign=-1)])
    assert set(not_passed(clean.check())) == {"signs_follow_type retailer_1"}


def test_unknown_members_are_a_warning(clean: Clean) -> None:
    clean.spoil(f"UPDATE fact_sales SET store_key = 0 WHERE {ONE_LINE}", summarise=True)
    assert not_passed(clean.check()) == {"dimensions_known retailer_1": Status.WARN}


def test_a_line_without_a_dimension_row_is_found(clean: Clean) -> None:
    clean.spoil(f"UPDATE fact_sales SET product_key = 4711 WHERE {ONE_LINE}")
    assert set(not_passed(clean.check())) == {"references_hold retailer_1", "summary_matches_facts retailer_1"}


def test_a_day_with_less_than_half_its_usual_lines_is_a_warning(clean: Clean) -> None:
    republish(clean, usual_lines(DAY, receipts=9))
    assert not_passed(clean.check()) == {"volume_as_usual retailer_1": Status.WARN}


def test_the_day_itself_is_not_part_of_its_baseline(clean: Clean) -> None:
    clean.days.execute("DELETE FROM fact_daily_sales WHERE retailer_key = 1 AND date_key BETWEEN 20231120 AND 20231218")
    republish(clean, usual_lines(DAY, receipts=9))
    assert not_passed(clean.check()) == {"volume_as_usual retailer_1": Status.WARN}


def test_too_few_weeks_do_not_make_a_baseline(clean: Clean) -> None:
    clean.days.execute("DELETE FROM fact_daily_sales WHERE retailer_key = 1 AND date_key BETWEEN 20231120 AND 20231231")
    republish(clean, usual_lines(DAY, receipts=9))
    assert not_passed(clean.check()) == {}


def test_a_day_of_guests_only_is_a_warning(clean: Clean) -> None:
    republish(clean, [Line(f"T{number}", customer="GUEST") for number in range(40)])
    assert not_passed(clean.check()) == {"customers_known retailer_1": Status.WARN}


def test_a_price_with_its_point_in_the_wrong_place_is_a_warning(clean: Clean) -> None:
    lines = [Line(f"T{number}", price=Decimal("1250.00" if number == 0 else "9.00")) for number in range(40)]
    republish(clean, lines)
    assert not_passed(clean.check()) == {"prices_as_usual retailer_1": Status.WARN}


def test_rejected_records_are_a_warning_and_explain_missing_money(clean: Clean) -> None:
    republish(clean, usual_lines(DAY), rejected=2)
    assert not_passed(clean.check()) == {"few_rejects retailer_1": Status.WARN}
    clean.days.execute(
        "UPDATE load_ledger_amounts SET reported = reported + 7, rejected = 7 WHERE business_date = %s", (DAY,)
    )
    found = not_passed(clean.check())
    assert "money_matches_report_with_rejects retailer_1" not in found
    clean.days.execute("UPDATE load_ledger_amounts SET rejected = 6 WHERE business_date = %s", (DAY,))
    assert not_passed(clean.check())["money_matches_report_with_rejects retailer_1"] is Status.WARN


def test_a_line_under_two_business_dates_is_found(clean: Clean) -> None:
    before = DAY - timedelta(days=1)
    clean.days.publish(before, lines=[Line("T0115-0000", "1", customer="C1"), Line("T0115-0000", "7")])
    found = {each.check.name: each for each in clean.check().checks if each.status is not Status.PASS}
    assert set(found) == {"lines_unique"}
    assert found["lines_unique"].finding.failed == 1


def test_a_superseded_line_does_not_differ_from_the_report(clean: Clean) -> None:
    clean.days.execute(
        "INSERT INTO superseded_sales (date_key, retailer_key, transaction_id, line_id, product_key, customer_id,"
        " store_key, line_type, sold_at, currency, quantity, unit_price, total_amount, net_quantity, net_amount,"
        " source_changed_at)"
        " VALUES (20240115, 1, 'T-OLD', '1', 0, 'C1', 0, 'sale', '2024-01-15 12:00+00', 'USD', 1, 5, 5, 1, 5, now())"
    )
    clean.days.execute(
        "UPDATE load_ledger SET superseded = 1, duplicate = 1, landed = landed + 1, fetched = fetched + 1,"
        " reported = reported + 1 WHERE retailer_id = 'retailer_1' AND business_date = %s",
        (DAY,),
    )
    clean.days.execute(
        "UPDATE load_ledger_amounts SET duplicate = 5, landed = landed + 5, reported = reported + 5"
        " WHERE retailer_id = 'retailer_1' AND business_date = %s",
        (DAY,),
    )
    assert not_passed(clean.check()) == {}


def test_a_retailer_that_is_not_published_fails_the_run(clean: Clean) -> None:
    forget(clean, "retailer_2")
    result = clean.check()
    assert not_passed(result)["retailer_present retailer_2"] is Status.FAIL
    assert result.outcome is Status.FAIL


def test_a_retailer_the_run_does_without_is_a_warning_that_names_it(clean: Clean) -> None:
    forget(clean, "retailer_2")
    result = clean.check(retailers=["retailer_1", "retailer_3"])
    assert not_passed(result) == {"retailer_left_out retailer_2": Status.WARN}
    assert result.outcome is Status.WARN


def test_a_retailer_that_sold_nothing_passes(clean: Clean) -> None:
    closed = DAY - timedelta(days=1)  # a Sunday, with no Sunday before it
    for retailer_id in RETAILERS:
        clean.days.publish(closed, retailer_id, lines=[], run_id="sunday")
    result = run(closed, settings=warehouse_settings(clean.access.loader_dsn), run_id="sunday", clock=lambda: NOW)
    assert not_passed(result) == {}


def test_other_dates_that_the_run_loaded_are_checked_too(clean: Clean) -> None:
    other_date = DAY - timedelta(days=3)
    clean.days.publish(other_date)
    clean.days.execute("UPDATE load_ledger SET reported = 1 WHERE business_date = %s", (other_date,))
    wrong = [each for each in clean.check().checks if each.status is not Status.PASS]
    assert [(each.check.name, each.finding.business_date) for each in wrong] == [("rows_match_report", other_date)]


def test_no_query_touches_another_month_than_those_in_question(clean: Clean) -> None:
    with psycopg2.connect(clean.access.loader_dsn) as connection, connection.cursor() as cursor:
        scope = open_scope(cursor, Scope(DAY, "run-1", tuple(RETAILERS), tuple(RETAILERS)))
        for check in load_checks():
            # Run, because lines_unique learns only then which few other dates it has to look at.
            bound = {**scope.parameters, **check.parameters}
            cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {read_sql(check.sql_file)}", bound)
            plan = [row[0] for row in cursor.fetchall()]
            scans = [line for line in plan if "Scan" in line and "fact_sales_2023" in line]
            assert all("never executed" in line for line in scans), f"{check.name}: {scans}"


def republish(clean: Clean, lines: list[Line], rejected: int = 0) -> None:
    """The day at retailer_1 once more, with these lines."""
    clean.days.execute(f"DELETE FROM fact_sales WHERE {THIS_DAY}")
    clean.days.execute("DELETE FROM transaction_dates WHERE retailer_key = 1 AND date_key = 20240115")
    clean.days.publish(DAY, lines=lines, rejected=rejected)


def forget(clean: Clean, retailer_id: str) -> None:
    """As if the day had never been loaded for the retailer."""
    key = RETAILERS[retailer_id][0]
    for table in ("fact_sales", "fact_daily_sales", "fact_daily_transactions"):
        clean.days.execute(f"DELETE FROM {table} WHERE date_key = 20240115 AND retailer_key = %s", (key,))
    for table in ("load_ledger_amounts", "load_ledger"):
        clean.days.execute(f"DELETE FROM {table} WHERE business_date = %s AND retailer_id = %s", (DAY, retailer_id))
