"""Files for a program that nobody else may read: they have credentials in them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson


def write_private(path: Path, value: Any) -> Path:
    """Write a new file with JSON that only its owner can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(orjson.dumps(value, option=orjson.OPT_INDENT_2))
    return path
