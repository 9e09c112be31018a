"""Finds values in the responses of an API that its definition describes."""

from __future__ import annotations

from typing import Any

from ingestion.connectors.http.client import JsonResponse
from ingestion.connectors.http.headers import natural_number
from shared.errors import StopRun
from shared.sources.api_definition import Place
from shared.sources.definition import SourceDefinition

_FLAGS = {"true": True, "false": False}


def value_at(value: Any, path: str | None) -> Any:
    """The value at keys with dots between them; None if it is not there. Without a path the value itself."""
    for key in path.split(".") if path else ():
        value = value.get(key) if isinstance(value, dict) else None
    return value


def found_at(response: JsonResponse, place: Place) -> Any:
    """The value at a place; None if it is not there. That of a header is a text."""
    return response.headers.get(place.header) if place.header else value_at(response.value, place.path)


class Responses:
    """Reads what has to be in the responses of one source. Raises StopRun where it is not, or is something else."""

    def __init__(self, source: SourceDefinition) -> None:
        self._source = source

    def rows(self, response: JsonResponse, path: str | None) -> list[Any]:
        """The rows of a page. A response without them does not mean that nothing was sold."""
        found = value_at(response.value, path)
        if not isinstance(found, list):
            raise self.unexpected(path or "the array of rows")
        return found

    def count(self, response: JsonResponse, place: Place) -> int:
        """A number of rows or pages."""
        found = found_at(response, place)
        if isinstance(found, str) and place.header:
            found = natural_number(found)
        if type(found) is not int:
            raise self.unexpected(place.header or place.path)
        return found

    def flag(self, response: JsonResponse, place: Place) -> bool:
        """True or false."""
        found = found_at(response, place)
        if isinstance(found, str) and place.header:
            found = _FLAGS.get(found.lower())
        if not isinstance(found, bool):
            raise self.unexpected(place.header or place.path)
        return found

    def unexpected(self, name: str | None) -> StopRun:
        """The error about a value that is missing or wrong."""
        return StopRun(
            f"{self._source.id} sent a response without {name!r}, or with a wrong value in it:"
            f" the API is not what {self._source.file} says."
        )
