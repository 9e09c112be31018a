"""How much work a load is, in figures that do not depend on the machine: an extra pass over the data fails here.

The figures stand in work.json; `+3 ~2 -1` is three rows inserted, two updated, one deleted. When a change is meant to
move them, look at the difference, then write them anew:

    RETAIL_WRITE_WORK=1 python -m pytest tests/integration/regression
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import transformation.main
from local_stack.databases import WarehouseAccess
from local_stack.postgres import PostgresServer
from shared.config import load_settings
from tests.conftest import S3Access
from tests.fakes.raw_zone import DAY, RawZone, record
from tests.integration.regression.work_counter import Work, count_work

EXPECTED = Path(__file__).with_name("work.json")
BYTES_TOLERANCE = 0.05
"""Texts of keys and versions differ by some bytes, and Parquet by its writer's version."""
LINES = 300


@pytest.fixture
def counting(
    monkeypatch: pytest.MonkeyPatch, postgres_server: PostgresServer, warehouse: WarehouseAccess, s3: S3Access
) -> Callable[[Callable[[dict[str, str]], None]], Work]:
    """Runs something with the settings of a fresh warehouse and S3, and says what work it was."""
    superuser = postgres_server.superuser_dsn(urlsplit(warehouse.owner_dsn).path.lstrip("/"))

    def count(do: Callable[[dict[str, str]], None]) -> Work:
        environment = {**s3.environment, "WAREHOUSE_DSN": warehouse.loader_dsn}
        return count_work(
            monkeypatch, superuser, s3.endpoint, lambda endpoint: do({**environment, "S3_ENDPOINT_URL": endpoint})
        )

    return count


def compare(name: str, work: Work) -> None:
    """Hold work against work.json: bytes nearly, everything else exactly."""
    rows = {table: "+{} ~{} -{}".format(*counts) for table, counts in work.rows.items()}
    found: dict[str, Any] = {**asdict(work), "rows": rows}
    known = json.loads(EXPECTED.read_text(encoding="utf-8")) if EXPECTED.exists() else {}
    if os.environ.get("RETAIL_WRITE_WORK"):
        EXPECTED.write_text(json.dumps({**known, name: found}, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        return
    expected = known[name]
    for figure in ("copied_bytes", "put_bytes"):
        assert found[figure] == pytest.approx(expected[figure], rel=BYTES_TOLERANCE), f"{name}: {figure}"
        found[figure] = expected[figure]
    assert found == expected, name


def land(s3: S3Access, *, changed: int = 0, day: date = DAY) -> None:
    """A day of one retailer: 300 lines of 100 receipts; of the first `changed` lines the source has a later version."""
    zone = RawZone()
    zone.land(
        [
            record(str(n % 3 + 1), f"T{n // 3}", day, product_id=f"P{n % 50}", customer_id=f"C{n % 90}",
                   qty=3 if n < changed else 2, **({"changed_at": "2024-01-16T12:00:00Z"} if n < changed else {}))
            for n in range(LINES)
        ],
        day=day,
    )  # fmt: skip
    for (_, key), body in zone.objects.items():
        s3.client.put_object(Bucket=s3.bucket_raw, Key=key, Body=body)


def load(environment: dict[str, str]) -> None:
    result = transformation.main.run(DAY, ["retailer_1"], settings=load_settings(environment), run_id="run")
    assert result.ok, result.as_dict()


def test_a_day_is_no_more_work_than_it_was(
    counting: Callable[[Callable[[dict[str, str]], None]], Work], s3: S3Access
) -> None:
    land(s3)
    first = counting(load)
    assert first.star_rows()["ops.fact_sales"] == (LINES, 0, 0)
    compare("a new day", first)

    again = counting(load)
    assert again.star_rows() == {}, "a replayed day writes no row of the star"
    compare("the same day again", again)

    land(s3, changed=5)
    corrected = counting(load)
    assert corrected.star_rows()["ops.fact_sales"] == (0, 5, 0), "five changed lines are five rows"
    compare("five lines changed", corrected)
