"""`SourceDefinition`: what `sources/<id>.yaml` says about one source (docs/SOURCES.md)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from shared.errors import FixConfiguration
from shared.reserved_ids import RESERVED_IDS, not_reserved
from shared.sources.api_definition import ApiDefinition
from shared.sources.connection import FILES, ConnectionPart, connection_faults
from shared.sources.contracts import Contract
from shared.sources.databases import DATABASES, DatabaseRead, database_faults
from shared.sources.documents import DocumentRead, document_faults
from shared.sources.file_drops import FileRead, file_faults, schedule_fault
from shared.sources.parts import Currency, Part, Text
from shared.sources.programs import PROGRAMS, ProgramRead, program_faults
from shared.sources.schedules import DAILY, MANUAL, Schedule
from shared.sources.validation import wrong_at
from shared.time_zones import is_time_zone

REST = "rest"
"""The connector of APIs that their definition describes."""
SHOPIFY = "shopify"
_SHOPS = (SHOPIFY, "stripe", "woocommerce")
CONNECTORS = ("retailer1", "retailer2", "retailer3", REST, *_SHOPS, *DATABASES, *PROGRAMS, FILES)
"""The connectors that come with the platform. Others are named as `module:Class`."""
T = TypeVar("T")
_CLASS = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
MAPPED = (FILES, REST, *DATABASES, *PROGRAMS)
"""The connectors of sources whose definition says what their columns mean."""
MOST_DAYS = 365  # of a look-back, as for INGEST_LOOKBACK_DAYS
_DURATION = re.compile(r"([0-9]+)d")


SourceId = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$"),
    AfterValidator(not_reserved),
    Field(json_schema_extra={"not": {"enum": list(RESERVED_IDS)}}),
]


def check_id(given: str) -> None:
    """Raises FixConfiguration if this cannot be the id of a source."""
    try:
        TypeAdapter(SourceId).validate_python(given)
    except ValidationError as error:
        what = "it is reserved" if given in RESERVED_IDS else "it is not 1 to 32 of a-z, 0-9 and _ that begin with a-z"
        raise FixConfiguration(f"{given!r} cannot be the id of a source: {what}.") from error


def known_connector(name: str) -> str:
    """The name, if it is a connector's. Raises ValueError that lists the known ones."""
    if name in CONNECTORS or _CLASS.fullmatch(name):
        return name
    raise ValueError(f"{name!r} is not a connector; allowed: {', '.join(CONNECTORS)}, or module:Class for your own")


def known_zone(name: str) -> str:
    """The name, if it is an IANA time zone. Raises ValueError."""
    if not is_time_zone(name):
        raise ValueError(f"{name!r} is not an IANA time zone; an example is Europe/Berlin")
    return name


def _days(given: Any) -> Any:
    found = _DURATION.fullmatch(given) if isinstance(given, str) else None
    if found is None:
        raise ValueError(f"{given!r} is not a number of days; an example is 3d")
    if len(found[1]) > 3 or (days := int(found[1])) > MOST_DAYS:
        raise ValueError(f"{given!r} is more than {MOST_DAYS} days")
    return days


Connector = Annotated[str, AfterValidator(known_connector)]
Zone = Annotated[str, AfterValidator(known_zone)]
Days = Annotated[int, BeforeValidator(_days, json_schema_input_type=Annotated[str, Field(pattern=r"^[0-9]+d$")])]


class ReadPart(DatabaseRead, DocumentRead, FileRead, ProgramRead):
    """How the source is read."""

    look_back: Days | None = Field(
        default=None, description="How far before the last run changes are read again. Default: INGEST_LOOKBACK_DAYS"
    )
    admin_api: Literal["graphql", "rest"] | None = Field(
        default=None, description="Only for shopify: which of its two APIs is read. Default: graphql"
    )


class Limits(Part):
    """Limits of this source; each takes precedence over the setting that it names."""

    reject_share: float | None = Field(default=None, ge=0, le=1, description="INGEST_MAX_REJECT_SHARE")
    reject_amount_share: float | None = Field(default=None, ge=0, le=1, description="INGEST_MAX_REJECT_AMOUNT_SHARE")
    requests_per_second: float | None = Field(
        default=None, ge=0.001, le=10_000, description="INGEST_REQUESTS_PER_SECOND"
    )
    timeout_seconds: float | None = Field(default=None, gt=0, le=86_400, description="INGEST_TIMEOUT_SECONDS")
    listing_minutes: float | None = Field(default=None, gt=0, le=10_000, description="INGEST_LISTING_MINUTES")
    max_response_mb: int | None = Field(default=None, ge=1, le=16_384, description="INGEST_MAX_RESPONSE_MB")
    catch_up_days: int | None = Field(default=None, ge=1, le=3660, description="INGEST_CATCH_UP_DAYS")


class SourceDefinition(Part):
    """One source. The id is its `retailer_id` everywhere on the platform."""

    id: SourceId = Field(description="Also the name of the file; never change it once data is loaded")
    name: Text = Field(description="Name to show")
    country: Text | None = Field(default=None, description="Country of the head office")
    connector: Connector = Field(description="How the source is read")
    enabled: bool = Field(default=True, description="false: the source is skipped, and its data stays")
    start_date: date | None = Field(default=None, description="Earlier dates are never read and never missing")
    schedule: Schedule = Field(
        default=DAILY,
        validate_default=True,
        description="daily: part of every run. manual: only when a command names it. Files also have on_arrival, and a"
        " cron expression in the source's time zone",
    )
    time_zone: Zone = Field(description="IANA time zone of the source's business dates")
    currencies: tuple[Currency, ...] | None = Field(
        default=None,
        json_schema_extra={"minItems": 1},
        description="Currencies that its sales can have. Default: any currency of ISO 4217",
    )
    connection: ConnectionPart | None = Field(default=None, validate_default=True, description="Where the source is")
    api: ApiDefinition | None = Field(
        default=None, validate_default=True, description="Only for rest: what the API is like (docs/connectors/rest.md)"
    )
    mapping_file: str | None = Field(
        default=None, description="A file that has the mapping: its path from the directory of the definitions"
    )
    mapping: Mapping[str, Any] | None = Field(
        default=None,
        validate_default=True,
        description="For files, rest, databases, singer, dlt: what their columns mean, as in a layout (docs/FILES.md)",
    )
    contract: Contract = "evolve"
    read: ReadPart = Field(default=ReadPart(), validate_default=True)
    limits: Limits = Limits()
    _file: Path | None = PrivateAttr(default=None)

    @field_validator("currencies")
    @classmethod
    def _some_currency(cls, given: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if given == ():
            raise ValueError("name at least one currency, or leave the key out for any")
        return given

    @field_validator("schedule")
    @classmethod
    def _only_files_have_other_schedules(cls, schedule: str, info: ValidationInfo) -> str:
        if schedule not in (DAILY, MANUAL) and info.data.get("connector", FILES) != FILES:
            raise ValueError(f"only `connector: {FILES}` can have {schedule!r}. Allowed: {DAILY}, {MANUAL}")
        return schedule

    @field_validator("connection")
    @classmethod
    def _there_is_an_address(cls, given: ConnectionPart | None, info: ValidationInfo) -> ConnectionPart | None:
        connector = info.data.get("connector")
        if given is None and connector is not None and connector != FILES:
            raise PydanticCustomError("missing", "it is missing")
        if given is not None and connector is not None:
            _raise_first(connection_faults(connector, given))
        if connector == FILES and (fault := schedule_fault(info.data.get("schedule", MANUAL), given)):
            raise ValueError(fault)
        return given

    @field_validator("api")
    @classmethod
    def _rest_has_an_api(cls, given: ApiDefinition | None, info: ValidationInfo) -> ApiDefinition | None:
        return _only(given, info, info.data.get("connector") == REST, f"it is only for `connector: {REST}`")

    @field_validator("mapping")
    @classmethod
    def _definitions_of_rows_have_a_mapping(
        cls, given: Mapping[str, Any] | None, info: ValidationInfo
    ) -> Mapping[str, Any] | None:
        return _only(given, info, info.data.get("connector") in MAPPED, "the connector brings its own")

    @field_validator("read")
    @classmethod
    def _the_connector_has_such_keys(cls, given: ReadPart, info: ValidationInfo) -> ReadPart:
        if connector := info.data.get("connector"):
            _raise_first(file_faults(connector == FILES, given))
            _raise_first(document_faults(connector, given))
            _raise_first(database_faults(connector, given))
            _raise_first(program_faults(connector, given))
            if given.admin_api and connector != SHOPIFY:
                raise wrong_at(("admin_api",), f"it is only for `connector: {SHOPIFY}`")
        return given

    @field_validator("limits")
    @classmethod
    def _only_apis_have_a_rate(cls, given: Limits, info: ValidationInfo) -> Limits:
        if given.requests_per_second is not None and info.data.get("connector") in DATABASES:
            raise wrong_at(("requests_per_second",), "a database is read with one query, so there is no rate")
        if given.requests_per_second is not None and info.data.get("connector") in PROGRAMS:
            raise wrong_at(("requests_per_second",), "the program sends the requests; limit it in connection.config")
        return given

    @property
    def file(self) -> Path:
        """The file that it was read from, for messages."""
        return self._file or Path("sources") / f"{self.id}.yaml"

    def read_from(self, file: Path) -> Self:
        """The same, from that file."""
        self._file = file
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of the definition; references count by their names, not by their values."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    @property
    def is_scheduled(self) -> bool:
        """Whether scheduled runs read the source."""
        return self.enabled and self.schedule == DAILY

    @property
    def has_drops(self) -> bool:
        """Whether its files are dropped in a location."""
        return self.connector == FILES and self.connection is not None

    def is_due(self, day: date) -> bool:
        """Whether a scheduled run of that business date includes the source."""
        return self.is_scheduled and self.covers(day)

    def covers(self, day: date) -> bool:
        """Whether the source has data of that business date."""
        return self.start_date is None or self.start_date <= day

    def check_covers(self, day: date) -> None:
        """Raises FixConfiguration when the source has no data of that business date."""
        if not self.covers(day):
            raise FixConfiguration(
                f"{self.id} has no data of {day}: `start_date` of its definition is {self.start_date}."
            )


def _only(given: T, info: ValidationInfo, is_wanted: bool, otherwise: str) -> T:
    """A key that some connectors need and others cannot have. `otherwise`: why they cannot."""
    connector = info.data.get("connector")
    if connector is not None and is_wanted and given is None:
        raise PydanticCustomError("missing", "it is missing")
    if connector is not None and not is_wanted and given is not None:
        raise ValueError(f"`{info.field_name}` is not for `connector: {connector}`; {otherwise}")
    return given


def _raise_first(faults: Iterator[tuple[str, str]]) -> None:
    for key, reason in faults:
        raise wrong_at((key,), reason)
