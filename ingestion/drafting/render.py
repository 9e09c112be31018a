"""Writes a draft as YAML, with its evidence and its marks as comments."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from ingestion.drafting.entries import Draft, Entry

_WIDTH = 110
MARK = "CHECK:"


def render(draft: Draft) -> str:
    """The text of `sources/<id>.yaml`."""
    lines = [
        "# yaml-language-server: $schema=source.schema.json",
        *_comment(f"Drafted from {draft.origin}. Decide each CHECK, then remove its comment.", 0),
    ]
    lines += _entries(draft.head, 0)
    lines.append("mapping:")
    lines += [f"  {key}: {_flow(value)}" for key, value in draft.rows.items()]
    if draft.format:
        lines += ["  format:", *_entries(draft.format, 4)]
    lines += ["  columns:", *_entries(draft.columns, 4)]
    for each in draft.missing:
        lines += [*_comments(each, 4), f"    # {each.key}:"]
    if draft.line_type:
        lines += [*_comments(draft.line_type, 2), "  line_type:"]
        lines += [f"    - {_flow(rule)}" for rule in draft.line_type.value]
    for mark in draft.marks:
        lines += _comment(f"{MARK} {mark}", 2)
    if draft.not_mapped:
        lines += _comment(f"Not mapped: {', '.join(draft.not_mapped)}.", 2)
    return "\n".join(lines) + "\n"


def _entries(entries: Iterable[Entry], indent: int) -> Iterator[str]:
    for each in entries:
        yield from _comments(each, indent)
        yield f"{' ' * indent}{each.key}: {_flow(each.value)}"


def _comments(entry: Entry, indent: int) -> Iterator[str]:
    for note in entry.notes:
        yield from _comment(note, indent)
    for check in entry.checks:
        yield from _comment(f"{MARK} {check}", indent)


def _comment(text: str, indent: int) -> list[str]:
    one_line = " ".join(text.split())
    start = f"{' ' * indent}# "
    return textwrap.wrap(
        one_line, _WIDTH, initial_indent=start, subsequent_indent=start, break_long_words=False, break_on_hyphens=False
    )


def _flow(value: Any) -> str:
    """A value as YAML on one line, quoted where it has to be."""
    shown = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=10**9, sort_keys=False)
    return str(shown).strip()[1:-1]
