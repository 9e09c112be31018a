"""How much is sold on a day, and when within the day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from retailers.seeding.market import Market
from retailers.seeding.randomness import stream

FIRST_DAY = date(2023, 1, 1)
"""The first day with sales."""

LINES_PER_RECEIPT = 2.7
"""Average of the generated receipts; converts lines per day to receipts."""

_NOON = 43_200
_HOUR_WEIGHTS = {
    6: 1,
    7: 2,
    8: 4,
    9: 7,
    10: 10,
    11: 12,
    12: 13,
    13: 11,
    14: 9,
    15: 9,
    16: 11,
    17: 14,
    18: 14,
    19: 11,
    20: 7,
    21: 4,
    22: 2,
}
_YEARLY_GROWTH = 0.04
_SLOTS = 1024


def _seconds_by_share() -> tuple[int, ...]:
    """The second of the day by which i/1024 of the day's receipts were written."""
    total = sum(_HOUR_WEIGHTS.values())
    seconds: list[int] = []
    hours = sorted(_HOUR_WEIGHTS)
    hour, before = hours[0], 0
    for slot in range(_SLOTS + 1):
        wanted = slot / _SLOTS * total
        while before + _HOUR_WEIGHTS[hour] < wanted:
            before += _HOUR_WEIGHTS[hour]
            hour += 1
        seconds.append(hour * 3600 + int(3600 * (wanted - before) / _HOUR_WEIGHTS[hour]))
    return tuple(seconds)


_SECONDS = _seconds_by_share()


def second_of_day(share: float) -> int:
    """The second of the day by which that share (0 to below 1) of the receipts was written; 06:00 to 22:59."""
    place = share * _SLOTS
    slot = int(place)
    low = _SECONDS[slot]
    return low + int((_SECONDS[slot + 1] - low) * (place - slot))


def epoch_at(market: Market, day: date, second: int) -> int:
    """Epoch seconds of a local second of that day.

    Counted from noon, so it is right from 04:00 on. Clocks change earlier, when nothing is sold.
    """
    noon = datetime.combine(day, time(12), market.zone)
    return int(noon.timestamp()) + second - _NOON


def day_factor(market: Market, seed: int, day: date) -> float:
    """How busy the day is; 1 is the average day of 2024."""
    years = (day - date(2024, 7, 1)).days / 365.25
    chance = 0.9 + 0.2 * stream(seed, market.retailer_id, "weather", day.isoformat())()
    return market.weekdays[day.weekday()] * market.months[day.month - 1] * (1 + _YEARLY_GROWTH * years) * chance


def receipts_on(market: Market, seed: int, day: date, lines_per_day: int) -> int:
    """How many receipts the day has; none before the first day."""
    if day < FIRST_DAY:
        return 0
    return max(1, round(lines_per_day * day_factor(market, seed, day) / LINES_PER_RECEIPT))


def utc(epoch: int) -> datetime:
    """The aware UTC time of epoch seconds."""
    return datetime.fromtimestamp(epoch, UTC)
