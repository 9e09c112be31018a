"""Where the partition of a retailer and business date is stored in S3, and its manifest."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from pydantic import AliasChoices, AwareDatetime, BaseModel, ConfigDict, Field

SCHEMA_VERSION = 3
MANIFEST_NAME = "_manifest.json"
_DATE = re.compile(r"year=([0-9]{4})/month=([0-9]{2})/day=([0-9]{2})/")
_KEY = re.compile(rf"(?P<zone>[a-z_]+)/(?P<retailer_id>[a-z0-9_]{{1,32}})/{_DATE.pattern}(?P<name>[^/]+)")


class PartitionKey(NamedTuple):
    """What the key of an object of a partition says."""

    zone: str
    retailer_id: str
    business_date: date
    name: str


def read_key(key: str) -> PartitionKey | None:
    """The parts of a key; None for an object that is in no partition, whatever else its key resembles."""
    found, day = _KEY.fullmatch(key), date_in_key(key)
    return PartitionKey(found["zone"], found["retailer_id"], day, found["name"]) if found and day else None


def date_in_key(key: str) -> date | None:
    """The business date in a key or in the end of an object's address; None if there is none."""
    found = _DATE.search(key)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:  # such as month=13, which a bucket can have as well
        return None


def partition_prefix(zone: str, retailer_id: str, day: date) -> str:
    """`raw/retailer_1/year=2024/month=01/day=15/` for zone `raw`, `processed` or `rejected`."""
    return f"{zone}/{retailer_id}/year={day:%Y}/month={day:%m}/day={day:%d}/"


def raw_key(retailer_id: str, day: date) -> str:
    """The NDJSON object of a raw partition."""
    return partition_prefix("raw", retailer_id, day) + "sales_data.json"


def manifest_key(retailer_id: str, day: date) -> str:
    """The manifest of a raw partition; engines that read the folder skip names that begin with `_`."""
    return partition_prefix("raw", retailer_id, day) + MANIFEST_NAME


def rejected_key(retailer_id: str, day: date) -> str:
    """The dead letters of a partition, NDJSON."""
    return partition_prefix("rejected", retailer_id, day) + "rejected.json"


def history_prefix(retailer_id: str, day: date) -> str:
    """The folder of the copies that are kept while a raw partition is replaced, in the raw bucket."""
    return partition_prefix("raw_history", retailer_id, day)


def history_key(retailer_id: str, day: date, sha256: str) -> str:
    """The copy of a replaced object, records or dead letters, with this checksum."""
    return f"{history_prefix(retailer_id, day)}{sha256}.json"


def processed_key(retailer_id: str, day: date) -> str:
    """The conformed Parquet file of a partition, in the processed bucket."""
    return partition_prefix("processed", retailer_id, day) + "sales.parquet"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ControlAmounts(_Frozen):
    """Signed money of one currency; net amounts, but for the tax."""

    landed: Decimal = Decimal(0)
    rejected: Decimal = Decimal(0)
    """Only from rejected records whose amount could be read."""
    landed_tax: Decimal = Decimal(0)
    """Signed tax of the landed records; 0 in manifests before version 3."""


class ControlReport(_Frozen):
    """What the retailer itself reports for the day."""

    lines: int | None = Field(ge=0)
    """None: it reports money only."""
    net: dict[str, Decimal]


class SourceDescription(_Frozen):
    """What the loads and the checks have to know of the source, so that the raw zone alone is enough."""

    name: str
    country: str | None = None
    connector: str
    time_zone: str
    """IANA name; the business dates are meant in it."""
    currencies: tuple[str, ...] | None = None
    """The currencies that its sales can have; None for any."""
    definition_digest: str | None = None
    """SHA-256 of the definition; None for files that were loaded without a definition."""


class SourceFileReference(_Frozen):
    """A file that records of the partition came from."""

    name: str
    sha256: str
    """Of its bytes as stored."""


class RequestWindow(_Frozen):
    """When the source was read, and which changes were listed (UTC).

    With `changes_since` alone, the source has no list of changes. With neither, the run did not request one.
    """

    requested_from: AwareDatetime
    requested_until: AwareDatetime
    changes_since: AwareDatetime | None = None
    changes_until: AwareDatetime | None = None
    changes_from_position: str | None = None
    """Where the list of changes began, for a source that lists by a position instead of a time. None: at none."""
    changes_to_position: str | None = None
    """Where the next list begins."""


class Manifest(_Frozen):
    """Control totals of one raw partition; fetched = landed + rejected.

    It is written last: without a manifest that has the object's `sha256` a partition does not exist.
    """

    schema_version: int = SCHEMA_VERSION
    """2 since it has `source`, 3 since records have item types, discounts and tax."""
    retailer_id: str
    business_date: date
    run_id: str
    object_key: str
    sha256: str
    size_bytes: int = Field(ge=0)
    fetched: int = Field(ge=0)
    landed: int = Field(ge=0)
    rejected: int = Field(ge=0)
    rejected_sha256: str | None = None
    """Of the rejected object. None when nothing was rejected, and in older manifests."""
    distinct: int = Field(ge=0)
    """Distinct natural keys among the landed records."""
    amounts: dict[str, ControlAmounts]
    control_report: ControlReport | None = Field(
        None,
        validation_alias=AliasChoices("control_report", "source_report"),  # its name in older manifests
    )
    source: SourceDescription | None = None
    """None in manifests of version 1."""
    sources: tuple[SourceFileReference, ...] = ()
    """The files it came from; empty for a retailer's API."""
    window: RequestWindow
    other_dates: tuple[date, ...] = Field(
        (), validation_alias=AliasChoices("other_dates", "companions")
    )  # older manifests
    """Other dates of this retailer that the same run landed, for their changes or to fill a gap."""
    code_version: str
    written_at: AwareDatetime


class ForeignManifest(ValueError):
    """A manifest that describes another partition than the one it is in: somebody has copied the objects."""


def read_manifest_of(retailer_id: str, day: date, content: bytes) -> Manifest:
    """The manifest of a partition. Raises ForeignManifest, or pydantic's ValidationError for one that is none."""
    manifest = Manifest.model_validate_json(content)
    if (manifest.retailer_id, manifest.business_date) != (retailer_id, day):
        raise ForeignManifest(f"it is that of {manifest.retailer_id} {manifest.business_date}")
    if manifest.object_key != raw_key(retailer_id, day):
        raise ForeignManifest(f"it names the object {manifest.object_key}")
    return manifest
