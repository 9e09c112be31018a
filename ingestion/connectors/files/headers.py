"""Compares the files' headers with a layout, and finds the layout they fit when none was named."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from ingestion.connectors.files.archives import open_files
from ingestion.connectors.files.dialects import Dialect, detect_dialect
from ingestion.connectors.files.sources import StoredFile
from ingestion.mapping.file_format import Format
from ingestion.mapping.layouts import SourceMapping, known_layouts, load_layout
from shared.errors import FixConfiguration

_SHOWN_COLUMNS = 20


def check_header(file: StoredFile, dialect: Dialect, wanted: Sequence[str], layout_name: str) -> None:
    """Raises FixConfiguration that names the file, the missing and the present columns, and likely matches."""
    header, line = dialect.header, dialect.header_line
    check_not_repeated(file, dialect, wanted)
    missing = [name for name in wanted if name not in header]
    if not missing:
        return
    if dialect.columns_line is not None:
        raise FixConfiguration(
            f"{file.place}: the header is on line {dialect.columns_line}, not on line {line}. Write"
            f" `skip_lines: {dialect.columns_line - 1}` into `format` of the layout {layout_name}, or"
            " `skip_lines: auto` if that differs between files. Nothing was loaded."
        )
    near = {name: _nearest(name, header) for name in missing}
    hints = ", ".join(f"is {found!r} the {name!r} of the layout?" for name, found in near.items() if found)
    present = ", ".join(name for name in header[:_SHOWN_COLUMNS] if name)
    more = f" and {len(header) - _SHOWN_COLUMNS} more" if len(header) > _SHOWN_COLUMNS else ""
    raise FixConfiguration(
        f"{file.place}, line {line}: the layout {layout_name} needs the column{'s' if len(missing) > 1 else ''}"
        f" {', '.join(missing)}; there are {present}{more}.{' Perhaps: ' + hints if hints else ''} Nothing was loaded."
    )


def check_not_repeated(file: StoredFile, dialect: Dialect, wanted: Sequence[str]) -> None:
    """Raises FixConfiguration if the header has a column of the layout more than once."""
    for name in wanted:
        if name in dialect.repeated:
            places = " and ".join(str(place) for place in dialect.repeated[name])
            raise FixConfiguration(
                f"{file.place}, line {dialect.header_line}: the column {name!r}, which the layout needs, appears"
                f" {len(dialect.repeated[name])} times in the header: at {places}. Rename the others."
                " Nothing was loaded."
            )


def recognise_layout(sources: Sequence[str]) -> SourceMapping:
    """The known layout whose columns the files have. Raises FixConfiguration that lists the known ones."""
    known = [load_layout(name) for name in known_layouts()]
    with open_files(sources) as files:
        headers = [set(detect_dialect(file, Format()).header) for file in files]
    for layout in known:
        if all(any(set(wanted) <= header for header in headers) for wanted in layout.wanted_headers.values()):
            return layout
    listed = "; ".join(
        f"{layout.name} needs {', '.join(name for wanted in layout.wanted_headers.values() for name in wanted)}"
        for layout in known
    )
    raise FixConfiguration(
        f"{files[0].place}: no known layout has these columns ({', '.join(sorted(headers[0])[:_SHOWN_COLUMNS])})."
        f" {listed}. For other files write a layout and give it with --layout FILE.yaml (docs/FILES.md)."
    )


def _nearest(name: str, header: Sequence[str]) -> str | None:
    plain = {_plain(present): present for present in header if present}
    found = difflib.get_close_matches(_plain(name), list(plain), n=1, cutoff=0.7)
    return plain[found[0]] if found else None


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
