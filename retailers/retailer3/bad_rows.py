"""Builds bad lines of retailer 3."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from retailers.faults.bad_rows import HUGE
from retailers.retailer3 import spanish


def bad_line(day: date, number: int, kind: str) -> Mapping[str, object]:
    """A line of that date with one fault; the same for the same number."""
    article: dict[str, object] = {"ref": "A-10001", "nombre": "Línea mala", "familia": "Hogar"}
    line: dict[str, object] = {
        "ticket": f"TBAD{day:%y%m%d}-{number + 1:06d}", "linea": 1, "tipo": "V",
        "fecha_hora": f"{spanish.day(day)} 12:{number % 60:02d}", "modificado": f"{spanish.day(day)} 13:00",
        "tienda": {"codigo": "MAD1", "nombre": "Gran Vía", "ciudad": "Madrid"}, "articulo": article, "cliente": None,
        "cantidad": "2", "precio": "10,00", "importe": "20,00", "moneda": "EUR",
        "anulado": False, "fecha_anterior": None,
    }  # fmt: skip
    match kind:
        case "missing_field":
            del line[("articulo", "fecha_hora", "precio", "tienda")[number // 8 % 4]]
        case "negative_price":
            line |= {"precio": "-10,00", "importe": "-20,00"}
        case "wrong_total":
            line["importe"] = "19,00"
        case "unknown_currency":
            line["moneda"] = "ZZZ"
        case "impossible_date":
            line["fecha_hora"] = f"30/02/{day.year} 12:00"
        case "nul_character":
            article["ref"] = "L\x00"
        case "bad_quantity":
            line["cantidad"] = "muchas"
        case _:
            article["ref"] = "x" * HUGE
    return line
