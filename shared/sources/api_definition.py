"""What an API that the connector `rest` reads is like: `api` of a definition (docs/connectors/rest.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, field_validator, model_validator

from shared.sources.parts import Currency, HeaderName, Part, Text
from shared.sources.request_templates import OF_CHANGES, OF_DATE, check_template, names_in
from shared.sources.validation import wrong_at

Template = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
HeaderValue = Annotated[str, StringConstraints(max_length=1000, pattern=r"^[!-~]([ -~]*[!-~])?$")]
KeyPath = Annotated[str, StringConstraints(pattern=r"^[^.\s]+(\.[^.\s]+)*$", max_length=500)]
"""Keys with dots between them: `data.orders`."""
TIME_FORMATS = ("iso", "rfc3339", "epoch", "epoch_ms")
_OWN_HEADERS = ("authorization", "proxy-authorization", "cookie")
_SENT_HEADERS = ("host", "content-length", "transfer-encoding", "connection", "expect", "accept-encoding")
_NO_PATH = re.compile(r"[?#\s\\]|^//|(^|/)\.\.?(/|$)")


def _relative_path(given: str) -> str:
    if not given.startswith("/") or _NO_PATH.search(given):
        raise ValueError(f"{given!r} is not a path below `connection.url`; an example is /v1/orders")
    return given


def _time_format(given: str) -> str:
    if given in TIME_FORMATS:
        return given
    shown = datetime(2024, 1, 15, 14, 3, 22).strftime(given)  # noqa: DTZ001 - only to try the format
    try:
        if "%" not in given or datetime.strptime(shown, given).year != 2024:  # noqa: DTZ007
            raise ValueError(given)
    except ValueError:
        raise ValueError(f"{given!r} is not a format; it is {', '.join(TIME_FORMATS)}, or like %d/%m/%Y") from None
    return given


def _texts(given: Any) -> Any:
    """The values of a parameter: one or several, texts or integers."""
    values = given if isinstance(given, list | tuple) else (given,)
    for each in values:
        if not isinstance(each, str) and type(each) is not int:
            raise ValueError(f"YAML reads this as {each}, not as a text; put it in quotes")
    return tuple(map(str, values))


_Texts = Annotated[
    tuple[Template, ...],
    Field(min_length=1),
    BeforeValidator(_texts, json_schema_input_type=str | int | list[str | int]),
]
Parameters = Mapping[Text, _Texts]
"""Name → values. A parameter with several values is sent several times."""
RequestPath = Annotated[str, AfterValidator(_relative_path), StringConstraints(max_length=2000)]
TimeFormat = Annotated[str, AfterValidator(_time_format)]


class Place(Part):
    """Where a value is in a response: in its body or in a header. A bare text is a path in the body."""

    path: KeyPath | None = Field(default=None, description="Keys in the body, with dots between them")
    header: HeaderName | None = Field(default=None, description="A header of the response")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (self.header is None):
            raise ValueError("give either path or header")
        return self


class TimePlace(Place):
    """Where a time is in a response, and how it is written."""

    format: TimeFormat = Field(default="iso", description="iso, rfc3339, epoch, epoch_ms, or strptime")


class TimeOfRow(Part):
    """Where a time or a date is in a row, and how it is written. A bare text is its path."""

    path: KeyPath | None = Field(default=None, description="Keys in the row; without it the row itself is the value")
    format: TimeFormat = Field(default="iso", description="iso, rfc3339, epoch, epoch_ms, or strptime")


def _bare_path(given: Any) -> Any:
    return {"path": given} if isinstance(given, str) else given


Location = Annotated[Place, BeforeValidator(_bare_path, json_schema_input_type=KeyPath | Place)]
TimeLocation = Annotated[TimePlace, BeforeValidator(_bare_path, json_schema_input_type=KeyPath | TimePlace)]
RowTime = Annotated[TimeOfRow, BeforeValidator(_bare_path, json_schema_input_type=KeyPath | TimeOfRow)]
PageSize = Annotated[int, Field(ge=1, le=100_000)]


class Pages(Part):
    """What all ways of paging have in common."""

    size: PageSize | None = Field(default=None, description="How many rows to request for a page")
    size_parameter: Text | None = Field(default=None, description="The parameter that has the size")
    total: Location | None = Field(
        default=None, description="Where the number of rows of all pages is; it must not change between pages"
    )

    @model_validator(mode="after")
    def _a_parameter_has_a_size(self) -> Self:
        if self.size_parameter is not None and self.size is None:
            raise ValueError("`size_parameter` needs `size`: how many rows to request for a page")
        return self


class NoPages(Pages):
    """One response has all rows."""

    kind: Literal["none"]


class CountedPages(Pages):
    """Pages that are requested by a number or an offset: until the total, `more`, or an empty page ends them."""

    more: Location | None = Field(default=None, description="Where it says whether another page follows: true or false")

    @model_validator(mode="after")
    def _a_total_is_compared_with_sizes(self) -> Self:
        if self.total is not None and self.size is None:
            raise ValueError("`total` needs `size`: how many rows a page has")
        return self


class NumberedPages(CountedPages):
    """Page 1, 2, 3 …"""

    kind: Literal["page"]
    parameter: Text = Field(default="page", description="The parameter that has the number of the page")
    first: int = Field(default=1, ge=0, le=1, description="The number of the first page")
    pages: Location | None = Field(default=None, description="Where the number of pages is")


class Offsets(CountedPages):
    """So many rows are skipped."""

    kind: Literal["offset"]
    parameter: Text = Field(default="offset", description="The parameter that has the number of rows to skip")
    size: PageSize = Field(description="How many rows to request for a page")


class Cursors(Pages):
    """Each page names the position of the next one."""

    kind: Literal["cursor"]
    parameter: Text = Field(default="cursor", description="The parameter that has the cursor")
    next: Location | None = Field(default=None, description="Where the cursor of the next page is")
    next_of_row: KeyPath | None = Field(default=None, description="Where it is in the last row of the page")
    more: Location | None = Field(default=None, description="Where it says whether another page follows: true or false")

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.next is None) == (self.next_of_row is None):
            raise ValueError("give either next or next_of_row")
        if self.next_of_row is not None and self.more is None:
            raise ValueError("`next_of_row` needs `more`: the last page has rows, too")
        return self


class Links(Pages):
    """Each page has the address of the next one; of it, only the query is used."""

    kind: Literal["link"]
    next: Location | None = Field(
        default=None, description="Where the address is. Default: the header Link, with rel=next"
    )


Pagination = Annotated[NoPages | NumberedPages | Offsets | Cursors | Links, Field(discriminator="kind")]


class Request(Part):
    """A request about a business date."""

    path: RequestPath = Field(description="Below `connection.url`, for example /v1/orders")
    parameters: Parameters = Field(default_factory=dict, description="Its query, with templates such as {day}")


class NetTotals(Part):
    """The signed net amounts of a control report, by currency."""

    path: KeyPath = Field(description="An object of currencies with their amounts; with `currency`, one amount")
    currency: Currency | None = Field(default=None, description="Of the one amount")
    amount: KeyPath | None = Field(default=None, description="Where the amount is in the value of a currency")
    minor_units: Annotated[int, Field(ge=0, le=6)] | KeyPath | None = Field(
        default=None, description="An integer amount: its decimals, or where they are in the value of a currency"
    )
    decimal: Literal[".", ","] = "."
    thousands: Literal[".", ",", " ", "'"] | None = None

    @model_validator(mode="after")
    def _marks_differ(self) -> Self:
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands are the same character")
        return self


class Report(Request):
    """The control report of a business date: what the source itself has counted."""

    lines: Location = Field(description="Where the number of lines is")
    net: NetTotals
    date: TimeLocation | None = Field(default=None, description="Where the date is that the report is about")


class ChangedRows(Part):
    """A list of what changed since a time: rows as in the listing, or dates."""

    path: RequestPath | None = Field(default=None, description="Default: that of the listing")
    parameters: Parameters = Field(description="Its query, with {since}")
    rows: KeyPath | None = Field(default=None, description="Default: that of the listing")
    pagination: Pagination | None = Field(default=None, description="Default: that of the listing")
    date: RowTime | None = Field(default=None, description="Business date of a row. Default: as `sold_at` is mapped")
    changed_at: RowTime | None = Field(
        default=None,
        description="When it changed. Default: as `changed_at` is mapped; else its date is read again",
    )
    previous_date: RowTime | None = Field(default=None, description="The business date that a row had before")


class ApiDefinition(Request):
    """The listing of a business date, and what else the API has."""

    rows: KeyPath | None = Field(
        default=None, description="Where the array of rows is in the body. Default: the body is the array"
    )
    pagination: Pagination
    headers: Mapping[HeaderName, HeaderValue] = Field(
        default_factory=dict, description="Headers of every request, such as the version of the API"
    )
    as_of: TimeLocation | None = Field(
        default=None, description="As of which time a page is correct. Default: the header Date"
    )
    report: Report | None = Field(default=None, description="Its control report, if it has one")
    changes: ChangedRows | None = Field(default=None, description="Its list of changes, if it has one")

    @field_validator("headers")
    @classmethod
    def _no_credentials(cls, given: Mapping[str, str]) -> Mapping[str, str]:
        for name in given:
            if name.lower() in _OWN_HEADERS:
                raise ValueError(f"{name} may contain a credential; name it in `connection.auth`")
            if name.lower() in _SENT_HEADERS:
                raise ValueError(f"{name} is set by the platform")
        return given

    @model_validator(mode="after")
    def _templates_are_known(self) -> Self:
        _check(self, OF_DATE, "a business date, such as {day}")
        if self.report is not None:
            _check(self.report, OF_DATE, "a business date, such as {day}", "report")
        if self.changes is not None:
            _check(self.changes, OF_CHANGES, "the time {since}", "changes")
        return self


def _check(request: Request | ChangedRows, allowed: tuple[str, ...], what: str, *at: str) -> None:
    """Raises an error at the key of a template that cannot be filled in, and if none is about a date or time."""
    used: set[str] = set()
    for key, text in _templates_of(request):
        try:
            used |= names_in(check_template(text, allowed))
        except ValueError as error:
            raise wrong_at((*at, *key), str(error)) from None
    if not used:
        raise wrong_at((*at, "parameters"), f"neither a parameter nor the path has {what}")


def _templates_of(request: Request | ChangedRows) -> Iterator[tuple[tuple[str, ...], str]]:
    if request.path is not None:
        yield ("path",), request.path
    for name, values in request.parameters.items():
        for each in values:
            yield ("parameters", name), each
