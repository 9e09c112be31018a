"""SQL that reads how numbers are written: separators, signs and currency signs, as `format` of a layout declares them.

What is declared is taken off a text step by step, until a plain number is left. What is left of `-(5)` or `$5 €` is not
one, so it is rejected.
"""

from __future__ import annotations

import re

from ingestion.mapping.file_format import Format
from ingestion.mapping.sql_text import literal, literals
from shared.currencies import DECIMALS

_BLANK = " \u00a0\u2009\u202f"
"""A blank, and those without a line break that French, Czech and other programs write."""
PERCENT_SIGN = f"[{_BLANK}]*%$"
_SEPARATORS = {" ": _BLANK, "'": "'\u2019"}
_GROUPED = f"-?[0-9]{{1,3}}([.,'\u2019{_BLANK}][0-9]{{3}})+([.,][0-9]+)?"
_COMMON_SIGNS = {
    "US$": "USD", "C$": "CAD", "A$": "AUD", "R$": "BRL", "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR",
    "₽": "RUB", "₩": "KRW", "₺": "TRY", "zł": "PLN", "Kč": "CZK", "kr": "SEK",
}  # fmt: skip
"""Examples for messages. What a sign means is never guessed: a dollar has many countries."""


def number_pattern(marks: Format) -> str:
    """A regular expression of RE2 for plain numbers with the declared separators."""
    integer = "[0-9]+"
    if marks.thousands:
        integer = f"([0-9]+|[0-9]{{1,3}}({separator(marks)}[0-9]{{3}})+)"
    return f"-?{integer}({re.escape(marks.decimal)}[0-9]+)?"


def separator(marks: Format) -> str:
    """A regular expression for one thousands separator."""
    return f"[{_SEPARATORS.get(marks.thousands or '', marks.thousands or '')}]"


def plain_number(marks: Format, cell: str) -> str:
    """`cell`, the text of a number, with a decimal point and without thousands separators."""
    expression = cell
    for mark in _SEPARATORS.get(marks.thousands or "", marks.thousands or ""):
        expression = f"replace({expression}, {literal(mark)}, '')"
    return f"replace({expression}, ',', '.')" if marks.decimal == "," else expression


def signed_number(marks: Format, cell: str, *, is_money: bool) -> str:
    """`cell` without a currency sign, and with a minus at its front where a declared sign means that."""
    expression = cell
    if is_money and marks.currency_signs:
        before, after = _currency_patterns(marks)
        expression = (
            f"CASE WHEN regexp_matches({cell}, {literal(before)}) THEN regexp_replace({cell}, {literal(before)}, '\\1')"
            f" ELSE regexp_replace({cell}, {literal(after)}, '\\2') END"
        )
    if "brackets" in marks.signs:
        expression = f"regexp_replace({expression}, '^\\(([0-9].*)\\)$', '-\\1')"
    if "trailing" in marks.signs:
        expression = f"regexp_replace({expression}, '^([0-9].*[0-9])-$|^([0-9])-$', '-\\1\\2')"
    if "plus" in marks.signs:
        expression = f"regexp_replace({expression}, '^[+]([0-9])', '\\1')"
    return expression


def sign_currency(marks: Format, cell: str, *, is_money: bool) -> str:
    """The currency that a sign in `cell` means; NULL without one."""
    if not is_money or not marks.currency_signs:
        return "NULL::VARCHAR"
    before, after = _currency_patterns(marks)
    sign = (
        f"coalesce(nullif(regexp_extract({cell}, {literal(before)}, 2), ''),"
        f" nullif(regexp_extract({cell}, {literal(after)}, 1), ''))"
    )
    cases = " ".join(f"WHEN {literal(mark)} THEN {literal(code)}" for mark, code in marks.currency_signs.items())
    return f"CASE {sign} {cases} END"


def _currency_patterns(marks: Format) -> tuple[str, str]:
    """Regular expressions for a sign before and after a number. The longest sign counts: `US$`, not `$`."""
    longest_first = sorted(marks.currency_signs, key=len, reverse=True)
    signs = "|".join(re.escape(sign) for sign in longest_first)
    return f"^([-+(]?)({signs})[{_BLANK}]*", f"[{_BLANK}]*({signs})([-)]?)$"


def unread_reasons(marks: Format, text: str, number: str) -> list[tuple[str, str]]:
    """Why `text`, of which `number` was left, is not a number: conditions, and what to do about it."""
    found = []
    if not marks.thousands:
        found.append(
            (
                f"regexp_full_match({number}, {literal(_GROUPED)})",
                "not a number (a thousands separator is read only if the layout declares it)",
            )
        )
    for sign, code in _COMMON_SIGNS.items():
        if sign not in marks.currency_signs:
            found.append(
                (
                    f"contains({text}, {literal(sign)})",
                    f"not a number (a currency sign is read only if the layout declares it: format: {{currency_signs:"
                    f" {{'{sign}': {code}}}}} if {sign} means {code})",
                )
            )
    for sign, pattern in {"brackets": r"\(.*[0-9].*\)", "trailing": ".*[0-9]-", "plus": r"\+.*[0-9].*"}.items():
        if sign not in marks.signs:
            found.append(
                (
                    f"regexp_full_match({text}, {literal(pattern)})",
                    f"not a number (this sign is read only if the layout declares it: format: {{signs: [{sign}]}})",
                )
            )
    return found


def minor_units(amount: str, exponent: str) -> str:
    """The text of an amount in minor units, as `1250E-2`; '' without an amount."""
    return f"CASE WHEN {amount} = '' THEN '' ELSE {amount} || 'E-' || {exponent} END"


def exponent_of(currency: str) -> str:
    """SQL of the decimals that a currency has, by the text of its code; 2 for one that is unknown."""
    cases = " ".join(
        f"WHEN upper({currency}) IN ({literals(sorted(codes))}) THEN '{decimals}'"
        for decimals, codes in DECIMALS.items()
    )
    return f"CASE {cases} ELSE '2' END"


def plain_minor_units() -> str:
    """`text` as `minor_units` writes it, with a decimal point."""
    integer = "ltrim(split_part(text, 'E', 1), '-')"
    exponent = "TRY_CAST(regexp_extract(text, 'E-([0-6])$', 1) AS INTEGER)"  # a large one would pad without end
    padded = f"lpad({integer}, greatest({exponent} + 1, length({integer}))::INTEGER, '0')"
    point = f"left({padded}, length({padded}) - {exponent}) || '.' || right({padded}, {exponent})"
    return f"CASE WHEN text LIKE '-%' THEN '-' ELSE '' END || CASE WHEN {exponent} > 0 THEN {point} ELSE {integer} END"


def is_minor_units() -> str:
    """Whether `text` is an integer amount whose currency has at most 6 decimals."""
    return "regexp_full_match(text, '-?[0-9]{1,38}E-[0-6]')"
