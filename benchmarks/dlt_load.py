"""dlt's plain load of a CSV into one table: `python dlt_load.py METHOD FILE DSN`. Runs in a separate environment.

The complete process, as a user would run it. The methods:

* `documented`: the filesystem source with `read_csv`, as dlt's documentation loads CSV files; appended
* `arrow_csv`: Arrow tables from `pyarrow.csv`, written as CSV by dlt, loaded by COPY; appended
* `arrow_parquet`: the same as Parquet, loaded by ADBC; appended
* `arrow_csv_merge`: as `arrow_csv`, with `write_disposition="merge"` on the columns that identify a line
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

TEXT = ("InvoiceNo", "StockCode", "CustomerID")
KEY = ["InvoiceNo", "StockCode", "Quantity", "UnitPrice", "InvoiceDate"]
BLOCK_BYTES = 16 * 1024 * 1024


def arrow_tables(path: str) -> Iterator[Any]:
    """The file in pieces. Codes stay text, because some invoice numbers further down begin with `C`."""
    import pyarrow
    from pyarrow import csv

    text = dict.fromkeys(TEXT, pyarrow.string())
    convert = csv.ConvertOptions(column_types=text, timestamp_parsers=["%m/%d/%Y %H:%M"])
    with csv.open_csv(path, csv.ReadOptions(block_size=BLOCK_BYTES), convert_options=convert) as reader:
        for batch in reader:
            yield pyarrow.Table.from_batches([batch])


def documented(path: str) -> Any:
    """dlt's own reader for CSV files. Codes stay text here as well."""
    from dlt.sources.filesystem import filesystem, read_csv  # type: ignore[import-not-found]

    folder, name = os.path.split(path)
    return filesystem(bucket_url=folder, file_glob=name) | read_csv(dtype=dict.fromkeys(TEXT, str))


def main(method: str, path: str, dsn: str) -> None:
    """Load the file into the table `sales` of the dataset `dlt_bench`."""
    with tempfile.TemporaryDirectory() as directory:
        # dlt reads these when it is imported: no telemetry, no state.
        os.environ.update(RUNTIME__DLTHUB_TELEMETRY="false", DLT_DATA_DIR=directory, RUNTIME__LOG_LEVEL="ERROR")
        import dlt  # type: ignore[import-not-found]

        pipeline = dlt.pipeline(
            "bench", destination=dlt.destinations.postgres(dsn), dataset_name="dlt_bench", pipelines_dir=directory
        )
        options: dict[str, Any] = {"table_name": "sales", "write_disposition": "append"}
        if method == "documented":
            source = documented(path)
        else:
            source = arrow_tables(path)
            options["loader_file_format"] = "parquet" if method == "arrow_parquet" else "csv"
        if method == "arrow_csv_merge":
            options |= {"write_disposition": "merge", "primary_key": KEY}
        pipeline.run(source, **options).raise_on_failed_jobs()


if __name__ == "__main__":
    main(*sys.argv[1:])
