"""The generator of sales: the same everywhere, and plausible."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from hashlib import sha256

import pytest

from retailers.retailer1.market import MARKET as RETAILER_1
from retailers.retailer2.market import MARKET as RETAILER_2
from retailers.retailer3.market import MARKET as RETAILER_3
from retailers.seeding.market import Market
from retailers.seeding.receipts import Kind, Receipt
from retailers.seeding.sales import SalesGenerator

DAY = date(2024, 1, 15)
SEED = 20240101
MARKETS = (RETAILER_1, RETAILER_2, RETAILER_3)


def generator(market: Market = RETAILER_1, *, seed: int = SEED, lines: int = 2000) -> SalesGenerator:
    return SalesGenerator(market, seed, lines)


@pytest.fixture(scope="module")
def january() -> list[Receipt]:
    maker = generator()
    return [receipt for number in range(31) for receipt in maker.receipts(date(2024, 1, 1) + timedelta(days=number))]


def digest(maker: SalesGenerator, *days: date) -> str:
    return sha256(repr([[*maker.receipts(day), *maker.misdated(day)] for day in days]).encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("market", "expected"),
    [(RETAILER_1, "621106904fafa2f9"), (RETAILER_2, "91409cc24e826714"), (RETAILER_3, "7f841926a8d53702")],
    ids=lambda value: getattr(value, "retailer_id", None),
)
def test_a_seed_gives_the_same_sales_on_every_machine(market: Market, expected: str) -> None:
    assert digest(generator(market, lines=300), date(2023, 1, 1), DAY, date(2026, 10, 25)) == expected


def test_a_day_does_not_depend_on_the_days_generated_before_it() -> None:
    warm = generator(lines=300)
    for number in range(5):
        list(warm.receipts(DAY + timedelta(days=number)))
    assert digest(warm, DAY) == digest(generator(lines=300), DAY)


def test_another_seed_gives_other_sales() -> None:
    assert digest(generator(lines=300), DAY) != digest(generator(seed=1, lines=300), DAY)


@pytest.mark.parametrize("market", MARKETS, ids=lambda market: market.retailer_id)
def test_a_year_averages_the_requested_number_of_lines(market: Market) -> None:
    maker = generator(market, lines=200)
    lines = sum(
        len(receipt.lines)
        for number in range(0, 366, 3)
        for receipt in maker.receipts(date(2024, 1, 1) + timedelta(days=number))
    )
    assert 0.93 < lines / 122 / 200 < 1.07


def lines_on(maker: SalesGenerator, *days: date) -> int:
    return sum(len(receipt.lines) for day in days for receipt in maker.receipts(day))


def test_saturdays_and_december_sell_more_than_tuesdays_and_february() -> None:
    maker = generator()
    tuesdays, saturdays = date(2024, 5, 7), date(2024, 5, 11)
    weeks = [timedelta(weeks=number) for number in range(3)]
    assert lines_on(maker, *(saturdays + w for w in weeks)) > 1.2 * lines_on(maker, *(tuesdays + w for w in weeks))
    assert lines_on(maker, date(2024, 12, 10)) > 1.3 * lines_on(maker, date(2024, 2, 13))


def test_receipts_come_in_order_of_time_within_opening_hours(january: list[Receipt]) -> None:
    maker = generator(lines=300)
    for day in {receipt.business_date for receipt in january}:
        times = [receipt.sold_at for receipt in january if receipt.business_date == day]
        assert times == sorted(times)
        noon = maker._day(day).midnight + 43_200
        assert noon - 6 * 3600 <= times[0] and times[-1] < noon + 11 * 3600


def test_receipt_numbers_are_never_given_twice(january: list[Receipt]) -> None:
    assert len({receipt.number for receipt in january}) == len(january)


def test_there_are_returns_adjustments_guests_and_products_twice_on_a_receipt(january: list[Receipt]) -> None:
    kinds = Counter(receipt.kind for receipt in january)
    assert 0.04 < kinds[Kind.RETURN] / len(january) < 0.07
    assert 0.001 < kinds[Kind.ADJUSTMENT] / len(january) < 0.01
    assert 0.2 < sum(receipt.customer is None for receipt in january) / len(january) < 0.6
    assert any(len({line.product.code for line in receipt.lines}) < len(receipt.lines) for receipt in january)


def test_only_adjustments_have_negative_measures(january: list[Receipt]) -> None:
    for receipt in january:
        for line in receipt.lines:
            assert line.quantity != 0
            assert receipt.kind is Kind.ADJUSTMENT or (line.quantity > 0 and line.price > 0)


def test_some_returns_take_back_an_earlier_sale_at_its_price(january: list[Receipt]) -> None:
    sales = {receipt.number: receipt for receipt in january if receipt.kind is Kind.SALE}
    referring = [receipt for receipt in january if receipt.refers_to in sales]
    assert len(referring) > 100
    for receipt in referring:
        sale = sales[receipt.refers_to or ""]
        line = receipt.lines[0]
        assert sale.sold_at < receipt.sold_at
        assert receipt.kind is Kind.RETURN
        assert (sale.customer is None) == (receipt.customer is None)
        assert any(
            bought.product.code == line.product.code and bought.price == line.price and bought.quantity >= line.quantity
            for bought in sale.lines
        )


def test_customers_come_back_move_and_change_segment(january: list[Receipt]) -> None:
    visits = Counter(receipt.customer.code for receipt in january if receipt.customer)
    assert visits.most_common(1)[0][1] > 10
    seen: dict[str, set[tuple[str, int]]] = {}
    for receipt in january:
        if receipt.customer:
            assert receipt.customer.since <= receipt.sold_at
            seen.setdefault(receipt.customer.code, set()).add((receipt.customer.segment, receipt.customer.city))
    assert sum(len(states) > 1 for states in seen.values()) > 10


def test_prices_change_and_products_are_renamed() -> None:
    products = generator().catalogue.products
    early, late = date(2023, 2, 1), date(2026, 2, 1)
    assert sum(product.price_on(early) != product.price_on(late) for product in products) > len(products) * 0.9
    assert sum(product.name_on(early).name != product.name_on(late).name for product in products) > len(products) * 0.5
    assert all(product.price_on(day) > 0 for product in products for day in (early, late))


def test_a_few_products_sell_most(january: list[Receipt]) -> None:
    sold = Counter(line.product.code for receipt in january for line in receipt.lines)
    assert sum(count for _, count in sold.most_common(len(sold) // 5)) > 0.4 * sum(sold.values())


def test_some_receipts_are_late_some_corrected_all_within_ten_days(january: list[Receipt]) -> None:
    late = [receipt for receipt in january if receipt.booked_at - receipt.sold_at > 3600]
    corrected = [receipt for receipt in january if receipt.correction]
    for share in (len(late) / len(january), len(corrected) / len(january)):
        assert 0.005 < share < 0.015
    delays = [receipt.booked_at - receipt.sold_at for receipt in late]
    delays += [receipt.correction.at - receipt.sold_at for receipt in corrected if receipt.correction]
    assert min(delays) > 0 and max(delays) < 11 * 86_400
    assert sum(delay < 4 * 86_400 for delay in delays) > 0.8 * len(delays)


def test_corrections_change_quantities_prices_customers_and_withdraw_lines(january: list[Receipt]) -> None:
    changes: Counter[str] = Counter()
    for receipt in january:
        if (correction := receipt.correction) is None:
            continue
        before = Counter(receipt.lines)
        assert before != Counter(correction.lines) or correction.customer != receipt.customer
        changes["customer"] += correction.customer != receipt.customer
        for old, new in zip(receipt.lines, correction.lines, strict=True):
            changes["quantity"] += old.quantity != new.quantity
            changes["price"] += old.price != new.price
            changes["withdrawn"] += new.withdrawn
    assert all(changes[name] > 5 for name in ("customer", "quantity", "price", "withdrawn")), changes


@pytest.mark.long
def test_misdated_receipts_move_one_day_back() -> None:
    maker = generator(lines=20_000)
    moved = list(maker.misdated(DAY))
    assert moved
    for receipt in moved:
        assert receipt.correction is not None
        assert receipt.business_date == DAY + timedelta(days=1)
        assert receipt.correction.business_date == DAY
        assert receipt.correction.sold_at < receipt.sold_at < receipt.correction.at
        assert receipt.customer is None or receipt.customer.since <= receipt.correction.sold_at


def test_nothing_was_sold_before_2023() -> None:
    assert not list(generator().receipts(date(2022, 12, 31)))
