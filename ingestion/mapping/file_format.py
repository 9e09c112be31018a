"""How files are written: `format` of a layout (docs/FILES.md). What is left out is detected, or has to be plain."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from shared.currencies import CURRENCIES

AUTO_SKIP = "auto"
_NOT_OF_FILES = ("idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined", "utf-7")
"""Encodings of names and of program text. In UTF-7, ASCII characters can mean others."""
_NOT_IN_SIGNS = re.compile(r"[0-9.,'()+\-\s]")


class Part(BaseModel):
    """The base of all parts: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)


def _is_of_texts(encoding: str) -> bool:
    """Whether CSV files can be written in an encoding."""
    sample = 'id;"1,50"\t|\n'
    try:
        return encoding not in _NOT_OF_FILES and sample.encode(encoding).decode(encoding) == sample
    except (LookupError, ValueError):  # base64, rot13 and others that are not encodings of characters
        return False


def _is_a_sign(sign: str) -> str:
    if not 1 <= len(sign) <= 10 or _NOT_IN_SIGNS.search(sign):
        raise ValueError(f"{sign!r} cannot be a currency sign: it has 1 to 10 characters that are not part of numbers")
    return sign


def _is_a_currency(code: str) -> str:
    if code not in CURRENCIES:
        raise ValueError(f"{code!r} is not a currency of ISO 4217; an example is EUR")
    return code


CurrencySign = Annotated[str, AfterValidator(_is_a_sign)]
CurrencyCode = Annotated[str, AfterValidator(_is_a_currency)]


class Format(Part):
    """How the files are written. Settings that are left out are detected, except for those of values."""

    encoding: str | None = Field(default=None, description="Such as cp1252; detected when left out")
    delimiter: Literal[",", ";", "\t", "|"] | None = Field(default=None, description="Detected when left out")
    quote: Literal['"', "none"] = Field(default='"', description="none: a quote is a character like any other")
    skip_lines: Annotated[int, Field(ge=0, le=1000)] | Literal["auto"] = Field(
        default=0, description="Lines above the header; auto: those above the first line with all of the columns"
    )
    ends_at: Literal["blank_line"] | None = Field(
        default=None, description="blank_line: what comes after the first blank line below the header is left out"
    )
    sheet: str | None = Field(default=None, description="Of a workbook with several sheets")
    records: str | None = Field(default=None, description="Path of the array with the records of a JSON document")
    lines: str | None = Field(
        default=None, description="Of a file of records: the array within each record whose objects are the rows"
    )
    decimal: Literal[".", ","] = Field(default=".", description="Decimal mark of quantities and amounts")
    thousands: Literal[".", ",", " ", "'"] | None = Field(default=None, description="Accepted only if declared")
    signs: tuple[Literal["plus", "brackets", "trailing"], ...] = Field(
        default=(), description="Signs of numbers besides a minus at the front: +5, (5) for -5, 5- for -5"
    )
    currency_signs: Mapping[CurrencySign, CurrencyCode] = Field(
        default_factory=dict, description="Signs before or after amounts, and the currency that each one means"
    )
    missing: tuple[str, ...] = Field(default=(), description="Texts that mean that there is no value, such as N/A")

    @field_validator("encoding")
    @classmethod
    def _is_an_encoding(cls, given: str | None) -> str | None:
        if given is None:
            return None
        try:
            found = codecs.lookup(given).name.removesuffix("-sig")
        except (LookupError, ValueError):
            raise ValueError(f"{given!r} is not a known encoding; an example is cp1252") from None
        if not _is_of_texts(found):
            raise ValueError(f"{given!r} is not an encoding of text files; an example is cp1252")
        return found

    @field_validator("missing", mode="before")
    @classmethod
    def _are_texts(cls, given: Any) -> Any:
        if isinstance(given, list) and any(each is None for each in given):
            raise ValueError('YAML reads a bare null as no value; put it in quotes: "NULL"')
        return given

    @model_validator(mode="after")
    def _marks_differ(self) -> Format:
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands are the same character")
        return self
