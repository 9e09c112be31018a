"""ops.data_lineage: the flows of every stage, kept whether or not they are sent to a receiver."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from psycopg2.extras import execute_values

from monitoring.lineage.flows import Flow
from shared.database import Cursor, read_sql

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
