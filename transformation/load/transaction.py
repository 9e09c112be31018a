"""One load inside its transaction: its steps run one after the other, and everything commits, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date

from shared.database import Cursor
from shared.errors import StopRun
from shared.reserved_ids import RESERVED_IDS
from transformation.load.context import LoadContext, LoadState
from transformation.load.ledger import Totals, totals_by_outcome
from transformation.load.plan import date_key
from transformation.load.result import LoadResult
from transformation.load.unchanged_dates import check_still_unchanged
from transformation.statements import statement


@dataclass(frozen=True)
class Step:
    """One step of a load."""

    name: str
    run: Callable[[LoadTransaction, LoadState], LoadState]
    needs: tuple[str, ...] = ()
    """Temporary tables of earlier steps that its statements read or delete from."""
    makes: tuple[str, ...] = ()
    """Temporary tables that it creates and fills; they are dropped when the transaction ends."""


class LoadTransaction:
    """Runs the steps of a load; the retailer is locked already."""

    def __init__(self, cursor: Cursor, context: LoadContext) -> None:
        self.cursor, self.context = cursor, context

    def run(self, steps: Sequence[Step]) -> LoadResult:
        """Run the steps in order. Raises WarehouseChanged when unchanged dates have to be loaded after all."""
        state = LoadState(self._check_unchanged())
        for step in steps:
            state = step.run(self, state)
        return state.result

    def parameters(self, state: LoadState, **others: object) -> dict[str, object]:
        """What a statement may refer to at this point of the load."""
        return {**self.context.parameters, "load_id": state.load_id, **others}

    def execute(self, name: str, state: LoadState, **others: object) -> None:
        """Run `transformation/sql/<name>.sql`."""
        self.cursor.execute(statement(name), self.parameters(state, **others))

    def count(self, name: str, outcome: str, days: Collection[date]) -> dict[tuple[int, str], Totals]:
        """Rows and money of some dates, as the statement `name` counts them, by date key and `outcome`."""
        if not days:
            return {}
        keys = [date_key(day) for day in days]
        self.cursor.execute(statement(name), {**self.context.parameters, "date_keys": keys})
        found = self.cursor.fetchall()
        return totals_by_outcome((key, outcome, code, count, net, tax) for key, code, count, net, tax in found)

    def _check_unchanged(self) -> dict[tuple[int, str], Totals]:
        found = self.count("count_facts", "in_warehouse", self.context.unchanged)
        check_still_unchanged(self.context.unchanged, found)
        return found


def find_retailer_key(cursor: Cursor, retailer_id: str) -> int:
    """The retailer's surrogate key; a retailer that is new gets one. Raises StopRun for a reserved id."""
    if retailer_id in RESERVED_IDS:
        raise StopRun(f"{retailer_id!r} is the id of the unknown retailer. Nothing was loaded.")
    cursor.execute("SELECT retailer_key FROM dim_retailer WHERE retailer_id = %s", (retailer_id,))
    row = cursor.fetchone()
    if row is None:
        cursor.execute(
            "INSERT INTO dim_retailer (retailer_id, retailer_name) VALUES (%s, %s) RETURNING retailer_key",
            (retailer_id, retailer_id),
        )
        row = cursor.fetchone()
    return int(row[0]) if row else 0
