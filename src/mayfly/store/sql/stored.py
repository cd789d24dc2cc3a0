"""Values as JSON in a column and back.

`protocol.codec` reads what others wrote: strictly, bounded, with the place in its errors. This
reads what servers of this fleet wrote, much faster, and leaves out keys that only a newer version
knows, so that servers of two versions can share a database. Values are shared, as in the memory
store: nobody changes what is in a row.
"""

import dataclasses
import enum
import functools
import json
import types
import typing
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, get_args, get_origin, get_type_hints

from mayfly.protocol import codec

Read = Callable[[Any], Any]

_SHARED_TEXTS = 4096
_SHARED_CHARACTERS = 4096


def to_json(value: Any) -> str:
    """ASCII, in which NUL and lone surrogates are escaped: databases refuse them in text."""
    return json.dumps(value, separators=(",", ":"), default=_plain)


def from_json(hint: Any, text: str | bytes) -> Any:
    """A value of the annotated type."""
    return reader(hint)(json.loads(text))


def shared_from_json(hint: Any, text: str) -> Any:
    """The same, shared with others who read the same text; not for secrets, as it is kept."""
    return (_shared if len(text) <= _SHARED_CHARACTERS else from_json)(hint, text)


@functools.lru_cache(maxsize=_SHARED_TEXTS)
def _shared(hint: typing.Hashable, text: str) -> Any:
    return from_json(hint, text)


def _plain(value: Any) -> Any:
    """One level of what JSON does not know; the encoder does those within."""
    kind = type(value)
    if dataclasses.is_dataclass(kind):
        return {name: getattr(value, name) for name in _names(kind)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, enum.Enum):
        return value.value
    return codec.to_plain(value)


@functools.cache
def _names(kind: typing.Hashable) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(typing.cast("type[Any]", kind)))


def reader(hint: Any) -> Read:
    """Makes a value of the annotated type from JSON data; types as `protocol.codec` takes them."""
    return _reader(hint)


@functools.cache
def _reader(hint: typing.Hashable) -> Read:
    origin = get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _optional(hint)
    if origin in (tuple, frozenset):
        return _sequence(origin, reader(get_args(hint)[0]))
    if origin in (dict, Mapping):
        return _mapping(reader(get_args(hint)[1]))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _object(hint)
    if isinstance(hint, type) and issubclass(hint, (enum.Enum, Decimal, float)):
        return hint
    return _same


def _same(value: Any) -> Any:
    return value


def _optional(hint: Any) -> Read:
    choices = [choice for choice in get_args(hint) if choice is not types.NoneType]
    if len(choices) != 1:
        raise TypeError(f"unsupported union {hint}")
    read = reader(choices[0])
    return read if read is _same else lambda value: None if value is None else read(value)


def _sequence(origin: type, read: Read) -> Read:
    return origin if read is _same else lambda value: origin(map(read, value))


def _mapping(read: Read) -> Read:
    if read is _same:
        return _same
    return lambda value: {key: read(item) for key, item in value.items()}


def _object(kind: type[Any]) -> Read:
    """Its fields are looked at when the first value is read, as by then all names are defined."""
    fields: list[tuple[str, Read]] = []

    def read(value: Any) -> Any:
        if not fields:
            fields.extend(_fields(kind))
        return kind(**{name: of_field(value[name]) for name, of_field in fields if name in value})

    return read


def _fields(kind: type[Any]) -> list[tuple[str, Read]]:
    hints = get_type_hints(kind)
    return [(field.name, reader(hints[field.name])) for field in dataclasses.fields(kind)]
