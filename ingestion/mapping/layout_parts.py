"""The parts of a layout: where fields come from, what lines are, what is checked (docs/FILES.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from ingestion.mapping.file_format import Part
from ingestion.models.columnar import COLUMNS
from ingestion.models.columns import CONTRACT
from ingestion.models.retailer_data import ItemType
from shared.business_dates import FIRST_DATE, LAST_DATE
from shared.time_zones import is_time_zone

TEXT_FIELDS = tuple(
    column.name for column in CONTRACT if column.type in ("text", "boolean") and column.name != "retailer_id"
)
ALLOWED_TEXTS: Mapping[str, tuple[str, ...]] = {"item_type": tuple(ItemType), "tax_included": ("true", "false")}
"""Fields that can only have these values."""
TRANSACTION_FIELDS = ("transaction_discount_amount", "transaction_tax_amount", "transaction_total_amount")
"""Amounts of a transaction as a whole, the same in each of its rows. They are not stored."""
DISCOUNTED_QUANTITY = "discounted_quantity"
"""The units that a discount is for, where that is not the quantity: some were removed from the order. Not stored."""
QUANTITY_FIELDS = ("quantity", DISCOUNTED_QUANTITY)
AMOUNT_FIELDS = (
    *("unit_price", "total_amount", "discount_amount", "net_amount", "tax_amount"), *TRANSACTION_FIELDS,
)  # fmt: skip
NUMBER_FIELDS = (*QUANTITY_FIELDS, *AMOUNT_FIELDS)
FIELD_TYPES: Mapping[str, str] = {
    **COLUMNS,
    **dict.fromkeys(TRANSACTION_FIELDS, COLUMNS["net_amount"]),
    DISCOUNTED_QUANTITY: COLUMNS["quantity"],
}
"""DuckDB types of the fields that a layout can map."""
TIME_FIELDS = tuple(column.name for column in CONTRACT if column.type == "timestamptz")
MAPPED_FIELDS = (*TEXT_FIELDS, *NUMBER_FIELDS, *TIME_FIELDS)
"""Fields a layout can map. Everything else of `SalesRecord` follows from these."""
CHECKED_FIELDS = tuple(name for name in MAPPED_FIELDS if name not in (*TRANSACTION_FIELDS, DISCOUNTED_QUANTITY))
"""Fields that checks can be about: those of the lines."""
REQUIRED_FIELDS = ("transaction_id", "store_id", "product_id", "quantity", "unit_price", "currency", "sold_at")
"""Fields that a layout must map to a column or a constant. A row without one of them is rejected."""


def plain_number(given: Any) -> Any:
    """A YAML number as text. Raises ValueError if it is not a number."""
    text = str(given) if isinstance(given, int | float) and not isinstance(given, bool) else given
    if isinstance(text, str) and not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,4})?", text):
        raise ValueError(f"{text!r} is not a plain number")
    return text


@cache
def _rejection(sql: str, text: str) -> str | None:
    """Why DuckDB, which will use a text of a layout, rejects it; None if it does not."""
    import duckdb

    with duckdb.connect() as connection:
        try:
            connection.execute(sql, [text])
        except duckdb.Error as error:
            return str(error).partition("\n")[0].partition(": ")[2] or "it cannot be read"
    return None


def _compiles(expression: str) -> str:
    # Python's own rules differ: DuckDB has no look-ahead and no back-references, but has \pL and [[:alpha:]].
    if reason := _rejection("SELECT regexp_full_match('', ?)", expression):
        raise ValueError(f"{expression!r} is not a regular expression of RE2: {reason}")
    return expression


NumberText = Annotated[str, BeforeValidator(plain_number)]
Expression = Annotated[str, AfterValidator(_compiles)]

_TIME_PARTS = "YymbBdHIMSfpzaA%"
"""Characters that may follow a `%` in the format of a time."""


class WhenMissing(Part):
    """What replaces an empty value. Every replaced value is counted and flagged."""

    use: Literal["default", "mean", "median", "mode"]
    value: str | None = Field(default=None, description="For `default`", coerce_numbers_to_str=True)
    by: str | None = Field(
        default=None, description="Field; the statistic is taken over the rows with the same value in it"
    )

    @model_validator(mode="after")
    def _default_has_a_value(self) -> Self:
        if (self.use == "default") != (self.value is not None):
            raise ValueError("`value` goes with `use: default`, and `use: default` needs it")
        return self


class FieldSource(Part):
    """Where a field comes from: a column, several columns, or a constant."""

    column: str | None = None
    columns: tuple[str, ...] = Field(default=(), description="Such as a date and a time, joined by a space")
    first_of: tuple[str, ...] = Field(default=(), description="Several columns; the first that is not empty counts")
    value: str | None = Field(default=None, description="The same for every row")
    type: Literal["text", "integer", "number", "boolean"] = Field(
        default="text", description="What a JSON source sends; number: a text or a JSON number, also with decimals"
    )
    minor_units: bool | int | str | None = Field(
        default=None,
        description="An integer amount: true for the decimals of the line's currency; the decimals, or their column",
    )
    content: tuple[str, ...] = Field(
        default=(),
        description="Of `line_id`: columns whose values make the id of a line that its source does not number",
    )
    unit: Literal["amount", "percent", "share"] = Field(default="amount", description="Of `discount_amount`")
    format: str | None = Field(
        default=None, description="Of a time: strptime, `iso`, `rfc3339`, `epoch`, `excel` or `auto`"
    )
    time_zone: str | None = Field(default=None, description="Of a time: the zone it is written in, if not the layout's")
    when_skipped: Literal["reject", "move_forward"] = Field(default="reject", description="Of a skipped time")
    carry_down: bool = Field(default=False, description="An empty cell has the value above it in the transaction")
    when_missing: WhenMissing | None = None

    @model_validator(mode="before")
    @classmethod
    def _a_bare_text_is_a_column(cls, given: Any) -> Any:
        if isinstance(given, bool | int | float | date):
            raise ValueError(f"YAML reads this as {given}, not as the name of a column; put it in quotes")
        return {"column": given} if isinstance(given, str) else given

    @field_validator("value", mode="before")
    @classmethod
    def _constants_are_texts(cls, given: Any) -> Any:
        return str(given) if isinstance(given, int) and not isinstance(given, bool) else given

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, given: str | None) -> str | None:
        if given is not None and not is_time_zone(given):
            raise ValueError(f"{given!r} is not a time zone; an example is Europe/London")
        return given

    @field_validator("minor_units")
    @classmethod
    def _has_decimals(cls, given: bool | int | str | None) -> bool | int | str | None:
        if given is False or (isinstance(given, int) and not 0 <= given <= 6):
            raise ValueError("give true, the number of decimals (0 to 6), or the column that has it")
        return given

    @field_validator("format")
    @classmethod
    def _is_a_format(cls, given: str | None) -> str | None:
        if given is None or given in ("iso", "rfc3339", "epoch", "epoch_ms", "excel", "auto"):
            return given
        used = set(re.findall(r"%-?(.?)", given))
        unknown = sorted(used - set(_TIME_PARTS))
        if unknown:
            raise ValueError(f"{given!r} has an unknown part: %{unknown[0]}")
        if not (used & {"Y", "y"} and used & {"m", "b", "B"} and "d" in used):
            raise ValueError(
                f"{given!r} has no year, month and day; it is iso, rfc3339, epoch, epoch_ms, excel, auto, or like"
                " %d/%m/%Y"
            )
        if reason := _rejection("SELECT try_strptime('', ?)", given):
            raise ValueError(f"{given!r} is not the format of a time: {reason}")
        return given

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if sum((self.column is not None, bool(self.columns), bool(self.first_of), self.value is not None)) != 1:
            raise ValueError("give one of column, columns, first_of, value")
        if self.minor_units is not None and self.type == "number":
            raise ValueError("an amount in minor units is an integer; remove `type`")
        return self

    @property
    def headers(self) -> tuple[str, ...]:
        """The source columns this field is made of."""
        return self.columns or self.first_of or ((self.column,) if self.column is not None else ())

    @property
    def sent_type(self) -> Literal["text", "integer", "number", "boolean"]:
        """What a JSON source sends."""
        return "integer" if self.minor_units is not None else self.type


class Condition(Part):
    """What a field's value must be; every given condition must hold. `matches` must match the complete text."""

    matches: Expression | None = None
    one_of: tuple[str, ...] | None = None
    below: NumberText | None = None
    above: NumberText | None = None
    equals: NumberText | None = None


class TextCondition(Part):
    """What the text of a cell must be. `matches` must match the complete text."""

    matches: Expression | None = None
    one_of: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _demands_something(self) -> Self:
        if self.matches is None and self.one_of is None:
            raise ValueError("give `matches` or `one_of`")
        return self


class SkipRows(Part):
    """Rows that are not lines, such as a total. They are left out, counted, and compared with the lines."""

    where: Mapping[str, TextCondition] = Field(min_length=1, description="Column → what its text must be")
    totals: Mapping[Literal["quantity", "total_amount", "net_amount"], str] = Field(
        default_factory=dict,
        description="Column with the signed sum of the lines; the load stops if it differs",
    )


class LineTypeRule(Part):
    """One step of the classification: the first rule whose conditions hold decides the line type."""

    is_: Literal["sale", "return", "adjustment", "void"] = Field(alias="is")
    where: Mapping[Literal[MAPPED_FIELDS], Condition] = Field(default_factory=dict)  # type: ignore[valid-type]
    negate: bool | tuple[Literal["quantity", "total_amount"], ...] = Field(
        default=False,
        description="The source writes such lines without their minus sign: all measures, or those listed",
    )

    def negates(self, measure: Literal["quantity", "total_amount"]) -> bool:
        """Whether the source writes this measure of such lines without its minus sign."""
        return self.negate if isinstance(self.negate, bool) else measure in self.negate


class NonProducts(Part):
    """Stock codes that are not products: postage, fees, vouchers."""

    codes: tuple[str, ...] = ()
    matches: Expression | None = Field(default=None, description="Regular expression for the complete code")
    category: str
    item_type: ItemType | None = Field(default=None, description="What such a line charges for; product when left out")
    adjustment: bool = Field(default=False, description="Money only, never a sale or a return")


class Check(Part):
    """A check of one field. With severity `error` a row that fails is rejected, with `warning` it is flagged."""

    field: Literal[CHECKED_FIELDS]  # type: ignore[valid-type]
    required: bool = False
    matches: Expression | None = None
    one_of: tuple[str, ...] | None = None
    at_least: NumberText | None = None
    at_most: NumberText | None = None
    severity: Literal["error", "warning"] = "error"


class Outliers(Part):
    """Values further than `factor` interquartile ranges outside the quartiles are flagged, never dropped."""

    field: Literal["quantity", "unit_price", "total_amount"]
    factor: float = Field(default=1.5, gt=0)


class Table(Part):
    """One kind of file of a source whose sales are spread over several, such as orders and their items."""

    key: str | None = Field(default=None, description="Column that is unique in it; omitted for the lines themselves")
    equals: str | None = Field(
        default=None, description="Column, as `table.column` or of the lines, that holds the key"
    )
    required: bool = Field(default=False, description="A line without a matching row here is rejected")

    @model_validator(mode="after")
    def _key_and_equals(self) -> Self:
        if (self.key is None) != (self.equals is None):
            raise ValueError("`key` and `equals` go together")
        return self


class Dates(Part):
    """Business dates outside this range are rejected."""

    first: str = Field(default="1970-01-01", pattern=r"^\d{4}-\d\d-\d\d$")
    last: str = Field(default="2099-12-31", pattern=r"^\d{4}-\d\d-\d\d$")

    @field_validator("first", "last", mode="before")
    @classmethod
    def _is_a_date(cls, given: Any) -> Any:
        try:
            found = date.fromisoformat(str(given))
        except ValueError:
            raise ValueError(f"{given!r} is not a date") from None
        if not FIRST_DATE <= found <= LAST_DATE:
            raise ValueError(f"{found} is not between {FIRST_DATE} and {LAST_DATE}")
        return found.isoformat()
