"""Imports what commands import, for the process that `tests/copied_process.py` copies."""

from __future__ import annotations

import gc
import pkgutil
from importlib import import_module

_PACKAGES = (
    *("cli", "pipeline", "ingestion", "transformation", "data_quality"),
    *("materialized_views", "maintenance", "monitoring", "shared"),
)
_IMPORTED_IN_USE = ("boto3.session", "duckdb", "pyarrow.compute", "pyarrow.parquet", "typer.rich_utils")

for package in _PACKAGES:
    for found in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
        if not found.name.endswith("__main__"):
            import_module(found.name)
for name in _IMPORTED_IN_USE:
    import_module(name)
gc.collect()
gc.freeze()  # a copy's collector would write to all of this memory, which would then be copied too
