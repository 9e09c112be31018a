"""What is copied into the warehouse: an error while its rows are made is that error, and nothing is copied."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow
import pytest

from local_stack.databases import WarehouseAccess
from shared.database import session
from transformation.load.copying import copy_batches


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_what_ends_the_reading_of_rows_is_raised_as_it_is(warehouse: WarehouseAccess, error: BaseException) -> None:
    def rows() -> Iterator[pyarrow.RecordBatch]:
        yield pyarrow.record_batch({"number": pyarrow.array([1, 2], pyarrow.int64())})
        raise error

    with session(warehouse.loader_dsn, application_name="test") as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE copied (number bigint)")
        connection.commit()
        with pytest.raises(type(error)) as raised:
            copy_batches(cursor, rows(), "copied")
        assert raised.value is error
        connection.rollback()
        cursor.execute("SELECT count(*) FROM copied")
        assert cursor.fetchone() == (0,)
