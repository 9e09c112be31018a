"""A quality report as files: JSON for programs, CSV for a spreadsheet, one HTML page for readers."""

from __future__ import annotations

import csv
import io
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from data_quality.file_report.model import FieldReport, LoadReport
from shared.directories import make_directory
from shared.errors import FixConfiguration

NAME = "quality_report"
NOTHING_LOADED = ", so nothing was loaded"
"""The consequence, where a load needs its report."""
_STATISTICS = (
    "rows", "filled", "distinct", "minimum", "maximum", "mean", "median", "deviation",
    "shortest", "longest",
)  # fmt: skip
_FORMULA_STARTS = {"=", "+", "-", "@", "\t", "\r", "\n"}
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True)
class ReportFiles:
    """Where the report was written."""

    json: Path
    csv: Path
    html: Path


def write_report(report: LoadReport, directory: Path, *, consequence: str = "") -> ReportFiles:
    """Write the three files, over those of a report written there before.

    New files and new folders are for their owner alone, because the report quotes values of customers' records.

    Raises FixConfiguration when the folder cannot be written; its message goes on with the `consequence`.
    """
    from data_quality.file_report.page import render

    files = ReportFiles(*(directory / f"{NAME}.{ending}" for ending in ("json", "csv", "html")))
    try:
        make_directory(directory)
        _write(files.json, orjson.dumps(report.as_dict(), option=orjson.OPT_INDENT_2))
        _write(files.csv, as_csv(report).encode())
        _write(files.html, render(report).encode())
    except OSError as error:
        raise _not_writable(directory, error.strerror or type(error).__name__, consequence) from error
    return files


def _write(path: Path, content: bytes) -> None:
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)


def check_directory(directory: Path, *, consequence: str = "") -> None:
    """Find out, without writing, whether a report can be written there. Raises what `write_report` raises."""
    nearest = next(each for each in (directory.absolute(), *directory.absolute().parents) if os.path.lexists(each))
    if not nearest.is_dir():
        raise _not_writable(directory, f"{nearest} is not a folder", consequence)
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise _not_writable(directory, f"no right to write in {nearest}", consequence)


def _not_writable(directory: Path, reason: str, consequence: str) -> FixConfiguration:
    return FixConfiguration(
        f"The quality report cannot be written to {directory} ({reason}){consequence}. Choose another folder with"
        " --report DIR, or load without a report: --no-report."
    )


def as_csv(report: LoadReport) -> str:
    """One line per field and side: `before` as the files had it, `after` as it landed."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["field", "kind", "side", *_STATISTICS, "frequent"], lineterminator="\n")
    writer.writeheader()
    for field in report.fields:
        writer.writerows(_sides(field))
    return text.getvalue()


def _sides(field: FieldReport) -> Iterator[Mapping[str, Any]]:
    for side, statistics in (("before", field.before), ("after", field.after)):
        if statistics is not None:
            yield {
                "field": field.name,
                "kind": field.kind.value,
                "side": side,
                **{name: _cell(getattr(statistics, name)) for name in _STATISTICS},
                "frequent": _cell("; ".join(f"{each.value} ({each.rows})" for each in statistics.frequent)),
            }


def _cell(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula is given as the text it is."""
    if not isinstance(value, str) or _NUMBER.fullmatch(value):
        return value
    # Spreadsheets with an East Asian input method also take the wide forms of these characters.
    return "'" + value if unicodedata.normalize("NFKC", value[:1]) in _FORMULA_STARTS else value
