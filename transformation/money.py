"""Money of one currency: what a load reconciles."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Money:
    """Signed net amounts and the tax of the same lines. Also the order of the columns that the queries return."""

    net: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)

    def __add__(self, other: Money) -> Money:
        return Money(self.net + other.net, self.tax + other.tax)

    def __sub__(self, other: Money) -> Money:
        return Money(self.net - other.net, self.tax - other.tax)

    def __bool__(self) -> bool:
        return any(astuple(self))

    def described(self, currency: str) -> str:
        """`25.00 USD`, and with tax `25.00 USD (tax 2.00)`."""
        return f"{self.net:,} {currency}" + (f" (tax {self.tax:,})" if self.tax else "")
