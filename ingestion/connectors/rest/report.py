"""Reads the control report of an API that its definition describes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ingestion.connectors import protocol
from ingestion.connectors.http.client import JsonResponse
from ingestion.connectors.rest.responses import Responses, found_at, value_at
from ingestion.connectors.values.numbers import decimal_text, minor_units
from ingestion.connectors.values.times import read_date
from shared.errors import RejectRecord, StopRun
from shared.partitions import ControlReport
from shared.sources.api_definition import NetTotals, Report, TimePlace


def read_report(
    source_id: str, report: Report, response: JsonResponse, day: date, zone: ZoneInfo, responses: Responses
) -> ControlReport:
    """The report of a business date. Raises StopRun if it is not one, or that of another date."""
    lines = responses.count(response, report.lines)
    totals = value_at(response.value, report.net.path)
    if report.net.currency is None and not isinstance(totals, dict):
        raise responses.unexpected(report.net.path)
    if report.date is not None and not _is_about(response, report.date, day, zone):
        raise StopRun(f"{source_id} sent the report of another date instead of {day}. Have its reports corrected.")
    return protocol.parse_report(
        source_id, day, lambda: ControlReport(lines=lines, net=_net(report.net, totals, is_empty=lines == 0))
    )


def _is_about(response: JsonResponse, place: TimePlace, day: date, zone: ZoneInfo) -> bool:
    try:
        return read_date("date", found_at(response, place), place.format, zone) == day
    except RejectRecord:
        return False


def _net(net: NetTotals, totals: Any, *, is_empty: bool) -> dict[str, Decimal]:
    if net.currency is None:
        return {currency: _amount(net, value) for currency, value in totals.items()}
    return {} if is_empty and totals is None else {net.currency: _amount(net, totals)}


def _amount(net: NetTotals, value: Any) -> Decimal:
    amount = value_at(value, net.amount)
    if net.minor_units is None:
        is_integer = type(amount) is int
        return Decimal(amount) if is_integer else decimal_text(net.path, amount, net.decimal, net.thousands)
    decimals = net.minor_units if isinstance(net.minor_units, int) else value_at(value, net.minor_units)
    return minor_units(net.path, amount, decimals)
