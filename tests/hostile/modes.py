"""What a hostile source is: how it responds, and which result of a landing is right."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ingestion.connectors import registry
from ingestion.connectors.protocol import Runtime
from ingestion.mapping.layouts import SourceMapping
from shared.config import load_settings
from tests.contract.test_connectors import settings_of
from tests.fakes.connector_api import ConnectorApi
from tests.fakes.http_vendor import Reply, Request

Api = type[ConnectorApi]
Respond = Callable[[Request], Reply]


@dataclass(frozen=True)
class Lands:
    """The date is landed."""

    lines: int = 3
    rejected: tuple[str, ...] = ()
    """The reason of each rejected line."""
    warning: str = ""
    """Part of a warning about the source's clock; empty: there is none."""


@dataclass(frozen=True)
class Fails:
    """The date is not landed."""

    kind: str
    """`RetryLater`, `StopRun` or `FixConfiguration`."""
    text: str
    """A regular expression that is found in the message."""


Result = Lands | Fails


@dataclass(frozen=True)
class Mode:
    """One way to be hostile."""

    name: str
    source: Callable[[Api], Respond]
    """A new source, with the API of this connector."""
    result: Result | Callable[[Api], Result]
    against: Callable[[Api], bool] = lambda api: True
    """The connectors whose APIs can do this."""
    settings: Mapping[str, str] = field(default_factory=dict)
    since_watermark: bool = False
    """Whether the list of changes is read, too."""

    def right_result(self, api: Api) -> Result:
        """What has to happen with this connector."""
        return self.result if isinstance(self.result, Lands | Fails) else self.result(api)


def with_report(api: Api) -> bool:
    """Whether its API has a control report."""
    return bool(api.report_path)


def with_changes(api: Api) -> bool:
    """Whether its API has a list of changes."""
    return bool(api.since_parameter)


def maps(name: str) -> Callable[[Api], bool]:
    """Whether its rows have this field of a record."""
    return lambda api: name in mapping_of(api).columns


def by_report(reported: Result, unreported: Result) -> Callable[[Api], Result]:
    """One result with a control report, another one without."""
    return lambda api: reported if api.report_path else unreported


def mapping_of(api: Api) -> SourceMapping:
    """What the rows of an API mean."""
    if api not in _mappings:
        _mappings[api] = _read_mapping(api)
    return _mappings[api]


_mappings: dict[Api, SourceMapping] = {}


def _read_mapping(api: Api) -> SourceMapping:
    settings = load_settings({**settings_of(api), api.url_variable: "http://127.0.0.1:9", **api.credentials})
    connector = registry.build(api.definition.stem, settings, Runtime())
    connector.close()
    return connector.mapping


def _place(api: Api, row: Any, name: str) -> tuple[dict[str, Any], str]:
    """The object within a row that has a record's field, in the first line of an order, and its key."""
    *path, last = mapping_of(api).columns[name].headers[0].split(".")
    for key in path:
        row = row[key][0] if isinstance(row[key], list) else row[key]
    return row, last


def get_field(api: Api, row: Any, name: str) -> Any:
    """The value of a record's field in a row."""
    found, key = _place(api, row, name)
    return found[key]


def set_field(api: Api, row: Any, name: str, value: Any) -> None:
    """Change the value of a record's field in a row."""
    found, key = _place(api, row, name)
    found[key] = value


ONE_PAGE = (("A", "B", "D"),)


def made(api: Api, **fields: Any) -> ConnectorApi:
    """The API of a connector, with one page of three lines unless `fields` says otherwise."""
    return api(**{"lines": ONE_PAGE, **fields})


def source(**fields: Any) -> Callable[[Api], Respond]:
    """A source whose API is right apart from these fields of its description."""
    return lambda api: made(api, **fields)


def every_reply(change: Callable[[Reply], Reply], **fields: Any) -> Callable[[Api], Respond]:
    """A source that changes each of its replies, apart from tokens."""

    def make(api: Api) -> Respond:
        right = made(api, **fields)

        def respond(request: Request) -> Reply:
            is_token = urlsplit(request.path).path not in (api.listing_path, api.report_path)
            return right(request) if is_token else change(right(request))

        return respond

    return make


def spoilt_pages(change: Callable[[Api, list[Any]], list[Any]], **fields: Any) -> Callable[[Api], Respond]:
    """A source that changes the rows of each of its pages."""

    def make(api: Api) -> Respond:
        def spoil(body: Any) -> Any:
            rows = spoilt.rows_of(body)
            if rows is None:
                return body
            changed = change(api, rows)
            return {**body, api.rows_key: changed} if api.rows_key else changed

        spoilt = made(api, spoil=spoil, **fields)
        return spoilt

    return make


def spoilt_report(place: re.Pattern[bytes], sent: bytes) -> Callable[[Api], Respond]:
    """A source whose control report has these bytes at this place."""

    def make(api: Api) -> Respond:
        right = made(api)

        def respond(request: Request) -> Reply:
            given = right(request)
            is_report = urlsplit(request.path).path == api.report_path
            return replace(given, body=place.sub(sent, given.body, count=1)) if is_report else given

        return respond

    return make


def only_for_changes(hostile: Callable[[Api], Respond]) -> Callable[[Api], Respond]:
    """A source that is hostile where it lists changes, and right otherwise."""

    def make(api: Api) -> Respond:
        bad, good = hostile(api), made(api)
        return lambda request: (bad if api.since_parameter in parse_qs(urlsplit(request.path).query) else good)(request)

    return make


PLACE = "@here@"


def put_in(sent: bytes) -> Callable[[Reply], Reply]:
    """Put these bytes where a body has `PLACE`: they need not be JSON."""
    place = json.dumps(PLACE).encode()
    return lambda given: replace(given, body=given.body.replace(place, sent))


def with_bytes_in(name: str, sent: bytes) -> Callable[[Api], Respond]:
    """A source whose first row has these bytes as the value of a record's field."""

    def change(api: Api, rows: list[Any]) -> list[Any]:
        set_field(api, rows[0], name, PLACE)
        return rows

    return _with_bytes(change, sent)


def with_rows_of(sent: bytes) -> Callable[[Api], Respond]:
    """A source whose pages have these bytes as their rows."""
    return _with_bytes(lambda api, rows: [PLACE], sent)


def _with_bytes(change: Callable[[Api, list[Any]], list[Any]], sent: bytes) -> Callable[[Api], Respond]:
    put = put_in(sent)

    def make(api: Api) -> Respond:
        spoilt = spoilt_pages(change)(api)
        return lambda request: put(spoilt(request))

    return make
