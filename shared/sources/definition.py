"""`SourceDefinition`: what `sources/<id>.yaml` says about one source (docs/SOURCES.md)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, cast

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from shared.errors import FixConfiguration
from shared.reserved_ids import RESERVED_IDS, not_reserved
from shared.sources.authentication import Auth, FileAuth
from shared.sources.file_drops import FileRead, connection_faults, schedule_fault
from shared.sources.parts import Currency, Part, Text
from shared.sources.references import EnvReference, SecretReference, Value, find_text, references_in
from shared.sources.schedules import DAILY, MANUAL, Schedule
from shared.sources.validation import wrong_at
from shared.time_zones import is_time_zone
from shared.urls import has_credentials

FILES = "files"
"""The connector of sources whose files `retail etl` loads."""
CONNECTORS = ("retailer1", "retailer2", "retailer3", FILES)
"""The connectors that come with the platform. Others are named as `module:Class`."""
_CLASS = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
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


class ConnectionPart(Part):
    """Where the source is, and how to authenticate."""

    url: Value | None = Field(default=None, description="Address of the API")
    location: Value | None = Field(
        default=None, description="Only for files: drops/*.csv, s3://bucket/prefix/*.csv or sftp://host/folder/*.csv"
    )
    host_key: Value | None = Field(default=None, description="Only for SFTP: the server's key, ssh-ed25519 AAAA…")
    auth: Auth | None = None

    @field_validator("url", "location")
    @classmethod
    def _without_credentials(cls, given: object) -> object:
        address = given.default if isinstance(given, EnvReference) else given
        if isinstance(address, str) and has_credentials(address):
            raise ValueError("an address with a user or password in it has to be `{secret: NAME}`")
        return given


class ReadPart(FileRead):
    """How the source is read."""

    look_back: Days | None = Field(
        default=None, description="How far before the last run changes are read again. Default: INGEST_LOOKBACK_DAYS"
    )


class Limits(Part):
    """Limits of this source; each takes precedence over the setting that it names."""

    reject_share: float | None = Field(default=None, ge=0, le=1, description="INGEST_MAX_REJECT_SHARE")
    requests_per_second: float | None = Field(
        default=None, ge=0.001, le=10_000, description="INGEST_REQUESTS_PER_SECOND"
    )
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
    mapping: Mapping[str, Any] | None = Field(
        default=None,
        validate_default=True,
        description="Only for files: what their columns mean, with the keys of a layout (docs/FILES.md)",
    )
    read: ReadPart = Field(default=ReadPart(), validate_default=True)
    limits: Limits = Limits()

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
        if info.data.get("connector") != FILES:
            return _connection_of_an_api(given, info)
        if given is not None:
            for key, reason in connection_faults(given):
                raise wrong_at((key,), reason)
        if fault := schedule_fault(info.data.get("schedule", MANUAL), given):
            raise ValueError(fault)
        return given

    @field_validator("mapping")
    @classmethod
    def _files_have_a_mapping(cls, given: Mapping[str, Any] | None, info: ValidationInfo) -> Mapping[str, Any] | None:
        return cast("Mapping[str, Any] | None", _only_for_files(given, info))

    @field_validator("read")
    @classmethod
    def _only_files_are_done(cls, given: ReadPart, info: ValidationInfo) -> ReadPart:
        wrong = [name for name in FileRead.model_fields if getattr(given, name) is not None]
        if wrong and info.data.get("connector", FILES) != FILES:
            raise wrong_at((wrong[0],), f"it is only for `connector: {FILES}`")
        return given

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


def _connection_of_an_api(given: ConnectionPart | None, info: ValidationInfo) -> ConnectionPart | None:
    if given is None and "connector" in info.data:
        raise PydanticCustomError("missing", "it is missing")
    if given is not None and given.url is None:
        raise wrong_at(("url",), "it is missing")
    for key in ("location", "host_key") if given is not None else ():
        if getattr(given, key) is not None:
            raise wrong_at((key,), f"it is only for `connector: {FILES}`")
    if given is not None and isinstance(given.auth, FileAuth):
        raise wrong_at(("auth", "kind"), f"{given.auth.kind!r} is only for `connector: {FILES}`")
    return given


def _only_for_files(given: object, info: ValidationInfo) -> object:
    """A key that files need and others cannot have."""
    connector = info.data.get("connector")
    if connector == FILES and given is None:
        raise PydanticCustomError("missing", "it is missing")
    if connector not in (None, FILES) and given is not None:
        raise ValueError(f"`{info.field_name}` is only for `connector: {FILES}`; the connector brings its own")
    return given


@dataclass(frozen=True)
class Connection:
    """A definition's connection with the references replaced by their values."""

    url: str = field(repr=False)
    """The address of an API, or the location of files."""
    auth: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The keys of the definition's `auth`, `kind` included; empty without one."""
    url_setting: str = ""
    """Where a user corrects the address, for messages."""
    auth_settings: str = ""
    """Where a user corrects the credentials, for messages."""
    host_key: str = ""
    """Of an SFTP server."""


def connect(definition: SourceDefinition, environ: Mapping[str, str]) -> Connection:
    """The connection of a source. Raises FixConfiguration that lists every missing variable."""
    given = definition.connection
    if given is None:
        raise FixConfiguration(
            f"{definition.id} has no connection: its files are loaded by `retail etl --retailer {definition.id}`."
        )
    missing = sorted({each.name for each in references_in(given) if not find_text(each, environ)})
    if missing:
        raise FixConfiguration(
            f"{definition.id} is not configured. Set {_listed(missing)} in .env or the environment"
            f" (named in sources/{definition.id}.yaml)."
        )
    auth = {} if given.auth is None else _texts(given.auth, environ)
    address = given.url or given.location or ""
    own_file = f"`connection` in sources/{definition.id}.yaml"
    return Connection(
        url=find_text(address, environ) or "",
        host_key=find_text(given.host_key or "", environ) or "",
        auth=auth,
        url_setting=_setting(address) or own_file,
        auth_settings=" and ".join(dict.fromkeys(each.name for each in references_in(given.auth))) or own_file,
    )


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _texts(auth: Auth, environ: Mapping[str, str]) -> dict[str, str]:
    given = {name: getattr(auth, name) for name in type(auth).model_fields}
    return {name: find_text(value, environ) or "" for name, value in given.items() if value is not None}


def _setting(value: str | EnvReference | SecretReference) -> str:
    return "" if isinstance(value, str) else value.name
