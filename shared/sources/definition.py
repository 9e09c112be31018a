"""`SourceDefinition`: what `sources/<id>.yaml` says about one source (docs/SOURCES.md)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
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

from shared.counts import listed
from shared.errors import FixConfiguration
from shared.reserved_ids import RESERVED_IDS, not_reserved
from shared.sources.api_definition import ApiDefinition
from shared.sources.authentication import Auth
from shared.sources.parts import Currency, Part, Text
from shared.sources.references import EnvReference, SecretReference, Value, find_text, references_in
from shared.time_zones import is_time_zone
from shared.urls import has_credentials

FILES = "files"
"""The connector of sources whose files `retail etl` loads."""
REST = "rest"
"""The connector of APIs that their definition describes."""
CONNECTORS = ("retailer1", "retailer2", "retailer3", REST, FILES)
"""The connectors that come with the platform. Others are named as `module:Class`."""
T = TypeVar("T")
_CLASS = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
MAPPED = (FILES, REST)
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


class ConnectionPart(Part):
    """Where the source is, and how to authenticate."""

    url: Value = Field(description="Address of the API")
    auth: Auth | None = None

    @field_validator("url")
    @classmethod
    def _without_credentials(cls, given: object) -> object:
        address = given.default if isinstance(given, EnvReference) else given
        if isinstance(address, str) and has_credentials(address):
            raise ValueError("an address with a user or password in it has to be `{secret: NAME}`")
        return given


class ReadPart(Part):
    """How the source is read."""

    look_back: Days | None = Field(
        default=None, description="How far before the last run changes are read again. Default: INGEST_LOOKBACK_DAYS"
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
    schedule: Literal["daily", "manual"] = Field(
        default="daily",
        validate_default=True,
        description="daily: part of every run. manual: only when a command names it",
    )
    time_zone: Zone = Field(description="IANA time zone of the source's business dates")
    currencies: tuple[Currency, ...] | None = Field(
        default=None,
        json_schema_extra={"minItems": 1},
        description="Currencies that its sales can have. Default: any currency of ISO 4217",
    )
    connection: ConnectionPart | None = Field(default=None, validate_default=True, description="Not for files")
    api: ApiDefinition | None = Field(
        default=None, validate_default=True, description="Only for rest: what the API is like (docs/connectors/rest.md)"
    )
    mapping_file: str | None = Field(
        default=None, description="A file that has the mapping: its path from the directory of the definitions"
    )
    mapping: Mapping[str, Any] | None = Field(
        default=None,
        validate_default=True,
        description="For files and rest: what their columns mean, with the keys of a layout (docs/FILES.md)",
    )
    read: ReadPart = ReadPart()
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
    def _files_are_loaded_by_a_command(cls, schedule: str, info: ValidationInfo) -> str:
        if info.data.get("connector") == FILES and schedule != "manual":
            raise ValueError("`retail etl` loads files, so write `schedule: manual`")
        return schedule

    @field_validator("connection")
    @classmethod
    def _apis_have_an_address(cls, given: ConnectionPart | None, info: ValidationInfo) -> ConnectionPart | None:
        return _only(given, info, info.data.get("connector") != FILES, "a command names the files")

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
        return self.enabled and self.schedule == "daily"

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


@dataclass(frozen=True)
class Connection:
    """A definition's connection with the references replaced by their values."""

    url: str = field(repr=False)
    auth: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The keys of the definition's `auth`, `kind` included; empty without one."""
    url_setting: str = ""
    """Where a user corrects the address, for messages."""
    auth_settings: str = ""
    """Where a user corrects the credentials, for messages."""


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
            f"{definition.id} is not configured. Set {listed(missing)} in .env or the environment"
            f" (named in sources/{definition.id}.yaml)."
        )
    auth = {} if given.auth is None else _texts(given.auth, environ)
    own_file = f"`connection` in sources/{definition.id}.yaml"
    return Connection(
        url=find_text(given.url, environ) or "",
        auth=auth,
        url_setting=_setting(given.url) or own_file,
        auth_settings=" and ".join(dict.fromkeys(each.name for each in references_in(given.auth))) or own_file,
    )


def _texts(auth: Auth, environ: Mapping[str, str]) -> dict[str, str]:
    given = {name: getattr(auth, name) for name in type(auth).model_fields}
    return {name: find_text(value, environ) or "" for name, value in given.items() if value is not None}


def _setting(value: str | EnvReference | SecretReference) -> str:
    return "" if isinstance(value, str) else value.name
