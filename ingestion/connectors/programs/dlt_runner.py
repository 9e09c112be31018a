"""Prints the records of a resource of dlt as messages of Singer: `python dlt_runner.py TASK.json`.

It runs with the Python that has dlt, in an environment that has nothing of the platform: standard library only, and
no import of our modules. The task has the function, its arguments, and the name of the resource.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID


def main(task_file: str) -> None:
    """Print one SCHEMA, and a RECORD for each item."""
    task = json.loads(Path(task_file).read_text(encoding="utf-8"))
    module, _, name = task["function"].partition(":")
    stream = task["stream"]
    # Whatever a library prints must not be between our messages: it goes to the standard error.
    with os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1024 * 1024) as output:
        os.dup2(2, 1)
        resource = find_resource(getattr(import_module(module), name)(**task["arguments"]), stream)
        schema = {"type": "SCHEMA", "stream": stream, "schema": {"type": "object"}, "key_properties": []}
        output.write(json.dumps(schema) + "\n")
        output.flush()
        for item in resource:
            for row in rows_of(item):
                message = {"type": "RECORD", "stream": stream, "record": row}
                output.write(json.dumps(message, default=as_json, ensure_ascii=False, allow_nan=False) + "\n")


def find_resource(found: Any, stream: str) -> Any:
    """The resource of that name in what the function returned: a source, a resource, or several."""
    resources = getattr(found, "resources", None)
    if resources is not None:
        known = dict(resources)
    elif isinstance(found, (list, tuple)):
        known = {each.name: each for each in found}
    else:
        known = {getattr(found, "name", stream): found}
    if stream not in known:
        sys.exit(f"there is no resource {stream!r}; there are: {', '.join(sorted(known))}")
    return known[stream]


def rows_of(item: Any) -> Any:
    """The rows of what a resource yields: an object, a list of objects, or a table of Arrow or pandas."""
    if hasattr(item, "to_pylist"):
        return item.to_pylist()
    if hasattr(item, "to_dict") and hasattr(item, "columns"):
        return item.to_dict("records")
    return item if isinstance(item, (list, tuple)) else [item]


def as_json(value: Any) -> Any:
    """A value that JSON does not have, as a text that is exact."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value.total_seconds())
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, UUID):
        return str(value)
    if hasattr(value, "items"):
        return dict(value)
    raise TypeError(f"a value of type {type(value).__name__} cannot be written as JSON")


if __name__ == "__main__":
    # Python looks into the folder of a script first. Our modules must not take the place of a library.
    sys.path[:] = [each for each in sys.path if each != str(Path(__file__).parent)]
    main(sys.argv[1])
