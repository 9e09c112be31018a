"""The catalog that a tap reads to know which stream to send: its own, with one stream selected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from shared.errors import FixConfiguration, StopRun

_MOST_NAMED = 20


def select_stream(what: str, document: bytes, stream: str, replication_key: str | None) -> Mapping[str, Any]:
    """The catalog with `stream` selected and every other one not.

    Raises StopRun if the document is not a catalog, and FixConfiguration if it has no such stream.
    """
    try:
        catalog = orjson.loads(document)
        entries = [entry for entry in catalog["streams"] if isinstance(entry["tap_stream_id"], str)]
    except (ValueError, TypeError, KeyError) as error:
        raise StopRun(
            f"{what}: what it prints for --discover is not a catalog. If it takes none, set `catalog: none` in `read`."
        ) from error
    if stream not in map(_name, entries):
        names = sorted(map(_name, entries))
        shown = ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
        raise FixConfiguration(f"{what} has no stream {stream!r}. It has: {shown}. Correct read.stream.")
    for entry in entries:
        _select(entry, replication_key, is_wanted=_name(entry) == stream)
    return {**catalog, "streams": entries}


def _name(entry: Mapping[str, Any]) -> str:
    name = entry.get("stream")
    return name if isinstance(name, str) else str(entry["tap_stream_id"])


def _select(entry: dict[str, Any], replication_key: str | None, *, is_wanted: bool) -> None:
    """Select a stream in each of the ways that taps look at: metadata, and the keys of older ones."""
    found = entry.get("metadata")
    metadata = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    if not any(each.get("breadcrumb") == [] for each in metadata):
        metadata.append({"breadcrumb": [], "metadata": {}})
    for each in metadata:
        own = each.setdefault("metadata", {})
        if each.get("breadcrumb") == []:
            own["selected"] = is_wanted
            if is_wanted:
                own |= _replication(replication_key)
        elif is_wanted and own.get("inclusion") != "unsupported":
            own["selected"] = True
    entry["metadata"], entry["selected"] = metadata, is_wanted
    if isinstance(entry.get("schema"), dict):
        entry["schema"]["selected"] = is_wanted
    if is_wanted:
        entry |= {name.replace("-", "_"): value for name, value in _replication(replication_key).items()}


def _replication(key: str | None) -> dict[str, str]:
    if key is None:
        return {"replication-method": "FULL_TABLE"}
    return {"replication-method": "INCREMENTAL", "replication-key": key}
