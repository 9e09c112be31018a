"""`SalesRecord`: the one contract every source ends in.

Grain: one line of a transaction at one retailer. Natural key: (retailer_id, transaction_id, line_id).
The raw zone holds one JSON object of this shape per line; DDL, Parquet and audits follow it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from ingestion.models.column import Column
from shared.business_dates import FIRST_DATE, LAST_DATE
from shared.reserved_ids import not_reserved

GUEST = "GUEST"
"""`customer_id` of a sale for which the source names no customer."""

TOTAL_TOLERANCE = Decimal("0.005")
"""Half a minor unit: how far a source's rounded total may be from quantity x unit price, or a transaction's total from
the sum of its lines for each amount that was rounded."""
UNIT_TOLERANCE = Decimal("0.00005")
"""Half of the last decimal of a unit price, for each unit: a price that was divided out of a total is rounded, too."""


class LineType(StrEnum):
    """The direction of a line. Nothing that is not a sale is ever counted as one."""

    SALE = "sale"
    RETURN = "return"
    ADJUSTMENT = "adjustment"


class ItemType(StrEnum):
    """What a line charges for. The line type says in which direction."""

    PRODUCT = "product"
    SHIPPING = "shipping"
    FEE = "fee"
    TIP = "tip"
    GIFT_CARD = "gift_card"
    DISCOUNT = "discount"
    OTHER = "other"


NOT_REVENUE = (ItemType.TIP, ItemType.GIFT_CARD)
"""A tip belongs to the staff, and a sold gift card is owed: revenue arises when it is spent (decision 37)."""


_FIRST_TIME = datetime(1900, 1, 1, tzinfo=UTC)
_END_OF_TIMES = datetime(2200, 1, 1, tzinfo=UTC)


def _utc(time: datetime) -> datetime:
    if not _FIRST_TIME <= time < _END_OF_TIMES:
        raise ValueError(f"not between {FIRST_DATE} and {LAST_DATE}")
    return time.astimezone(UTC)


# NUL cannot be stored in PostgreSQL; the other control characters break the tools that read exports.
_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True, pattern=_PRINTABLE)]
MemberId = Annotated[Identifier, AfterValidator(not_reserved)]
"""The id of a member of a dimension."""
Label = Annotated[str, StringConstraints(min_length=1, max_length=255, strip_whitespace=True, pattern=_PRINTABLE)]
UtcTime = Annotated[AwareDatetime, AfterValidator(_utc)]
BusinessDate = Annotated[date, Field(ge=FIRST_DATE, le=LAST_DATE)]
Quantity = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=3, allow_inf_nan=False)]
Price = Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=4, allow_inf_nan=False)]
Amount = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=4, allow_inf_nan=False)]
NetQuantity = Annotated[Decimal, Field(max_digits=12, decimal_places=3, allow_inf_nan=False)]
NetAmount = Annotated[Decimal, Field(max_digits=18, decimal_places=4, allow_inf_nan=False)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
RetailerId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$"), AfterValidator(not_reserved)]


@dataclass(frozen=True)
class Measures:
    """The quantities and amounts of a line."""

    quantity: Decimal
    unit_price: Decimal
    total_amount: Decimal
    net_quantity: Decimal
    net_amount: Decimal
    discount_amount: Decimal = Decimal(0)
    tax_amount: Decimal | None = None
    net_tax_amount: Decimal | None = None
    tax_included: bool = False

    @property
    def tolerance(self) -> Decimal:
        """How far the total may be from quantity x unit price."""
        return max(TOTAL_TOLERANCE, self.quantity * UNIT_TOLERANCE)

    @property
    def charged(self) -> Decimal:
        """The total less the discount and the tax that it includes."""
        included = self.tax_amount if self.tax_included and self.tax_amount else Decimal(0)
        return self.total_amount - self.discount_amount - included


def check_measures(line_type: LineType, given: Measures) -> None:
    """Raise ValueError unless the amounts of a line add up and their signs fit its type."""
    if abs(given.total_amount - given.quantity * given.unit_price) > given.tolerance:
        raise ValueError(f"total {given.total_amount} is not {given.quantity} x {given.unit_price}")
    if abs(given.net_quantity) != given.quantity:
        raise ValueError("the signed quantity differs from the unsigned one by more than its sign")
    if abs(given.net_amount) != given.charged:
        raise ValueError(f"net {given.net_amount} is not the total less discount and included tax, {given.charged}")
    if (given.tax_amount is None) != (given.net_tax_amount is None) or abs(given.net_tax_amount or 0) != (
        given.tax_amount or 0
    ):
        raise ValueError("the signed tax differs from the unsigned one by more than its sign")
    signed = (given.net_quantity, given.net_amount, given.net_tax_amount or Decimal(0))
    if line_type is LineType.SALE and min(signed) < 0:
        raise ValueError("a sale with negative measures")
    if line_type is LineType.RETURN and max(signed) > 0:
        raise ValueError("a return with positive measures")
    if given.net_amount * (given.net_tax_amount or 0) < 0:
        raise ValueError("the tax has another sign than the amount")


class SalesRecord(BaseModel):
    """One line of a transaction, typed, in the retailer's currency, times in UTC.

    More digits than a field holds are an error, never rounding.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    retailer_id: Annotated[RetailerId, Column(in_fact=True, name="retailer_key", type="smallint", is_key=True)] = Field(
        description="Who sold it; `retailer_1` …"
    )
    transaction_id: Annotated[Identifier, Column(in_fact=True, is_key=True)] = Field(
        description="Receipt, order or invoice number at the retailer"
    )
    line_id: Annotated[Identifier, Column(in_fact=True, is_key=True)] = Field(
        description="The line within the transaction: the source's own number, or `h` and 16 hexadecimal digits of a"
        " digest of the line's content where the source numbers none"
    )
    line_type: Annotated[LineType, Column(in_fact=True)] = Field(description="sale, return or adjustment")
    business_date: Annotated[BusinessDate, Column(in_fact=True, name="date_key", type="integer", is_key=True)] = Field(
        description="Trading day in the retailer's own time zone"
    )
    sold_at: Annotated[UtcTime, Column(in_fact=True)] = Field(description="When it happened, UTC")
    changed_at: Annotated[UtcTime, Column(in_fact=True, name="source_changed_at")] = Field(
        description="When the source last changed it, UTC; of two versions of a record, the later one is used"
    )

    store_id: Annotated[MemberId, Column(in_fact=True, dimension="store")] = Field(
        description="Store, site or channel at the retailer"
    )
    store_name: Label | None = Field(default=None, description="Null when the source names none")
    store_city: Label | None = Field(default=None, description="Null when unknown")
    store_country: Label | None = Field(default=None, description="Null when unknown")

    product_id: Annotated[MemberId, Column(in_fact=True, dimension="product")] = Field(
        description="Stock code, SKU or reference at the retailer"
    )
    product_name: Label | None = Field(default=None, description="Null when the source names none")
    product_category: Label | None = Field(default=None, description="Department or family; null when unknown")

    customer_id: Annotated[MemberId, Column(in_fact=True, dimension="customer")] = Field(
        description=f"Customer at the retailer; `{GUEST}` when the source names none"
    )
    customer_name: Label | None = Field(default=None, description="Null for guests")
    customer_segment: Label | None = Field(default=None, description="Loyalty tier or segment; null when unknown")
    customer_city: Label | None = Field(default=None, description="Null when unknown")
    customer_country: Label | None = Field(default=None, description="Null when unknown")
    customer_since: UtcTime | None = Field(
        default=None,
        description="When this version of the customer began at the source, UTC; null when the source does not say,"
        " then the version counts from `sold_at`",
    )

    quantity: Annotated[Quantity, Column(in_fact=True)] = Field(description="Units, never negative")
    unit_price: Annotated[Price, Column(in_fact=True)] = Field(description="Price of one unit, never negative")
    total_amount: Annotated[Amount, Column(in_fact=True)] = Field(
        description="quantity x unit_price, before discounts, never negative"
    )
    net_quantity: Annotated[NetQuantity, Column(in_fact=True)] = Field(description="Signed units: negative for returns")
    net_amount: Annotated[NetAmount, Column(in_fact=True)] = Field(
        description="Signed amount without discount and tax: negative when paid back or written off"
    )
    currency: Annotated[Currency, Column(in_fact=True, type="char(3)")] = Field(
        description="ISO 4217 code of all amounts of this line"
    )

    item_type: Annotated[ItemType, Column(in_fact=True)] = Field(
        default=ItemType.PRODUCT, description="What was charged for; tips and gift cards are not revenue"
    )
    discount_amount: Annotated[Amount, Column(in_fact=True)] = Field(
        default=Decimal(0), description="Discounts on the line, its share of the order's included; never negative"
    )
    tax_amount: Annotated[Amount | None, Column(in_fact=True)] = Field(
        default=None, description="Tax on the line, never negative; null when the source does not give it"
    )
    net_tax_amount: Annotated[NetAmount | None, Column(in_fact=True)] = Field(
        default=None, description="Signed tax, with the sign of the line; null when the source does not give it"
    )
    tax_included: Annotated[bool, Column(in_fact=True)] = Field(
        default=False, description="Whether `unit_price` and `total_amount` contain `tax_amount`"
    )
    original_transaction_id: Annotated[Identifier | None, Column(in_fact=True)] = Field(
        default=None, description="Of a refund: the transaction whose sale it pays back; null when there is none"
    )

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        check_measures(self.line_type, Measures(**{each.name: getattr(self, each.name) for each in fields(Measures)}))
        return self


FIELDS: tuple[str, ...] = tuple(SalesRecord.model_fields)
"""Field names in the order of the NDJSON objects."""
