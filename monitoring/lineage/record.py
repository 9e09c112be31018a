"""ops.data_lineage: the flows of every stage, kept whether or not they are sent to a receiver."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import psycopg2
from psycopg2.extras import execute_values

from monitoring.lineage.datasets import named
from monitoring.lineage.flows import Flow
from shared.database import Cursor, read_sql
from shared.logs import get_logger

log = get_logger(__name__)
_RECORD = Path(__file__).parent / "sql" / "record_flows.sql"


def record(cursor: Cursor, run_id: str, stage: str, flows: Sequence[Flow], now: datetime) -> None:
    """Keep the flows in one statement; those of an earlier execution of the run are replaced."""
    rows = [
        (
            run_id,
            stage,
            flow.first_date,
            flow.last_date,
            flow.retailer_id,
            flow.source.namespace,
            flow.source.name,
            flow.target.namespace,
            flow.target.name,
            json.dumps(flow.columns),
            flow.rows,
            flow.size_bytes,
            now,
        )
        for flow in flows
    ]
    execute_values(cursor, read_sql(_RECORD), rows, page_size=max(1, len(rows)))


def record_in_load(cursor: Cursor, run_id: str, stage: str, flows: Sequence[Flow], now: datetime) -> None:
    """Keep the flows of a load in its own transaction, so that a process killed after the commit has kept them.

    An error of the table never fails the load.
    """
    if not flows:
        return
    cursor.execute("SAVEPOINT lineage")
    try:
        record(cursor, run_id, stage, flows, now)
    except psycopg2.Error as error:
        cursor.execute("ROLLBACK TO SAVEPOINT lineage")  # after a lost connection, this raises
        log.warning("lineage not kept", run_id=run_id, stage=stage, error=str(error))
    cursor.execute("RELEASE SAVEPOINT lineage")


def recorded_flows(cursor: Cursor, run_id: str, stage: str) -> list[Flow]:
    """What the table has of a stage of a run, in the order in which it was kept."""
    cursor.execute(
        "SELECT source_namespace, source_name, target_namespace, target_name, business_date, last_date, retailer_id,"
        " rows_written, size_bytes FROM ops.data_lineage WHERE run_id = %s AND stage = %s ORDER BY lineage_id",
        (run_id, stage),
    )
    return [Flow(named(*row[:2]), named(*row[2:4]), *row[4:]) for row in cursor.fetchall()]
