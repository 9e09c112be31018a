"""Charges and refunds of Stripe become sales and returns to the cent, and its balance transactions verify them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingestion.connectors.stripe.amounts import amount_of
from shared.errors import FixConfiguration, RetryLater, StopRun
from tests.fakes.http_vendor import Reply
from tests.fakes.listed_days import Shop, running_shop
from tests.fakes.stripe import account
from tests.fakes.stripe.account import KEY, StripeAccount
from tests.fakes.stripe.payments import charge_of, refund_of

DEFINITION = Path(account.__file__).parent / "sources" / "payments.yaml"
DAY = "2024-01-15"
NOON = int(datetime(2024, 1, 15, 17, tzinfo=UTC).timestamp())
HOUR, ONE_DAY = 3_600, 86_400
MONEY = ("line_type", "net_quantity", "net_amount", "currency")


@contextmanager
def read_from(stripe: StripeAccount, key: str = KEY) -> Iterator[Shop]:
    with running_shop(DEFINITION, stripe, "PAYMENTS_URL", {"PAYMENTS_KEY": key}) as shop:
        yield shop


def booked(stripe: StripeAccount, charge: dict[str, Any], at: int = NOON, **changes: Any) -> dict[str, Any]:
    """Add a charge with its balance transaction."""
    amount = changes.pop("booked_amount", charge["amount_captured"])
    charge["balance_transaction"] = stripe.change_balance(charge, "charge", at, amount, **changes)
    stripe.charges.append(charge)
    return charge


def paid_back(stripe: StripeAccount, refund: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Add a refund with its balance transaction."""
    refund["balance_transaction"] = stripe.change_balance(
        refund, "refund", refund["created"], -refund["amount"], **changes
    )
    stripe.refunds.append(refund)
    return refund


def test_the_charge_of_the_documentation_is_void_until_it_is_captured_and_its_refund_a_return() -> None:
    stripe = StripeAccount()
    booked(stripe, charge_of("ch_void", NOON, 100, captured=False, amount_captured=0), booked_amount=100)
    booked(stripe, charge_of("ch_1Pgaf", NOON, 100))
    stripe.refunds = [refund_of("re_1Pgc7", "ch_1Pgaf", NOON + HOUR, 100, balance_transaction=None)]
    with read_from(stripe) as shop:
        listed = shop.list_day(DAY)
    assert listed.rejected == []
    assert listed.amounts("ch_void", *MONEY) == [("adjustment", "0.000", "0.0000", "USD")]
    assert listed.amounts("ch_1Pgaf", *MONEY) == [("sale", "1.000", "1.0000", "USD")]
    assert listed.amounts("re_1Pgc7", *MONEY) == [("return", "-1.000", "-1.0000", "USD")]


def test_a_refund_is_a_transaction_of_the_date_on_which_it_was_made() -> None:
    stripe = StripeAccount()
    booked(stripe, charge_of("ch_1", NOON, customer="cus_1", billing_details={"name": "Ana Reed", "address": None}))
    paid_back(stripe, refund_of("re_1", "ch_1", NOON + ONE_DAY, 1_000))
    with read_from(stripe) as shop:
        assert [each["transaction_id"] for each in shop.list_day(DAY).records] == ["ch_1"]
        [refund] = shop.list_day("2024-01-16").records
    assert (refund["transaction_id"], refund["net_amount"], refund["customer_id"]) == ("re_1", "-10.0000", "cus_1")


@pytest.mark.parametrize(
    ("currency", "amount", "expected"),
    [
        ("usd", 1_234, "12.34"),
        ("jpy", 1_234, "1234"),
        ("kwd", 12_340, "12.34"),
        ("isk", 1_200, "12"),
        ("ugx", 1_200, "12"),
        ("mga", 1_200, "1200"),
        ("huf", 123_400, "1234"),
    ],
)
def test_amounts_have_the_decimals_that_stripe_uses_for_the_currency(currency: str, amount: int, expected: str) -> None:
    stripe = StripeAccount()
    booked(stripe, charge_of("ch_1", NOON, amount, currency=currency))
    with read_from(stripe) as shop:
        [record] = shop.list_day(DAY).records
        report = shop.connector.daily_report(date(2024, 1, 15))
    assert (Decimal(record["net_amount"]), record["currency"]) == (Decimal(expected), currency.upper())
    assert report is not None
    assert (report.lines, report.net) == (None, {currency.upper(): Decimal(expected)})


def test_the_business_date_is_that_of_the_accounts_time_zone() -> None:
    last = int(datetime(2024, 1, 16, 4, 59, 59, tzinfo=UTC).timestamp())
    stripe = StripeAccount()
    booked(stripe, charge_of("ch_1", last))
    booked(stripe, charge_of("ch_2", last + 1))
    with read_from(stripe) as shop:
        assert [each["transaction_id"] for each in shop.list_day(DAY).records] == ["ch_1"]
        assert [each["transaction_id"] for each in shop.list_day("2024-01-16").records] == ["ch_2"]


def test_what_was_not_paid_is_void_and_counts_nowhere() -> None:
    stripe = StripeAccount()
    stripe.charges = [
        charge_of("ch_failed", NOON, status="failed", balance_transaction=None),
        charge_of("ch_pending", NOON, status="pending", balance_transaction=None),
        charge_of("ch_unbooked", NOON, balance_transaction=None),
    ]
    open_ = charge_of("ch_open", NOON, captured=False, amount_captured=0, balance_transaction=None)
    stripe.charges.append(open_)
    # Before 2025-03-31, a cancelled authorisation made a refund.
    stripe.refunds = [refund_of("re_cancelled", "ch_open", NOON + HOUR, balance_transaction=None)]
    returned = booked(stripe, charge_of("ch_paid", NOON))
    refund = paid_back(stripe, refund_of("re_failed", returned["id"], NOON + HOUR, status="failed"))
    stripe.change_balance(refund, "refund_failure", NOON + 3 * ONE_DAY, refund["amount"])
    with read_from(stripe) as shop:
        listed = shop.list_day(DAY)
        report = shop.connector.daily_report(date(2024, 1, 15))
    assert listed.rejected == []
    amounts = {each["transaction_id"]: Decimal(each["net_amount"]) for each in listed.records}
    assert {each for each, amount in amounts.items() if amount} == {"ch_paid"}
    assert len(amounts) == 7
    assert report is not None
    assert report.net == {"USD": Decimal(25)}


def test_a_partial_capture_counts_what_was_captured_also_where_a_refund_ended_the_rest() -> None:
    stripe = StripeAccount()
    booked(stripe, charge_of("ch_new", NOON, 1_000, amount_captured=700))
    booked(stripe, charge_of("ch_old", NOON, 1_000, amount_captured=700), booked_amount=1_000)
    paid_back(stripe, refund_of("re_old", "ch_old", NOON, 300))
    with read_from(stripe) as shop:
        listed = shop.list_day(DAY)
        report = shop.connector.daily_report(date(2024, 1, 15))
    assert sum(Decimal(each["net_amount"]) for each in listed.records) == Decimal(14)
    assert report is not None
    assert report.net == {"USD": Decimal(14)}


def test_a_charge_that_is_captured_days_later_belongs_to_the_date_of_the_charge_in_the_report_too() -> None:
    stripe = StripeAccount()
    booked(stripe, charge_of("ch_late", NOON), NOON + 5 * ONE_DAY)
    booked(stripe, charge_of("ch_next", NOON + 5 * ONE_DAY), NOON + 5 * ONE_DAY)
    with read_from(stripe) as shop:
        report = shop.connector.daily_report(date(2024, 1, 15))
    assert report is not None
    assert report.net == {"USD": Decimal(25)}


def test_money_that_stripe_converted_is_reported_in_the_currency_of_the_charge() -> None:
    stripe = StripeAccount()
    converted: dict[str, Any] = {"currency": "usd", "exchange_rate": 1.0871}
    booked(stripe, charge_of("ch_1", NOON, 2_000, currency="eur"), booked_amount=2_174, **converted)
    refund = paid_back(stripe, refund_of("re_1", "ch_1", NOON + HOUR, 500, currency="eur"), currency="usd")
    stripe.change_balance(refund, "refund_failure", NOON + ONE_DAY, 543, currency="usd")
    booked(stripe, charge_of("ch_2", NOON, 1_000, amount_captured=700, currency="eur"), booked_amount=761, **converted)
    with read_from(stripe) as shop:
        report = shop.connector.daily_report(date(2024, 1, 15))
        records = shop.list_day(DAY).amounts("ch_2", *MONEY)
    assert report is not None
    assert report.net == {"EUR": Decimal("27.00")}
    assert records == [("sale", "1.000", "7.0000", "EUR")]


def test_fees_payouts_and_disputes_are_not_part_of_the_report() -> None:
    stripe = StripeAccount()
    charge = booked(stripe, charge_of("ch_1", NOON), fee=103, net=2_397)
    stripe.change_balance(charge, "adjustment", NOON, -2_500)
    stripe.change_balance(charge, "payout", NOON, -2_000)
    with read_from(stripe) as shop:
        report = shop.connector.daily_report(date(2024, 1, 15))
    assert report is not None
    assert report.net == {"USD": Decimal(25)}


def test_pages_follow_the_last_id_and_none_is_missed() -> None:
    stripe = StripeAccount(largest_page=2)
    for number in range(5):
        booked(stripe, charge_of(f"ch_{number}", NOON + number))
    with read_from(stripe) as shop:
        listed = shop.list_day(DAY)
        report = shop.connector.daily_report(date(2024, 1, 15))
    assert [each["transaction_id"] for each in listed.records] == [f"ch_{number}" for number in (4, 3, 2, 1, 0)]
    assert report is not None
    assert report.net == {"USD": Decimal(125)}


def test_events_name_the_dates_that_changed_and_older_ones_than_stripe_keeps_are_not_requested() -> None:
    now = int(datetime.now(UTC).timestamp())
    late = charge_of("ch_1", now - 20 * ONE_DAY)
    stripe = StripeAccount()
    stripe.events = [
        {"id": "evt_1", "created": now - HOUR, "type": "charge.captured", "data": {"object": late}},
        {"id": "evt_2", "created": now - HOUR, "type": "customer.created", "data": {"object": late}},
    ]
    with read_from(stripe) as shop:
        changes = shop.connector.list_changes(datetime.fromtimestamp(now - ONE_DAY, UTC))
        older = shop.connector.list_changes(datetime.fromtimestamp(now - 30 * ONE_DAY, UTC))
    assert changes is not None
    assert list(changes.dates.values()) == [datetime.fromtimestamp(now - HOUR, UTC)]
    assert older is None


def test_a_key_without_a_permission_is_an_error_that_names_the_setting() -> None:
    with (
        read_from(StripeAccount(permissions=("charges", "refunds", "balance_transactions"))) as shop,
        pytest.raises(FixConfiguration, match=r"rejected our credentials \(403\).*PAYMENTS_KEY"),
    ):
        shop.connector.check(date(2024, 1, 15))


def test_too_many_requests_are_repeated_after_a_pause_and_then_given_up() -> None:
    limited: list[Reply] = [account.rate_limited()] * 2
    stripe = StripeAccount(before_page=lambda _: limited.pop() if limited else None)
    booked(stripe, charge_of("ch_1", NOON))
    with read_from(stripe) as shop:
        assert len(shop.list_day(DAY).records) == 1
        assert len(shop.slept) >= 2
        stripe.before_page = lambda _: account.rate_limited()
        with pytest.raises(RetryLater, match="429"):
            shop.list_day(DAY)


@pytest.mark.parametrize(
    ("garbage", "code"),
    [
        ({"amount": "100"}, "NOT_A_NUMBER"),
        ({"amount": 12.5}, "NOT_A_NUMBER"),
        ({"amount": 10**30}, "NOT_A_NUMBER"),
        ({"currency": None}, "UNKNOWN_CURRENCY"),
        ({"currency": "zzz"}, "UNKNOWN_CURRENCY"),
        ({"billing_details": ["a"], "customer": "cus_1"}, "MALFORMED"),
    ],
)
def test_garbage_in_a_charge_rejects_that_charge_only(garbage: dict[str, Any], code: str) -> None:
    stripe = StripeAccount(charges=[charge_of("ch_1", NOON), charge_of("ch_2", NOON, **garbage)])
    for charge in stripe.charges:
        charge["balance_transaction"] = {"created": NOON, "amount": 2_500, "currency": "usd"}
    with read_from(stripe) as shop:
        listed = shop.list_day(DAY)
    assert [each["transaction_id"] for each in listed.records] == ["ch_1"]
    [rejected] = listed.rejected
    assert rejected["reason_code"] == code
    assert rejected["payload"]["sent"]["id"] == "ch_2"


def test_a_list_that_says_that_there_is_more_but_sends_nothing_stops_the_run() -> None:
    page = Reply(body=b'{"object": "list", "data": [], "has_more": true}')
    with read_from(StripeAccount(before_page=lambda _: page)) as shop, pytest.raises(StopRun, match="no next page"):
        shop.list_day(DAY)


def test_amounts_that_are_not_integers_are_rejected_and_exact_ones_keep_every_digit() -> None:
    assert amount_of("amount", 99_999_999_999_999, "USD") == Decimal("999999999999.99")


def test_a_tip_on_a_terminal_is_a_line_of_its_own() -> None:
    intent = {"id": "pi_1", "object": "payment_intent", "amount_details": {"tip": {"amount": 300}}}
    stripe = StripeAccount(payment_intents=[intent])
    method = {"type": "card_present"}
    booked(stripe, charge_of("ch_1", NOON, 2_300, payment_intent="pi_1", payment_method_details=method))
    with read_from(stripe) as shop:
        listed = shop.list_day(DAY)
    assert listed.rejected == []
    assert listed.amounts("ch_1", "item_type", "net_amount", "store_id") == [
        ("product", "20.0000", "terminal"),
        ("tip", "3.0000", "terminal"),
    ]
