"""The values of the language as plain Python values, and how each turns into another.

Null is None, numbers are floats (an int given by a caller is read as a float), arrays are lists,
objects are dicts with str keys, looked up without case by `find_key`. Nothing here changes a
value it is given; arrays and objects have identity, so they are never copied on the way in.
"""

import enum
from collections.abc import Mapping
from typing import TypeAlias

from mayfly.workflow.expressions.numerals import as_double, coerce_number, print_number

Value: TypeAlias = "bool | float | str | list[Value] | dict[str, Value] | None"


class Kind(enum.Enum):
    NULL = "Null"
    BOOLEAN = "Boolean"
    NUMBER = "Number"
    STRING = "String"
    ARRAY = "Array"
    OBJECT = "Object"


class FilteredArray(list[Value]):
    """What a filter `*` leaves: the next access applies to each of its items."""

    __slots__ = ()


_KINDS: dict[type, Kind] = {
    type(None): Kind.NULL,
    bool: Kind.BOOLEAN,
    int: Kind.NUMBER,
    float: Kind.NUMBER,
    str: Kind.STRING,
    list: Kind.ARRAY,
    FilteredArray: Kind.ARRAY,
    dict: Kind.OBJECT,
}


def kind_of(value: Value) -> Kind:
    """The kind of a value; TypeError if it is not one of the language's types or a subtype."""
    for type_ in type(value).__mro__:
        if (kind := _KINDS.get(type_)) is not None:
            return kind
    raise TypeError(f"{type(value).__name__} is not a value of the expression language")


def is_primitive(value: Value) -> bool:
    return not isinstance(value, (list, dict))


def normalised(value: Value) -> Value:
    """An int as the float it stands for, any other value itself."""
    return as_double(value) if isinstance(value, int) and not isinstance(value, bool) else value


def is_truthy(value: Value) -> bool:
    """False for null, false, 0, NaN and the empty string; arrays and objects are true."""
    if isinstance(value, (list, dict)):
        return True
    return bool(value) and value == value  # noqa: PLR0124 (NaN alone differs from itself)


def to_number(value: Value) -> float:
    """As JavaScript's Number(), except that arrays and objects are always NaN."""
    if value is None:
        return 0.0
    if isinstance(value, str):
        return coerce_number(value)
    if isinstance(value, (bool, int, float)):
        return as_double(value)
    return float("nan")


def to_string(value: Value) -> str:
    """As it appears inside text: null is empty, an array 'Array', an object 'Object'."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return print_number(as_double(value))
    return kind_of(value).value


def find_key(mapping: Mapping[str, object], name: str) -> str | None:
    """The key of `mapping` that equals `name` without case; an exact match comes first."""
    if name in mapping:
        return name
    lowered = name.lower()
    return next((key for key in mapping if key.lower() == lowered), None)
