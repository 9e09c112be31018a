"""Writes a sheet of an Excel workbook as CSV.

Numbers have the 15 digits that Excel shows. A date is written in the format of its column in the layout, so that the
layout of a CSV file also reads the workbook.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.connectors.files.cell_texts import cell_text
from ingestion.connectors.files.sources import StoredFile
from ingestion.mapping.file_format import Format
from ingestion.mapping.layout_parts import TIME_FIELDS
from ingestion.mapping.layouts import SourceMapping
from shared.errors import FixConfiguration

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook


def write_sheet(file: StoredFile, target: Path, layout: SourceMapping | None, form: Format) -> None:
    """Write the sheet that `form` names, or the only one with rows. Raises FixConfiguration."""
    import python_calamine

    try:
        workbook = python_calamine.load_workbook(str(file.path))
        sheet = _sheet(file, workbook, form.sheet)
        _write(target, sheet.iter_rows(), _formats(layout), form.delimiter)
    except (python_calamine.CalamineError, python_calamine.PasswordError, python_calamine.ZipError) as error:
        raise FixConfiguration(
            f"{file.place} cannot be read as a workbook ({error}). Save it again in Excel, or export it as CSV."
            " Nothing was loaded."
        ) from error


def _sheet(file: StoredFile, workbook: CalamineWorkbook, wanted: str | None) -> CalamineSheet:
    names = workbook.sheet_names
    if wanted is not None:
        if wanted not in names:
            raise FixConfiguration(
                f"{file.place} has no sheet {wanted!r}, which the layout names; it has {', '.join(names)}."
            )
        return workbook.get_sheet_by_name(wanted)
    sheets = [sheet for sheet in map(workbook.get_sheet_by_name, names) if sheet.height]
    if len(sheets) != 1:
        listed = ", ".join(sheet.name for sheet in sheets) or "none"
        raise FixConfiguration(
            f"{file.place} has {len(sheets)} sheets with rows ({listed}). Name one in the layout: `sheet` in `format`."
        )
    return sheets[0]


def _formats(layout: SourceMapping | None) -> dict[str, str]:
    """Column → the strptime format of its times."""
    if layout is None:
        return {}
    times = {field: source for field, source in layout.columns.items() if field in TIME_FIELDS}
    return {
        header: source.format
        for source in times.values()
        for header in source.headers
        if source.format and "%" in source.format and len(source.headers) == 1
    }


def _write(target: Path, rows: Any, formats: Mapping[str, str], delimiter: str | None) -> None:
    header: Sequence[str] = ()
    with target.open("w", encoding="utf-8", newline="") as out:
        write = csv.writer(out, delimiter=delimiter or ",", lineterminator="\n").writerow
        for row in rows:
            texts = [
                _text(value, formats.get(header[place]) if place < len(header) else None)
                for place, value in enumerate(row)
            ]
            if not header and set(formats) <= {text.strip() for text in texts}:
                header = [text.strip() for text in texts]
            write(texts if any(texts) else [])


def _text(value: Any, form: str | None) -> str:
    """A cell as text, as Excel shows it."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime | date):
        return _time(value if isinstance(value, datetime) else datetime(value.year, value.month, value.day), form)  # noqa: DTZ001
    return value.isoformat("seconds") if isinstance(value, time) else cell_text(value)


def _time(value: datetime, form: str | None) -> str:
    """In the format of the column if that shows all of it, else ISO."""
    value = (value + timedelta(microseconds=500_000)).replace(microsecond=0)  # Excel has fractions of days
    if form is not None:
        written = value.strftime(form)
        try:
            if datetime.strptime(written, form).replace(tzinfo=None) == value:  # noqa: DTZ007
                return written
        except ValueError:  # a format that DuckDB reads and Python does not
            pass
    return value.isoformat(" ", "seconds") if value.time() != time() else value.date().isoformat()
