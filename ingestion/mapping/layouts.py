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
from ingestion.mapping.layout_parts import (
    MAPPED_FIELDS,
    NUMBER_FIELDS,
    REQUIRED_FIELDS,
    TIME_FIELDS,
    Check,
    Dates,
    FieldSource,
    LineTypeRule,
    NonProducts,
    Outliers,
    SkipRows,
    Table,
    plain_number,
)
from ingestion.models.retailer_data import RetailerId
from shared.errors import FixConfiguration
from shared.regular_files import is_there
from shared.sources.definition import SourceDefinition
from shared.sources.validation import report, wrong_at
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
    lines: str = Field(default="", description="JSON: the array with an order's lines; their columns begin with it")
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

    @cached_property
    def personal_columns(self) -> frozenset[str]:
        """Columns whose values may name a customer, as messages about rows name them."""
        sources = [source for field, source in self.columns.items() if field.startswith("customer_")]
        return frozenset(name for source in sources for name in (*source.headers, " + ".join(source.headers)))

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, given: str) -> str:
        if not is_time_zone(given):
            raise ValueError(f"{given!r} is not a time zone; an example is Europe/London")
        return given

    @model_validator(mode="after")
    def _maps_what_is_needed(self) -> Self:
        absent = [name for name in REQUIRED_FIELDS if name not in self.columns]
        if "total_amount" in self.columns and "unit_price" in absent:
            absent.remove("unit_price")
        if absent:
            raise wrong_at(("columns",), f"nothing is mapped to {', '.join(absent)}")
        return self

    @model_validator(mode="after")
    def _only_prices_that_are_mapped_are_used(self) -> Self:
        if self.has_prices:
            return self
        used: list[KeyPath] = [
            ("line_type", number) for number, rule in enumerate(self.line_type) if "unit_price" in rule.where
        ]
        used += [("checks", number) for number, check in enumerate(self.checks) if check.field == "unit_price"]
        used += [("outliers", number) for number, each in enumerate(self.outliers) if each.field == "unit_price"]
        if used:
            raise wrong_at(used[0], "no column is mapped to unit_price, which follows from total_amount; use that")
        return self

    @model_validator(mode="after")
    def _only_json_has_types(self) -> Self:
        given: list[KeyPath] = [(key,) for key in ("lines", "may_be_null") if key in self.model_fields_set]
        for name, source in self.columns.items():
            typed = [key for key in ("type", "content") if key in source.model_fields_set]
            given += [("columns", name, key) for key in typed if source.type == "integer" or source.content]
        if self.is_json and self.skip_rows:
            raise wrong_at(("skip_rows",), "only files have rows to leave out")
        if given and not self.is_json:
            raise wrong_at(given[0], "only the mapping of a connector has this key; the columns of files are texts")
        return self

    @model_validator(mode="after")
    def _strategies_fit_their_fields(self) -> Self:
        for field, source in self.columns.items():
            _check_keys_of_kind(field, source, is_json=self.is_json)
            way = source.when_missing
            at: KeyPath = ("columns", field, "when_missing")
            if field in TIME_FIELDS and source.value is not None:
                raise wrong_at(("columns", field), "a time must be a column, not a constant")
            if way is None:
                continue
            if field in TIME_FIELDS or field == "line_id":
                raise wrong_at(at, "a missing time or key cannot be replaced")
            if way.use in ("mean", "median") and field not in NUMBER_FIELDS:
                raise wrong_at(at, f"a {way.use} is possible only for {', '.join(NUMBER_FIELDS)}")
            if way.value is not None and field in NUMBER_FIELDS:
                _check_number(way.value, (*at, "value"))
            if way.by and (way.by not in self.columns or way.by in NUMBER_FIELDS or self.columns[way.by].value):
                raise wrong_at((*at, "by"), f"no column of texts is mapped to {way.by}")
        return self

    @model_validator(mode="after")
    def _tables_are_known(self) -> Self:
        for number, (name, table) in enumerate(self.tables.items()):
            if (number == 0) != (table.key is None):
                raise wrong_at(("tables", name), "the first table holds the lines; the others need `key` and `equals`")
        for name, wanted in self.wanted_headers.items():
            if self.tables and name not in self.tables:
                raise wrong_at(
                    ("columns",), f"there is no table {name!r} (of {wanted[0]}); tables has {', '.join(self.tables)}"
                )
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


def mapping_of(definition: SourceDefinition, directory: Path) -> SourceMapping:
    """What the columns of a source's files mean. Raises FixConfiguration that names file, line and key."""
    own = {"name": definition.id, "retailer_id": definition.id, "time_zone": definition.time_zone}
    path, given = directory / f"{definition.id}.yaml", dict(definition.mapping or {})
    if repeated := [key for key in _OF_DEFINITION if key in given]:
        raise FixConfiguration(
            f"{read_yaml(path).place(('mapping', repeated[0]))}: mapping.{repeated[0]}: the definition itself says it;"
            " remove it from the mapping."
        )
    return _of_files(path, own, given, ("mapping",), (*_OF_JSON, *_OF_DEFINITION))


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


def _check_keys_of_kind(field: str, source: FieldSource, *, is_json: bool) -> None:
    """Raise an error for a key that a field of its kind cannot have."""
    kinds = {"format": TIME_FIELDS, "time_zone": TIME_FIELDS, "when_skipped": TIME_FIELDS}
    kinds["minor_units"] = ("unit_price", "total_amount")
    for key, fields in kinds.items():
        if key in source.model_fields_set and getattr(source, key) is not None and field not in fields:
            raise wrong_at(("columns", field, key), f"only {', '.join(fields)} can have this key")
    if source.carry_down and (is_json or not source.headers):
        raise wrong_at(("columns", field, "carry_down"), "only the columns of files can have this key")


def _check_number(text: str, at: KeyPath) -> None:
    try:
        plain_number(text)
    except ValueError as error:
        raise wrong_at(at, str(error)) from None
