"""Layouts: what the columns of a source mean, as YAML that a user can write (docs/FILES.md).

A layout maps columns to fields of `SalesRecord` and declares time zone, currency, keys, rules and defaults. The
built-in ones for CSV files are in `ingestion/mapping/layouts/`; any other is given by its path. Those of the
retailers' APIs, whose rows are JSON, are next to their connectors in `ingestion/services/`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from ingestion.mapping.file_format import Format, Part
from ingestion.mapping.layout_lines import ITEM_TYPE_OF_PATH, LinePath, with_line_paths
from ingestion.mapping.layout_parts import (
    MAPPED_FIELDS,
    REQUIRED_FIELDS,
    Check,
    Dates,
    FieldSource,
    LineTypeRule,
    NonProducts,
    NumberText,
    Outliers,
    SkipRows,
    Table,
)
from ingestion.mapping.layout_rules import check_layout
from ingestion.models.retailer_data import RetailerId
from shared.errors import FixConfiguration
from shared.regular_files import is_there
from shared.sources.connection import FILES
from shared.sources.definition import SourceDefinition
from shared.sources.validation import report
from shared.sources.yaml_file import KeyPath, read_yaml
from shared.time_zones import is_time_zone

_FOLDER = Path(__file__).parent / "layouts"
_OF_JSON = ("rows", "lines", "may_be_null", "type", "content")
"""Keys that only the mapping of a connector has."""
_OF_DEFINITION = ("name", "retailer_id", "time_zone")
"""Keys that the definition of a source says itself."""


class SourceMapping(Part):
    """One source's rows: their columns, formats, keys and rules.

    The cells of CSV files are texts. JSON values have types, so a number where a text is expected rejects the row, and
    numbers, times and codes are read without trimming. A column of a JSON source is the path to a value: `shop.id`.
    """

    name: str
    description: str = ""
    retailer_id: RetailerId
    rows: Literal["csv", "json"] = "csv"
    lines: tuple[LinePath, ...] = Field(
        default=(), description="JSON: the arrays with an order's lines; their columns begin with the first one"
    )
    may_be_null: tuple[str, ...] = Field(default=(), description="JSON: objects that may be null, as the customer")
    format: Format = Format()
    time_zone: str
    tables: Mapping[str, Table] = Field(
        default_factory=dict, description="Kinds of files, the lines first; columns are then named `table.column`"
    )
    columns: Mapping[Literal[MAPPED_FIELDS], FieldSource]  # type: ignore[valid-type]
    line_type: tuple[LineTypeRule, ...] = (
        LineTypeRule.model_validate({"is": "return", "where": {"quantity": {"below": 0}}}),
        LineTypeRule.model_validate({"is": "sale"}),
    )
    duplicate_key: tuple[str, ...] = Field(
        default=(), description="Columns whose equal values make a row a duplicate; all columns when left out"
    )
    skip_rows: tuple[SkipRows, ...] = Field(default=(), description="Files: rows that are not lines, such as a total")
    non_products: tuple[NonProducts, ...] = ()
    checks: tuple[Check, ...] = ()
    outliers: tuple[Outliers, ...] = ()
    dates: Dates = Dates()
    total_tolerance: NumberText | None = Field(
        default=None,
        description="How far the lines of a transaction may be from its total; half a minor unit for each line with tax"
        " when left out",
    )

    def demands(self, field: str) -> bool:
        """Whether a check rejects rows without the field."""
        return any(check.required and check.severity == "error" for check in self.checks if check.field == field)

    def requires(self, field: str) -> bool:
        """Whether rows without the field are rejected: by the contract or by a check."""
        of_price = field == "total_amount" and not self.has_prices
        return field in (*REQUIRED_FIELDS, "line_id") or of_price or self.demands(field)

    @property
    def has_prices(self) -> bool:
        """Whether rows have a unit price. Otherwise it follows from their total."""
        return "unit_price" in self.columns

    @property
    def has_voids(self) -> bool:
        """Whether rows may be of something that did not happen."""
        return any(rule.is_ == "void" for rule in self.line_type)

    @property
    def has_discounts(self) -> bool:
        """Whether lines can have a discount."""
        return not self.columns.keys().isdisjoint(("discount_amount", "net_amount", "transaction_discount_amount"))

    @property
    def has_tax(self) -> bool:
        """Whether lines can have a tax."""
        return not self.columns.keys().isdisjoint(("tax_amount", "transaction_tax_amount"))

    @property
    def has_item_types(self) -> bool:
        """Whether the codes of what is not a product say what a line charges for."""
        return any(kind.item_type for kind in self.non_products)

    @cached_property
    def personal_columns(self) -> frozenset[str]:
        """Columns whose values may name a customer, as messages about rows name them."""
        sources = [source for field, source in self.columns.items() if field.startswith("customer_")]
        return frozenset(name for source in sources for name in (*source.headers, " + ".join(source.headers)))

    @model_validator(mode="before")
    @classmethod
    def _a_bare_text_is_an_array(cls, given: Any) -> Any:
        return with_line_paths(given) if isinstance(given, dict) and given.get("lines") else given

    def is_of_lines(self, column: str) -> bool:
        """Whether a column of a JSON source is in the lines and not in the order."""
        return bool(self.lines) and (column.startswith(f"{self.lines[0].path}.") or column == ITEM_TYPE_OF_PATH)

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, given: str) -> str:
        if not is_time_zone(given):
            raise ValueError(f"{given!r} is not a time zone; an example is Europe/London")
        return given

    @model_validator(mode="after")
    def _keys_fit_each_other(self) -> Self:
        check_layout(self)
        return self

    @property
    def is_json(self) -> bool:
        """Whether rows are JSON objects."""
        return self.rows == "json"

    def located(self, column: str) -> tuple[str, str]:
        """The table and the header of a column as the layout names it. The table is '' if the layout has no tables."""
        if not self.tables:
            return "", column
        table, dot, header = column.partition(".")
        return (table, header) if dot else (next(iter(self.tables)), column)

    @cached_property
    def wanted_headers(self) -> dict[str, tuple[str, ...]]:
        """Table → the columns that its files must have."""
        mapped = [header for source in self.columns.values() for header in source.headers]
        mapped += [source.minor_units for source in self.columns.values() if isinstance(source.minor_units, str)]
        mapped += self.duplicate_key
        mapped += [name for rule in self.skip_rows for name in (*rule.where, *rule.totals.values())]
        for name, table in self.tables.items():
            mapped += [f"{name}.{table.key}", table.equals] if table.key and table.equals else []
        found: dict[str, list[str]] = {name: [] for name in self.tables or ("",)}
        for table_name, header in dict.fromkeys(self.located(column) for column in mapped):
            found.setdefault(table_name, []).append(header)
        return {name: tuple(headers) for name, headers in found.items()}

    @cached_property
    def optional_headers(self) -> tuple[str, ...]:
        """Columns whose values may be missing in every row."""
        needed = {header for field, source in self.columns.items() if self.requires(field) for header in source.headers}
        wanted = (header for headers in self.wanted_headers.values() for header in headers)
        return tuple(header for header in wanted if header not in needed)


def known_layouts() -> list[str]:
    """Names of the built-in layouts."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def load_layout(name_or_path: str) -> SourceMapping:
    """The layout with that name, or in that YAML file. Raises FixConfiguration that names file and key."""
    path = _FOLDER / f"{name_or_path}.yaml"
    if name_or_path not in known_layouts():
        path = Path(name_or_path)
        if not is_there(path):
            near = difflib.get_close_matches(name_or_path, known_layouts(), n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise FixConfiguration(
                f"There is no layout {name_or_path!r}{hint} Known are {', '.join(known_layouts())}; or give the path"
                " of your own YAML file (docs/FILES.md)."
            )
    return _of_files(path, {"name": path.stem}, _given(path), (), _OF_JSON)


def mapping_of(definition: SourceDefinition, unnamed: tuple[str, ...] = ()) -> SourceMapping:
    """What the columns of a source mean, by its definition. Raises FixConfiguration that names file, line and key.

    `unnamed`: keys that its messages do not suggest.
    """
    own = {"name": definition.id, "retailer_id": definition.id, "time_zone": definition.time_zone}
    (path, at), given = place_of_mapping(definition), dict(definition.mapping or {})
    is_json = definition.connector != FILES
    said = (*_OF_DEFINITION, "rows") if is_json else _OF_DEFINITION
    if repeated := [key for key in said if key in given]:
        key = ".".join(map(str, (*at, repeated[0])))
        raise FixConfiguration(
            f"{read_yaml(path).place((*at, repeated[0]))}: {key}: the definition itself says it;"
            " remove it from the mapping."
        )
    if is_json:
        return _validated(path, {**own, "rows": "json", **given}, at, (*unnamed, *said))
    return _of_files(path, own, given, at, (*_OF_JSON, *said))


def place_of_mapping(definition: SourceDefinition) -> tuple[Path, KeyPath]:
    """The file that has a definition's mapping, and the key in it; () when all of the file is the mapping."""
    if definition.mapping_file is not None:
        return definition.file.parent / definition.mapping_file, ()
    return definition.file, ("mapping",)


def _of_files(
    path: Path, own: Mapping[str, str], given: Mapping[str, Any], at: KeyPath, unnamed: tuple[str, ...]
) -> SourceMapping:
    found = _validated(path, {**own, **given}, at, unnamed)
    if found.is_json:
        where = (*at, "rows")
        raise FixConfiguration(
            f"{read_yaml(path).place(where)}: {'.'.join(map(str, where))}: files are CSV, not JSON (docs/FILES.md)."
        )
    return found


def shipped_mapping(path: Path, retailer_id: str, time_zone: str) -> SourceMapping:
    """The mapping that comes with a connector, for one source of it. `time_zone` is that of its business dates."""
    return _shipped(path).model_copy(update={"retailer_id": retailer_id, "time_zone": time_zone})


@lru_cache(maxsize=16)
def _shipped(path: Path) -> SourceMapping:
    return _validated(path, {"name": path.stem, **_given(path)})


def _given(path: Path) -> Mapping[str, Any]:
    file = read_yaml(path)
    if not isinstance(file.given, dict):
        raise FixConfiguration(f"{path}:1: a layout is a mapping of keys to values (docs/FILES.md).")
    return file.given


def _validated(path: Path, given: Mapping[str, Any], at: KeyPath = (), unnamed: tuple[str, ...] = ()) -> SourceMapping:
    try:
        return SourceMapping.model_validate(given)
    except ValidationError as error:
        raise FixConfiguration(report(read_yaml(path), error, SourceMapping, at, unnamed)) from error
