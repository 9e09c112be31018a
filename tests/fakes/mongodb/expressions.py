"""Stages and expressions of MongoDB's aggregation, as its manual describes them; filters and orders by mongomock."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Any

from bson import DatetimeMS, Decimal128, Int64
from mongomock.filtering import filter_applies, resolve_sort_key

Document = dict[str, Any]
Collections = Mapping[str, Sequence[Document]]
MISSING = object()
_OF_DOUBLES = Context(prec=15, rounding=ROUND_HALF_EVEN)
_DECIMALS = Context(prec=34, rounding=ROUND_HALF_EVEN)
CONVERSION, NOT_AN_ARRAY, UNKNOWN_STAGE, UNKNOWN_EXPRESSION = 241, 17124, 40324, 168


class CommandFailed(Exception):
    """What the server responds with."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def run(stages: Sequence[Document], documents: Sequence[Document], collections: Collections) -> list[Document]:
    """What a pipeline makes of documents, which stay as they are."""
    found = list(documents)
    for stage in stages:
        [(name, given)] = stage.items()
        if name not in _STAGES:
            raise CommandFailed(UNKNOWN_STAGE, f"Unrecognized pipeline stage name: '{name}'")
        found = _STAGES[name](given, found, collections)
    return found


def _match(given: Any, documents: list[Document], _: Collections) -> list[Document]:
    return [each for each in documents if matches(given, each)]


def _sort(given: Any, documents: list[Document], _: Collections) -> list[Document]:
    found = list(documents)
    for key, direction in reversed(given.items()):
        found.sort(key=lambda each, key=key: _sort_key(key, each), reverse=direction < 0)  # type: ignore[misc]
    return found


def matches(condition: Any, document: Document) -> bool:
    """Whether a filter applies to a document."""
    return bool(filter_applies(condition, document))  # type: ignore[no-untyped-call]


def _sort_key(key: str, document: Document) -> Any:
    return resolve_sort_key(key, _in_range(document))  # type: ignore[no-untyped-call]


def _in_range(document: Document) -> Document:
    """With the last time of all in place of one that Python does not have, which mongomock cannot order."""
    return {key: datetime.max if isinstance(value, DatetimeMS) else value for key, value in document.items()}  # noqa: DTZ901


def _project(given: Any, documents: list[Document], _: Collections) -> list[Document]:
    return [_projected(given, each) for each in documents]


def _projected(given: Document, document: Document) -> Document:
    found = {} if given.get("_id") == 0 or "_id" not in document else {"_id": document["_id"]}
    for key, wanted in given.items():
        value = path_of(document, key.split(".")) if wanted in (1, True) else evaluate(wanted, document, {})
        if value is not MISSING and wanted != 0:
            found[key] = value
    return found


def _set(given: Any, documents: list[Document], _: Collections) -> list[Document]:
    def changed(document: Document) -> Document:
        values = {key: evaluate(wanted, document, {}) for key, wanted in given.items()}
        return {**document, **{key: value for key, value in values.items() if value is not MISSING}}

    return [changed(each) for each in documents]


def _unwind(given: Any, documents: list[Document], _: Collections) -> list[Document]:
    path, number = (given["path"], given.get("includeArrayIndex")) if isinstance(given, dict) else (given, None)
    key, found = path.removeprefix("$"), list[Document]()
    for each in documents:
        values = each.get(key)
        for place, value in enumerate(values if isinstance(values, list) else [] if values is None else [values]):
            found.append({**each, key: value, **({number: Int64(place)} if number else {})})
    return found


def _lookup(given: Any, documents: list[Document], collections: Collections) -> list[Document]:
    others = collections.get(given["from"], ())
    return [
        {
            **each,
            given["as"]: [it for it in others if it.get(given["foreignField"]) == each.get(given["localField"])],
        }
        for each in documents
    ]


def _group(given: Any, documents: list[Document], _: Collections) -> list[Document]:
    groups: dict[str, tuple[Any, list[Document]]] = {}
    for each in documents:
        key = evaluate(given["_id"], each, {})
        groups.setdefault(repr(key), (None if key is MISSING else key, []))[1].append(each)
    return [
        {"_id": key, **{name: _accumulated(how, members) for name, how in given.items() if name != "_id"}}
        for key, members in groups.values()
    ]


def _accumulated(how: Document, members: list[Document]) -> Any:
    [(name, given)] = how.items()
    values = [value for each in members if (value := evaluate(given, each, {})) is not MISSING and value is not None]
    if name == "$sum":
        return _sum(values)
    if name == "$max":
        return max(values, key=_ordered, default=None)
    raise CommandFailed(15952, f"unknown group operator '{name}'")


_STAGES: dict[str, Callable[[Any, list[Document], Collections], list[Document]]] = {
    "$match": _match,
    "$sort": _sort,
    "$limit": lambda given, documents, _: documents[:given],
    "$project": _project,
    "$set": _set,
    "$addFields": _set,
    "$unwind": _unwind,
    "$lookup": _lookup,
    "$group": _group,
}


def path_of(value: Any, keys: Sequence[str]) -> Any:
    """The value at a path; of an array, those of its elements. `MISSING` if there is none."""
    if not keys:
        return value
    if isinstance(value, list):
        return [found for each in value if (found := path_of(each, keys)) is not MISSING]
    return path_of(value[keys[0]], keys[1:]) if isinstance(value, dict) and keys[0] in value else MISSING


def evaluate(given: Any, document: Document, variables: Mapping[str, Any]) -> Any:
    """The value of an expression."""
    if isinstance(given, str) and given.startswith("$$"):
        name, _, rest = given[2:].partition(".")
        return path_of(variables[name], rest.split(".") if rest else [])
    if isinstance(given, str) and given.startswith("$"):
        return path_of(document, given[1:].split("."))
    if isinstance(given, list):
        return [None if (it := evaluate(each, document, variables)) is MISSING else it for each in given]
    if not isinstance(given, dict):
        return given
    if len(given) != 1 or not next(iter(given)).startswith("$"):
        return {key: evaluate(value, document, variables) for key, value in given.items()}
    [(name, argument)] = given.items()
    if name in _SPECIAL:
        return _SPECIAL[name](argument, document, variables)
    if name not in _FUNCTIONS:
        raise CommandFailed(UNKNOWN_EXPRESSION, f"Unrecognized expression '{name}'")
    arguments = argument if isinstance(argument, list) else [argument]
    return _FUNCTIONS[name](*(evaluate(each, document, variables) for each in arguments))


def _cond(given: Any, document: Document, variables: Mapping[str, Any]) -> Any:
    condition, then, otherwise = given
    is_true = evaluate(condition, document, variables) not in (False, None, 0, MISSING)
    return evaluate(then if is_true else otherwise, document, variables)


def _map(given: Any, document: Document, variables: Mapping[str, Any]) -> Any:
    values = evaluate(given["input"], document, variables)
    return [evaluate(given["in"], document, {**variables, given["as"]: each}) for each in values]


def _let(given: Any, document: Document, variables: Mapping[str, Any]) -> Any:
    own = {name: evaluate(value, document, variables) for name, value in given["vars"].items()}
    return evaluate(given["in"], document, {**variables, **own})


def _convert(given: Any, document: Document, variables: Mapping[str, Any]) -> Any:
    value = evaluate(given["input"], document, variables)
    assert given["to"] == "decimal"
    if value is MISSING or value is None:
        return given["onNull"]
    try:
        return _as_decimal128(value)
    except (InvalidOperation, TypeError):
        if "onError" in given:
            return given["onError"]
        raise CommandFailed(CONVERSION, f"Failed to parse number '{value}' in $convert") from None


def _as_decimal128(value: Any) -> Decimal128:
    if isinstance(value, Decimal128):
        return value
    if isinstance(value, bool):
        return Decimal128(str(int(value)))
    if isinstance(value, float):
        return Decimal128(_OF_DOUBLES.create_decimal(value) if math.isfinite(value) else Decimal(value))
    if isinstance(value, datetime):
        return Decimal128(str(int(value.replace(tzinfo=UTC).timestamp() * 1000)))
    if isinstance(value, int | str):
        return Decimal128(_DECIMALS.create_decimal(value))
    raise TypeError(type(value).__name__)


_SPECIAL: dict[str, Callable[[Any, Document, Mapping[str, Any]], Any]] = {
    "$literal": lambda given, *_: given,
    "$cond": _cond,
    "$map": _map,
    "$let": _let,
    "$convert": _convert,
    "$dateToString": lambda given, document, variables: evaluate(given["date"], document, variables).strftime(
        given["format"]
    ),
}


def _size(value: Any) -> int:
    if not isinstance(value, list):
        raise CommandFailed(NOT_AN_ARRAY, "The argument to $size must be an array")
    return len(value)


def _sum(values: Any) -> Any:
    numbers = [each for each in values if isinstance(each, int | float | Decimal128) and not isinstance(each, bool)]
    if not any(isinstance(each, Decimal128) for each in numbers):
        return sum(numbers)
    total = Decimal(0)
    for each in numbers:
        total = _DECIMALS.add(total, each.to_decimal() if isinstance(each, Decimal128) else Decimal(each))
    return Decimal128(total)


def _ordered(value: Any) -> Any:
    """Numbers of all types are compared by their value, and NaN is less than all of them."""
    number = value.to_decimal() if isinstance(value, Decimal128) else value
    if isinstance(number, bool) or not isinstance(number, int | float | Decimal):
        return number
    return (0, Decimal(0)) if number != number else (1, Decimal(number))


def _arithmetic(operation: Callable[[Decimal, Decimal], Decimal]) -> Callable[[Any, Any], Any]:
    def calculated(first: Any, second: Any) -> Any:
        if isinstance(first, Decimal128) or isinstance(second, Decimal128):
            return Decimal128(operation(*(_as_decimal128(each).to_decimal() for each in (first, second))))
        return type(first)(operation(Decimal(first), Decimal(second)))

    return calculated


def _all(values: Sequence[Any]) -> Iterator[Any]:
    yield from (each for each in values if each is not MISSING and each is not None)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "$isArray": lambda value: isinstance(value, list),
    "$size": _size,
    "$ifNull": lambda value, other: other if value is MISSING or value is None else value,
    "$eq": lambda first, second: first == second,
    "$gt": lambda first, second: _ordered(first) > _ordered(second),
    "$lt": lambda first, second: _ordered(first) < _ordered(second),
    "$and": lambda *values: all(values),
    "$add": lambda *values: _sum(values),
    "$sum": lambda value: _sum(value if isinstance(value, list) else [value]),
    "$max": lambda *values: max(_all(values), key=_ordered),
    "$subtract": _arithmetic(lambda first, second: first - second),
    "$multiply": _arithmetic(lambda first, second: first * second),
    "$mod": _arithmetic(lambda first, second: first % second),
    "$substrBytes": lambda text, start, length: text.encode()[start : start + length].decode(),
}
