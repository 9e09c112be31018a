"""What is fixed for a load before its first step, and what its steps have found so far."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date

from transformation.conform import ConformedBatch
from transformation.load.build_months import BuiltMonth, MonthComparison
from transformation.load.ledger import LedgerEntry, Totals, totals_by_outcome
from transformation.load.merge_dates import MergeResult
from transformation.load.plan import LoadPlan, date_key
from transformation.load.result import LoadOptions, LoadResult
from transformation.load.unchanged_dates import UnchangedDate


@dataclass(frozen=True)
class LoadContext:
    """One retailer's load. The retailer is locked, and nothing here changes until the load is committed."""

    retailer_key: int
    batch: ConformedBatch
    options: LoadOptions
    dsn: str
    """For the connections that build months."""
    unchanged: Mapping[date, UnchangedDate]
    """Dates that are not loaded again, with what the ledger says of them."""
    plan_for: Callable[[Collection[date]], LoadPlan]
    """Decides how dates are loaded, given those that share transactions with other dates."""
    wait_for_processed: Callable[[], Callable[[], None]]
    """Returns once the processed files are prepared, with what writes them; raises what preparing them raised."""

    @property
    def loaded_keys(self) -> list[int]:
        """Date keys of the dates that are loaded."""
        return [date_key(day) for day in self.batch.days if day not in self.unchanged]

    @property
    def parameters(self) -> dict[str, object]:
        """What the statements of every step may refer to."""
        keys = self.loaded_keys
        return {
            "retailer_id": self.batch.retailer_id,
            "retailer_key": self.retailer_key,
            "run_id": self.options.run_id,
            "now": self.options.now,
            "insert_only": self.options.insert_only,
            "date_keys": keys,
            # An insert-only load removes nothing, not even what older loads observed of customers.
            "replaced_date_keys": [0] if self.options.insert_only else keys,
        }


@dataclass(frozen=True)
class LoadState:
    """What the steps so far have found. Each step returns a new state."""

    facts_unchanged: Mapping[tuple[int, str], Totals]
    """Rows of the unchanged dates, by date key."""
    customers_changed: int = 0
    split_keys: tuple[int, ...] = ()
    """Date keys, of the load or not, that share a transaction with another date."""
    plan: LoadPlan = field(default_factory=lambda: LoadPlan((), (), ()))
    load_id: int = 0
    months: tuple[MonthComparison, ...] = ()
    made_months: bool = False
    """Whether fact_sales got an empty month in this transaction, for dates that are merged."""
    only_new_rows: bool = False
    """Whether fact_sales holds nothing of the merged dates, so that every row is inserted."""
    merged: MergeResult = field(default_factory=MergeResult)
    entries: tuple[LedgerEntry, ...] = ()

    @property
    def result(self) -> LoadResult:
        """What the load has done."""
        other_dates = tuple(self.merged.other_dates)
        return LoadResult(self.load_id, self.entries, self.customers_changed, other_dates, self.plan)

    @property
    def built_months(self) -> list[BuiltMonth]:
        """The months that differ from those in the warehouse."""
        return [month for month in self.months if isinstance(month, BuiltMonth)]

    @property
    def attaches_months(self) -> bool:
        """Whether fact_sales gets a month in this transaction: a built one, or one for dates that are merged."""
        return bool(self.built_months or self.made_months)

    @property
    def outcomes(self) -> dict[tuple[int, str], Totals]:
        """What happened to the rows of the loaded dates, by date key and outcome."""
        built = (row for month in self.months for row in month.outcomes)
        return totals_by_outcome([*self.merged.outcomes, *built])

    @property
    def facts_in_months(self) -> dict[tuple[int, str], Totals]:
        """Rows of the loaded dates in the months that were built or compared, by date key."""
        counted = (row for month in self.months for row in month.in_warehouse)
        return totals_by_outcome((key, "in_warehouse", code, count, net, tax) for key, code, count, net, tax in counted)

    @property
    def merged_keys(self) -> list[int]:
        """Date keys of the dates that are merged."""
        return [date_key(day) for day in self.plan.merged]

    @property
    def is_compared(self) -> bool:
        """Whether dates are merged whose rows have to be compared with those that are there."""
        return bool(self.plan.merged) and not self.only_new_rows
