"""Dataclass to JSON and back: untrusted JSON becomes typed once, here, with the path in the error.

Supported field types: `str`, `int`, `float`, `bool`, `Decimal`, `X | None`, `tuple[X, ...]`,
`frozenset[X]`, `dict[str, X]` or `Mapping`, enums with string values, nested dataclasses, and
`JsonValue` (any JSON, bounded in depth). Unknown keys are refused; keys with a default may be
left out.
"""

import dataclasses
import enum
import functools
import json
import re
import types
import typing
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")

JsonValue = typing.Any
"""Marks a field that carries JSON as it is."""

_DECIMAL = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?")
MAX_DEPTH = 128  # deeper than any value an expression can make


class DecodeError(Exception):
    """`path` names the place, for example `job.steps[3].run`."""

    def __init__(self, path: str, message: str):
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path


def encode(message: Any) -> bytes:
    """A dataclass as compact UTF-8 JSON."""
    return json.dumps(to_plain(message), separators=(",", ":"), ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )


def decode(kind: type[T], data: bytes) -> T:
    """Raises DecodeError for anything that is not exactly one `kind`."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DecodeError("", f"not JSON: {error}") from None
    return from_plain(kind, value)


def from_plain(kind: type[T], value: Any) -> T:
    """The same from parsed JSON."""
    described: Any = kind
    result: T = _reader(described)(value, "")
    return result


def to_plain(value: Any) -> Any:
    """What `from_plain` takes: objects, lists and scalars of JSON."""
    kind: Any = type(value)
    return _writer(kind)(value)


_Writer = Callable[[Any], Any]
_Reader = Callable[[Any, str], Any]
"""From a value and its path to what it stands for; raises DecodeError."""


@functools.cache
def _writer(kind: Any) -> _Writer:
    """Made once a type: what is written most are objects of few kinds."""
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
        return lambda value: {name: to_plain(getattr(value, name)) for name in names}
    for base, writer in _WRITERS:
        if issubclass(kind, base):
            return writer
    return lambda value: value


_WRITERS: tuple[tuple[Any, _Writer], ...] = (
    (enum.Enum, lambda value: value.value),
    ((frozenset, set), lambda value: sorted(map(to_plain, value))),
    ((tuple, list), lambda value: [to_plain(item) for item in value]),
    (Mapping, lambda value: {key: to_plain(item) for key, item in value.items()}),
    (Decimal, lambda value: f"{value:f}"),
)


@functools.cache
def _reader(kind: Any) -> _Reader:
    """Made once a type, as reading is what servers do most."""
    if get_origin(kind) is not None:
        return _generic(kind, get_origin(kind))
    if dataclasses.is_dataclass(kind):
        return _object(kind)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return _enum(kind)
    return _SCALARS.get(kind) or _scalar(kind)


def _generic(kind: Any, origin: Any) -> _Reader:
    if origin in (typing.Union, types.UnionType):
        return _union(kind)
    if origin in (dict, Mapping):
        return _mapping(get_args(kind)[1])
    return _sequence(origin, get_args(kind)[0])


def _read_any(value: Any, path: str) -> Any:
    _check_depth(value, path, MAX_DEPTH)
    return value


def _union(kind: Any) -> _Reader:
    rest = [choice for choice in get_args(kind) if choice is not type(None)]
    if len(rest) != 1 or type(None) not in get_args(kind):
        raise TypeError(f"unsupported union {kind}")
    read = _reader(rest[0])
    return lambda value, path: None if value is None else read(value, path)


def _sequence(collection: Callable[[Any], Any], kind: Any) -> _Reader:
    read = _reader(kind)

    def reader(value: Any, path: str) -> Any:
        if not isinstance(value, list):
            raise DecodeError(path, f"expected a list, got {_name(value)}")
        return collection([read(part, f"{path}[{i}]") for i, part in enumerate(value)])

    return reader


def _mapping(kind: Any) -> _Reader:
    read = _reader(kind)

    def reader(value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            raise DecodeError(path, f"expected an object, got {_name(value)}")
        return {key: read(part, f"{path}.{key}") for key, part in value.items()}

    return reader


def _enum(kind: type[enum.Enum]) -> _Reader:
    def reader(value: Any, path: str) -> Any:
        try:
            return kind(value)
        except ValueError:
            raise DecodeError(path, f"{str(value)[:80]!r} is not a {kind.__name__}") from None

    return reader


def _scalar(kind: type) -> _Reader:
    def reader(value: Any, path: str) -> Any:
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise DecodeError(path, f"expected {kind.__name__}, got {_name(value)}")
        return value

    return reader


def _float(value: Any, path: str) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, float):
        raise DecodeError(path, f"expected float, got {_name(value)}")
    return value


def _decimal(value: Any, path: str) -> Any:
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise DecodeError(path, "expected a decimal number in a string")
    return Decimal(value)


_SCALARS: dict[Any, _Reader] = {Any: _read_any, float: _float, Decimal: _decimal}


def _object(kind: Any) -> _Reader:
    hints = get_type_hints(kind)
    fields = dataclasses.fields(kind)
    # Made when first needed: a type may hold itself.
    readers: dict[str, _Reader] = {}
    required = {
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    names = {field.name for field in fields}

    def reader(value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            raise DecodeError(path, f"expected an object, got {_name(value)}")
        if not readers:
            readers.update({name: _reader(hints[name]) for name in names})
        if not value.keys() <= names:
            raise DecodeError(path, f"unknown key {min(value.keys() - names)[:80]!r}")
        if not required <= value.keys():
            raise DecodeError(path, f"missing key {min(required - value.keys())!r}")
        prefix = f"{path}." if path else ""
        return kind(**{name: readers[name](part, prefix + name) for name, part in value.items()})

    return reader


def _check_depth(value: Any, path: str, left: int) -> None:
    if left == 0:
        raise DecodeError(path, f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        for item in value.values():
            _check_depth(item, path, left - 1)
    elif isinstance(value, list):
        for item in value:
            _check_depth(item, path, left - 1)


def _name(value: Any) -> str:
    if value is None:
        return "null"
    names: dict[type, str] = {dict: "an object", list: "a list"}
    return names.get(type(value), type(value).__name__)
