"""Flows as trees: from a data set up to its sources, or down to what it feeds. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Flow = Mapping[str, Any]


@dataclass(frozen=True)
class Node:
    """A data set, the flows between it and its parent in the tree, and what comes next."""

    namespace: str
    name: str
    flows: tuple[Flow, ...] = ()
    children: list[Node] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        kept = ("stage", "run_id", "retailer_id", "business_date", "last_date", "rows_written", "size_bytes")
        return {
            "namespace": self.namespace,
            "name": self.name,
            "flows": [{name: flow[name] for name in (*kept, "recorded_at", "columns")} for flow in self.flows],
            "next": [child.as_dict() for child in self.children],
        }


def find(flows: Sequence[Flow], name: str) -> list[tuple[str, str]]:
    """The data sets that match `name`: a table, a key, a prefix of objects, a URL or a path."""
    sets = {(flow[f"{side}_namespace"], flow[f"{side}_name"]) for flow in flows for side in ("source", "target")}
    return sorted(each for each in sets if _means(name, *each))


def _means(wanted: str, namespace: str, name: str) -> bool:
    full_name = f"{namespace}{name}" if name.startswith("/") else f"{namespace}/{name}"
    is_prefix = "://" in namespace and wanted.startswith(f"{name}/")
    return wanted in (name, full_name) or name.endswith((f".{wanted}", f"/{wanted}")) or is_prefix


def tree(flows: Sequence[Flow], start: tuple[str, str], *, upstream: bool) -> Node:
    """The sources of `start`, or what it feeds, as far as the flows go."""
    near, far = ("target", "source") if upstream else ("source", "target")
    return _grow(flows, Node(*start), near, far, (start,))


def _grow(flows: Sequence[Flow], node: Node, near: str, far: str, path: tuple[tuple[str, str], ...]) -> Node:
    found: dict[tuple[str, str], list[Flow]] = {}
    for flow in flows:
        if (flow[f"{near}_namespace"], flow[f"{near}_name"]) == (node.namespace, node.name):
            found.setdefault((flow[f"{far}_namespace"], flow[f"{far}_name"]), []).append(flow)
    for key, between in found.items():
        if key not in path:
            node.children.append(_grow(flows, Node(*key, tuple(between)), near, far, (*path, key)))
    return node
