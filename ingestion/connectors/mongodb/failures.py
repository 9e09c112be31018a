"""What an error of the driver or of the server means, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bson.errors import BSONError
from pymongo import errors

from ingestion.connectors.sql import dialect
from ingestion.connectors.sql.address import Address
from ingestion.connectors.sql.dialect import Fault
from shared.errors import FixConfiguration, RetailError, RetryLater, StopRun


def _forbidden(address: Address, detail: str) -> RetailError:
    return FixConfiguration(
        f"{address.source_id}: the user of the database may not read this ({detail})."
        " Grant it a role that reads the collection (docs/connectors/mongodb.md)."
    )


def _snapshot_too_old(address: Address, detail: str) -> RetailError:
    return RetryLater(
        f"{address.source_id}: the database at {address.shown} no longer has the state in which reading began"
        f" ({detail}). Create an index on the field of the date, or raise minSnapshotHistoryWindowInSeconds there."
    )


def _not_mongodb(address: Address, detail: str) -> RetailError:
    return StopRun(
        f"{address.source_id}: what responds at {address.shown} does not speak as MongoDB does ({detail})."
        f" Correct {address.url_setting}."
    )


def _unsuitable(address: Address, detail: str) -> RetailError:
    return FixConfiguration(
        f"{address.source_id}: the database at {address.shown} cannot be read ({detail})."
        f" Correct `connection` in sources/{address.source_id}.yaml (docs/connectors/mongodb.md)."
    )


_BY_CODE: dict[int, Callable[[Address, str], RetailError]] = {
    **dict.fromkeys((18, 11, 8000), dialect.rejected_login),
    13: _forbidden,
    **dict.fromkeys((50, 262), dialect.too_slow),
    **dict.fromkeys((239, 246), _snapshot_too_old),
    # Hosts that are lost, steps down, shutdowns, killed cursors and operations.
    **dict.fromkeys((6, 7, 89, 91, 189, 9001, 10107, 11600, 11602, 13435, 13436), dialect.ended),
    **dict.fromkeys((43, 112, 134, 136, 175, 202, 237, 290, 11601), dialect.ended),
}
"""The codes of errors of the server. Any other one is about the pipeline."""


def fault_of(error: Exception) -> Fault | None:
    """What an error means; None if it is not one of the driver."""
    if isinstance(error, BSONError):
        return Fault(_not_mongodb, str(error))
    if not isinstance(error, errors.PyMongoError):
        return None
    if isinstance(error, errors.OperationFailure):
        return Fault(_BY_CODE.get(error.code or 0, dialect.wrong_query), _message(error))
    if isinstance(error, errors.ServerSelectionTimeoutError):
        detail = str(error).partition(", Timeout: ")[0].partition(" (configured timeouts")[0]
        is_tls = "SSL" in detail or "certificate" in detail.lower()
        return Fault(dialect.wrong_tls if is_tls else dialect.unreachable, detail)
    if isinstance(error, errors.NotPrimaryError):
        return Fault(dialect.ended, _message(error))
    if isinstance(error, errors.ConnectionFailure):
        return Fault(dialect.lost, str(error).partition(" (configured timeouts")[0])
    if isinstance(error, errors.ProtocolError):
        return Fault(_not_mongodb, str(error))
    if isinstance(error, errors.ConfigurationError):
        return Fault(_unsuitable, str(error))
    return Fault(dialect.ended, str(error))


def _message(error: errors.OperationFailure | errors.NotPrimaryError) -> str:
    """The message of the server, without the rest of its response."""
    details = error.details
    found = details.get("errmsg") if isinstance(details, Mapping) else None
    return str(found or error).partition(", full error: ")[0]
