"""Layouts: what the columns of a source's CSV files mean, as YAML that a user can write (docs/FILES.md).

A layout maps columns to fields of `SalesRecord` and states time zone, currency, keys, rules and defaults. Those that
ship are in `ingestion/files/layouts/`; any other is given by its path.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ingestion.models.retailer_data import RetailerId
from shared.errors import FixConfiguration

_FOLDER = Path(__file__).parent / "layouts"

TEXT_FIELDS = (
    "transaction_id", "line_id", "line_type",
    "store_id", "store_name", "store_city", "store_country",
    "product_id", "product_name", "product_category",
    "customer_id", "customer_name", "customer_segment", "customer_city", "customer_country",
    "currency",
)  # fmt: skip
NUMBER_FIELDS = ("quantity", "unit_price", "total_amount")
TIME_FIELDS = ("sold_at", "changed_at", "customer_since")
MAPPED_FIELDS = (*TEXT_FIELDS, *NUMBER_FIELDS, *TIME_FIELDS)
"""Fields a layout can map. Everything else of `SalesRecord` follows from these."""
REQUIRED_FIELDS = ("transaction_id", "store_id", "product_id", "quantity", "unit_price", "currency", "sold_at")
"""Fields a layout must map to a column or a constant. A row without one of them is refused."""


def _plain_number(given: Any) -> Any:
    text = str(given) if isinstance(given, int | float) and not isinstance(given, bool) else given
    if isinstance(text, str) and not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,4})?", text):
        raise ValueError(f"{text!r} is no plain number")
    return text


def _compiles(expression: str | None) -> str | None:
    if expression is not None:
        try:
            re.compile(expression)
        except re.error as error:
            raise ValueError(f"{expression!r} is no regular expression: {error}") from None
    return expression


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Format(_Model):
    """How the files are written. What is left out is detected, except for numbers."""

    encoding: str | None = Field(default=None, description="Such as cp1252; detected when left out")
    delimiter: Literal[",", ";", "\t", "|"] | None = Field(default=None, description="Detected when left out")
    decimal: Literal[".", ","] = Field(default=".", description="Decimal mark of quantities and amounts")
    thousands: Literal[".", ",", " ", "'"] | None = Field(default=None, description="Accepted only if stated")

    @model_validator(mode="after")
    def _marks_differ(self) -> Self:
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands are the same character")
        return self


class WhenMissing(_Model):
    """What stands in for an empty value. Every value put in is counted and flagged."""

    use: Literal["default", "mean", "median", "mode"]
    value: str | None = Field(default=None, description="For `default`")
    by: str | None = Field(default=None, description="Field within whose equal values the statistic is taken")

    @model_validator(mode="after")
    def _default_has_a_value(self) -> Self:
        if (self.use == "default") != (self.value is not None):
            raise ValueError("`value` goes with `use: default`, and `use: default` needs it")
        return self


class FieldSource(_Model):
    """Where a field comes from: a column, several columns joined by a blank, or a constant."""

    column: str | None = None
    columns: tuple[str, ...] = Field(default=(), description="Such as a date and a time, joined by a blank")
    value: str | None = Field(default=None, description="The same for every row")
    format: str | None = Field(default=None, description="Of a time: strptime, `iso`, `epoch` or `auto`")
    when_missing: WhenMissing | None = None

    @model_validator(mode="before")
    @classmethod
    def _a_bare_text_is_a_column(cls, given: Any) -> Any:
        return {"column": given} if isinstance(given, str) else given

    @field_validator("value", mode="before")
    @classmethod
    def _constants_are_texts(cls, given: Any) -> Any:
        return str(given) if isinstance(given, int) and not isinstance(given, bool) else given

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if sum((self.column is not None, bool(self.columns), self.value is not None)) != 1:
            raise ValueError("give one of column, columns, value")
        return self

    @property
    def headers(self) -> tuple[str, ...]:
        """The source columns this field is made of."""
        return self.columns or ((self.column,) if self.column is not None else ())


class Condition(_Model):
    """What a field's value must be; all that is stated must hold. `matches` is a regular expression of the whole."""

    matches: str | None = None
    one_of: tuple[str, ...] | None = None
    below: str | None = None
    above: str | None = None
    equals: str | None = None

    @field_validator("below", "above", "equals", mode="before")
    @classmethod
    def _numbers_are_texts(cls, given: Any) -> Any:
        return _plain_number(given)

    @field_validator("matches")
    @classmethod
    def _is_an_expression(cls, given: str | None) -> str | None:
        return _compiles(given)


class LineTypeRule(_Model):
    """One step of the classification: the first whose conditions hold says what a line is."""

    is_: Literal["sale", "return", "adjustment", "void"] = Field(alias="is")
    where: Mapping[str, Condition] = Field(default_factory=dict)
    negate: bool = Field(default=False, description="The source writes such lines without their minus sign")


class NonProducts(_Model):
    """Stock codes that are no products: postage, fees, vouchers."""

    codes: tuple[str, ...] = ()
    matches: str | None = Field(default=None, description="Regular expression of the whole code")
    category: str
    adjustment: bool = Field(default=False, description="Money only, never a sale or a return")

    @field_validator("matches")
    @classmethod
    def _is_an_expression(cls, given: str | None) -> str | None:
        return _compiles(given)


class Check(_Model):
    """A validator of one field. With severity `error` a row that fails is refused, with `warning` it is flagged."""

    field: Literal[MAPPED_FIELDS]  # type: ignore[valid-type]
    required: bool = False
    matches: str | None = None
    one_of: tuple[str, ...] | None = None
    at_least: str | None = None
    at_most: str | None = None
    severity: Literal["error", "warning"] = "error"

    @field_validator("at_least", "at_most", mode="before")
    @classmethod
    def _numbers_are_texts(cls, given: Any) -> Any:
        return _plain_number(given)

    @field_validator("matches")
    @classmethod
    def _is_an_expression(cls, given: str | None) -> str | None:
        return _compiles(given)


class Outliers(_Model):
    """Values further than `factor` interquartile ranges outside the quartiles are flagged, never dropped."""

    field: Literal["quantity", "unit_price", "total_amount"]
    factor: float = Field(default=1.5, gt=0)


class Dates(_Model):
    """Business dates outside these are refused."""

    first: str = Field(default="1970-01-01", pattern=r"^\d{4}-\d\d-\d\d$")
    last: str = Field(default="2099-12-31", pattern=r"^\d{4}-\d\d-\d\d$")


class Layout(_Model):
    """One source's files: their columns, formats, keys and rules."""

    name: str
    description: str = ""
    retailer_id: RetailerId
    format: Format = Format()
    time_zone: str
    columns: Mapping[Literal[MAPPED_FIELDS], FieldSource]  # type: ignore[valid-type]
    line_type: tuple[LineTypeRule, ...] = (
        LineTypeRule.model_validate({"is": "return", "where": {"quantity": {"below": 0}}}),
        LineTypeRule.model_validate({"is": "sale"}),
    )
    duplicate_key: tuple[str, ...] = Field(
        default=(), description="Columns whose equal values make a row a duplicate; all columns when left out"
    )
    non_products: tuple[NonProducts, ...] = ()
    checks: tuple[Check, ...] = ()
    outliers: tuple[Outliers, ...] = ()
    dates: Dates = Dates()

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, given: str) -> str:
        try:
            ZoneInfo(given)
        except (ValueError, OSError, KeyError):
            raise ValueError(f"{given!r} is no time zone; one is Europe/London") from None
        return given

    @model_validator(mode="after")
    def _maps_what_is_needed(self) -> Self:
        absent = [name for name in REQUIRED_FIELDS if name not in self.columns]
        if absent:
            raise ValueError(f"columns maps no {', '.join(absent)}")
        return self

    @cached_property
    def headers(self) -> tuple[str, ...]:
        """Every source column that the layout speaks of, each once."""
        mapped = [header for source in self.columns.values() for header in source.headers]
        return tuple(dict.fromkeys([*mapped, *self.duplicate_key]))


def known_layouts() -> list[str]:
    """Names of the layouts that ship."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def load_layout(name_or_path: str) -> Layout:
    """The layout of that name, or the one in that YAML file. Raises FixConfiguration that names file and key."""
    path = _FOLDER / f"{name_or_path}.yaml"
    if name_or_path not in known_layouts():
        path = Path(name_or_path)
        if not path.is_file():
            near = difflib.get_close_matches(name_or_path, known_layouts(), n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise FixConfiguration(
                f"There is no layout {name_or_path!r}{hint} Known are {', '.join(known_layouts())}; or give the path"
                " of your own YAML file (docs/FILES.md)."
            )
    return _read(path)


def _read(path: Path) -> Layout:
    import yaml

    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise FixConfiguration(f"The layout {path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise FixConfiguration(f"The layout {path}{line} is no YAML: {getattr(error, 'problem', error)}") from error
    if not isinstance(given, dict):
        raise FixConfiguration(f"The layout {path} is no mapping of keys to values (docs/FILES.md).")
    try:
        return Layout.model_validate({"name": path.stem, **given})
    except ValidationError as error:
        raise FixConfiguration(f"The layout {path} is wrong: {_faults(error)}") from error


def _faults(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc']) or 'layout'}: {fault['msg'].removeprefix('Value error, ')}"
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    )
