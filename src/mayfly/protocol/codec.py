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
from collections.abc import Mapping
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
    result: T = _typed(kind, value, "")
    return result


def to_plain(value: Any) -> Any:
    """What `from_plain` takes: objects, lists and scalars of JSON."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (frozenset, set)):
        return sorted(to_plain(item) for item in value)
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value


def _typed(kind: Any, value: Any, path: str) -> Any:
    if kind is Any:
        _check_depth(value, path, MAX_DEPTH)
        return value
    origin = get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _union(kind, value, path)
    if origin in (tuple, frozenset):
        item = get_args(kind)[0]
        if not isinstance(value, list):
            raise DecodeError(path, f"expected a list, got {_name(value)}")
        return origin(_typed(item, part, f"{path}[{i}]") for i, part in enumerate(value))
    if origin in (dict, Mapping):
        item = get_args(kind)[1]
        if not isinstance(value, dict):
            raise DecodeError(path, f"expected an object, got {_name(value)}")
        return {key: _typed(item, part, f"{path}.{key}") for key, part in value.items()}
    return _scalar_or_object(kind, value, path)


def _scalar_or_object(kind: Any, value: Any, path: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return _object(kind, value, path)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        try:
            return kind(value)
        except ValueError:
            raise DecodeError(path, f"{str(value)[:80]!r} is not a {kind.__name__}") from None
    if kind is Decimal:
        return _decimal(value, path)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise DecodeError(path, f"expected {kind.__name__}, got {_name(value)}")
    return value


def _decimal(value: Any, path: str) -> Decimal:
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise DecodeError(path, "expected a decimal number in a string")
    return Decimal(value)


def _union(kind: Any, value: Any, path: str) -> Any:
    choices = get_args(kind)
    if value is None and type(None) in choices:
        return None
    rest = [choice for choice in choices if choice is not type(None)]
    if len(rest) != 1:
        raise TypeError(f"unsupported union {kind}")
    return _typed(rest[0], value, path)


def _object(kind: Any, value: Any, path: str) -> Any:
    if not isinstance(value, dict):
        raise DecodeError(path, f"expected an object, got {_name(value)}")
    fields = _fields(kind)
    unknown = value.keys() - fields.keys()
    if unknown:
        raise DecodeError(path, f"unknown key {min(unknown)[:80]!r}")
    arguments = {}
    for name, (hint, required) in fields.items():
        if name in value:
            arguments[name] = _typed(hint, value[name], f"{path}.{name}" if path else name)
        elif required:
            raise DecodeError(path, f"missing key {name!r}")
    return kind(**arguments)


@functools.cache
def _fields(kind: type) -> dict[str, tuple[Any, bool]]:
    hints = get_type_hints(kind)
    return {
        field.name: (
            hints[field.name],
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(kind)
    }


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
