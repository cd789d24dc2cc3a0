"""Reads JSON of a forge field by field: typed once, bounded, with the path in the error.

Forges add fields whenever they like, so fields nobody asked for are ignored; the codec of our own
messages refuses them. A field is read by a function from the value and its path to what it means.
"""

import enum
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from mayfly.protocol.codec import DecodeError

T = TypeVar("T")
E = TypeVar("E", bound=enum.Enum)
Read = Callable[[Any, str], T]

MAX_TEXT = 4096  # characters; names, labels and refs are far shorter
MAX_NUMBER = 2**63 - 1  # what a database's column of integers holds


class Fields:
    """One JSON object. Every method raises DecodeError, which names the path."""

    def __init__(self, value: Any, path: str = ""):
        if not isinstance(value, dict):
            raise DecodeError(path, f"expected an object, got {_kind(value)}")
        self._values: dict[str, Any] = value
        self._path = path

    def need(self, name: str, read: Read[T]) -> T:
        """The field, which must be there."""
        if name not in self._values:
            raise DecodeError(self._path, f"missing key {name!r}")
        return read(self._values[name], self._at(name))

    def maybe(self, name: str, read: Read[T]) -> T | None:
        """None if the field is missing or null."""
        value = self._values.get(name)
        return None if value is None else read(value, self._at(name))

    def many(self, name: str, read: Read[T], *, most: int) -> tuple[T, ...]:
        """A list of at most `most`; empty if the field is missing or null."""
        value = self._values.get(name)
        return () if value is None else items(read, most)(value, self._at(name))

    def _at(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name


def parse(body: bytes) -> Any:
    """JSON as it is. Raises DecodeError for what is not UTF-8 or not JSON."""
    try:
        return json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise DecodeError("", f"not JSON: {error}") from None


def text(value: Any, path: str) -> str:
    """Text that any database and any file can hold."""
    if not isinstance(value, str):
        raise DecodeError(path, f"expected text, got {_kind(value)}")
    if len(value) > MAX_TEXT:
        raise DecodeError(path, f"longer than {MAX_TEXT} characters")
    if "\0" in value or not _encodable(value):
        raise DecodeError(path, "holds a character that is none")
    return value


def long_text(value: Any, path: str) -> str:
    """Text that is cut, not refused, where it is longer than any name, such as a message."""
    if not isinstance(value, str):
        raise DecodeError(path, f"expected text, got {_kind(value)}")
    return text(value[:MAX_TEXT], path)


def number(value: Any, path: str) -> int:
    """A count or an id: 0 or more."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise DecodeError(path, f"expected a number, got {_kind(value)}")
    if not 0 <= value <= MAX_NUMBER:
        raise DecodeError(path, "out of range")
    return value


def flag(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise DecodeError(path, f"expected true or false, got {_kind(value)}")
    return value


def moment(value: Any, path: str) -> float:
    """A time in ISO 8601 as seconds since 1970; one without a zone is UTC."""
    try:
        when = datetime.fromisoformat(text(value, path))
        return when.replace(tzinfo=when.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        raise DecodeError(path, f"{str(value)[:40]!r} is not a time") from None


def one_of(kind: type[E]) -> Read[E]:
    """A member of an enumeration, by its value."""

    def read(value: Any, path: str) -> E:
        try:
            return kind(text(value, path))
        except ValueError:
            raise DecodeError(path, f"{value[:40]!r} is not a {kind.__name__}") from None

    return read


def items(read: Read[T], most: int) -> Read[tuple[T, ...]]:
    """A list of at most `most`."""

    def read_all(value: Any, path: str) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise DecodeError(path, f"expected a list, got {_kind(value)}")
        if len(value) > most:
            raise DecodeError(path, f"more than {most} entries")
        return tuple(read(item, f"{path}[{at}]") for at, item in enumerate(value))

    return read_all


def _encodable(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "a flag", type(None): "null"}
    return kinds.get(type(value), "a number")
